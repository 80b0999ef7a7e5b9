//! Every bad input with its status and its reason.

use events::Topic;

use crate::Running;
use crate::client::{Answer, exchange, post, request};
use crate::double::Double;

/// Status, and the reason for the whole request or for its first hit.
fn verdict(answer: &Answer) -> (u16, String) {
    let json = answer.json();
    assert_eq!(json["accepted"], 0, "{json}");
    let reason = json["error"]["reason"].as_str().or_else(|| json["rejected"][0]["reason"].as_str());
    (answer.status, reason.unwrap().to_owned())
}

#[tokio::test]
async fn a_bad_body_is_answered_with_what_is_wrong_and_kept_for_who_asks_why() {
    let bus = Double::willing();
    let running = Running::start(bus.clone(), &["--max-request-hits=3", "--max-body=16MiB"]).await;
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(1_000_000), close.repeat(1_000_000));
    let cases: Vec<(Vec<u8>, u16, &str)> = vec![
        (b"".into(), 400, "invalid_json"),
        (b"hello".into(), 400, "invalid_json"),
        (b"{\"site\":\"a\"".into(), 400, "invalid_json"),
        (b"{\"site\":\"a\",\"props\":{\"x\":NaN}}".into(), 400, "invalid_json"),
        (b"{\"site\":\"\xff\"}".into(), 400, "invalid_utf8"),
        (b"\x1f\x8b\x08\x00".into(), 400, "invalid_utf8"),
        (b"7".into(), 400, "wrong_type"),
        (b"[]".into(), 400, "no_hits"),
        (b"[1,2,3,4]".into(), 413, "too_many_hits"),
        (b"{\"hits\":[{}],\"hits\":[{}]}".into(), 400, "duplicate_key"),
        (b"{\"hits\":[{}],\"api_key\":1}".into(), 400, "unknown_field"),
        (b"{}".into(), 400, "missing_field"),
        (b"{\"site\":\"a\",\"site\":\"b\"}".into(), 400, "duplicate_key"),
        (b"{\"site\":\"a\",\"props\":{\"x\":[{\"y\":1,\"y\":2}]}}".into(), 400, "duplicate_key"),
        (b"{\"site\":\"a\",\"title\":\"\\ud800\"}".into(), 400, "invalid_json"),
        (b"{\"site\":\"a\",\"props\":{\"x\":1e999}}".into(), 400, "invalid_json"),
        (format!("{{\"site\":\"a\",\"{}\":1}}", "n".repeat(2_000_000)).into(), 400, "unknown_field"),
        (format!("[\"{}\"]", "s".repeat(2_000_000)).into(), 400, "wrong_type"),
        (deep("[", "]").into(), 400, "wrong_type"),
        (deep("[", "").into(), 400, "invalid_json"),
        (deep("{\"a\":", "}").into(), 400, "invalid_json"),
        (deep("{\"a\":", "}").replace(":}", ":1}").into(), 400, "unknown_field"),
        (format!("{{\"site\":\"a\",\"props\":{}}}", deep("[", "]")).into(), 400, "props_too_large"),
        (format!("{{\"site\":\"a\",\"title\":{}}}", deep("[", "]")).into(), 400, "wrong_type"),
    ];
    for (body, status, reason) in &cases {
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]);
        let answer = post(running.address, body).await;
        assert_eq!(verdict(&answer), (*status, (*reason).to_owned()), "{shown}");
        assert!(answer.body.len() < 2048, "an answer quotes a bounded part of the body: {shown}");
    }
    let kept = bus.values(Topic::Rejected);
    assert_eq!((kept.len(), bus.values(Topic::Hits).len()), (cases.len(), 0));
    assert!(kept.iter().all(|record| record.len() < 40 * 1024), "a record carries a bounded part of the body");
    // Still well.
    assert_eq!(post(running.address, r#"{"site":"a"}"#).await.status, 200);
}

#[tokio::test]
async fn the_answer_names_the_place() {
    let running = Running::start(Double::willing(), &[]).await;
    let no_json = post(running.address, "{\"site\":\"a\",\n\"url\": nope}").await;
    let no_hit = post(running.address, r#"{"site":"a","hits":[{"props":{"x":{"y":1,"y":2}}}]}"#).await;
    insta::assert_snapshot!(format!("{}\n{}", no_json.body, no_hit.body));
}

#[tokio::test]
async fn only_plain_json_is_read() {
    let running = Running::start(Double::willing(), &[]).await;
    let send = async |headers: &[(&str, &str)]| {
        exchange(running.address, &request("POST", "/collect", headers, br#"{"site":"a"}"#)).await
    };
    for kind in ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "image/png", ""] {
        let answer = send(&[("content-type", kind)]).await;
        assert_eq!((answer.status, answer.error().as_str()), (415, "unsupported_media_type"), "{kind}");
    }
    let answer = send(&[("content-type", "application/json"), ("content-encoding", "gzip")]).await;
    assert_eq!((answer.status, answer.error().as_str()), (415, "unsupported_encoding"));
    for kind in ["application/json", "Application/JSON; charset=utf-8", "text/plain"] {
        assert_eq!(send(&[("content-type", kind)]).await.status, 200, "{kind}");
    }
    assert_eq!(send(&[]).await.status, 200, "a beacon of a typeless blob says nothing");
}

#[tokio::test]
async fn other_paths_and_methods_are_answered_in_json() {
    let running = Running::start(Double::willing(), &[]).await;
    let answer = exchange(running.address, &request("POST", "/admin.php", &[], b"x")).await;
    assert_eq!((answer.status, answer.error().as_str()), (404, "not_found"));
    let answer = exchange(running.address, &request("GET", "/collect", &[], b"")).await;
    assert_eq!((answer.status, answer.error().as_str()), (405, "method_not_allowed"));
}
