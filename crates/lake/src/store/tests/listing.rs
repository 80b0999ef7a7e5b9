//! Lists of a hundred thousand: what a lake of years has. Written past the servers where they are folders.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::stream::{self, StreamExt};
use object_servers::{Kind, fresh_name, shared};

use super::places;
use crate::open::{Access, Lake};
use crate::store::Store;

/// A bound that is no measurement: what is quadratic takes far longer.
const PATIENCE: Duration = Duration::from_secs(240);

fn path(n: usize) -> String {
    format!("_batches/hits/l/{}/{:020}.json", n % 4, n * 1_000)
}

fn paths(count: usize) -> Vec<String> {
    let mut paths: Vec<_> = (0..count).map(path).collect();
    paths.sort_unstable();
    paths
}

async fn put(store: &Store, count: usize) {
    let puts = (0..count).map(|n| async move { store.replace(&path(n), Bytes::from_static(b"{}")).await.unwrap() });
    stream::iter(puts).buffer_unordered(32).collect::<()>().await;
}

fn write(folder: &Path, count: usize) {
    for n in 0..count {
        let file = folder.join(path(n));
        if n < 4 {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
        }
        fs::write(file, "{}").unwrap();
    }
}

async fn lists(store: &Store, count: usize) {
    let began = Instant::now();
    let listed = store.list("_batches").await.unwrap();
    eprintln!("{count} listed in {:.1?} by {}", began.elapsed(), store.inner);
    assert!(listed == paths(count), "{} of {count}", listed.len());
    assert!(began.elapsed() < PATIENCE);
}

#[tokio::test]
async fn a_hundred_thousand_in_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path().to_str().unwrap(), Access::Write).await.unwrap();
    write(folder.path(), 100_000);
    lists(&lake.store, 100_000).await;
}

#[tokio::test]
async fn a_hundred_thousand_in_memory() {
    let place = places::memory().await;
    put(&place.store, 100_000).await;
    lists(&place.store, 100_000).await;
}

#[tokio::test]
async fn a_hundred_thousand_on_versitygw() {
    let server = shared(Kind::Versitygw);
    let bucket = fresh_name("listing");
    server.make_bucket(&bucket);
    write(&server.data().join(&bucket).join("lake"), 100_000);
    let variables = server.variables().into_iter().collect();
    let lake = Lake::open_with(&server.lake(&bucket, "lake"), Access::Read, &variables).await.unwrap();
    lists(&lake.store, 100_000).await;
}

#[tokio::test]
async fn twenty_thousand_on_minio() {
    let place = places::minio().await;
    put(&place.store, 20_000).await;
    lists(&place.store, 20_000).await;
}

#[tokio::test]
async fn some_thousands_on_azurite() {
    let place = places::azurite().await;
    put(&place.store, 6_000).await;
    lists(&place.store, 6_000).await;
}
