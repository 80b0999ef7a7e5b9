//! What is replaced and removed in a lake, on every store: `_complete.json`, and batch records that are folded.

use std::collections::BTreeMap;

use events::{LogId, NextOffset, Offset, Timestamp};
use futures::future::join_all;
use tables::{Layout, Table, TableBatch};

use super::places::{self, Place};
use crate::batch::Batch;
use crate::chain::Next;
use crate::committer::{Committed, Committer};
use crate::complete::Mark;
use crate::fold::Folding;
use crate::listing::Listing;
use crate::names::Series;
use crate::open::Lake;

every_store! {
    what_many_say_of_how_far_a_table_is_stands_and_nothing_falls
    old_records_are_folded_by_two_at_once_and_the_chain_goes_on
}

const WRITERS: u32 = 4;
const MARKS: i64 = 5;

fn log_id() -> LogId {
    LogId::try_from("log1".to_owned()).unwrap()
}

async fn what_many_say_of_how_far_a_table_is_stands_and_nothing_falls(place: &Place) {
    let lake = place.lake();
    let say = |partition: u32| {
        let lake = lake.clone();
        tokio::spawn(async move {
            for n in 1..=MARKS {
                let mark = Mark { offset: NextOffset(n), complete_through: Some(Timestamp::from_millis(n * 1000)) };
                let marks = BTreeMap::from([(partition, mark)]);
                while !lake.mark_complete(Table::Hits, &log_id(), WRITERS, &marks).await.unwrap() {}
            }
        })
    };
    let writers: Vec<_> = (0..WRITERS).map(say).collect();
    let mut before: BTreeMap<u32, Mark> = BTreeMap::new();
    let mut looks = 0;
    while looks == 0 || writers.iter().any(|writer| !writer.is_finished()) {
        let Some(mut found) = lake.completeness(Table::Hits).await.unwrap() else { continue };
        let log = found.logs.remove(&log_id()).unwrap();
        for (partition, mark) in &before {
            let now = log.partitions[partition];
            assert!(now.offset >= mark.offset && now.complete_through >= mark.complete_through, "{mark:?} {now:?}");
        }
        (before, looks) = (log.partitions, looks + 1);
    }
    join_all(writers).await.into_iter().for_each(Result::unwrap);
    let log = lake.completeness(Table::Hits).await.unwrap().unwrap().logs.remove(&log_id()).unwrap();
    assert!(log.partitions.values().all(|mark| mark.offset == NextOffset(MARKS)), "{log:?}");
    assert_eq!(log.complete_through, Some(Timestamp::from_millis(MARKS * 1000)));
}

/// Puts batches of one row each, from where the chain stands to that offset.
async fn write(lake: &Lake, series: &Series, to: i64) {
    let mut committer = Committer::open(lake, series.clone()).await.unwrap();
    while let Next::Append(start) = committer.next()
        && start.0 < to
    {
        let mut rows = TableBatch::new(series.table);
        rows.push(Offset(start.0), br#"{"reason":"invalid_json","time":"2026-11-21T00:00:00.000Z"}"#).unwrap();
        let end = NextOffset(start.0 + 1);
        let batch = Batch::new(series, start, end, Vec::new(), None, rows, Layout::default()).unwrap();
        assert_eq!(committer.commit(&batch).await.unwrap(), Committed::Done);
    }
}

async fn old_records_are_folded_by_two_at_once_and_the_chain_goes_on(place: &Place) {
    let (lake, series) = (place.lake(), Series { table: Table::Rejected, log_id: log_id(), partition: 0 });
    let end_of_time = Timestamp::from_millis(253_402_300_799_000);
    let folding = Folding { at_least: 1, ..Folding::before(end_of_time) };
    let mut to = 0;
    for round in 1..=3 {
        to += 12;
        write(&lake, &series, to).await;
        let (one, two) = tokio::join!(lake.fold(&series, &folding), lake.fold(&series, &folding));
        let batches = one.unwrap().batches.max(two.unwrap().batches);
        assert_eq!(batches, if round == 1 { 11 } else { 12 });
        // Both may have put a folded record; then the next one removes what is left.
        lake.fold(&series, &folding).await.unwrap();
        let listing = Listing::read(&lake.store, &series).await.unwrap();
        assert_eq!((listing.batches.len(), listing.folded.len()), (1, 1), "{listing:?}");
        let audit = lake.audit(series.clone()).await.unwrap();
        assert_eq!((audit.faults, audit.rows, audit.complete_through), (Vec::new(), to as u64, NextOffset(to)));
    }
}
