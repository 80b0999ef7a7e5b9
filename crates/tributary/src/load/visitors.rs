//! Made-up visitors who behave like real ones: many at a time, a few pages each, one page after the other.

use std::fmt::Write;

use events::Timestamp;
use uuid::Uuid;
use xxhash_rust::xxh3::{xxh3_64_with_seed, xxh3_128_with_seed};

/// What browsers send, the common ones more often.
const USER_AGENTS: [&str; 8] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 \
     Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 \
     Safari/605.1.15",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 \
     Edg/142.0.0.0",
    "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/29.0 Chrome/136.0.0.0 \
     Mobile Safari/537.36",
];

/// Where they come from.
const REFERRERS: [&str; 6] = [
    "https://www.google.com/",
    "https://www.google.com/",
    "https://duckduckgo.com/",
    "https://news.ycombinator.com/item?id=41000000",
    "https://www.facebook.com/",
    "",
];

/// Language, time zone and screen.
const PLACES: [(&str, &str, &str); 5] = [
    ("en-US", "America/New_York", "1920x1080"),
    ("de-DE", "Europe/Berlin", "1536x864"),
    ("en-GB", "Europe/London", "390x844"),
    ("fr-FR", "Europe/Paris", "412x915"),
    ("ja-JP", "Asia/Tokyo", "2560x1440"),
];

const PAGES: [(&str, &str); 8] = [
    ("/", "Home"),
    ("/pricing", "What it costs"),
    ("/blog/how-we-count", "How we count, and why it is harder than it looks"),
    ("/products/lamp-3", "Lamp no. 3, brass, with a cord of three metres"),
    ("/products/chair-12", "Chair no. 12, oak"),
    ("/search?q=table", "Search: table"),
    ("/cart", "Your cart"),
    ("/about", "About us"),
];

/// The visitors of one connection. Their hits go over it one after the other, so that what is theirs stays in order.
#[derive(Debug)]
pub(super) struct Visitors {
    seed: u64,
    site: String,
    there: Vec<Visitor>,
    /// Draws so far.
    draws: u64,
    /// Visitors so far.
    came: u64,
}

#[derive(Debug)]
struct Visitor {
    id: Uuid,
    /// Chooses what stays the same while they are there.
    traits: u64,
    /// Pages seen so far, and how many they will see.
    seen: u64,
    wanted: u64,
}

/// A request's body, and what it holds.
#[derive(Debug, Default)]
pub(super) struct Request {
    pub(super) body: String,
    pub(super) hit_ids: Vec<Uuid>,
    pub(super) user_agent: &'static str,
}

impl Visitors {
    /// So many visitors for the connection of this number. The same arguments send the same hits.
    pub(super) fn new(seed: u64, connection: u32, count: u32, site: &str) -> Self {
        let seed = xxh3_64_with_seed(&connection.to_le_bytes(), seed);
        let mut visitors = Self { seed, site: site.to_owned(), there: Vec::new(), draws: 0, came: 0 };
        for _ in 0..count {
            let mut visitor = visitors.visitor();
            // Some have been there for a while.
            visitor.seen = visitors.draw() % visitor.wanted;
            visitors.there.push(visitor);
        }
        visitors
    }

    /// The next request, with so many hits. A batch comes from several visitors, as a relay sends them.
    pub(super) fn request(&mut self, hits: u32, now: Timestamp) -> Request {
        let mut request = Request::default();
        if hits == 1 {
            self.hit(&mut request, now);
            request.body.pop();
            write!(request.body, ",\"sent_at\":\"{now}\"}}").expect("writing to memory does not fail");
        } else {
            write!(request.body, "{{\"sent_at\":\"{now}\",\"hits\":[").expect("writing to memory does not fail");
            for hit in 0..hits {
                if hit > 0 {
                    request.body.push(',');
                }
                self.hit(&mut request, now);
            }
            request.body.push_str("]}");
        }
        request
    }

