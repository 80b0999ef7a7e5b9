//! What pages of other origins need: CORS, and the tracker.

use crate::Running;
use crate::client::{exchange, get, post, request};
use crate::double::Double;

#[tokio::test]
async fn a_page_of_any_origin_may_post_and_read_the_answer() {
    let running = Running::start(Double::willing(), &[]).await;
    let preflight = [
        ("origin", "https://shop.example"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "content-type"),
    ];
    let answer = exchange(running.address, &request("OPTIONS", "/collect", &preflight, b"")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(answer.header("access-control-allow-methods"), Some("GET,POST"));
    assert_eq!(answer.header("access-control-allow-headers"), Some("content-type,content-encoding,x-write-key"));
    assert_eq!(answer.header("access-control-max-age"), Some("86400"));

    for body in [r#"{"site":"a"}"#, "no json"] {
        let answer = post(running.address, body).await;
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        assert_eq!(answer.header("access-control-expose-headers"), Some("retry-after"));
        assert_eq!(answer.header("vary"), None, "every page is told the same");
    }
}

#[tokio::test]
async fn who_asks_for_a_head_gets_the_length_and_nothing_else() {
    let running = Running::start(Double::willing(), &[]).await;
    for path in ["/tracker.js", "/openapi.json", "/"] {
        let length = get(running.address, path, &[]).await.bytes.len().to_string();
        let answer = exchange(running.address, &request("HEAD", path, &[], b"")).await;
        assert_eq!((answer.status, answer.header("content-length")), (200, Some(length.as_str())), "{path}");
        assert_eq!(answer.body, "", "{path}");
    }
}

#[tokio::test]
async fn a_method_that_a_path_does_not_take_is_told_which_it_takes() {
    let running = Running::start(Double::willing(), &[]).await;
    for (method, path, allowed) in [("GET", "/collect", "POST"), ("POST", "/tracker.js", "GET,HEAD")] {
        let answer = exchange(running.address, &request(method, path, &[], b"")).await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some(allowed)), "{method} {path}");
    }
}

#[tokio::test]
async fn the_tracker_is_served_and_cached() {
    let running = Running::start(Double::willing(), &[]).await;
    let answer = get(running.address, "/tracker.js", &[]).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, include_str!("../../../snippet/tracker.js")));
    assert_eq!(answer.header("content-type"), Some("text/javascript; charset=utf-8"));
    assert_eq!(answer.header("cache-control"), Some("public, max-age=3600"));
    let tag = answer.header("etag").unwrap();
    let again = get(running.address, "/tracker.js", &[("if-none-match", tag)]).await;
    assert_eq!((again.status, again.body.as_str()), (304, ""));
    assert_eq!(get(running.address, "/tracker.js", &[("if-none-match", "\"old\"")]).await.status, 200);
}

#[tokio::test]
async fn who_looks_by_hand_is_told_where_to_go() {
    let running = Running::start(Double::willing(), &[]).await;
    let answer = get(running.address, "/", &[]).await;
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains("POST /collect"));
}

#[tokio::test]
async fn paths_may_be_renamed_and_the_tracker_knows() {
    let bus = Double::willing();
    let running = Running::start(bus.clone(), &["--collect-path=/t/in", "--tracker-path=/t/a.js"]).await;
    let script = get(running.address, "/t/a.js", &[]).await;
    assert_eq!(script.status, 200);
    assert!(script.body.contains("new URL(\"/t/in\", script.src)"), "{}", script.body);
    let hit = request("POST", "/t/in", &[], br#"{"site":"a"}"#);
    assert_eq!(exchange(running.address, &hit).await.status, 200);
    for gone in ["/collect", "/tracker.js"] {
        assert_eq!(get(running.address, gone, &[]).await.status, 404);
    }
    assert!(get(running.address, "/", &[]).await.body.contains("POST /t/in"));
}
