use proptest::prelude::*;

use super::*;

const COMBINED: &str = r#"2001:db8::1 - frank [10/Oct/2000:13:55:36 -0700] "GET /a?b=c HTTP/1.1" 200 2326 "http://from.example/" "Mozilla/4.08 [en] (Win98)""#;

fn combined(line: &[u8]) -> Result<AccessLine<'_>, &'static str> {
    parse(line, true)
}

/// A line whose quoted fields are the given ones.
fn line(request: &str, referrer: &str, user_agent: &str) -> Vec<u8> {
    format!(r#"192.0.2.1 - - [17/May/2015:10:05:03 +0000] "{request}" 200 1 "{referrer}" "{user_agent}""#).into_bytes()
}

#[test]
fn a_combined_line() {
    insta::assert_debug_snapshot!(combined(COMBINED.as_bytes()));
}

#[test]
fn a_common_line_and_the_beginning_of_a_combined_one_are_the_same() {
    let common = &COMBINED[..COMBINED.find(r#" "http:"#).unwrap()];
    let fields = parse(common.as_bytes(), false).unwrap();
    assert_eq!(fields, parse(COMBINED.as_bytes(), false).unwrap());
    assert_eq!((fields.bytes, fields.referrer, fields.user_agent), (Some(2326), None, None));
    assert_eq!(combined(common.as_bytes()), Err(NO_REFERRER));
}

#[test]
fn fields_behind_the_user_agent_are_passed_over() {
    let more = format!(r#"{COMBINED} "203.0.113.7" rt=0.003"#);
    assert_eq!(combined(more.as_bytes()), combined(COMBINED.as_bytes()));
}

#[test]
fn what_is_not_there_is_none() {
    let line = br#"- - - [17/May/2015:10:05:03 +0000] "-" 408 - "-" """#;
    insta::assert_debug_snapshot!(combined(line));
}

#[test]
fn escapes_are_undone_where_that_gives_text() {
    let cases = [
        (r#"say \"hi\""#, r#"say "hi""#),
        (r"nginx \x22quotes\x22", r#"nginx "quotes""#),
        (r"back\\slash", r"back\slash"),
        (r"caf\xc3\xa9", "café"),
        // Windows-1251, a line feed, a TLS hello: not text, so they stay as the server wrote them.
        (r"\xe4\xe5\xe3", r"\xe4\xe5\xe3"),
        (r"two\nlines", r"two\nlines"),
        (r"\x16\x03\x01", r"\x16\x03\x01"),
        (r"unfinished \x4", r"unfinished \x4"),
        (r"\q", r"\q"),
    ];
    for (raw, expected) in cases {
        let line = line("GET / HTTP/1.1", "-", raw);
        assert_eq!(combined(&line).unwrap().user_agent.as_deref(), Some(expected), "of {raw}");
    }
}

#[test]
fn bytes_that_the_server_did_not_escape_are_kept_readable() {
    let mut raw = line("GET /caf", "-", "x");
    let at = raw.windows(4).position(|w| w == b"/caf").unwrap() + 4;
    raw.splice(at..at, *b"\xe9\x00");
    assert_eq!(combined(&raw).unwrap().request.as_deref(), Some(r"GET /caf\xe9\x00"));
    let utf8 = line("GET /café", "-", "x");
    assert_eq!(combined(&utf8).unwrap().request.as_deref(), Some("GET /café"));
}

#[test]
fn a_users_name_may_hold_spaces_and_brackets() {
    let line = br#"host - John [Jr.] Doe [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 401 0"#;
    assert_eq!(parse(line, false).unwrap().user.as_deref(), Some("John [Jr.] Doe"));
}

#[test]
fn a_lines_zone_is_applied() {
    for (text, utc) in [
        (b"17/May/2015:10:05:03 +0000", "2015-05-17T10:05:03.000Z"),
        (b"01/Jan/2024:00:15:00 +0530", "2023-12-31T18:45:00.000Z"),
        (b"31/Dec/2023:20:15:00 -0800", "2024-01-01T04:15:00.000Z"),
        (b"29/Feb/2024:12:00:00 +0000", "2024-02-29T12:00:00.000Z"),
    ] {
        assert_eq!(moment(text).unwrap().to_string(), utc);
    }
}

#[test]
fn times_that_do_not_exist_are_refused() {
    for text in [
        b"29/Feb/2023:12:00:00 +0000",
        b"17/Mai/2015:10:05:03 +0000",
        b"17/May/2015:24:05:03 +0000",
        b"17/May/2015 10:05:03 +0000",
        b"17/May/2015:10:05:03 ~0000",
        b"17/May/2015:10:05:03 +2400",
        b"17/May/2015:10:05:03 +00:0",
        b"1\xc3\xa9May/2015:10:05:03 +0000",
    ] {
        assert_eq!(moment(text.first_chunk().unwrap()), None, "{}", text.escape_ascii());
    }
}

#[test]
fn what_is_wrong_is_said() {
    let good = COMBINED;
    let cases: Vec<(&str, String)> = vec![
        ("empty", String::new()),
        ("one word", "hello".into()),
        ("a sentence", "this is no log line at all".into()),
        ("no time", good.replace("10/Oct/2000:13:55:36 -0700", "yesterday")),
        ("no request", good.replace(r#""GET /a?b=c HTTP/1.1""#, "GET")),
        ("an open request", r#"h - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.1 200 1"#.into()),
        ("a status of four digits", good.replace(" 200 ", " 2000 ")),
        ("a status of letters", good.replace(" 200 ", " OK? ")),
        ("a negative size", good.replace(" 2326 ", " -1 ")),
        ("an endless size", good.replace(" 2326 ", " 99999999999999999999 ")),
        ("an open user agent", good[..good.len() - 1].into()),
        ("a backslash at the end", good[..good.len() - 1].to_owned() + "\\"),
        ("an escaped closing mark", good[..good.len() - 1].to_owned() + "\\\""),
        ("a bare quotation mark", good.replace("[en]", "\"en\"")),
        ("half a line", good[..40].into()),
    ];
    let said: Vec<_> =
        cases.iter().map(|(name, line)| format!("{name}: {}", combined(line.as_bytes()).unwrap_err())).collect();
    insta::assert_snapshot!(said.join("\n"));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(line in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&line, true);
    }

    #[test]
    fn no_damage_to_a_good_line_makes_it_panic(at in 0..COMBINED.len(), byte: u8, cut in 0..COMBINED.len()) {
        let mut line = COMBINED.as_bytes().to_vec();
        line[at] = byte;
        let _ = parse(&line[..cut.max(1)], true);
        let _ = parse(&line, true);
    }

    #[test]
    fn what_apache_escapes_comes_back(text in r#"[ -~é]{1,40}"#) {
        prop_assume!(text != "-");
        let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('é', "\\xc3\\xa9");
        let raw = line("GET / HTTP/1.1", &escaped, &escaped);
        let fields = combined(&raw).unwrap();
        prop_assert_eq!(fields.referrer.as_deref(), Some(&*text));
        prop_assert_eq!(fields.user_agent.as_deref(), Some(&*text));
    }
}
