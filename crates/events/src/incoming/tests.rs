use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_793_577_600_000);

fn parse(json: &str) -> Result<IncomingHit<'_>, Invalid> {
    IncomingHit::parse(json, &Limits::default())
}

#[test]
fn a_browsers_hit_is_taken() {
    let json = r#"{"hit_id":"0190a3f2-0000-7000-8000-00000000000f","type":"signup","client_time":1793577600000,
        "url":"https://shop.example/a","title":null,"props":{"plan":"pro"}}"#;
    let hit = parse(json).unwrap();
    assert_eq!(hit.kind.as_deref(), Some("signup"));
    assert_eq!(hit.client_time, Some(Timestamp::from_millis(1_793_577_600_000)));
    assert_eq!(hit.title, None);
    assert_eq!(hit.props.unwrap().get(), r#"{"plan":"pro"}"#);
}

#[test]
fn each_wrong_field_is_named() {
    let long = format!(r#"{{"title":"{}"}}"#, "x".repeat(1025));
    let cases = [
        (r#"{"colour":"red"}"#, Reason::UnknownField, "/colour"),
        (r#"{"session_id":"x"}"#, Reason::ReservedField, "/session_id"),
        (r#"{"site":"a/b"}"#, Reason::InvalidSite, "/site"),
        (r#"{"site":7}"#, Reason::WrongType, "/site"),
        (r#"{"visitor_id":"~v"}"#, Reason::InvalidVisitor, "/visitor_id"),
        (r#"{"hit_id":"42"}"#, Reason::InvalidHitId, "/hit_id"),
        (r#"{"type":""}"#, Reason::InvalidType, "/type"),
        (r#"{"client_time":"yesterday"}"#, Reason::InvalidTime, "/client_time"),
        (r#"{"url":"nowhere"}"#, Reason::InvalidUrl, "/url"),
        (r#"{"site":"a","site":"b"}"#, Reason::DuplicateKey, "/site"),
        (r#"{"schema":"hit/9"}"#, Reason::UnknownSchema, "/schema"),
        (r#"{"props":[1]}"#, Reason::WrongType, "/props"),
        (r#"{"a~/b":1}"#, Reason::UnknownField, "/a~0~1b"),
        (&long, Reason::TooLong, "/title"),
        (r#"[1]"#, Reason::WrongType, ""),
        (r#"7"#, Reason::WrongType, ""),
        (r#"{"a":NaN}"#, Reason::InvalidJson, ""),
        (r#"{"#, Reason::InvalidJson, ""),
    ];
    for (json, reason, pointer) in cases {
        let invalid = parse(json).and_then(|hit| hit.complete(NOW, &Limits::default())).unwrap_err();
        assert_eq!((invalid.reason, invalid.pointer.as_str()), (reason, pointer), "{json}: {invalid}");
    }
}

#[test]
fn what_is_wrong_with_a_time_is_said() {
    let detail = |time: &str| {
        let json = format!(r#"{{"client_time":{time}}}"#);
        let invalid = parse(&json).unwrap_err();
        format!("{} {}", invalid.reason, invalid.detail)
    };
    let is_no_number = |time: &str| {
        let rule = "is no whole number of milliseconds within the years 0000 to 9999";
        format!("invalid_time client_time: `{time}` {rule}")
    };
    for time in ["1793577600000.5", "1.793577600e12", "9223372036854775807", "-9223372036854775808", "1793577600000000"]
    {
        assert_eq!(detail(time), is_no_number(time));
    }
    assert_eq!(detail(&"9".repeat(1000)), is_no_number(&"9".repeat(32)));
    assert_eq!(detail("true"), "wrong_type `client_time` must be an RFC 3339 time, or milliseconds since 1970");
}

#[test]
fn a_hit_needs_a_site_and_a_believable_clock() {
    let limits = Limits::default();
    let missing = parse("{}").unwrap().complete(NOW, &limits).unwrap_err();
    assert_eq!(missing.reason, Reason::MissingField);
    let old =
        parse(r#"{"site":"s","client_time":"1971-01-01T00:00:00Z"}"#).unwrap().complete(NOW, &limits).unwrap_err();
    assert_eq!((old.reason, old.pointer.as_str()), (Reason::TimeOutOfRange, "/client_time"));
    parse(r#"{"site":"s","client_time":"2026-11-01T00:00:00Z"}"#).unwrap().complete(NOW, &limits).unwrap();
}

#[test]
fn a_lone_surrogate_is_refused() {
    assert_eq!(parse(r#"{"title":"\ud800"}"#).unwrap_err().reason, Reason::InvalidJson);
}

fn into_props(json: &str) -> Result<String, Invalid> {
    let mut hit = parse(json)?;
    hit.unknown_into_props(&Limits::default())?;
    hit.complete(NOW, &Limits::default())?;
    Ok(hit.props.map_or_else(String::new, |props| props.get().to_owned()))
}

#[test]
fn unknown_fields_can_go_into_props() {
    assert_eq!(into_props(r#"{"site":"s","colour":"red","x":[1]}"#).unwrap(), r#"{"colour":"red","x":[1]}"#);
    assert_eq!(into_props(r#"{"site":"s","a\"b":1,"props":{ "p": {} }}"#).unwrap(), r#"{ "p": {},"a\"b":1}"#);
    assert_eq!(into_props(r#"{"site":"s","a":1,"props":{ }}"#).unwrap(), r#"{"a":1}"#);
    assert_eq!(into_props(r#"{"site":"s"}"#).unwrap(), "");
}

#[test]
fn what_goes_into_props_keeps_to_their_limits() {
    let refused = |json: &str| into_props(json).map_err(|invalid| (invalid.reason, invalid.pointer)).unwrap_err();
    assert_eq!(refused(r#"{"a":1,"props":{"a":2}}"#), (Reason::DuplicateKey, "/props/a".into()));
    assert_eq!(refused(r#"{"a":[[[[[[1]]]]]]}"#).0, Reason::TooDeep);
    assert_eq!(refused(&format!(r#"{{"a":"{}"}}"#, "x".repeat(17_000))).0, Reason::PropsTooLarge);
    assert_eq!(refused(r#"{"session_id":"x"}"#).0, Reason::ReservedField);
}
