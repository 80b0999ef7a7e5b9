//! Things in the way: each is named in one line, and nothing is overwritten.

use std::sync::Arc;

use events::NextOffset;
use lake::LakeError;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use tables::Layout;

use crate::support::{Log, Writer, paths, series};

async fn refused(store: &Arc<InMemory>, log: Log, names: &str) -> LakeError {
    let before = paths(store).await;
    let error = Writer::new(Arc::clone(store) as Arc<dyn ObjectStore>, 8).run(&log).await.unwrap_err();
    let line = error.to_string();
    assert!(line.contains(names) && !line.contains('\n'), "{line}");
    assert!(!error.may_pass(), "{line}");
    assert_eq!(paths(store).await, before, "{line}");
    error
}

async fn put(store: &InMemory, path: &str, bytes: &'static str) {
    store.put(&Path::from(path), bytes.into()).await.unwrap();
}

#[tokio::test]
async fn a_truncated_batch_record() {
    let store = Arc::new(InMemory::new());
    Writer::new(store.clone(), 8).run(&Log(0..8)).await.unwrap();
    let path = "_batches/rejected/log1/1/00000000000000000008.json";
    put(&store, path, r#"{"format": 1, "table": "rej"#).await;
    assert!(matches!(refused(&store, Log(0..23), path).await, LakeError::BadRecord { .. }));
}

#[tokio::test]
async fn a_foreign_object_among_the_batch_records() {
    let store = Arc::new(InMemory::new());
    let path = "_batches/rejected/log1/1/notes.txt";
    put(&store, path, "remember the milk").await;
    assert!(matches!(refused(&store, Log(0..23), path).await, LakeError::Foreign { .. }));
}

#[tokio::test]
async fn a_batch_record_of_a_newer_build() {
    let store = Arc::new(InMemory::new());
    let path = "_batches/rejected/log1/1/00000000000000000000.json";
    put(&store, path, r#"{"format": 2, "shards": []}"#).await;
    assert!(matches!(refused(&store, Log(0..23), path).await, LakeError::Newer { format: 2, .. }));
}

#[tokio::test]
async fn a_chain_beyond_the_topics_end() {
    let store = Arc::new(InMemory::new());
    Writer::new(store.clone(), 8).run(&Log(0..23)).await.unwrap();
    let error = refused(&store, Log(0..8), "rejected/1 of log log1").await;
    assert!(matches!(error, LakeError::BeyondEnd { chain: NextOffset(23), end: NextOffset(8), .. }));
}

#[tokio::test]
async fn a_file_in_the_way_of_a_data_file() {
    let store = Arc::new(InMemory::new());
    let path = "rejected/date=2015-05-17/rejected-log1-1-00000000000000000000.parquet";
    put(&store, path, "not Parquet").await;
    let error = Writer::new(store.clone(), 8).run(&Log(0..23)).await.unwrap_err();
    assert!(matches!(&error, LakeError::InTheWay { .. }) && error.to_string().contains(path), "{error}");
    assert_eq!(store.get(&Path::from(path)).await.unwrap().bytes().await.unwrap(), "not Parquet");
    // Once it is moved away, the batch that was begun is finished.
    store.delete(&Path::from(path)).await.unwrap();
    Writer::new(store.clone(), 8).run(&Log(0..23)).await.unwrap();
    crate::support::assert_exactly_once(&store, &Log(0..23), &series()).await;
}

/// Whole and readable, and still not what must stand there.
#[tokio::test]
async fn another_batchs_file_in_the_way_of_a_data_file() {
    let (store, other) = (Arc::new(InMemory::new()), Arc::new(InMemory::new()));
    Writer::new(other.clone(), 5).run(&Log(0..5)).await.unwrap();
    let path = "rejected/date=2015-05-17/rejected-log1-1-00000000000000000000.parquet";
    let bytes = other.get(&Path::from(path)).await.unwrap().bytes().await.unwrap();
    store.put(&Path::from(path), bytes.clone().into()).await.unwrap();
    let error = Writer::new(store.clone(), 8).run(&Log(0..23)).await.unwrap_err();
    assert!(matches!(&error, LakeError::InTheWay { .. }) && error.to_string().contains(path), "{error}");
    assert_eq!(store.get(&Path::from(path)).await.unwrap().bytes().await.unwrap(), bytes);
}

#[tokio::test]
async fn a_truncated_note_of_a_gap() {
    let store = Arc::new(InMemory::new());
    Writer::new(store.clone(), 8).run(&Log(0..8)).await.unwrap();
    let path = "_batches/rejected/log1/1/00000000000000000008.gap.json";
    put(&store, path, r#"{"format": 1, "exp"#).await;
    assert!(matches!(refused(&store, Log(12..23), path).await, LakeError::BadRecord { .. }));
}

/// The same rows in the newer layout are more than this build knows to write.
#[tokio::test]
async fn a_batch_that_a_newer_build_has_begun() {
    let store = Arc::new(InMemory::new());
    Writer::new(store.clone(), 8).run(&Log(0..8)).await.unwrap();
    let path = "_batches/rejected/log1/1/00000000000000000000.json";
    let json = store.get(&Path::from(path)).await.unwrap().bytes().await.unwrap();
    let (known, next) = (Layout::SCHEMA, Layout::SCHEMA + 1);
    let json = String::from_utf8(json.to_vec()).unwrap();
    let newer = json.replace(&format!("\"schema\": {known}"), &format!("\"schema\": {next}"));
    store.put(&Path::from(path), newer.into()).await.unwrap();
    // Complete as it is, it is left as it is.
    Writer::new(store.clone(), 8).run(&Log(0..8)).await.unwrap();
    let file = "rejected/date=2015-05-17/rejected-log1-1-00000000000000000000.parquet";
    store.delete(&Path::from(file)).await.unwrap();
    assert!(
        matches!(refused(&store, Log(0..23), path).await, LakeError::Newer { format, .. } if format == u64::from(next))
    );
}

#[tokio::test]
async fn a_folder_among_the_batch_records() {
    let store = Arc::new(InMemory::new());
    let path = "_batches/rejected/log1/1/backup/00000000000000000000.json";
    put(&store, path, "{}").await;
    assert!(matches!(refused(&store, Log(0..23), path).await, LakeError::Foreign { .. }));
}
