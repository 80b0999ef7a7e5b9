//! Visitors whose hits come on time, late or too late, who send again what nobody acknowledged, and now and then what
//! somebody did: until each of their hits is acknowledged, whatever happens to the services.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::load::now_ms;
use crate::support::process::PATIENCE;

/// What all visitors share.
pub(crate) struct Traffic {
    /// Where hits go; each visitor tries one after the other.
    collectors: Vec<String>,
    /// The pause between two requests of one connection.
    pace: Duration,
    next: AtomicU64,
    acknowledged: Mutex<BTreeSet<String>>,
    /// Requests that were not acknowledged at the first attempt.
    repeated: AtomicU64,
    /// Answers by status. A request that timed out or whose connection ended has none.
    answers: Mutex<BTreeMap<u16, u64>>,
}

/// Hits of one visitor, one after the other.
const HITS_OF_A_VISITOR: u64 = 9;

impl Traffic {
    pub(crate) fn new(collectors: Vec<String>, pace: Duration) -> Self {
        let (next, repeated) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { collectors, pace, next, acknowledged: Mutex::default(), repeated, answers: Mutex::default() }
    }

    /// Sends by several connections until told to stop, and ends when all that was sent is acknowledged.
    pub(crate) fn run(&self, connections: usize, stop: &AtomicBool) {
        std::thread::scope(|scope| {
            for connection in 0..connections {
                scope.spawn(move || self.visit(connection, stop));
            }
        });
    }

    /// Ids of hits that were answered with 200.
    pub(crate) fn acknowledged(&self) -> BTreeSet<String> {
        self.acknowledged.lock().unwrap().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.acknowledged.lock().unwrap().len()
    }

    /// The number of the next hit; those of all hits before are lower.
    pub(crate) fn next(&self) -> u64 {
        self.next.load(Ordering::Relaxed)
    }

    /// Requests that had to be sent again.
    pub(crate) fn repeated(&self) -> u64 {
        self.repeated.load(Ordering::Relaxed)
    }

    /// How many requests were answered with this status.
    pub(crate) fn answers(&self, status: u16) -> u64 {
        self.answers.lock().unwrap().get(&status).copied().unwrap_or_default()
    }

    fn visit(&self, connection: usize, stop: &AtomicBool) {
        let config = ureq::Agent::config_builder().http_status_as_error(false);
        let agent: ureq::Agent = config.timeout_global(Some(Duration::from_secs(12))).build().into();
        let mut to = connection;
        while !stop.load(Ordering::Relaxed) {
            let hits = self.new_hits();
            to += 1;
            let mut stopped = None;
            while !self.send(&agent, to, &hits) {
                self.repeated.fetch_add(1, Ordering::Relaxed);
                to += 1;
                if stop.load(Ordering::Relaxed) {
                    let since = stopped.get_or_insert_with(Instant::now);
                    assert!(since.elapsed() < PATIENCE, "nobody acknowledges any more");
                }
                std::thread::sleep(Duration::from_millis(100));
            }
            // A copy of something that was acknowledged, as an impatient browser may send.
            if hits.len() == 3 && !stop.load(Ordering::Relaxed) {
                self.send(&agent, to + 1, &hits);
            }
            std::thread::sleep(self.pace);
        }
    }

    fn new_hits(&self) -> Vec<Value> {
        let first = self.next.fetch_add(3, Ordering::Relaxed);
        let sent = now_ms();
        (first..first + 1 + first % 3).map(|n| hit(n, sent)).collect()
    }

    fn send(&self, agent: &ureq::Agent, to: usize, hits: &[Value]) -> bool {
        let url = &self.collectors[to % self.collectors.len()];
        let body = json!({ "sent_at": now_ms(), "hits": hits }).to_string();
        let Ok(mut answer) = agent.post(url).header("content-type", "application/json").send(body) else {
            return false;
        };
        let status = answer.status().as_u16();
        let Ok(text) = answer.body_mut().read_to_string() else { return false };
        *self.answers.lock().unwrap().entry(status).or_default() += 1;
        if status != 200 {
            assert!(status == 503 || status == 429, "{status}: {text}");
            return false;
        }
        let answer: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(answer["accepted"], hits.len(), "{answer}");
        let ids = hits.iter().map(|hit| hit["hit_id"].as_str().unwrap().to_owned());
        self.acknowledged.lock().unwrap().extend(ids);
        true
    }
}

/// The n-th hit. Most visitors are of now; the hits of one in four come so late that their sessions are final soon, and
/// those of one in sixteen too late to open any.
fn hit(n: u64, now: u64) -> Value {
    let visitor = n / HITS_OF_A_VISITOR;
    let behind_ms = match visitor % 16 {
        0 => 200_000,
        1 | 5 | 9 | 13 => 105_000,
        _ => 0,
    };
    json!({
        "hit_id": format!("00000000-0000-4000-8000-{n:012x}"),
        "site": "shop.example",
        "visitor_id": format!("v{visitor}"),
        "type": if n.is_multiple_of(7) { "signup" } else { "pageview" },
        "url": format!("https://shop.example/p/{}", n % 13),
        "client_time": now - behind_ms + n % HITS_OF_A_VISITOR,
    })
}
