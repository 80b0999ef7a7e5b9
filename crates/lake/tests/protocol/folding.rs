//! Old batch records become one, and whatever happens on the way every batch stays spoken for.

use std::sync::Arc;
use std::time::Duration;

use events::{NextOffset, Timestamp};
use futures::stream::TryStreamExt;
use lake::{Committed, Committer, Fault, Folded, Folding, Lake, LakeError, Next};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use proptest::prelude::*;

use crate::faulty::{Faulty, Mishap};
use crate::support::{END_OF_TIME, Log, Writer, assert_exactly_once, eager, paths, series};

const LOG: Log = Log(0..23);

fn lake(store: &Arc<InMemory>) -> Lake {
    Lake::over(Arc::clone(store) as Arc<dyn ObjectStore>)
}

async fn written(cut: i64) -> Arc<InMemory> {
    let store = Arc::new(InMemory::new());
    Writer::new(store.clone(), cut).run(&LOG).await.unwrap();
    store
}

/// The names in the chain's folder.
async fn records(store: &InMemory) -> Vec<String> {
    let all = paths(store)
        .await
        .into_iter()
        .filter_map(|path| path.strip_prefix("_batches/rejected/log1/1/").map(str::to_owned));
    all.collect()
}

/// A moment by the store's clock, behind which everything lies that stands, and before which nothing more will be put.
async fn after_all_that_stands(store: &InMemory) -> Timestamp {
    let all: Vec<_> = store.list(None).try_collect().await.unwrap();
    let last = all.iter().map(|object| object.last_modified.timestamp_millis()).max().unwrap();
    tokio::time::sleep(Duration::from_millis(2)).await;
    Timestamp::from_millis(last + 1)
}

fn number(n: i64) -> String {
    format!("{n:020}")
}

#[tokio::test]
async fn old_records_become_one_and_the_last_stays() {
    let store = written(3).await;
    let folding = Folding { at_least: 1, ..Folding::before(END_OF_TIME) };
    let folded = lake(&store).fold(&series(), &folding).await.unwrap();
    assert_eq!(folded, Folded { batches: 7, removed: 7 });
    let name = format!("{}-{}.folded.json", number(0), number(21));
    assert_eq!(records(&store).await, [name, format!("{}.json", number(21))]);
    assert_exactly_once(&store, &LOG, &"folded").await;
    assert_eq!(lake(&store).fold(&series(), &folding).await.unwrap(), Folded::default());
    // It is public as the records are: somebody may have to read it by hand.
    let path = format!("_batches/rejected/log1/1/{}-{}.folded.json", number(0), number(21));
    let json = store.get(&Path::from(path)).await.unwrap().bytes().await.unwrap();
    insta::assert_snapshot!(String::from_utf8(json.to_vec()).unwrap());
}

#[tokio::test]
async fn the_chain_goes_on_behind_what_is_folded() {
    let store = Arc::new(InMemory::new());
    for end in 1..=23 {
        Writer::new(store.clone(), 3).run_and_fold(&Log(0..end), Some(eager(END_OF_TIME))).await.unwrap();
        assert_exactly_once(&store, &Log(0..end), &end).await;
        let committer = Committer::open(&lake(&store), series()).await.unwrap();
        assert_eq!(committer.next(), Next::Append(NextOffset(end)));
    }
    // Four batches make a folded record full, so there are several.
    assert!(records(&store).await.iter().filter(|name| name.ends_with(".folded.json")).count() > 2);
}

#[tokio::test]
async fn young_records_and_few_are_left_alone() {
    let store = written(3).await;
    let before = records(&store).await;
    for folding in [eager(Timestamp::from_millis(0)), Folding { at_least: 8, ..eager(END_OF_TIME) }] {
        assert_eq!(lake(&store).fold(&series(), &folding).await.unwrap(), Folded::default());
    }
    assert_eq!(records(&store).await, before);
}

#[tokio::test]
async fn what_had_expired_stays_named() {
    let store = Arc::new(InMemory::new());
    Writer::new(store.clone(), 8).run(&Log(0..8)).await.unwrap();
    Writer::new(store.clone(), 4).run_and_fold(&Log(12..23), Some(eager(END_OF_TIME))).await.unwrap();
    assert!(records(&store).await.iter().all(|name| !name.ends_with(".gap.json")));
    let audit = lake(&store).audit(series()).await.unwrap();
    assert!(audit.is_sound(), "{:?}", audit.faults);
    assert_eq!(audit.lost.iter().map(|lost| (lost.from.0, lost.to.0)).collect::<Vec<_>>(), [(8, 12)]);
    assert_eq!(audit.complete_through, NextOffset(23));
}

