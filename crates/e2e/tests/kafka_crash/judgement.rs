//! What became of the hits of a life that is over.

use std::collections::BTreeSet;

use bus::SharedBus;
use events::Topic;

use crate::support::kafka::Pipeline;
use crate::support::{expected, lake, reference};
use crate::tally::Tally;
use crate::traffic::Traffic;

/// Looks for everything that must not be, and counts it with the round in which the hit was sent.
pub(crate) fn judge(pipeline: &mut Pipeline, bus: &SharedBus, traffic: &Traffic, tally: &mut Tally) {
    let rows = lake::times_of_hits(&pipeline.lake());
    let acknowledged = traffic.acknowledged();
    let missing: BTreeSet<_> = acknowledged.iter().filter(|id| !rows.contains_key(*id)).cloned().collect();
    let doubled: BTreeSet<_> = rows.iter().filter(|&(_, &times)| times > 1).map(|(id, _)| id.clone()).collect();
    let differences = differences(pipeline, bus);
    tally.judge([&acknowledged, &missing, &doubled], differences.is_empty());
    eprintln!(
        "{} hits acknowledged, {} requests sent again, {} rows of hits and late, {} sessions",
        acknowledged.len(),
        traffic.repeated(),
        rows.values().sum::<usize>(),
        lake::rows(&pipeline.lake(), "sessions").len()
    );

    let mut faults: Vec<_> = missing.iter().map(|id| format!("missing: {id}")).collect();
    faults.extend(doubled.iter().map(|id| format!("doubled: {id}")));
    faults.extend(differences);
    let verified = pipeline.verify();
    if !verified.status.success() {
        faults.push(format!("verify: {}", String::from_utf8_lossy(&verified.stdout)));
    }
    if !faults.is_empty() {
        pipeline.keep(bus);
    }
    tally.faults.extend(faults);
}

/// The topics held against the model, and to the byte against an engine that nobody disturbed.
fn differences(pipeline: &Pipeline, bus: &SharedBus) -> Vec<String> {
    let mut all = expected::differences(bus, pipeline.settings);
    for partition in 0..bus.partitions() {
        let log = reference::records(bus, Topic::Hits, partition);
        for topic in [Topic::HitsEnriched, Topic::Sessions, Topic::Late] {
            let (_, expected) = reference::undisturbed(&log, partition, pipeline.settings, topic);
            let found = reference::records(bus, topic, partition).into_iter();
            let found: Vec<_> = found.filter_map(|record| Some(record.value?.to_vec())).collect();
            if found != expected {
                all.push(format!("{topic}/{partition} is not what an undisturbed engine puts out"));
            }
        }
    }
    all
}
