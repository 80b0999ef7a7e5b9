//! The handlers do what the document says, and the document says all that they do.

use serde_json::{Value, json};

use crate::Running;
use crate::client::{Answer, exchange, get, request};
use crate::double::Double;
use crate::malformed::{FLAGS, cases};
use crate::schema::fits;

async fn document(running: &Running) -> Value {
    let answer = get(running.address, "/openapi.json", &[]).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    answer.json()
}

/// What the document says of an answer, with references followed; none where it does not know such a one.
fn described<'a>(document: &'a Value, path: &str, method: &str, status: u16) -> Option<&'a Value> {
    let operation = document["paths"].get(path)?.get(method.to_ascii_lowercase())?;
    let response = operation["responses"].get(status.to_string())?;
    match response["$ref"].as_str() {
        Some(place) => document.pointer(place.strip_prefix('#').unwrap()),
        None => Some(response),
    }
}

fn must_be_described(document: &Value, request: &[u8], answer: &Answer) {
    let head = String::from_utf8_lossy(&request[..request.len().min(200)]).into_owned();
    let mut words = head.split([' ', '?']);
    let (method, path) = (words.next().unwrap(), words.next().unwrap());
    let response = described(document, path, method, answer.status)
        .unwrap_or_else(|| panic!("{method} {path} answered {} and is not described", answer.status));
    let kind = answer.header("content-type").unwrap_or_default().split(';').next().unwrap();
    let content = &response["content"][kind];
    assert!(!content.is_null(), "{method} {path} {}: no {kind} is described", answer.status);
    let Some(schema) = content.get("schema") else { return };
    let fits = fits(document, schema, &answer.json());
    assert_eq!(fits, Ok(()), "{method} {path} {}: {}", answer.status, answer.body);
}

#[tokio::test]
async fn every_answer_is_described() {
    let running = Running::start(Double::willing(), &FLAGS).await;
    let document = document(&running).await;
    for case in cases().into_iter().filter(|case| !["`GET /collect`", "another path"].contains(&case.words)) {
        must_be_described(&document, &case.request, &exchange(running.address, &case.request).await);
    }
    let web_event = include_bytes!("../../../fuzz/corpus/foreign/web_event.json");
    for good in [
        request("POST", "/collect", &[], br#"[{"site":"a"},7]"#),
        request("POST", "/api/webeventspub", &[], web_event),
        request("GET", "/pixel.gif?site=a", &[], b""),
        request("GET", "/tracker.js", &[], b""),
        request("GET", "/openapi.json", &[], b""),
        request("GET", "/", &[], b""),
    ] {
        let answer = exchange(running.address, &good).await;
        assert_eq!(answer.status, 200);
        must_be_described(&document, &good, &answer);
    }
}

#[tokio::test]
async fn a_bus_that_is_away_is_described_with_its_header() {
    let bus = Double::willing();
    let running = Running::start(bus.clone(), &[]).await;
    let document = document(&running).await;
    let web_event = include_bytes!("../../../fuzz/corpus/foreign/web_event.json");
    for hit in [
        request("POST", "/collect", &[], br#"{"site":"a"}"#),
        request("GET", "/pixel.gif?site=a", &[], b""),
        request("POST", "/api/webeventspub", &[], web_event),
    ] {
        bus.fail_with(Some(bus::BusError::Unavailable("away".into())));
        let answer = exchange(running.address, &hit).await;
        assert_eq!(answer.status, 503);
        must_be_described(&document, &hit, &answer);
        assert!(answer.header("retry-after").is_some());
    }
}

#[tokio::test]
async fn methods_that_are_not_described_are_not_taken() {
    let running = Running::start(Double::willing(), &[]).await;
    let document = document(&running).await;
    for (path, operations) in document["paths"].as_object().unwrap() {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            let answer = exchange(running.address, &request(method, path, &[], b"")).await;
            let is_described = operations.get(method.to_ascii_lowercase()).is_some();
            assert_eq!(answer.status != 405, is_described, "{method} {path}: {}", answer.status);
            assert_ne!(answer.status, 404, "{path}");
        }
    }
}

#[tokio::test]
async fn its_schemas_take_what_the_collector_takes() {
    let running = Running::start(Double::willing(), &[]).await;
    let document = document(&running).await;
    let schema = json!({ "$ref": "#/components/schemas/Hits" });
    let is_valid = |body: &str| fits(&document, &schema, &serde_json::from_str(body).unwrap()).is_ok();
    for body in [
        include_str!("../../../fuzz/corpus/body/hit.json"),
        include_str!("../../../fuzz/corpus/body/events.json"),
        r#"{"site":"a","hits":[{"url":"/a"}]}"#,
    ] {
        let answer = exchange(running.address, &request("POST", "/collect", &[], body.as_bytes())).await;
        assert_eq!((answer.status, &answer.json()["rejected"]), (200, &json!([])), "{body}");
        assert!(is_valid(body), "{body}");
    }
    for bad in [r#"{"site":"a","colour":1}"#, "[]", "7", r#"{"hits":[]}"#] {
        assert!(!is_valid(bad), "{bad}");
    }
}