/// Every call of a run that folds, once with this mishap, before and after it took effect.
async fn at_every_call(mishap: Mishap, patience: usize) {
    let mut calls = 0;
    for takes_effect in [false, true] {
        for at in 0.. {
            let store = Arc::new(InMemory::new());
            let faulty = Faulty::new(&store, at, mishap.clone(), takes_effect);
            let lake = Lake::with_timeout(Arc::new(faulty.clone()), Duration::from_millis(5));
            let writer = Writer { patience, ..Writer { lake, ..Writer::new(store.clone(), 3) } };
            let outcome = writer.run_and_fold(&LOG, Some(eager(END_OF_TIME))).await;
            if !faulty.happened() {
                outcome.unwrap();
                calls = at;
                break;
            }
            let when = (&mishap, takes_effect, at);
            crate::support::assert_no_doubles(&store, &when).await;
            if patience > 0 {
                outcome.unwrap();
                assert_exactly_once(&store, &LOG, &when).await;
            }
            Writer::new(store.clone(), 5).run_and_fold(&LOG, Some(eager(END_OF_TIME))).await.unwrap();
            assert_exactly_once(&store, &LOG, &when).await;
        }
    }
    assert!(calls > 60, "{calls}");
}

#[tokio::test]
async fn a_call_that_fails_while_it_folds_is_made_again() {
    at_every_call(Mishap::Fail, 1).await;
}

#[tokio::test]
async fn a_call_that_hangs_while_it_folds_is_given_up_and_made_again() {
    at_every_call(Mishap::Hang, 1).await;
}

#[tokio::test]
async fn a_process_that_dies_while_it_folds_leaves_what_the_next_one_finishes() {
    at_every_call(Mishap::Die, 0).await;
}

/// A folder that everybody believed dead wakes up, at every call, when another one has folded further.
#[tokio::test]
async fn a_folder_that_wakes_up_late_does_no_harm() {
    for takes_effect in [false, true] {
        for at in 0.. {
            let store = written(2).await;
            let stalling = Faulty::new(&store, at, Mishap::Stall, takes_effect);
            let slow = Lake::over(Arc::new(stalling.clone()));
            let mut folder = tokio::spawn(async move { slow.fold(&series(), &eager(END_OF_TIME)).await });
            let stalls = tokio::select! {
                () = stalling.stalled() => true,
                ended = &mut folder => { ended.unwrap().unwrap(); false }
            };
            if !stalls {
                assert!(at >= 5, "{at}");
                break;
            }
            for _ in 0..4 {
                lake(&store).fold(&series(), &eager(END_OF_TIME)).await.unwrap();
            }
            assert_exactly_once(&store, &LOG, &(at, takes_effect, "before it wakes")).await;
            stalling.go_on();
            folder.await.unwrap().unwrap();
            assert_exactly_once(&store, &LOG, &(at, takes_effect, "after it woke")).await;
            lake(&store).fold(&series(), &eager(END_OF_TIME)).await.unwrap();
            assert_exactly_once(&store, &LOG, &(at, takes_effect, "after another one")).await;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn writers_and_folders_in_any_interleaving_keep_each_record_once(
        paces in prop::collection::vec(prop::collection::vec(0u8..6, 1..12), 4),
        cuts in prop::collection::vec(1i64..6, 2),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            // What stands when all of them begin is old; what they put themselves is not: a folder that took that, too, would
            // take from a slow writer the record that stops it, which takes days in life.
            let store = written(2).await;
            let young = after_all_that_stands(&store).await;
            let paced = |at: usize| {
                Arc::new(Faulty::new(&store, 0, Mishap::Yield(paces[at].clone()), false)) as Arc<dyn ObjectStore>
            };
            let all = Log(0..40);
            let write = |at: usize| Writer::new(paced(at), cuts[at]);
            let fold = |at: usize| {
                let lake = Lake::over(paced(at));
                async move {
                    for at_most in [2, 3, 1, 9] {
                        lake.fold(&series(), &Folding { at_most, ..eager(young) }).await?;
                    }
                    Ok::<_, LakeError>(())
                }
            };
            let old = Committer::open(&lake(&store), series()).await.unwrap().chain().position();
            assert_eq!(old, NextOffset(23));
            let (one, other) = (write(0), write(1));
            let (a, b, c, d) = tokio::join!(one.run(&all), other.run(&all), fold(2), fold(3));
            for outcome in [a, b, c, d] {
                outcome.unwrap();
            }
            assert_exactly_once(&store, &all, &(&paces, &cuts)).await;
        });
    }
}

