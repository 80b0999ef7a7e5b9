//! Visitors: several at once, each sending small requests until the server is gone, and again what was not
//! acknowledged.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

/// What all visitors share, over all rounds.
#[derive(Default)]
pub(crate) struct Load {
    next_id: AtomicU64,
    /// Requests that nobody answered: to be sent again, as a browser would.
    unanswered: Mutex<Vec<Vec<Value>>>,
    /// Ids of hits that were answered with 200.
    pub(crate) acknowledged: Mutex<Vec<String>>,
}

const VISITORS: u64 = 40;

impl Load {
    /// Sends with several connections until told to stop or the server is gone.
    pub(crate) fn run(&self, url: &str, connections: usize, stop: &AtomicBool) {
        std::thread::scope(|scope| {
            for _ in 0..connections {
                scope.spawn(|| self.visit(url, stop));
            }
        });
    }

    fn visit(&self, url: &str, stop: &AtomicBool) {
        let agent: ureq::Agent =
            ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(5))).build().into();
        while !stop.load(Ordering::Relaxed) {
            let hits = self.unanswered.lock().unwrap().pop().unwrap_or_else(|| self.new_hits());
            if !self.send(&agent, url, &hits) {
                self.unanswered.lock().unwrap().push(hits);
                return;
            }
        }
    }

    /// Sends what is still unanswered; says whether all of it is answered now.
    pub(crate) fn settle(&self, url: &str) -> bool {
        let agent: ureq::Agent = ureq::Agent::new_with_defaults();
        let unanswered = std::mem::take(&mut *self.unanswered.lock().unwrap());
        unanswered.iter().all(|hits| self.send(&agent, url, hits))
    }

    fn new_hits(&self) -> Vec<Value> {
        let first = self.next_id.fetch_add(3, Ordering::Relaxed);
        (first..first + 1 + first % 3)
            .map(|n| {
                json!({
                    "hit_id": format!("00000000-0000-4000-8000-{n:012x}"),
                    "site": "shop.example",
                    "visitor_id": format!("v{}", n % VISITORS),
                    "type": if n % 7 == 0 { "signup" } else { "pageview" },
                    "url": format!("https://shop.example/p/{}", n % 13),
                    "client_time": now_ms(),
                })
            })
            .collect()
    }

    fn send(&self, agent: &ureq::Agent, url: &str, hits: &[Value]) -> bool {
        let body = json!({ "sent_at": now_ms(), "hits": hits }).to_string();
        let answer = agent.post(url).header("content-type", "application/json").send(body);
        let Ok(mut answer) = answer else { return false };
        assert_eq!(answer.status(), 200);
        let answer: Value = serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap();
        assert_eq!(answer["accepted"], hits.len(), "{answer}");
        let ids = hits.iter().map(|hit| hit["hit_id"].as_str().unwrap().to_owned());
        self.acknowledged.lock().unwrap().extend(ids);
        true
    }
}

/// Says stop however a scope ends, so that a failure does not wait for visitors.
pub(crate) struct StopsAtTheEnd<'a>(pub(crate) &'a AtomicBool);

impl Drop for StopsAtTheEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

pub(crate) fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
}
