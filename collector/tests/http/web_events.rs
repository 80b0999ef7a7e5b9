//! The endpoint of a tutorial on Flask, as its snippet uses it.

use bus::BusError;
use events::Topic;

use crate::Running;
use crate::client::{Answer, exchange, request};
use crate::double::Double;

/// As its `fetch` sends it.
const SENT: &str = r#"{"timestamp":1793577599123,"lastPageVisited":"","pageUrl":"http://shop.example/a%20b","pageTitle":"T","eventType":"Pageview","landingPage":1,"referrer":"direct","uiud":"0190a3f2-0000-4000-8000-00000000000f","sessionId":"482733"}"#;

async fn post(running: &Running, body: &str) -> Answer {
    let headers = [
        ("content-type", "application/json; charset=UTF-8"),
        ("origin", "http://shop.example"),
        ("user-agent", "Browser/1"),
    ];
    exchange(running.address, &request("POST", "/api/webeventspub", &headers, body.as_bytes())).await
}

#[tokio::test]
async fn the_snippet_goes_on_as_it_is() {
    let bus = Double::willing();
    let running = Running::start(bus.clone(), &[]).await;
    let preflight = [
        ("origin", "http://shop.example"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "content-type"),
    ];
    let asked = exchange(running.address, &request("OPTIONS", "/api/webeventspub", &preflight, b"")).await;
    assert_eq!(
        (asked.status, asked.header("access-control-allow-headers")),
        (200, Some("content-type,content-encoding,x-write-key"))
    );
    let answer = post(&running, SENT).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"id":"2026-11-01 23:59:59"}"#));
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    insta::assert_snapshot!(bus.values(Topic::Hits).join("\n"));
}

#[tokio::test]
async fn what_is_wrong_is_said_in_the_endpoints_words() {
    let bus = Double::willing();
    let running = Running::start(bus.clone(), &[]).await;
    let mut said = Vec::new();
    for body in [
        SENT.replace("uiud", "uuid"),
        SENT.replace("1793577599123", "\"now\""),
        SENT.replace("1793577599123", "123"),
        SENT.replace("0190a3f2-0000-4000-8000-00000000000f", "a/b"),
        SENT.replace("http://", ""),
        "[1]".to_owned(),
        "no json".to_owned(),
    ] {
        let answer = post(&running, &body).await;
        assert_eq!(answer.status, 400);
        said.push(answer.body);
    }
    insta::assert_snapshot!(said.join("\n"));
    assert_eq!((bus.values(Topic::Rejected).len(), bus.values(Topic::Hits).len()), (7, 0));
    bus.fail_with(Some(BusError::Unavailable("away".into())));
    let away = post(&running, SENT).await;
    assert_eq!((away.status, away.header("retry-after")), (503, Some("5")));
}
