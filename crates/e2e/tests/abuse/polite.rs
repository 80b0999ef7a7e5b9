//! The client that must not suffer from the others.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::process::PATIENCE;

/// A client that sends one good hit after the other on one connection, and again what was refused for now.
#[derive(Default)]
pub(crate) struct Polite {
    agent: Option<ureq::Agent>,
    pub(crate) acknowledged: Vec<String>,
    pub(crate) refused: usize,
    /// How long each hit took, until it was acknowledged.
    pub(crate) latencies: Vec<Duration>,
}

impl Polite {
    /// `must_take`: nothing stands against the hit.
    pub(crate) fn send(&mut self, address: &str, must_take: bool) {
        let id = format!("00000000-0000-4000-8000-{:012x}", self.acknowledged.len());
        let hit = json!({ "hit_id": id, "site": "good.example", "visitor_id": "polite", "url": "/" }).to_string();
        let agent = self.agent.get_or_insert_with(|| {
            let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE));
            config.build().into()
        });
        let started = Instant::now();
        loop {
            let answer = agent.post(&format!("http://{address}/collect")).content_type("application/json").send(&hit);
            let mut answer = answer.unwrap_or_else(|error| panic!("a good client's connection failed: {error}"));
            let text = answer.body_mut().read_to_string().unwrap();
            match answer.status().as_u16() {
                200 => break,
                503 if !must_take => self.refused += 1,
                other => panic!("a good hit was answered with {other}: {text}"),
            }
            assert!(answer.headers().contains_key("retry-after"), "{answer:?}");
            assert!(started.elapsed() < PATIENCE, "a good hit never came through");
            std::thread::sleep(Duration::from_millis(20));
        }
        self.latencies.push(started.elapsed());
        self.acknowledged.push(id);
    }
}
