//! A store that is away for a while.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt};
use lake::Lake;
use lake_writer::{Config, Flush};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use service::Shutdown;
use tables::Table;

use crate::support::{World, all_kinds, eventually, patient};

/// A store that answers only while it is there.
#[derive(Clone, Debug)]
struct Fickle {
    inner: Arc<InMemory>,
    is_there: Arc<AtomicBool>,
}

impl Fickle {
    fn new(is_there: bool) -> Self {
        Self { inner: Arc::new(InMemory::new()), is_there: Arc::new(AtomicBool::new(is_there)) }
    }

    fn set(&self, is_there: bool) {
        self.is_there.store(is_there, Ordering::SeqCst);
    }

    fn answers(&self) -> Result<&InMemory> {
        if self.is_there.load(Ordering::SeqCst) {
            return Ok(&self.inner);
        }
        Err(Error::Generic { store: "fickle", source: "away".into() })
    }

    /// The lake as it stands, whether the store answers or not.
    fn lake_within(&self) -> Lake {
        Lake::over(self.inner.clone())
    }
}

impl fmt::Display for Fickle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("fickle")
    }
}

#[async_trait]
impl ObjectStore for Fickle {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.answers()?.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(&self, _: &Path, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        unreachable!("a multipart upload cannot be conditional")
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.answers()?.get_opts(location, options).await
    }

    fn delete_stream(&self, _: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        unreachable!("the lake never deletes")
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.answers() {
            Ok(inner) => inner.list(prefix),
            Err(error) => stream::once(async { Err(error) }).boxed(),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.answers()?.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        unreachable!("the lake never copies")
    }
}

#[test]
fn it_waits_is_not_ready_and_goes_on_when_the_store_is_back() {
    let (world, store) = (World::new(), Fickle::new(false));
    let lake = Lake::over(Arc::new(store.clone()));
    let flush = Flush::every(Duration::from_millis(5));
    let running = world.start(Config { flush, ..patient() }, &lake);
    let waits_for = || running.health.report().remove("lake-writer").flatten().unwrap_or_default();
    eventually("not ready", || waits_for().contains("away"));
    for n in 0..3 {
        world.publish(all_kinds(n * 20..n * 20 + 20));
        store.set(true);
        eventually("ready", || running.health.is_ready());
        eventually("rows", || world.rows_so_far(&store.lake_within(), Table::Hits) as i64 >= n * 20 + 20);
        store.set(false);
        world.publish(vec![crate::support::hit(1000 + n), crate::support::hit(1001 + n)]);
        eventually("not ready", || waits_for().contains("away"));
    }
    store.set(true);
    eventually("ready", || running.health.is_ready());
    assert!(running.stop().is_complete);
    assert_eq!(world.rows(&lake, Table::Hits), 66);
    assert_eq!(world.rows(&lake, Table::Sessions), 60);
}

#[test]
fn a_stop_while_the_store_is_away_ends_and_the_next_start_writes_the_rest() {
    let (world, store) = (World::new(), Fickle::new(true));
    let lake = Lake::over(Arc::new(store.clone()));
    let running = world.start_until(Shutdown::with_drain(Duration::from_millis(50)), patient(), &lake);
    eventually("ready", || running.health.is_ready());
    store.set(false);
    world.publish(all_kinds(0..20));
    assert!(!running.stop().is_complete);
    assert_eq!(world.rows(&store.lake_within(), Table::Hits), 0);
    store.set(true);
    let running = world.start_until(Shutdown::with_drain(Duration::from_secs(60)), patient(), &lake);
    eventually("ready", || running.health.is_ready());
    assert!(running.stop().is_complete);
    assert_eq!(world.rows(&lake, Table::Hits), 20);
}
