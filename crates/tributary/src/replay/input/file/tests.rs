use events::Limits;

use super::*;
use crate::replay::input::format::Format;
use crate::replay::input::survey::survey;

const LATEST: Timestamp = Timestamp::from_millis(1_500_000_000_000);

fn line(time: &str) -> String {
    format!("h - - [17/May/2015:{time} +0000] \"GET / HTTP/1.1\" 200 1\n")
}

/// The items of a file of `common` lines, named `access.log`.
fn items(content: &[u8]) -> Vec<Item> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("access.log");
    std::fs::write(&path, content).unwrap();
    let reader = LineReader { format: Format::Common, site: None, limits: Limits::default() };
    let surveyed = survey(path, &mut |_| {}).unwrap();
    let (bytes, read) = (surveyed.bytes, Arc::default());
    let items = FileItems::new(surveyed, 0, reader, LATEST, Arc::clone(&read)).unwrap();
    let items = items.map(Result::unwrap).collect();
    assert_eq!(read.load(Ordering::Relaxed), bytes);
    items
}

fn json(item: &Item) -> serde_json::Value {
    let (LineRecord::Hit { value, .. } | LineRecord::Rejected { value }) = &item.record;
    serde_json::from_slice(value).unwrap()
}

#[test]
fn lines_that_cannot_be_read_are_rejected_in_their_place_and_the_rest_goes_on() {
    let content =
        [b"before all\n", line("10:05:03").as_bytes(), b"\n  \r\n", b"\xff\xfe\n", line("10:05:09").as_bytes()]
            .concat();
    let items = items(&content);
    let shown: Vec<_> = items
        .iter()
        .map(|item| {
            let record = json(item);
            let what = record.get("origin").or(record.get("type")).unwrap();
            format!("{} {}", item.time, what)
        })
        .collect();
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn a_rejected_line_is_public_json() {
    let items = items(format!("{}no log line \"at all\"\n", line("10:05:03")).as_bytes());
    let LineRecord::Rejected { value } = &items[1].record else { panic!("{items:?}") };
    insta::assert_snapshot!(std::str::from_utf8(value).unwrap());
}

#[test]
fn a_line_that_is_too_long_is_rejected_with_its_beginning() {
    let long = format!("{}{}\n{}", line("10:05:03"), "x".repeat(LONGEST_LINE + 1), line("10:05:04"));
    let items = items(long.as_bytes());
    let mut rejection = json(&items[1]);
    assert_eq!(rejection["raw"].as_str().unwrap().len(), events::rejection::RAW_BYTES);
    rejection["raw"] = "…".into();
    insta::assert_snapshot!(rejection);
    assert_eq!(items.len(), 3);
}

#[test]
fn equal_lines_are_different_hits() {
    let items = items(line("10:05:03").repeat(2).as_bytes());
    assert_ne!(json(&items[0])["hit_id"], json(&items[1])["hit_id"]);
}

#[test]
fn a_line_of_the_future_is_rejected_and_moves_no_time() {
    let ahead = line("10:05:04").replace("2015", "2100");
    let items = items([line("10:05:03"), ahead, line("10:05:05")].concat().as_bytes());
    let shown: Vec<_> = items.iter().map(|item| (item.is_ahead, item.time.as_millis() / 1000 % 60)).collect();
    assert_eq!(shown, [(false, 3), (true, 3), (false, 5)]);
    insta::assert_snapshot!(json(&items[1]));
}

#[test]
fn a_file_begins_with_its_first_line_that_can_be_read() {
    let ahead = line("10:05:04").replace("2015", "2100");
    assert_eq!(
        second_pass(&format!("nonsense\n\n{ahead}{}", line("10:05:03")), None).begins().to_string(),
        "2015-05-17T10:05:03.000Z"
    );
    assert_eq!(second_pass("nonsense\n", None).begins(), Timestamp::default());
}

/// The second pass over a file, whose content is another one than the first pass found.
fn second_pass(surveyed: &str, now: Option<&str>) -> FileItems {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("access.log");
    std::fs::write(&path, surveyed).unwrap();
    let file = survey(path.clone(), &mut |_| {}).unwrap();
    std::fs::write(&path, now.unwrap_or(surveyed)).unwrap();
    let reader = LineReader { format: Format::Common, site: None, limits: Limits::default() };
    let mut items = FileItems::new(file, 0, reader, LATEST, Arc::default()).unwrap();
    // It stays readable once it is open.
    items.lines = Some(Box::new(Lines::new(items.open(Box::new(|_| {})).unwrap())));
    items
}

#[test]
fn what_is_appended_after_the_survey_is_not_read() {
    let one = line("10:05:03");
    let items: Vec<_> = second_pass(&one, Some(&one.repeat(3))).map(Result::unwrap).collect();
    assert_eq!(items.len(), 1);
}

#[test]
fn a_file_that_changed_after_the_survey_fails_at_its_end() {
    let before = line("10:05:03").repeat(3);
    for after in [line("10:05:03").repeat(2), before.replace("200", "404"), before.replace("03 +", "04 +")] {
        let mut items = second_pass(&before, Some(&after));
        let failed = items.find_map(Result::err).expect("the change is noticed");
        assert!(failed.to_string().contains("access.log changed while it was read"), "{failed}");
    }
}
