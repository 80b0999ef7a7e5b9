use super::*;
use crate::NewHit;

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
    hit.write_key(&mut key);
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

/// A derived reader takes `["id", "hit/1", …]` for the struct; then there would be no object to append to.
#[test]
fn a_list_of_the_right_values_is_no_hit() {
    let values = format!(
        r#"["0190a3f2-0000-7000-8000-00000000000f","hit/1","shop.example",null,null,"pageview","2026-11-02T00:00:00.000Z"{}]"#,
        ",null".repeat(40)
    );
    for length in 0..values.len() {
        let list = format!("{}]", &values[..length]);
        assert!(Hit::parse(list.as_bytes()).is_err(), "{list}");
    }
    assert_eq!(Hit::parse(values.as_bytes()).unwrap_err().reason, Reason::WrongType);
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

mod laws {
    use proptest::prelude::*;

    use super::*;

    fn own_form(json: &str) -> Option<Wire<'_>> {
        let mut wire = Wire::default();
        own_form::read(json, &mut wire).map(|()| wire)
    }

    /// A hit's own JSON, and pieces of JSON that a writer with other habits, or none, would put between.
    fn json() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            8 => prop::sample::select(vec![
                r#""hit_id":"0190a3f2-0000-7000-8000-00000000000f""#, r#""schema":"hit/1""#, r#""site":"shop.example""#,
                r#""type":"pageview""#, r#""event_time":"2026-11-02T00:00:00.000Z""#,
            ]),
            6 => prop::sample::select(vec![
                r#""visitor_id":"v1""#, r#""url":"https://shop.example/é""#, r#""title":"An \"A\"""#, r#""type":"engagement""#,
                r#""props":{"engaged_ms":1500,"x":[1,{"y":null}]}"#, r#""privacy":{"gpc":true}"#, r#""ip":"10.0.0.1""#,
                r#""event_time":"2026-11-02T00:00:00+01:00""#, r#""event_time":"2026-02-30T00:00:00.000Z""#,
                r#""referrer":null"#, r#""language":7"#, r#""props":"x""#, r#""new":"x""#, r#""new":1.5e3"#, r#""new": 1"#,
                r#""path":"/""#, r#""ti\u0074le":"t""#, r#""title":"\ud800""#, r#""new":[}"#, r#""new":01"#, r#""new":"#, r#""n\"ew":"x""#, "\"n\tew\":\"x\"",
                r#"  "screen" : "1x1" "#, "\"title\":\"a\tb\"", "", r#""props":{}{}"#, r#""props":tru"#, r#""user_id":"""#,
            ]),
        ];
        (prop::collection::vec(piece, 0..12), any::<bool>(), prop::sample::select(vec!["", " ", "}", ",", "\n"]))
            .prop_map(|(pieces, is_whole, tail)| {
                let own = String::from_utf8(sample().to_json()).unwrap().replace(r#"An \"A\""#, "A");
                let front = if is_whole { &own[..own.len() - 1] } else { "{" };
                let comma = if is_whole && !pieces.is_empty() { "," } else { "" };
                format!("{front}{comma}{}}}{tail}", pieces.join(","))
            })
    }

    fn answer(wire: Wire<'_>) -> String {
        let texts = [wire.visitor_id, wire.user_id, wire.url, wire.title, wire.referrer, wire.language, wire.screen];
        let more = [wire.user_agent, wire.country, wire.region];
        let props = wire.props.map(RawValue::get);
        format!("{:?}", (wire.hit_id, wire.schema, wire.site, wire.kind, wire.event_time, texts, more, props))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        /// The quick way takes nothing that serde refuses, and reads nothing otherwise.
        #[test]
        fn the_own_form_is_read_as_serde_reads_it(json in json()) {
            if let Some(wire) = own_form(&json) {
                let slow: Wire<'_> = serde_json::from_str(&json).map_err(|error| TestCaseError::fail(format!("{error}: {json}")))?;
                prop_assert_eq!(answer(wire), answer(slow));
            }
        }

        #[test]
        fn broken_bytes_are_read_as_serde_reads_them(at in any::<prop::sample::Index>(), byte in 0u8..128, json in json()) {
            let mut bytes = json.into_bytes();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let Ok(json) = String::from_utf8(bytes) else { return Ok(()) };
            if let Some(wire) = own_form(&json) {
                let slow: Wire<'_> = serde_json::from_str(&json).map_err(|error| TestCaseError::fail(format!("{error}: {json}")))?;
                prop_assert_eq!(answer(wire), answer(slow));
            }
        }
    }

    #[test]
    fn what_the_collector_writes_is_in_the_own_form() {
        let mut hit = sample();
        hit.title = Some("Shoes");
        let raw = RawValue::from_string(r#"{"plan":"pro","n":[1]}"#.to_owned()).unwrap();
        (hit.props, hit.privacy) = (Some(&*raw), Some(&*raw));
        let json = String::from_utf8(hit.to_json()).unwrap();
        assert!(own_form(&json).is_some(), "{json}");
    }
}