    /// The next page view of some visitor.
    fn hit(&mut self, request: &mut Request, now: Timestamp) {
        let place = (self.draw() % self.there.len() as u64) as usize;
        if self.there[place].seen == self.there[place].wanted {
            self.there[place] = self.visitor();
        }
        let (page, id) = (self.draw(), self.id());
        let visitor = &mut self.there[place];
        visitor.seen += 1;
        let (path, title) = PAGES[(page % PAGES.len() as u64) as usize];
        let (language, timezone, screen) = PLACES[(visitor.traits % PLACES.len() as u64) as usize];
        let agents = USER_AGENTS.len() as u64;
        // The lower of two draws: the first of the list come more often.
        let agent = (visitor.traits >> 8) % agents;
        request.user_agent = USER_AGENTS[agent.min((visitor.traits >> 16) % agents) as usize];
        let referrer = REFERRERS[((visitor.traits >> 24) % REFERRERS.len() as u64) as usize];
        let Visitor { id: visitor_id, seen, .. } = visitor;
        let site = &self.site;
        write!(
            request.body,
            "{{\"hit_id\":\"{id}\",\"site\":\"{site}\",\"visitor_id\":\"{visitor_id}\",\"type\":\"pageview\",\
             \"client_time\":\"{now}\",\"url\":\"https://{site}{path}\",\"title\":\"{title}\",\"referrer\":\"{referrer}\",\
             \"language\":\"{language}\",\"timezone\":\"{timezone}\",\"screen\":\"{screen}\",\
             \"props\":{{\"view\":{seen}}}}}"
        )
        .expect("writing to memory does not fail");
        request.hit_ids.push(id);
    }

    /// Somebody new: half of them see one page, a quarter two, and so on to eight.
    fn visitor(&mut self) -> Visitor {
        self.came += 1;
        let traits = self.draw();
        let wanted = u64::from((traits >> 32 | 1 << 7).trailing_zeros()) + 1;
        Visitor { id: uuid(&[1, self.came], self.seed), traits, seen: 0, wanted }
    }

    fn id(&mut self) -> Uuid {
        self.draws += 1;
        uuid(&[2, self.draws], self.seed)
    }

    fn draw(&mut self) -> u64 {
        self.draws += 1;
        xxh3_64_with_seed(&self.draws.to_le_bytes(), self.seed)
    }
}

/// A UUID as browsers make them, from numbers.
fn uuid(numbers: &[u64; 2], seed: u64) -> Uuid {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&numbers[0].to_le_bytes());
    bytes[8..].copy_from_slice(&numbers[1].to_le_bytes());
    uuid::Builder::from_random_bytes(xxh3_128_with_seed(&bytes, seed).to_be_bytes()).into_uuid()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use events::Limits;
    use events::incoming::IncomingHit;
    use serde_json::Value;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_793_577_600_000);

    fn visitors() -> Visitors {
        Visitors::new(7, 0, 20, "load.example")
    }

    fn hits(request: &Request) -> Vec<Value> {
        let body: Value = serde_json::from_str(&request.body).unwrap();
        body.get("hits").map_or_else(|| vec![body.clone()], |hits| hits.as_array().unwrap().clone())
    }

    #[test]
    fn a_request_is_what_a_tracker_sends() {
        let request = visitors().request(1, NOW);
        insta::assert_snapshot!(request.body);
        assert!((400..600).contains(&request.body.len()), "{}", request.body.len());
    }

    #[test]
    fn every_hit_is_one_that_the_collector_takes_and_its_id_is_known() {
        let mut visitors = visitors();
        let mut ids = BTreeSet::new();
        for request in 0..200 {
            let request = visitors.request(1 + request % 3, NOW);
            for (hit, id) in hits(&request).iter().zip(&request.hit_ids) {
                let text = hit.to_string();
                let hit = IncomingHit::parse(&text, &Limits::default()).unwrap();
                hit.complete(NOW, &Limits::default()).unwrap();
                assert_eq!(hit.hit_id, Some(*id));
                assert!(ids.insert(*id), "{id} is there twice");
            }
        }
        assert_eq!(ids.len(), 399);
    }

    #[test]
    fn visitors_see_a_few_pages_one_after_the_other_and_leave() {
        let (mut visitors, mut seen) = (visitors(), BTreeMap::<String, Vec<u64>>::new());
        for _ in 0..2000 {
            for hit in hits(&visitors.request(1, NOW)) {
                let view = hit["props"]["view"].as_u64().unwrap();
                seen.entry(hit["visitor_id"].as_str().unwrap().to_owned()).or_default().push(view);
            }
        }
        assert!(seen.len() > 700, "{} visitors", seen.len());
        assert!(seen.values().all(|views| views.windows(2).all(|pair| pair[1] == pair[0] + 1)), "{seen:?}");
        let longest = seen.values().map(Vec::len).max();
        assert!((4..=8).contains(&longest.unwrap()), "{longest:?}");
    }

    #[test]
    fn a_seed_makes_the_same_hits_and_connections_make_their_own() {
        let body = |seed, connection| Visitors::new(seed, connection, 5, "a").request(3, NOW).body;
        assert_eq!(body(1, 0), body(1, 0));
        assert_ne!(body(1, 0), body(1, 1));
        assert_ne!(body(1, 0), body(2, 0));
    }
}
