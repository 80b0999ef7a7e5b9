//! Backends, which speak for others, and everybody else, who does not.

use events::Topic;
use serde_json::Value;

use crate::Running;
use crate::client::{Answer, exchange, request};
use crate::double::Double;

const KEY: &str = "open-sesame-please";

/// A collector for the site `a`, which has a secret key, and `b`, which has none.
async fn start(bus: std::sync::Arc<Double>) -> Running {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sites.toml");
    std::fs::write(&file, format!("[sites.a]\nip = \"full\"\nsecret_key = \"{KEY}\"\n[sites.b]\n")).unwrap();
    Running::start(bus, &[&format!("--sites={}", file.display())]).await
}

const HIT: &str =
    r#"{"site":"a","user_id":"ann","ip":"192.0.2.7","user_agent":"Phone/1","event_time":"2026-11-01T12:00:00Z"}"#;

async fn post(running: &Running, key: Option<&str>, body: &str) -> Answer {
    let key = key.map(|key| format!("Bearer {key}"));
    let headers: Vec<_> = key.iter().map(|key| ("authorization", key.as_str())).collect();
    exchange(running.address, &request("POST", "/collect", &headers, body.as_bytes())).await
}

#[tokio::test]
async fn with_the_sites_key_address_user_agent_and_time_are_believed() {
    let bus = Double::willing();
    let running = start(bus.clone()).await;
    assert_eq!(post(&running, Some(KEY), HIT).await.status, 200);
    let hit: Value = serde_json::from_str(&bus.values(Topic::Hits)[0]).unwrap();
    assert_eq!(
        (&hit["ip"], &hit["user_agent"], &hit["user_id"]),
        (&"192.0.2.7".into(), &"Phone/1".into(), &"ann".into())
    );
    assert_eq!(hit["event_time"], "2026-11-01T12:00:00.000Z");
}

#[tokio::test]
async fn without_it_they_are_refused_and_a_wrong_key_is_said() {
    let bus = Double::willing();
    let running = start(bus.clone()).await;
    let reason = |answer: Answer| answer.json()["rejected"][0]["reason"].as_str().unwrap().to_owned();
    assert_eq!(reason(post(&running, None, HIT).await), "needs_key");
    assert_eq!(reason(post(&running, Some("open"), HIT).await), "wrong_key");
    assert_eq!(reason(post(&running, Some(KEY), &HIT.replace(":\"a\"", ":\"b\"")).await), "wrong_key");
    assert_eq!(post(&running, None, r#"{"site":"a","user_id":"ann"}"#).await.status, 200);
    let rejected = bus.values(Topic::Rejected);
    assert_eq!(rejected.len(), 3);
    assert!(!rejected.join("").contains(KEY), "a key is nobody's to read");
}
