use proptest::prelude::*;

use super::*;
use crate::hits::HitRow;
use crate::late::LateRow;
use crate::rejected::RejectedRow;
use crate::sessions::SessionRow;

const HIT: &str = r#"{"hit_id":"0190a3f2-0000-7000-8000-00000000000f","schema":"hit/1","site":"a","visitor_id":"v1","type":"pageview","event_time":"2015-05-17T10:05:03.000Z","url":"https://a/é","props":{"price":9.5},"time":"2015-05-17T10:05:03.000Z","raw_offset":17,"session_seq":3,"is_bot":false}"#;
const SESSION: &str = r#"{"session_id":"8190a3f2-0000-8000-8000-00000000000f","site":"a","start":"2015-05-17T10:05:03.000Z","duration_ms":60000,"is_bounce":true,"pages":[{"path":"/a","title":"A","time":"2015-05-17T10:05:03.000Z"}],"merged_ids":["x"]}"#;

/// The row, or why it is none, as text.
fn answer<'a, R: Row<'a> + std::fmt::Debug>(read: Result<(R, u64), RowError>) -> String {
    format!("{read:?}")
}

/// Whether records of one table are read as serde alone reads them.
fn agrees<'a, R: Row<'a> + std::fmt::Debug>(json: &'a str) -> Result<(), TestCaseError> {
    let mut row = R::default();
    let read = read_row(json.as_bytes(), &mut row).map(|unreadable| (row, unreadable));
    prop_assert_eq!(answer(read), answer(read_by_serde::<R>(json)), "{}", json);
    Ok(())
}

fn all_agree(json: &str) -> Result<(), TestCaseError> {
    agrees::<HitRow<'_>>(json)?;
    agrees::<SessionRow<'_>>(json)?;
    agrees::<LateRow<'_>>(json)?;
    agrees::<RejectedRow<'_>>(json)
}

/// Names of every kind of cell, and some that we do not know or that are not what they seem.
fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "title",
        "time",
        "client_time",
        "is_bot",
        "session_seq",
        "raw_offset",
        "first_offset",
        "props",
        "privacy",
        "pages",
        "merged_ids",
        "site",
        "reason",
        "new",
        "",
        r"ti\u0074le",
        r"n\ew",
        "ti\ttle",
        "é",
    ])
}

/// Values of every kind, right and wrong, as others than we may write them.
fn value() -> impl Strategy<Value = String> {
    let fixed = prop::sample::select(vec![
        "null",
        "true",
        "false",
        "truefalse",
        "tru",
        "0",
        "00",
        "-0",
        "-1",
        "1.0",
        "1e3",
        "1.5",
        "2147483648",
        "999999999999999999",
        "9223372036854775807",
        "9223372036854775808",
        "x",
        "",
        "{}",
        "[]",
        "[",
        r#"{"a":[1,{"b":null}]}"#,
        r#"{"a":01}"#,
        "[1] 2",
        r#""""#,
        r#""x""#,
        r#""a\"b\u00e9\/""#,
        r#""\ud800""#,
        r#""\x""#,
        "\"a\tb\"",
        r#""é"#,
        r#""null""#,
        r#""2015-05-17T10:05:03.000Z""#,
        r#""2015-05-17T10:05:03+01:00""#,
        r#""2015-02-30T10:05:03.000Z""#,
        r#""2015-05-17T10:05:03.\u0030Z""#,
        r#"["x","\u00e9"]"#,
        "[null]",
        r#"[{"path":"/a","time":"2015-05-17T10:05:03.000Z","new":1}]"#,
        r#"[{"path":"/a"}]"#,
    ]);
    prop_oneof![4 => fixed.prop_map(str::to_owned), 1 => any::<i64>().prop_map(|number| number.to_string())]
}

/// One of our own records with what others might have put behind its members, between them and around them.
fn json() -> impl Strategy<Value = String> {
    let space = || prop_oneof![9 => Just(""), 1 => prop::sample::select(vec![" ", "\n", ",", "}"])];
    let member = (space(), name(), space(), space(), value(), space())
        .prop_map(|(a, name, b, c, value, d)| format!(r#"{a}"{name}"{b}:{c}{value}{d}"#));
    let own = prop::sample::select(vec![HIT, SESSION, "{}"]);
    (own, prop::collection::vec(member, 0..4), space()).prop_map(|(own, members, tail)| {
        let front = &own[..own.len() - 1];
        let comma = if front == "{" || members.is_empty() { "" } else { "," };
        format!("{front}{comma}{}}}{tail}", members.join(","))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    /// The quick way takes nothing that serde refuses, and reads nothing otherwise.
    #[test]
    fn records_are_read_as_serde_reads_them(json in json()) {
        all_agree(&json)?;
    }

    #[test]
    fn broken_records_are_read_as_serde_reads_them(at in any::<prop::sample::Index>(), byte in 0u8..128, json in json()) {
        let mut bytes = json.into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(json) = String::from_utf8(bytes) {
            all_agree(&json)?;
        }
    }
}

#[test]
fn what_we_write_is_in_our_own_form() {
    assert!(read_own_form(HIT, &mut HitRow::default()).is_some());
    assert!(read_own_form(SESSION, &mut SessionRow::default()).is_some());
    let with_escapes = HIT.replace("https://a/é", r"https://a/\u00e9\n");
    assert!(read_own_form(&with_escapes, &mut HitRow::default()).is_some());
}

#[test]
fn what_only_looks_like_our_own_form_is_serdes() {
    for json in [
        r#"{"raw_offset":00}"#,
        r#"{"session_seq":2147483648}"#,
        r#"{"props":null}"#,
        r#"{"ti\u0074le":"t"}"#,
        r#"{"title""t"}"#,
        "{\"title\":\"a\tb\"}",
        r#"{"title":"t"} x"#,
    ] {
        assert!(read_own_form(json, &mut HitRow::default()).is_none(), "{json}");
    }
}
