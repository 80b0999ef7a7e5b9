use proptest::prelude::*;

use super::*;

/// Pieces of objects and lists, whole and broken.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => prop::sample::select(vec!["{", "}", "[", "]", ",", ":", " ", "\n", "\u{b}", "\""]).prop_map(str::to_owned),
        4 => r#"[{\[]("[a-c]{0,2}":("x"|1|null|\{\}|\[\])){0,2}[}\]],?"#,
        6 => r#""[a-c]{0,2}" ?: ?("[xé/]{0,9}"|"\\u00e9"|-?[0-9]{1,2}|1e5|null|true|\{"a":[1]\}|\[1, 2\]),? ?"#,
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

/// Objects as they should be, with all that may stand in them.
fn objects() -> impl Strategy<Value = String> {
    let member = r#"[ \n]?"[a-cé]{0,3}"\t?: ?("[ -!#-\[\]-~]{0,20}"|"\\"b\\n\\ud83d\\ude00"|-?[1-9][0-9]{0,5}|null|\{"a": \[1\]\})\r?"#;
    prop::collection::vec(member, 0..5).prop_map(|members| format!(" {{{}}} ", members.join(",")))
}

fn as_text(members: Vec<(Text<'_>, Value<'_>)>) -> Vec<(String, String)> {
    members.into_iter().map(|(name, value)| (name.to_string(), value.get().to_owned())).collect()
}

fn hold_to_serde(json: &str) {
    let by_serde = members_by_serde(json).map(as_text);
    if let Some(plain) = plain_members(json) {
        for (_, value) in &plain {
            let said = value.text().map(|text| text.unwrap().to_string());
            assert_eq!(said, serde_json::from_str::<String>(value.get()).ok(), "{json}");
        }
        assert_eq!(Ok(as_text(plain)), by_serde, "{json}");
    }
    if let Some(plain) = plain_list(json, 100) {
        let by_serde = serde_json::from_str::<Vec<&RawValue>>(json).unwrap();
        assert_eq!(plain, by_serde.iter().map(|value| value.get()).collect::<Vec<_>>(), "{json}");
    }
}

proptest! {
    #[test]
    fn what_is_read_without_serde_is_what_serde_reads(json in pieces()) {
        hold_to_serde(&json);
    }

    #[test]
    fn a_sound_object_without_escapes_in_its_names_needs_no_serde(json in objects()) {
        prop_assert!(plain_members(&json).is_some(), "{}", json);
        hold_to_serde(&json);
    }

    #[test]
    fn a_list_of_sound_values_needs_no_serde(values in prop::collection::vec(objects(), 0..4)) {
        let json = format!("[{}]", values.join(","));
        prop_assert_eq!(plain_list(&json, 4).map(|values| values.len()), Some(values.len()));
        hold_to_serde(&json);
    }
}

#[test]
fn a_list_that_is_too_long_is_not_read() {
    assert_eq!(plain_list("[1,2]", 2), Some(vec!["1", "2"]));
    assert_eq!(plain_list("[1,2,3]", 2), None);
}

#[test]
fn nothing_may_stand_behind_an_object() {
    for json in [r#"{"a":1}{"b":2}"#, r#"{"a":1} x"#, r#"{"\u0061":1} 2"#] {
        let invalid = members(json).unwrap_err();
        assert_eq!(invalid.reason, Reason::InvalidJson, "{json}: {invalid}");
    }
}

#[test]
fn an_object_has_no_more_members_than_a_hit_could_need() {
    let object = |members: usize| {
        let members: Vec<_> = (0..members).map(|n| format!("\"f{n}\":1")).collect();
        format!("{{{}}}", members.join(","))
    };
    assert_eq!(members(&object(MOST)).unwrap().len(), MOST);
    assert!(members(&object(MOST + 1)).unwrap_err().detail.contains("more than 256 fields"));
}
