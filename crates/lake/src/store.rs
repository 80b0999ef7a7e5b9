//! The few things that are asked of an object store, each with a bound on how long its answer may take.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions};

use crate::error::LakeError;

/// Any object store.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    inner: Arc<dyn ObjectStore>,
    timeout: Duration,
}

/// What came of a put-if-absent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Put {
    /// The object is new.
    Created,
    /// One stood there already: another writer's, or our own whose answer got lost. It was not touched.
    Standing(Bytes),
}

impl Store {
    pub(crate) fn new(inner: Arc<dyn ObjectStore>, timeout: Duration) -> Self {
        Self { inner, timeout }
    }

    /// Creates an object if there is none of that name; else brings the one that stands.
    pub(crate) async fn put_new(&self, path: &str, bytes: Bytes) -> Result<Put, LakeError> {
        use object_store::Error::{AlreadyExists, Precondition};
        let at = Path::from(path);
        let options = PutOptions::from(PutMode::Create);
        match self.within("create", path, self.inner.put_opts(&at, bytes.into(), options)).await {
            Ok(_) => Ok(Put::Created),
            Err(LakeError::Store { source, .. }) if matches!(*source, AlreadyExists { .. } | Precondition { .. }) => {
                Ok(Put::Standing(self.get(path).await?))
            }
            Err(error) => Err(error),
        }
    }

    /// Writes an object whether one stands there or not.
    pub(crate) async fn replace(&self, path: &str, bytes: Bytes) -> Result<(), LakeError> {
        let at = Path::from(path);
        self.within("write", path, self.inner.put_opts(&at, bytes.into(), PutOptions::default())).await.map(|_| ())
    }

    /// Reads an object.
    pub(crate) async fn get(&self, path: &str) -> Result<Bytes, LakeError> {
        let at = Path::from(path);
        self.within("read", path, async { self.inner.get(&at).await?.bytes().await }).await
    }

    /// Reads an object that may not be there.
    pub(crate) async fn find(&self, path: &str) -> Result<Option<Bytes>, LakeError> {
        absent_is_none(self.get(path).await)
    }

    /// Whether an object is there.
    pub(crate) async fn stands(&self, path: &str) -> Result<bool, LakeError> {
        let at = Path::from(path);
        let head = absent_is_none(self.within("look for", path, self.inner.head(&at)).await)?;
        Ok(head.is_some())
    }

    /// Every object's path below a folder, in order.
    pub(crate) async fn list(&self, folder: &str) -> Result<Vec<String>, LakeError> {
        let at = Path::from(folder);
        let paths = self.inner.list(Some(&at)).map_ok(|object| object.location.to_string()).try_collect::<Vec<_>>();
        let mut paths = self.within("list", folder, paths).await?;
        paths.sort_unstable();
        Ok(paths)
    }

    /// The names of the folders right below a folder, in order.
    pub(crate) async fn folders(&self, folder: &str) -> Result<Vec<String>, LakeError> {
        let at = Path::from(folder);
        let listed = absent_is_none(self.within("list", folder, self.inner.list_with_delimiter(Some(&at))).await)?;
        let folders = listed.map_or_else(Vec::new, |listed| listed.common_prefixes);
        let mut names: Vec<_> = folders.iter().filter_map(|path| path.filename().map(str::to_owned)).collect();
        names.sort_unstable();
        Ok(names)
    }

    async fn within<T>(
        &self,
        operation: &'static str,
        path: &str,
        call: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T, LakeError> {
        match tokio::time::timeout(self.timeout, call).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(source)) => Err(LakeError::Store { operation, path: path.to_owned(), source: Box::new(source) }),
            Err(_) => Err(LakeError::TimedOut { operation, path: path.to_owned(), seconds: self.timeout.as_secs() }),
        }
    }
}

fn absent_is_none<T>(result: Result<T, LakeError>) -> Result<Option<T>, LakeError> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(LakeError::Store { source, .. }) if matches!(*source, object_store::Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