#[tokio::test]
async fn a_writer_that_was_away_for_too_long_is_named() {
    let store = written(3).await;
    // Its record was removed, so it could be created again: with another end than it had.
    let path = Path::from(format!("_batches/rejected/log1/1/{}.json", number(6)));
    let json = store.get(&path).await.unwrap().bytes().await.unwrap();
    let json = String::from_utf8(json.to_vec()).unwrap().replace("\"end\": 9", "\"end\": 12");
    lake(&store).fold(&series(), &Folding { at_least: 1, ..Folding::before(END_OF_TIME) }).await.unwrap();
    store.put(&path, json.into()).await.unwrap();
    let audit = lake(&store).audit(series()).await.unwrap();
    assert_eq!(audit.faults, [Fault::Outlived(path.to_string())]);
    // It is young, and so it is not removed with what is old.
    lake(&store).fold(&series(), &eager(Timestamp::from_millis(0))).await.unwrap();
    assert!(store.head(&path).await.is_ok());
}

/// It was frozen while it gathered. What would have stopped it is folded by now, so it looks before it writes.
#[tokio::test]
async fn a_writer_that_comes_back_after_days_looks_where_the_chain_stands() {
    let store = Arc::new(InMemory::new());
    Writer::new(store.clone(), 8).run(&Log(0..8)).await.unwrap();
    let frozen = Committer::open(&lake(&store), series()).await.unwrap();
    Writer::new(store.clone(), 3).run_and_fold(&LOG, Some(eager(END_OF_TIME))).await.unwrap();
    let before = paths(&store).await;
    let mut thawed = frozen.believing_for(Duration::ZERO);
    assert_eq!(thawed.next(), Next::Append(NextOffset(8)));
    let batch = crate::support::batch(&LOG, 8, 12);
    assert_eq!(thawed.commit(&batch).await.unwrap(), Committed::Overtaken);
    assert_eq!(thawed.next(), Next::Append(NextOffset(23)));
    assert_eq!(paths(&store).await, before);
}

/// Two thousand batches are one list, and no record but the last is read.
#[tokio::test]
async fn finding_the_end_of_a_long_chain_reads_one_record() {
    let store = Arc::new(InMemory::new());
    let all = Log(0..2000);
    Writer::new(store.clone(), 1).run(&all).await.unwrap();
    let folding = Folding { at_most: 1500, at_least: 1, ..Folding::before(END_OF_TIME) };
    lake(&store).fold(&series(), &folding).await.unwrap();
    // The list is call 0, the record call 1, and its file call 2.
    let counting = Faulty::new(&store, 3, Mishap::Die, false);
    let committer = Committer::open(&Lake::over(Arc::new(counting)), series()).await.unwrap();
    assert_eq!(committer.next(), Next::Append(NextOffset(2000)));
}

#[tokio::test]
async fn a_folded_record_that_cannot_be_trusted_is_named_and_left_alone() {
    for (json, names) in [
        (r#"{"format": 1, "table": "rej"#, "cannot be trusted"),
        (r#"{"format": 2}"#, "newer build"),
        (
            r#"{"format":1,"table":"rejected","log_id":"log1","partition":1,"start":0,"end":6,"batches":[]}"#,
            "end at offset 0",
        ),
        (
            r#"{"format":1,"table":"hits","log_id":"log1","partition":1,"start":0,"end":6,"batches":[]}"#,
            "it says that it is of hits/1",
        ),
    ] {
        let store = written(3).await;
        let path = format!("_batches/rejected/log1/1/{}-{}.folded.json", number(0), number(6));
        store.put(&Path::from(path.as_str()), json.into()).await.unwrap();
        let before = paths(&store).await;
        for error in [
            lake(&store).fold(&series(), &eager(END_OF_TIME)).await.unwrap_err(),
            lake(&store).audit(series()).await.unwrap_err(),
        ] {
            let line = error.to_string();
            assert!(line.contains(&path) && line.contains(names) && !line.contains('\n'), "{line}");
        }
        assert_eq!(paths(&store).await, before);
    }
}
