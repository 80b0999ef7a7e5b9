//! Visitors without a cookie, on more than one collector.

use std::collections::BTreeSet;

use kafka_broker::{shared, topic_prefix};
use serde_json::Value;
use tempfile::tempdir;

use crate::process::{collect_at, tail};
use crate::service::Service;

#[test]
fn collectors_behind_one_log_take_a_visitor_for_the_same_also_after_a_restart() {
    let (broker, prefix, folder) = (shared().bootstrap(), topic_prefix("cookieless"), tempdir().unwrap());
    let sites = folder.path().join("sites.toml");
    std::fs::write(&sites, "[sites.s]\nidentity = \"cookieless\"\n").unwrap();
    let flags = ["collector", "--listen", "127.0.0.1:0", "--sites", sites.to_str().unwrap()];
    let start = || Service::start(&broker, &prefix, &flags);
    let collect = |collector: &Service| {
        let listen = |line: String| serde_json::from_str::<Value>(&line).ok()?["listen"].as_str().map(str::to_owned);
        let address = collector.wait_for("its port", || collector.lines().into_iter().find_map(listen));
        assert_eq!(collect_at(&address, "whoever"), 200);
    };
    // At the same time, so that both may find no key.
    let mut both = [start(), start()];
    both.iter().for_each(collect);
    both[0].process.kill();
    let anew = start();
    collect(&anew);

    let hits = tail(&broker, &prefix, &["hits", "--no-follow"]);
    let visitors: BTreeSet<_> = hits.iter().map(|hit| hit["value"]["visitor_id"].as_str().unwrap()).collect();
    assert_eq!((hits.len(), visitors.len()), (3, 1), "{visitors:?}");
    // The keys are for nobody's eyes.
    let lines: String = both.iter().chain([&anew]).flat_map(Service::lines).collect();
    assert!(!lines.contains("salt\":"), "{lines}");
}
