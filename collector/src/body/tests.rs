use super::*;

fn parse(body: &str) -> Result<Batch<'_>, Invalid> {
    Batch::parse(body.as_bytes(), 3, &Limits::default())
}

fn refused(body: &str) -> (Reason, String, String) {
    let invalid = parse(body).unwrap_err();
    (invalid.reason, invalid.pointer, invalid.detail)
}

#[test]
fn one_hit_an_array_and_an_envelope_are_cut_into_the_hits_texts() {
    let one = parse(r#" {"site":"a"} "#).unwrap();
    assert_eq!((one.hits.len(), one.pointer(0).as_str()), (1, ""));
    let array = parse(r#"[{"site":"a"}, 7]"#).unwrap();
    assert_eq!(array.hits, [r#"{"site":"a"}"#, "7"]);
    assert_eq!(array.pointer(1), "/1");
    let envelope = parse(r#"{"hits":[{}],"site":"a","visitor_id":"v","sent_at":1793577600000}"#).unwrap();
    assert_eq!((envelope.hits.as_slice(), envelope.pointer(0).as_str()), (["{}"].as_slice(), "/hits/0"));
    assert_eq!((envelope.site.as_deref(), envelope.visitor_id.as_deref()), (Some("a"), Some("v")));
    assert_eq!(envelope.sent_at, Some(Timestamp::from_millis(1_793_577_600_000)));
}

#[test]
fn null_in_the_envelope_is_absent() {
    assert_eq!(parse(r#"{"hits":[{}],"site":null}"#).unwrap().site, None);
}

#[test]
fn what_is_wrong_with_the_whole_is_named_with_its_place() {
    let is = |reason, pointer: &str, detail: &str| (reason, pointer.to_owned(), detail.to_owned());
    let no_json = |what: &str| is(Reason::InvalidJson, "", &format!("the body is no JSON: {what}"));
    assert_eq!(refused(""), no_json("EOF while parsing a value at line 1 column 0"));
    assert_eq!(refused("{\"site\":\n NaN}"), no_json("expected value at line 2 column 2"));
    assert_eq!(refused("[{},]"), no_json("trailing comma at line 1 column 5"));
    assert_eq!(refused("{} {}"), no_json("trailing characters at line 1 column 4"));
    assert_eq!(refused("7").0, Reason::WrongType);
    assert_eq!(refused("nan").0, Reason::InvalidJson);
    assert_eq!(refused("[]"), is(Reason::NoHits, "", "there is no hit in the request"));
    assert_eq!(refused(r#"{"hits":[]}"#).1, "/hits");
    assert_eq!(refused(r#"{"hits":{}}"#), is(Reason::WrongType, "/hits", "`hits` must be an array of hits"));
    assert_eq!(refused("[1,1,1,1,1]").0, Reason::TooManyHits);
    assert_eq!(refused(r#"{"hits":[1],"hits":[2]}"#), is(Reason::DuplicateKey, "/hits", "`hits` is there twice"));
    assert_eq!(
        refused(r#"{"site":"a","hits":[1],"site":"b"}"#),
        is(Reason::DuplicateKey, "/site", "`site` is there twice")
    );
    assert_eq!(refused(r#"{"hits":[1],"colour":1}"#).0, Reason::UnknownField);
    assert_eq!(refused(r#"{"hits":[1],"colour":1}"#).1, "/colour");
    assert_eq!(refused(r#"{"hits":[1],"site":"a/b"}"#).0, Reason::InvalidSite);
    assert_eq!(refused(r#"{"hits":[1],"sent_at":"now"}"#).0, Reason::InvalidTime);
    let invalid = Batch::parse(b"[\"\xff\"]", 3, &Limits::default()).unwrap_err();
    assert_eq!(
        (invalid.reason, invalid.detail.as_str()),
        (Reason::InvalidUtf8, "the body is not UTF-8 from byte 2 on")
    );
}

#[test]
fn a_hit_with_a_doubled_key_is_left_to_the_hits_own_check() {
    assert_eq!(parse(r#"{"url":1,"url":2}"#).unwrap().hits.len(), 1);
    assert_eq!(parse(r#"{"site":"a","site":"b"}"#).unwrap().hits.len(), 1);
    assert_eq!(parse(r#"{"site":"a","s\u0069te":"b"}"#).unwrap().hits.len(), 1, "nor where its name is not plain");
    assert_eq!(parse(r#"[{"site":"a","site":"b"}]"#).unwrap().hits.len(), 1);
}

#[test]
fn a_million_brackets_are_read_without_recursion() {
    let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    assert_eq!(parse(&deep).unwrap().hits.len(), 1, "the array's one element is a hit that its own check refuses");
    let open = "[".repeat(1_000_000);
    assert_eq!(refused(&open).0, Reason::InvalidJson);
    let inside = format!(r#"{{"x":{deep}}}"#);
    assert_eq!(parse(&inside).unwrap().hits.len(), 1);
}

#[test]
fn lines_are_hits_whatever_they_hold_and_empty_ones_are_none() {
    let lines = |body: &'static str| Batch::lines(body.as_bytes(), 3);
    let batch = lines("{\"site\":\"a\"}\r\n\n \nno json\n[{}]").unwrap();
    assert_eq!(batch.hits, [r#"{"site":"a"}"#, "no json", "[{}]"]);
    assert_eq!(batch.pointer(1), "/1");
    assert_eq!(lines("\n\r\n").unwrap_err().reason, Reason::NoHits);
    assert_eq!(lines("1\n2\n3\n").unwrap().hits.len(), 3);
    assert_eq!(lines("1\n2\n3\n4\n").unwrap_err().reason, Reason::TooManyHits);
    assert_eq!(Batch::lines(b"{}\n\xff", 3).unwrap_err().reason, Reason::InvalidUtf8);
}
