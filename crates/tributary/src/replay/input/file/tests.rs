use events::Limits;

use super::*;
use crate::replay::input::format::Format;
use crate::replay::input::survey::survey;

fn line(time: &str) -> String {
    format!("h - - [17/May/2015:{time} +0000] \"GET / HTTP/1.1\" 200 1\n")
}

/// The items of a file of `common` lines, named `access.log`.
fn items(content: &[u8]) -> Vec<Item> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("access.log");
    std::fs::write(&path, content).unwrap();
    let reader = LineReader { format: Format::Common, site: None, limits: Limits::default() };
    let surveyed = survey(path, &reader, &mut |_| {}).unwrap();
    let (bytes, read) = (surveyed.bytes, Arc::default());
    let items = FileItems::new(surveyed, 0, reader, Arc::clone(&read)).map(Result::unwrap).collect();
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
fn what_is_appended_after_the_survey_is_not_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("access.log");
    std::fs::write(&path, line("10:05:03")).unwrap();
    let reader = LineReader { format: Format::Common, site: None, limits: Limits::default() };
    let surveyed = survey(path.clone(), &reader, &mut |_| {}).unwrap();
    std::fs::write(&path, line("10:05:03").repeat(3)).unwrap();
    assert_eq!(FileItems::new(surveyed, 0, reader, Arc::default()).count(), 1);
}
