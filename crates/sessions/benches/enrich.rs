//! What one hit costs to enrich: `cargo bench -p sessions --bench enrich`.

use divan::{Bencher, black_box};
use events::{Hit, Kind, Text, Timestamp, Uuid};
use sessions::enrich::Enricher;

#[global_allocator]
static ALLOC: divan::AllocProfiler = divan::AllocProfiler::system();

const USER_AGENTS: &str = include_str!("../data/samples/user_agents.txt");

fn main() {
    Enricher::warm_up();
    divan::main();
}

fn hit<'a>(url: &'a str, referrer: &'a str, user_agent: &'a str) -> Hit<'a> {
    Hit {
        hit_id: Uuid::nil(),
        site: Text::from("shop"),
        visitor_id: None,
        user_id: None,
        kind: Kind::PageView,
        event_time: Timestamp::from_millis(0),
        url: Some(Text::from(url)),
        title: None,
        referrer: Some(Text::from(referrer)),
        language: None,
        screen: None,
        user_agent: Some(Text::from(user_agent)),
        country: None,
        region: None,
        is_plain: false,
    }
}

/// The user agent is in the cache: what nearly every hit costs.
#[divan::bench(sample_count = 200, sample_size = 1_000, args = ["direct", "internal", "search", "unknown_host", "campaign", "escaped_campaign", "click_id"])]
fn known_user_agent(bencher: Bencher, visit: &str) {
    let page = "https://www.shop.example/products/shoes/red?color=7&size=42&sort=price";
    let (url, referrer) = match visit {
        "direct" => (page.to_owned(), ""),
        "internal" => (page.to_owned(), "https://www.shop.example/products/shoes"),
        "search" => (page.to_owned(), "https://www.google.co.uk/"),
        "unknown_host" => (page.to_owned(), "https://en.wikipedia.org/wiki/Shoe"),
        "campaign" => (format!("{page}&utm_source=newsletter&utm_medium=email&utm_campaign=spring"), ""),
        "escaped_campaign" => (format!("{page}&utm_source=newsletter&utm_medium=email&utm_campaign=spring+sale"), ""),
        _ => (format!("{page}&gclid=EAIaIQobChMI"), "https://www.google.com/"),
    };
    let user_agents: Vec<&str> = USER_AGENTS.lines().collect();
    let hits: Vec<Hit<'_>> = user_agents.iter().map(|user_agent| hit(&url, referrer, user_agent)).collect();
    let mut enricher = Enricher::new();
    for hit in &hits {
        enricher.derive(hit);
    }
    let mut next = hits.iter().cycle();
    bencher.bench_local(|| {
        enricher.make_room();
        drop(black_box(enricher.derive(next.next().expect("a cycle has no end"))));
    });
}

/// Every user agent is new: what it costs to be flooded with invented ones.
#[divan::bench(sample_size = 42)]
fn new_user_agent(bencher: Bencher) {
    let user_agents: Vec<&str> = USER_AGENTS.lines().collect();
    let mut enricher = Enricher::new();
    let mut number = 0_usize;
    bencher.bench_local(|| {
        number += 1;
        let user_agent = format!("{} n/{number}", user_agents[number % user_agents.len()]);
        enricher.make_room();
        drop(black_box(enricher.derive(&hit("/", "", &user_agent))));
    });
}
