use events::Reason;
use serde_json::{Value, json};

use super::*;

fn hits_of(text: &str, speaks_for_others: bool) -> Result<Vec<Value>, Unsent> {
    let hits = hits(&Line { number: 7, text, speaks_for_others })?;
    assert!(hits.iter().all(|hit| !hit.contains('\n')));
    Ok(hits.iter().map(|hit| serde_json::from_str(hit).unwrap()).collect())
}

/// A record of `tail rejected` with changes.
fn rejection(changes: Value) -> String {
    let mut value = json!({
        "schema": "rejection/1", "reason": "unknown_site", "detail": "…", "origin": "collect",
        "time": "2026-11-02T10:00:00.000Z", "raw_hash": "00112233445566aa", "site": "shpo", "visitor_id": "v1",
        "sent_at": "2026-11-02T09:00:00Z", "ip": "192.0.2.0",
        "raw": "{\"type\":\"purchase\",\n\"client_time\":\"2026-11-02T08:59:58Z\",\"props\":{\"price\":1.10}}",
    });
    for (name, change) in changes.as_object().unwrap() {
        value[name] = change.clone();
    }
    json!({"partition": 1, "offset": 9, "time": "2026-11-02T10:00:00.001Z", "key": null, "value": value}).to_string()
}

#[test]
fn a_rejected_hit_is_what_it_was_with_what_its_request_said_and_its_true_time() {
    let hit = &hits_of(&rejection(json!({})), false).unwrap()[0];
    insta::assert_snapshot!(hit.to_string());
    assert_eq!(hits_of(&rejection(json!({})), false).unwrap()[0], *hit, "sent twice it counts once");
    assert_eq!(hits_of(&rejection(json!({})), true).unwrap()[0]["ip"], "192.0.2.0");
}

#[test]
fn a_number_stays_the_text_that_it_was() {
    let line = rejection(json!({}));
    let hit = hits(&Line { number: 1, text: &line, speaks_for_others: false }).unwrap().remove(0);
    assert!(hit.contains(r#""price":1.10"#), "{hit}");
}

#[test]
fn what_somebody_made_of_it_is_sent_instead() {
    let repaired = json!({"raw": {"site": "shop", "visitor_id": "v2", "type": "purchase"}, "raw_truncated": true});
    let hit = &hits_of(&rejection(repaired), false).unwrap()[0];
    assert_eq!((&hit["site"], &hit["visitor_id"]), (&json!("shop"), &json!("v2")));
    assert_eq!(hit["client_time"], "2026-11-02T10:00:00.000Z", "when it was received, where it does not say");
    assert_eq!(
        hit["hit_id"],
        hits_of(&rejection(json!({})), false).unwrap()[0]["hit_id"],
        "repaired twice it counts once"
    );
}

#[test]
fn a_whole_request_becomes_its_hits() {
    let body = json!({"site": "a", "visitor_id": "v", "sent_at": "2026-11-02T10:00:00Z",
        "hits": [{"client_time": "2026-11-02T09:59:00Z"}, {"hit_id": "0190a3f2-0000-4000-8000-00000000000f"}]});
    let hits = hits_of(&rejection(json!({"raw": body.to_string()})), false).unwrap();
    assert_eq!(hits.len(), 2);
    assert!(hits.iter().all(|hit| hit["site"] == "a" && hit["visitor_id"] == "v" && hit.get("sent_at").is_none()));
    assert_eq!(hits[0]["client_time"], "2026-11-02T09:59:00.000Z");
    assert_eq!(hits[1]["hit_id"], "0190a3f2-0000-4000-8000-00000000000f");
    assert_ne!(hits[0]["hit_id"], hits[1]["hit_id"]);
}

#[test]
fn a_bare_hit_is_sent_as_it_is_under_an_id_of_its_line() {
    let hit = hits_of(r#"{"site":"a","sent_at":"2026-11-02T10:00:00Z"}"#, false).unwrap().remove(0);
    assert_eq!((&hit["sent_at"], hit.get("client_time")), (&json!("2026-11-02T10:00:00Z"), None));
    assert!(hit["hit_id"].is_string());
}

#[test]
fn other_endpoints_words_are_understood() {
    let event = json!({"timestamp": 1_793_577_600_000_i64, "pageUrl": "https://shop.example/", "lastPageVisited": "",
        "pageTitle": "Shop", "eventType": "Pageview", "landingPage": 1, "referrer": "direct", "uiud": "u1", "sessionId": 4});
    let hit = hits_of(&rejection(json!({"raw": event, "site": null})), false).unwrap().remove(0);
    assert_eq!((&hit["site"], &hit["url"]), (&json!("shop.example"), &json!("https://shop.example/")));
    let event = json!({"id": 1, "type": "click", "event": {"page": "https://shop.example/p"}});
    assert_eq!(hits_of(&rejection(json!({"raw": event})), false).unwrap(), [event]);
}

#[test]
fn what_cannot_be_sent_says_why() {
    let unsent = |changes| hits_of(&rejection(changes), false).unwrap_err();
    assert_eq!(unsent(json!({"raw": null})), Unsent::NotKept);
    assert_eq!(unsent(json!({"raw_truncated": true})), Unsent::Cut);
    assert_eq!(unsent(json!({"origin": "hits/2@991"})), Unsent::Elsewhere("hits/2@991".into()));
    let reason = |unsent| match unsent {
        Unsent::NoHit(invalid) | Unsent::Unreadable(invalid) => invalid.reason,
        other => panic!("{other}"),
    };
    assert_eq!(reason(unsent(json!({"raw": "hello"}))), Reason::InvalidJson);
    assert_eq!(reason(hits_of("hello", false).unwrap_err()), Reason::InvalidJson);
    let hits = hits_of(&rejection(json!({"raw": "{\"client_time\":\"soon\"}"})), false).unwrap();
    assert_eq!(hits[0]["client_time"], "soon", "it is refused again, and not made up");
}
