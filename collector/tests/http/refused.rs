//! How a refusal is said. Which inputs are refused is in `malformed`.

use crate::Running;
use crate::client::{exchange, post, request};
use crate::double::Double;

#[tokio::test]
async fn the_answer_names_the_place() {
    let running = Running::start(Double::willing(), &[]).await;
    let no_json = post(running.address, "{\"site\":\"a\",\n\"url\": nope}").await;
    let no_hit = post(running.address, r#"{"site":"a","hits":[{"props":{"x":{"y":1,"y":2}}}]}"#).await;
    insta::assert_snapshot!(format!("{}\n{}", no_json.body, no_hit.body));
}

#[tokio::test]
async fn what_no_handler_reads_is_said_by_the_head() {
    let running = Running::start(Double::willing(), &[]).await;
    let send = async |headers: &[(&str, &str)]| {
        exchange(running.address, &request("POST", "/collect", headers, br#"{"site":"a"}"#)).await
    };
    for kind in ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "image/png", ""] {
        let answer = send(&[("content-type", kind)]).await;
        assert_eq!((answer.status, answer.error().as_str()), (415, "unsupported_media_type"), "{kind}");
    }
    let answer = send(&[("content-type", "application/json"), ("content-encoding", "compress")]).await;
    assert_eq!((answer.status, answer.error().as_str()), (415, "unsupported_encoding"));
    assert_eq!(answer.header("accept-encoding"), Some("gzip, br, zstd, deflate"));
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
