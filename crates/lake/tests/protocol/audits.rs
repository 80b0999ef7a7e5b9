//! What `verify` says of lakes that are sound, and of those that are not.

use std::sync::Arc;

use bytes::Bytes;
use events::{NextOffset, Offset};
use lake::{Audit, Fault, Lake, OffsetRange};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use crate::faulty::{Faulty, Mishap};
use crate::support::{Log, Writer, glob, paths, series};

async fn audit(store: &Arc<InMemory>) -> Audit {
    Lake::over(Arc::clone(store) as Arc<dyn ObjectStore>).audit(series()).await.unwrap()
}

async fn written(log: &Log, cut: i64) -> Arc<InMemory> {
    let store = Arc::new(InMemory::new());
    Writer::new(store.clone(), cut).run(log).await.unwrap();
    store
}

async fn data_files(store: &InMemory) -> Vec<String> {
    paths(store).await.into_iter().filter(|path| path.ends_with(".parquet")).collect()
}

async fn get(store: &InMemory, path: &str) -> Bytes {
    store.get(&Path::from(path)).await.unwrap().bytes().await.unwrap()
}

fn range(from: i64, to: i64) -> OffsetRange {
    OffsetRange { from: NextOffset(from), to: NextOffset(to) }
}

#[tokio::test]
async fn a_sound_chain_is_counted() {
    let store = written(&Log(0..23), 8).await;
    let audit = audit(&store).await;
    assert!(audit.is_sound());
    assert_eq!((audit.batches, audit.files, audit.records, audit.skipped, audit.rows), (3, 6, 23, 3, 20));
    assert_eq!(audit.complete_through, NextOffset(23));
}

#[tokio::test]
async fn a_lake_without_the_chain_is_complete_through_nothing() {
    let audit = audit(&Arc::new(InMemory::new())).await;
    assert_eq!((audit.is_sound(), audit.batches, audit.complete_through), (true, 0, NextOffset(0)));
}

#[tokio::test]
async fn a_missing_file_is_named_and_so_are_its_records() {
    let store = written(&Log(0..23), 8).await;
    let file = data_files(&store).await.into_iter().find(|path| path.contains("-17/") && path.contains("08.")).unwrap();
    store.delete(&Path::from(file.as_str())).await.unwrap();
    let audit = audit(&store).await;
    assert_eq!(audit.faults[0], Fault::MissingFile(file));
    assert_eq!(audit.gaps().collect::<Vec<_>>(), [range(8, 9), range(10, 11), range(12, 13), range(14, 15)]);
    assert_eq!(audit.complete_through, NextOffset(8));
}

#[tokio::test]
async fn a_file_that_is_another_batchs_is_named() {
    let store = written(&Log(0..23), 8).await;
    let files = data_files(&store).await;
    let other = get(&store, &files[1]).await;
    store.put(&Path::from(files[0].as_str()), other.into()).await.unwrap();
    assert!(matches!(&audit(&store).await.faults[0], Fault::BadFile { path, .. } if *path == files[0]));
}

#[tokio::test]
async fn a_damaged_file_is_named() {
    let store = written(&Log(0..23), 8).await;
    let files = data_files(&store).await;
    store.put(&Path::from(files[0].as_str()), "PAR1".into()).await.unwrap();
    assert!(matches!(&audit(&store).await.faults[0], Fault::BadFile { path, .. } if *path == files[0]));
}

/// Two files of one batch that are the same: readers see each row twice.
#[tokio::test]
async fn a_record_that_stands_twice_is_named() {
    let store = written(&Log(0..5), 5).await;
    let files = data_files(&store).await;
    let first = get(&store, &files[0]).await;
    store.put(&Path::from(files[1].as_str()), first.into()).await.unwrap();
    let audit = audit(&store).await;
    assert_eq!(audit.doubles(), 3);
    assert!(audit.faults.contains(&Fault::Double { offset: Offset(2), batch: NextOffset(0) }));
}

#[tokio::test]
async fn a_file_that_no_batch_names_is_a_stray() {
    let store = written(&Log(0..23), 8).await;
    let files = data_files(&store).await;
    let stray = files[0].replace("000000.parquet", "000001.parquet");
    store.put(&Path::from(stray.as_str()), get(&store, &files[0]).await.into()).await.unwrap();
    assert_eq!(audit(&store).await.faults, [Fault::StrayFile(stray)]);
}

#[tokio::test]
async fn a_missing_batch_record_breaks_the_chain() {
    let store = written(&Log(0..23), 8).await;
    let record = paths(&store).await.into_iter().find(|path| path.ends_with("08.json")).unwrap();
    store.delete(&Path::from(record)).await.unwrap();
    let audit = audit(&store).await;
    assert_eq!(audit.faults[0], Fault::BrokenChain { expected: NextOffset(8), found: NextOffset(16) });
    assert_eq!(audit.complete_through, NextOffset(8));
}

#[tokio::test]
async fn what_expired_before_it_was_read_is_named_and_the_rest_goes_on() {
    let store = written(&Log(0..8), 8).await;
    Writer::new(store.clone(), 8).run(&Log(12..23)).await.unwrap();
    let audit = audit(&store).await;
    assert!(audit.is_sound(), "{:?}", audit.faults);
    assert_eq!((audit.lost, audit.complete_through), (vec![range(8, 12)], NextOffset(23)));
}

/// The record stood and the process died; until the next one started, a part of the range expired.
#[tokio::test]
async fn what_expired_in_the_midst_of_a_batch_is_named_and_what_is_left_is_written() {
    for at in 0..20 {
        for start in [3, 9, 12, 17, 23] {
            let store = Arc::new(InMemory::new());
            let dying = Faulty::new(&store, at, Mishap::Die, true);
            Writer::new(Arc::new(dying), 8).run(&Log(0..23)).await.unwrap_or_default();
            let before = glob(&store).await;
            Writer::new(store.clone(), 5).run(&Log(start..23)).await.unwrap();
            let audit = audit(&store).await;
            assert!(audit.is_sound(), "{at} {start}: {:?}", audit.faults);
            assert_eq!(audit.complete_through, NextOffset(23));
            let after = glob(&store).await;
            assert!(after.values().all(|&times| times == 1));
            for offset in Log(0..23).rows() {
                let was_to_be_had = before.contains_key(&offset) || offset.0 >= start;
                assert_eq!(after.contains_key(&offset), was_to_be_had, "{at} {start} {offset}");
                let is_lost = audit.lost.iter().any(|lost| lost.contains(offset));
                assert_eq!(is_lost, !was_to_be_had, "{at} {start} {offset}: {:?}", audit.lost);
            }
        }
    }
}
