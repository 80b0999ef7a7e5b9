use super::*;

fn sample() -> NewHit<'static> {
    let mut hit = NewHit::new(
        Uuid::from_u128(0x0190_a3f2_0000_7000_8000_0000_0000_000f),
        "shop.example",
        "pageview",
        Timestamp::from_millis(1_793_577_600_000),
        Timestamp::from_millis(1_793_577_600_040),
    );
    hit.visitor_id = Some("v1");
    hit.url = Some("https://shop.example/a?utm_source=mail");
    hit.title = Some("An \"A\"");
    hit
}

fn parse_with(field: &str) -> Result<(), Invalid> {
    let json = String::from_utf8(sample().to_json()).unwrap();
    let json = json.replacen('{', &format!("{{{field},"), 1);
    Hit::parse(json.as_bytes()).map(|_| ())
}

#[test]
fn a_hit_is_public_json() {
    insta::assert_snapshot!(String::from_utf8(sample().to_json()).unwrap());
}

#[test]
fn what_the_collector_writes_the_engine_reads() {
    let json = sample().to_json();
    let hit = Hit::parse(&json).unwrap();
    assert_eq!(hit.hit_id, sample().hit_id);
    assert_eq!(&*hit.site, "shop.example");
    assert_eq!(hit.visitor_id.as_deref(), Some("v1"));
    assert_eq!(hit.title.as_deref(), Some("An \"A\""));
    assert_eq!(hit.kind, Kind::PageView);
    let mut key = Vec::new();
    hit.key_into(&mut key);
    assert_eq!(key, sample().key());
}

#[test]
fn a_text_without_escapes_is_not_copied() {
    let json = sample().to_json();
    let hit = Hit::parse(&json).unwrap();
    assert!(matches!(hit.url.unwrap().0, Cow::Borrowed(_)));
    assert!(matches!(hit.title.unwrap().0, Cow::Owned(_)));
}

#[test]
fn a_reserved_name_is_refused() {
    for name in RESERVED {
        assert_eq!(parse_with(&format!("\"{name}\":null")).unwrap_err().reason, Reason::ReservedField, "{name}");
    }
}

#[test]
fn each_broken_record_has_its_reason() {
    for (field, reason) in [
        ("\"site\":\"other\"", Reason::DuplicateKey),
        ("\"country\":7", Reason::WrongType),
        ("\"country\":NaN", Reason::InvalidJson),
        ("\"x\":[", Reason::InvalidJson),
    ] {
        assert_eq!(parse_with(field).unwrap_err().reason, reason, "{field}");
    }
    let json = String::from_utf8(sample().to_json()).unwrap();
    for (from, to, reason) in [
        ("hit/1", "hit/2", Reason::UnknownSchema),
        ("\"v1\"", "\"~v1\"", Reason::InvalidVisitor),
        ("shop.example\",\"v", "shop/example\",\"v", Reason::InvalidSite),
        ("0190a3f2", "x190a3f2", Reason::InvalidHitId),
        ("2026-11-02T", "2026-11-99T", Reason::InvalidTime),
        ("\"type\":\"pageview\",", "", Reason::MissingField),
    ] {
        let broken = json.replacen(from, to, 1);
        assert_ne!(broken, json, "{from} is in the sample");
        assert_eq!(Hit::parse(broken.as_bytes()).unwrap_err().reason, reason, "{to}");
    }
    assert_eq!(Hit::parse(b"").unwrap_err().reason, Reason::EmptyRecord);
    assert_eq!(Hit::parse(b"\xff").unwrap_err().reason, Reason::InvalidUtf8);
}

/// Values that nobody reads are passed over without recursion: depth costs no stack.
#[test]
fn a_record_nested_a_million_deep_is_only_broken_json() {
    let deep = "[".repeat(1_000_000);
    assert_eq!(parse_with(&format!("\"x\":{deep}")).unwrap_err().reason, Reason::InvalidJson);
}

#[test]
fn engagement_carries_its_milliseconds() {
    for (props, expected) in [
        (r#"{"engaged_ms":1500}"#, 1500),
        (r#"{"engaged_ms":-4}"#, 0),
        (r#"{"engaged_ms":"x"}"#, 0),
        ("{}", 0),
        (r#"{"engaged_ms":1e300}"#, 86_400_000),
    ] {
        let mut hit = sample();
        hit.kind = "engagement";
        let raw = RawValue::from_string(props.to_owned()).unwrap();
        hit.props = Some(&raw);
        let json = hit.to_json();
        assert_eq!(Hit::parse(&json).unwrap().kind, Kind::Engagement { engaged_ms: expected }, "{props}");
    }
}
