//! A store that misbehaves at its n-th call.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt,
    PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use tokio::sync::Notify;

/// How a store misbehaves.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Mishap {
    /// This one call fails.
    Fail,
    /// This one call never answers.
    Hang,
    /// This call and all later ones fail: the process is gone.
    Die,
    /// This call waits until the test lets it go on: the process is a zombie.
    Stall,
    /// No call misbehaves, but each lets other tasks go first, this many times in turn.
    Yield(Vec<u8>),
}

/// A store that misbehaves at one call. It insists that no data file is ever deleted or replaced: what a
/// reader sees once without doubles, it then sees so for good.
#[derive(Clone, Debug)]
pub(crate) struct Faulty(Arc<State>);

#[derive(Debug)]
struct State {
    inner: Arc<InMemory>,
    at: usize,
    mishap: Mishap,
    /// Whether the call has its effect before it misbehaves.
    takes_effect: bool,
    calls: AtomicUsize,
    stalled: Notify,
    go_on: Notify,
}

impl Faulty {
    pub(crate) fn new(inner: &Arc<InMemory>, at: usize, mishap: Mishap, takes_effect: bool) -> Self {
        let (calls, stalled, go_on) = (AtomicUsize::new(0), Notify::new(), Notify::new());
        Self(Arc::new(State { inner: Arc::clone(inner), at, mishap, takes_effect, calls, stalled, go_on }))
    }

    /// Whether so many calls were made that it misbehaved.
    pub(crate) fn happened(&self) -> bool {
        self.0.calls.load(Ordering::SeqCst) > self.0.at
    }

    /// Resolves once the call that stalls was made.
    pub(crate) async fn stalled(&self) {
        self.0.stalled.notified().await;
    }

    /// Lets the call that stalls go on.
    pub(crate) fn go_on(&self) {
        self.0.go_on.notify_one();
    }

    async fn through<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        let state = &*self.0;
        let n = state.calls.fetch_add(1, Ordering::SeqCst);
        if let Mishap::Yield(times) = &state.mishap {
            for _ in 0..times[n % times.len()] {
                tokio::task::yield_now().await;
            }
            return call.await;
        }
        if state.mishap == Mishap::Die && n > state.at {
            return Err(broken());
        }
        if n != state.at {
            return call.await;
        }
        let mut call = Box::pin(call);
        let answer = if state.takes_effect { Some(call.as_mut().await) } else { None };
        match &state.mishap {
            Mishap::Fail | Mishap::Die => Err(broken()),
            Mishap::Hang => futures::future::pending().await,
            Mishap::Stall | Mishap::Yield(_) => {
                state.stalled.notify_one();
                state.go_on.notified().await;
                match answer {
                    Some(answer) => answer,
                    None => call.await,
                }
            }
        }
    }
}

fn broken() -> Error {
    Error::Generic { store: "faulty", source: "the connection broke".into() }
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("faulty")
    }
}

#[async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let may_be_replaced = [".gap.json", "_complete.json"].iter().any(|name| location.as_ref().ends_with(name));
        assert!(options.mode == PutMode::Create || may_be_replaced, "{location} replaced");
        self.through(self.0.inner.put_opts(location, payload, options)).await
    }

    async fn put_multipart_opts(&self, _: &Path, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        unreachable!("a multipart upload cannot be conditional")
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.through(self.0.inner.get_opts(location, options)).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let store = self.clone();
        let delete = move |location: Result<Path>| {
            let store = store.clone();
            async move {
                let location = location?;
                let is_record = location.as_ref().starts_with("_batches/") && location.as_ref().ends_with(".json");
                assert!(is_record, "{location} removed");
                store.through(store.0.inner.delete(&location)).await?;
                Ok(location)
            }
        };
        locations.then(delete).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (store, prefix) = (self.clone(), prefix.cloned());
        let listed = async move {
            let objects: Vec<_> = store.through(store.0.inner.list(prefix.as_ref()).try_collect()).await?;
            Ok::<_, Error>(stream::iter(objects.into_iter().map(Ok)))
        };
        stream::once(listed).try_flatten().boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.through(self.0.inner.list_with_delimiter(prefix)).await
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        unreachable!("the lake never copies")
    }
}
