use std::sync::Arc;

use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutPayload};
use proptest::prelude::*;

use super::*;

fn log_id() -> LogId {
    LogId::try_from("log1".to_owned()).unwrap()
}

fn mark(offset: i64, millis: Option<i64>) -> Mark {
    Mark { offset: NextOffset(offset), complete_through: millis.map(Timestamp::from_millis) }
}

fn of(partition: u32, mark: Mark) -> BTreeMap<u32, Mark> {
    BTreeMap::from([(partition, mark)])
}

async fn log(lake: &Lake) -> LogCompleteness {
    lake.completeness(Table::Hits).await.unwrap().unwrap().logs.remove(&log_id()).unwrap()
}

async fn every_partition_counts(lake: &Lake) {
    assert_eq!(lake.completeness(Table::Hits).await.unwrap(), None);
    assert!(lake.mark_complete(Table::Hits, &log_id(), 2, &of(0, mark(7, Some(2000)))).await.unwrap());
    assert_eq!(log(lake).await.complete_through, None);
    assert!(lake.mark_complete(Table::Hits, &log_id(), 2, &of(1, mark(0, Some(1000)))).await.unwrap());
    assert_eq!(log(lake).await.complete_through, Some(Timestamp::from_millis(1000)));
    // A zombie says what was true long ago.
    assert!(lake.mark_complete(Table::Hits, &log_id(), 2, &of(0, mark(3, None))).await.unwrap());
    assert_eq!(log(lake).await.partitions, BTreeMap::from([(0, mark(7, Some(2000))), (1, mark(0, Some(1000)))]));
}

#[tokio::test]
async fn a_table_is_complete_to_where_each_partition_is() {
    every_partition_counts(&Lake::over(Arc::new(InMemory::new()))).await;
}

/// A process that another test is just starting has a copy of every open file until it runs, and with it of a lock that was
/// given back here.
async fn taken(folder: &Folder) -> File {
    for _ in 0..1000 {
        if let Some(held) = lock(folder, Table::Hits).unwrap() {
            return held;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("somebody keeps the lock");
}

#[tokio::test]
async fn on_a_folder_it_is_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let inner = object_store::local::LocalFileSystem::new_with_prefix(dir.path()).unwrap();
    let lake = Lake { folder: Some(dir.path().to_owned()), ..Lake::over(Arc::new(inner)) };
    every_partition_counts(&lake).await;
    // While somebody else has the lock, nothing is written, and nobody waits for ever.
    let held = taken(dir.path()).await;
    assert!(!lake.mark_complete(Table::Hits, &log_id(), 2, &of(0, mark(9, None))).await.unwrap());
    drop(held);
    assert!(lake.mark_complete(Table::Hits, &log_id(), 2, &of(0, mark(9, None))).await.unwrap());
    assert_eq!(log(&lake).await.partitions[&0], mark(9, Some(2000)));
}

/// Readers outside wait for these names.
#[tokio::test]
async fn the_object_is_public_json() {
    let lake = Lake::over(Arc::new(InMemory::new()));
    let marks = BTreeMap::from([(0, mark(120, Some(1_793_577_600_000))), (1, mark(98, Some(1_793_577_601_000)))]);
    lake.mark_complete(Table::Sessions, &log_id(), 2, &marks).await.unwrap();
    let json = lake.store.get("sessions/_complete.json").await.unwrap();
    insta::assert_snapshot!(String::from_utf8(json.to_vec()).unwrap());
}

#[tokio::test]
async fn what_cannot_be_trusted_is_left_as_it_is() {
    for (standing, names) in [(r#"{"format": 1, "tab"#, "cannot be trusted"), (r#"{"format": 2}"#, "newer build")] {
        let store = Arc::new(InMemory::new());
        let path = Path::from("hits/_complete.json");
        store.put(&path, PutPayload::from_static(standing.as_bytes())).await.unwrap();
        let lake = Lake::over(store.clone());
        let error = lake.mark_complete(Table::Hits, &log_id(), 2, &of(0, mark(9, None))).await.unwrap_err();
        let line = error.to_string();
        assert!(line.contains("hits/_complete.json") && line.contains(names) && !line.contains('\n'), "{line}");
        assert_eq!(store.get(&path).await.unwrap().bytes().await.unwrap(), standing);
    }
}

proptest! {
    /// Lake-writers with partitions of their own, and zombies with old marks, all at once.
    #[test]
    fn whoever_writes_when_nothing_falls_and_all_of_it_stands_in_the_end(
        writes in prop::collection::vec((0u32..4, 0i64..50, prop::option::of(0i64..50)), 1..30),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let lake = Lake::over(Arc::new(InMemory::new()));
            let mut highest: BTreeMap<u32, Mark> = BTreeMap::new();
            let mut through = None;
            for some in writes.chunks(3) {
                let id = log_id();
                let all = some.iter().map(|&(partition, offset, millis)| {
                    let (lake, id, marks) = (&lake, &id, of(partition, mark(offset, millis)));
                    async move { lake.mark_complete(Table::Hits, id, 4, &marks).await.unwrap() }
                });
                assert!(futures::future::join_all(all).await.into_iter().all(|stands| stands));
                for &(partition, offset, millis) in some {
                    let known = highest.entry(partition).or_default();
                    *known = known.max(mark(offset, millis));
                }
                let found = log(&lake).await;
                assert_eq!(found.partitions, highest);
                assert!(found.complete_through >= through);
                through = found.complete_through;
            }
        });
    }
}
