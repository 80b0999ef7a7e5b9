//! Pages in a real browser, from their script to the row in the lake.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod chromium;
mod pages;
#[path = "../support/mod.rs"]
mod support;

use std::path::Path;
use std::time::{Duration, Instant};

use chromium::Chromium;
use pages::Pages;
use support::binary::{log_text, up};
use support::lake::{Row, rows, text};
use support::process::PATIENCE;
use support::up::Up;

/// The script of a tutorial with Flask and Kafka, as it was published.
const SNIPPET: &str = include_str!("snippet.html");

/// Where it sends hits.
const PUBLISHED: &str = "http://35.192.211.4:5000";

fn start(data: &Path) -> Up {
    up(data, &["--flush-interval", "500ms"])
}

/// So many hits in the lake, as they stand in the log of one visitor.
fn hits(data: &Path, count: usize, browser: &Chromium) -> Vec<Row> {
    let started = Instant::now();
    loop {
        let mut rows = rows(&data.join("lake"), "hits");
        if rows.len() >= count {
            rows.sort_by_key(|row| support::lake::number(row, "raw_offset"));
            return rows;
        }
        let said = || format!("{}\n{}\n{rows:?}", browser.log(), log_text(data));
        assert!(started.elapsed() < PATIENCE, "{} hits: {}", rows.len(), said());
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn column<'r>(rows: &'r [Row], name: &'r str) -> impl Iterator<Item = String> + 'r {
    rows.iter().map(move |row| text(row, name).unwrap_or_default())
}

#[test]
fn a_page_with_a_tutorials_snippet_goes_on_as_it_is_but_for_the_address() {
    let data = tempfile::tempdir().unwrap();
    let mut up = start(data.path());
    assert_eq!(SNIPPET.matches(PUBLISHED).count(), 1);
    let script = SNIPPET.replace(PUBLISHED, &format!("http://{}", up.address("collect")));
    let pages = Pages::serve(&[("/boots", format!("<!doctype html><title>Boots, brown</title>{script}"))]);
    let browser = Chromium::open(&pages.url("/boots"));
    let rows = hits(data.path(), 1, &browser);
    let text = |name: &str| text(&rows[0], name).unwrap_or_default();
    assert_eq!([text("site"), text("type"), text("path")], ["shop.example", "pageview", "/boots"]);
    assert_eq!([text("url"), text("title")], [pages.url("/boots"), "Boots, brown".to_owned()]);
    assert!(text("user_agent").contains("Chrome/"), "{}", text("user_agent"));
    let props: serde_json::Value = serde_json::from_str(&text("props")).unwrap();
    // Texts, as the tutorial's endpoint had them.
    assert_eq!(props["landingPage"], "1", "{props}");
    assert!((1..=1_000_000).contains(&props["sessionId"].as_str().unwrap().parse().unwrap()), "{props}");
    assert_eq!((text("visitor_id").len(), text("session_id").len()), (36, 36));
    assert!(up.process.stop().success());
}

#[test]
fn our_tracker_sees_a_visit_from_page_to_page() {
    let data = tempfile::tempdir().unwrap();
    let mut up = start(data.path());
    let script = format!(
        r#"<script defer src="http://{}/tracker.js" data-site="shop.example"></script>"#,
        up.address("collect")
    );
    let next =
        r#"<script>addEventListener("load", () => setTimeout(() => location = "/second?q=1#part", 300))</script>"#;
    let pages = Pages::serve(&[
        ("/first", format!("<!doctype html><title>First</title>{script}{next}")),
        ("/second", format!("<!doctype html><title>Second</title>{script}")),
    ]);
    let browser = Chromium::open(&pages.url("/first"));
    let rows = hits(data.path(), 3, &browser);
    assert_eq!(column(&rows, "type").collect::<Vec<_>>(), ["pageview", "engagement", "pageview"]);
    assert_eq!(column(&rows, "title").collect::<Vec<_>>(), ["First", "First", "Second"]);
    let second = pages.url("/second?q=1");
    assert_eq!(column(&rows, "url").collect::<Vec<_>>(), [pages.url("/first"), pages.url("/first"), second]);
    assert_eq!(column(&rows, "referrer").last().unwrap(), pages.url("/first"));
    let visitors: Vec<_> = column(&rows, "visitor_id").collect();
    assert!(visitors.iter().all(|visitor| *visitor == visitors[0] && visitor.len() == 36), "{visitors:?}");
    assert!(up.process.stop().success());
}
