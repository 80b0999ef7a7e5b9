//! What sites ask, over real sockets: who may send, what is kept, and what browsers are told.

use std::io::Write;

use events::Topic;
use serde_json::Value;
use tempfile::NamedTempFile;

use crate::Running;
use crate::client::{Answer, exchange, request};
use crate::double::Double;

const SITES: &str = r#"
[sites."shop.example"]
origins = ["https://shop.example"]
ip = "full"
identity = "cookie"

[sites."blog.example"]
origins = ["https://*.blog.example"]
bots = "drop"
"#;

fn file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

struct Edge {
    running: Running,
    bus: std::sync::Arc<Double>,
    _file: NamedTempFile,
}

impl Edge {
    async fn start(sites: &str, flags: &[&str]) -> Self {
        let (file, bus) = (file(sites), Double::willing());
        let flag = format!("--sites={}", file.path().display());
        let flags: Vec<&str> = [flag.as_str()].into_iter().chain(flags.iter().copied()).collect();
        Self { running: Running::start(bus.clone(), &flags).await, bus, _file: file }
    }

    async fn post(&self, headers: &[(&str, &str)], body: &str) -> Answer {
        exchange(self.running.address, &request("POST", "/collect", headers, body.as_bytes())).await
    }

    async fn preflight(&self, origin: &str) -> Answer {
        let headers = [("origin", origin), ("access-control-request-method", "POST")];
        exchange(self.running.address, &request("OPTIONS", "/collect", &headers, b"")).await
    }

    fn records(&self, topic: Topic) -> Vec<Value> {
        self.bus.values(topic).iter().map(|value| serde_json::from_str(value).unwrap()).collect()
    }
}

fn reason(answer: &Answer) -> String {
    answer.json()["rejected"][0]["reason"].as_str().unwrap_or("taken").to_owned()
}

#[tokio::test]
async fn a_browser_is_told_which_pages_may_post() {
    let edge = Edge::start(SITES, &[]).await;
    let shop = edge.preflight("https://shop.example").await;
    assert_eq!(shop.header("access-control-allow-origin"), Some("https://shop.example"));
    assert_eq!(shop.header("access-control-allow-credentials"), Some("true"), "it asks for a cookie");
    let blog = edge.preflight("https://a.blog.example").await;
    assert_eq!(blog.header("access-control-allow-origin"), Some("https://a.blog.example"));
    assert_eq!(blog.header("access-control-allow-credentials"), None);
    assert_eq!(edge.preflight("https://evil.example").await.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn a_page_may_send_for_its_own_site_alone() {
    let edge = Edge::start(SITES, &[]).await;
    let from = [("origin", "https://a.blog.example")];
    assert_eq!(reason(&edge.post(&from, r#"{"site":"blog.example"}"#).await), "taken");
    let other = edge.post(&from, r#"{"site":"shop.example"}"#).await;
    assert_eq!((other.status, reason(&other).as_str()), (400, "origin_not_allowed"));
    let unknown = edge.post(&from, r#"{"site":"shpo.example"}"#).await;
    assert_eq!((unknown.status, reason(&unknown).as_str()), (400, "unknown_site"));
    let rejected = edge.records(Topic::Rejected);
    assert_eq!(rejected[0]["ip"], "127.0.0.1", "the site keeps addresses");
    assert_eq!(rejected[1]["ip"], "127.0.0.0", "of a site that is none, no more than the most careful one keeps");
}

#[tokio::test]
async fn what_a_site_does_not_want_is_no_mistake_of_its_senders() {
    let edge = Edge::start(SITES, &[]).await;
    let bot = edge.post(&[("user-agent", "Googlebot/2.1")], r#"{"site":"blog.example"}"#).await;
    assert_eq!((bot.status, reason(&bot).as_str()), (200, "bot"));
    assert_eq!(bot.json()["accepted"], 0);
    assert_eq!(edge.records(Topic::Rejected)[0]["reason"], "bot");
}

#[tokio::test]
async fn a_proxy_is_believed_where_it_is_trusted() {
    let hit = r#"{"site":"shop.example"}"#;
    let forwarded = [("x-forwarded-for", "198.51.100.1, 192.0.2.7")];
    for (flags, ip) in [(&[][..], "127.0.0.1"), (&["--trusted-proxies=10.0.0.0/8,127.0.0.1"], "192.0.2.7")] {
        let edge = Edge::start(SITES, flags).await;
        edge.post(&forwarded, hit).await;
        assert_eq!(edge.records(Topic::Hits)[0]["ip"], ip, "{flags:?}");
    }
}
