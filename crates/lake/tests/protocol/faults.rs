//! A store that fails, hangs or dies at the n-th call, for every n; then a restart.

use std::sync::Arc;
use std::time::Duration;

use lake::{Access, Lake};
use object_store::memory::InMemory;

use crate::faulty::{Faulty, Mishap};
use crate::support::{Log, Writer, assert_exactly_once, assert_no_doubles};

const LOG: Log = Log(0..23);

/// Every call of a run once with this mishap, before and after it took effect. Gives how many calls there were.
async fn at_every_call(mishap: Mishap, patience: usize) -> usize {
    let mut calls = 0;
    for takes_effect in [false, true] {
        for at in 0.. {
            let store = Arc::new(InMemory::new());
            let faulty = Faulty::new(&store, at, mishap.clone(), takes_effect);
            let lake = Lake::with_timeout(Arc::new(faulty.clone()), Duration::from_millis(5));
            let outcome = Writer { lake, cut: 8, patience }.run(&LOG).await;
            if !faulty.happened() {
                outcome.unwrap();
                calls = at;
                break;
            }
            let when = (&mishap, takes_effect, at);
            assert_no_doubles(&store, &when).await;
            if patience > 0 {
                outcome.unwrap();
                assert_exactly_once(&store, &LOG, &when).await;
            } else {
                assert!(outcome.is_err(), "{when:?}");
            }
            // The next process cuts its batches elsewhere: what was begun it must still finish as it was begun.
            Writer::new(store.clone(), 5).run(&LOG).await.unwrap();
            assert_exactly_once(&store, &LOG, &when).await;
        }
    }
    calls
}

#[tokio::test]
async fn a_call_that_fails_is_made_again() {
    assert!(at_every_call(Mishap::Fail, 1).await >= 10);
}

#[tokio::test]
async fn a_call_that_hangs_is_given_up_and_made_again() {
    assert!(at_every_call(Mishap::Hang, 1).await >= 10);
}

#[tokio::test]
async fn a_process_that_ends_at_an_error_leaves_what_the_next_one_finishes() {
    assert!(at_every_call(Mishap::Fail, 0).await >= 10);
}

#[tokio::test]
async fn a_process_that_dies_leaves_what_the_next_one_finishes() {
    assert!(at_every_call(Mishap::Die, 0).await >= 10);
}

/// The second crash comes while the first one is being mended.
#[tokio::test]
async fn a_process_that_dies_while_it_mends_leaves_what_the_next_one_finishes() {
    for first in 0..20 {
        for second in 0..20 {
            let store = Arc::new(InMemory::new());
            for (at, cut) in [(first, 8), (second, 3)] {
                let dying = Faulty::new(&store, at, Mishap::Die, at % 2 == 0);
                // It may also come to its end before it dies.
                let _ = Writer::new(Arc::new(dying), cut).run(&LOG).await;
                assert_no_doubles(&store, &(first, second)).await;
            }
            Writer::new(store.clone(), 5).run(&LOG).await.unwrap();
            assert_exactly_once(&store, &LOG, &(first, second)).await;
        }
    }
}

#[tokio::test]
async fn the_same_log_again_adds_nothing() {
    let store = Arc::new(InMemory::new());
    Writer::new(store.clone(), 8).run(&LOG).await.unwrap();
    let before = store.fork();
    Writer::new(store.clone(), 3).run(&LOG).await.unwrap();
    assert_eq!(crate::support::paths(&before).await, crate::support::paths(&store).await);
}

#[tokio::test]
async fn the_same_protocol_holds_on_a_disk() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open(dir.path().to_str().unwrap(), Access::Write).await.unwrap();
    Writer { lake: lake.clone(), cut: 8, patience: 0 }.run(&Log(0..11)).await.unwrap();
    Writer { lake: lake.clone(), cut: 5, patience: 0 }.run(&LOG).await.unwrap();
    let audit = lake.audit(crate::support::series()).await.unwrap();
    assert_eq!((audit.faults, audit.rows), (Vec::new(), LOG.rows().len() as u64));
    assert_eq!(lake.log_ids(tables::Table::Rejected).await.unwrap(), [crate::support::series().log_id]);
    assert_eq!(lake.partitions(tables::Table::Rejected, &crate::support::series().log_id).await.unwrap(), [1]);
}
