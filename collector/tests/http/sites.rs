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
async fn an_answer_may_be_read_by_the_pages_that_may_post_alone() {
    let edge = Edge::start(SITES, &[]).await;
    for (origin, is_open) in [("https://shop.example", true), ("https://evil.example", false)] {
        let answer = edge.post(&[("origin", origin)], r#"{"site":"shop.example"}"#).await;
        assert_eq!(answer.header("access-control-allow-origin"), is_open.then_some(origin));
        assert_eq!(answer.header("access-control-allow-credentials"), is_open.then_some("true"));
        assert_eq!(answer.header("vary"), Some("origin"), "a cache must not give it to another page");
    }
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
async fn an_event_that_does_not_fit_is_rejected_where_it_is_wrong_and_the_others_are_taken() {
    let mut schema = NamedTempFile::new().unwrap();
    schema.write_all(br#"{"properties":{"items":{"items":{"required":["sku"]}}}}"#).unwrap();
    let edge = Edge::start(&format!("[sites.a]\nschemas = {{ purchase = {:?} }}", schema.path()), &[]).await;
    let hit = |event: &str| format!(r#"{{"site":"a","type":"{event}","props":{{"items":[{{"sku":1}},{{}}]}}}}"#);
    let answer = edge.post(&[], &format!("[{},{}]", hit("signup"), hit("purchase"))).await;
    let rejected = &answer.json()["rejected"][0];
    assert_eq!((answer.status, &answer.json()["accepted"]), (200, &1.into()));
    assert_eq!((&rejected["index"], &rejected["reason"]), (&1.into(), &"schema_mismatch".into()), "{rejected}");
    assert_eq!(rejected["pointer"], "/1/props/items/1");
    assert_eq!(edge.records(Topic::Rejected)[0]["pointer"], "/1/props/items/1");
    assert_eq!(edge.records(Topic::Hits)[0]["type"], "signup");
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

#[tokio::test]
async fn a_cookie_makes_a_visitor_and_a_request_that_is_sent_again_makes_the_same() {
    let edge = Edge::start(SITES, &[]).await;
    let hit = r#"{"site":"shop.example","hit_id":"0190a3f2-0000-7000-8000-00000000000f"}"#;
    let (first, again) = (edge.post(&[], hit).await, edge.post(&[], hit).await);
    let set = first.header("set-cookie").unwrap();
    assert_eq!(Some(set), again.header("set-cookie"));
    for word in ["HttpOnly", "Secure", "SameSite=Lax", "Max-Age=34128000"] {
        assert!(set.contains(word), "{set}");
    }
    let next = edge.post(&[("cookie", set.split(';').next().unwrap())], r#"{"site":"shop.example"}"#).await;
    assert_eq!(next.header("set-cookie"), None, "it has one");
    let visitors: Vec<_> = edge.records(Topic::Hits).iter().map(|hit| hit["visitor_id"].to_string()).collect();
    assert_eq!(visitors.len(), 3);
    assert!(visitors.iter().all(|visitor| *visitor == visitors[0] && visitor.len() == 38), "{visitors:?}");

    let private = edge.post(&[("sec-gpc", "1")], hit).await;
    assert_eq!((private.status, private.header("set-cookie")), (200, None), "who asks for it is given no name");
}

#[tokio::test]
async fn without_a_cookie_a_visitor_is_who_has_address_and_browser() {
    let edge = Edge::start("[sites.a]\nidentity = \"cookieless\"\nip = \"none\"", &[]).await;
    let hit = r#"{"site":"a","visitor_id":"mine"}"#;
    for agent in ["Browser/1", "Browser/1", "Browser/2"] {
        edge.post(&[("user-agent", agent)], hit).await;
    }
    let visitors: Vec<_> = edge.records(Topic::Hits).iter().map(|hit| hit["visitor_id"].to_string()).collect();
    assert_eq!(visitors[0], visitors[1]);
    assert!(visitors[0] != visitors[2] && !visitors[0].contains("mine"), "{visitors:?}");
    edge.post(&[], r#"{"site":"a","client_time":"2026-10-01T00:00:00Z","visitor_id":"mine"}"#).await;
    let old = &edge.records(Topic::Hits)[3];
    assert_eq!(old.get("visitor_id"), None, "of that day no key is left");
}

#[tokio::test]
async fn one_visitor_that_floods_is_held_back_and_the_others_are_not() {
    let edge = Edge::start(SITES, &["--max-visitor-rate=1"]).await;
    let hits = |visitor: &str, count| {
        let hit = format!(r#"{{"site":"blog.example","visitor_id":"{visitor}"}}"#);
        format!("[{}]", vec![hit; count].join(","))
    };
    let flood = edge.post(&[], &hits("bot", 100)).await;
    assert_eq!(flood.status, 200, "some were taken");
    assert!((10..50).contains(&flood.json()["accepted"].as_u64().unwrap()), "{}", flood.body);
    assert_eq!(flood.json()["rejected"][0]["reason"], "hot_key");
    let more = edge.post(&[], &hits("bot", 1)).await;
    assert_eq!((more.status, more.header("retry-after")), (429, Some("1")));
    assert_eq!(edge.post(&[], &hits("person", 10)).await.json()["accepted"], 10);
    assert!(edge.records(Topic::Rejected).is_empty(), "a flood is not written down");
    assert!(edge.records(Topic::Hits).iter().all(|hit| hit["visitor_id"] != "bot" || hit["site"] == "blog.example"));
}

#[tokio::test]
async fn a_site_keeps_to_its_quota_and_takes_nothing_from_others() {
    let edge = Edge::start("[sites.a]\nquota = 1\n[sites.b]", &[]).await;
    let hits = |site: &str| format!("[{}]", vec![format!(r#"{{"site":"{site}"}}"#); 100].join(","));
    assert_eq!(edge.post(&[], &hits("a")).await.json()["rejected"][0]["reason"], "over_quota");
    assert_eq!(edge.post(&[], r#"{"site":"a"}"#).await.status, 429);
    assert_eq!(edge.post(&[], &hits("b")).await.json()["accepted"], 100);
}

#[tokio::test]
async fn an_address_that_floods_is_turned_away_before_its_body_is_read() {
    let edge = Edge::start(SITES, &["--max-address-rate=1", "--trusted-proxies=127.0.0.1"]).await;
    let hit = r#"{"site":"blog.example"}"#;
    let mut answer = edge.post(&[], hit).await;
    for _ in 0..100 {
        answer = edge.post(&[], "no json").await;
    }
    assert_eq!((answer.status, answer.error().as_str()), (429, "too_many_requests"));
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(edge.post(&[("x-forwarded-for", "192.0.2.7")], hit).await.status, 200, "others are let in");
}

#[tokio::test]
async fn a_place_is_found_before_the_address_is_cut() {
    let database = NamedTempFile::new().unwrap();
    std::fs::write(database.path(), include_bytes!("places.mmdb")).unwrap();
    let geoip = format!("--geoip={}", database.path().display());
    let edge = Edge::start(SITES, &["--trusted-proxies=127.0.0.1", &geoip]).await;
    edge.post(&[("x-forwarded-for", "203.0.113.77")], r#"{"site":"blog.example"}"#).await;
    let hit = &edge.records(Topic::Hits)[0];
    assert_eq!([&hit["country"], &hit["region"], &hit["ip"]], ["AT", "AT-9", "203.0.113.0"]);
}
