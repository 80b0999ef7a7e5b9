//! The few things that are asked of an object store, each with a bound on how long its answer may take.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, UpdateVersion};

use crate::error::LakeError;
use crate::said::{self, Cause};

/// Between tries of a put that met another one on its way.
const CONFLICT_WAITS: [Duration; 5] = [
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(400),
    Duration::from_millis(800),
];

/// Bytes a second that a line must manage at least. A file's size is fixed once its batch is begun: one that could not be
/// brought there in time would be tried for good, whatever the next start is told.
const SLOW_LINE: u64 = 256 << 10;

/// Any object store.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    pub(crate) inner: Arc<dyn ObjectStore>,
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
    ///
    /// A put whose answer got lost is tried again below us, and then finds its own object: that is `Standing` too, with the
    /// bytes that were put. Stores also refuse a put because another one of that name is on its way (S3's 409
    /// `ConditionalRequestConflict`), or was: where nothing stands after all, it is tried anew.
    pub(crate) async fn put_new(&self, path: &str, bytes: Bytes) -> Result<Put, LakeError> {
        let at = Path::from(path);
        let mut waits = CONFLICT_WAITS.into_iter();
        let time = self.timeout + Duration::from_secs(bytes.len() as u64 / SLOW_LINE);
        loop {
            let options = PutOptions::from(PutMode::Create);
            let refusal = match self
                .within_time(time, "create", path, self.inner.put_opts(&at, bytes.clone().into(), options))
                .await
            {
                Ok(_) => return Ok(Put::Created),
                Err(error) if is_there_already(&error) => error,
                Err(error) => return Err(error),
            };
            if let Some(standing) = self.find(path).await? {
                return Ok(Put::Standing(standing));
            }
            let Some(wait) = waits.next() else { return Err(blocked(refusal)) };
            tokio::time::sleep(wait).await;
        }
    }

    /// Writes an object whether one stands there or not.
    pub(crate) async fn replace(&self, path: &str, bytes: Bytes) -> Result<(), LakeError> {
        let at = Path::from(path);
        self.within("write", path, self.inner.put_opts(&at, bytes.into(), PutOptions::default())).await.map(|_| ())
    }

    /// Writes an object if the one that stands is still that version, or if none stands and there was none. Gives whether
    /// it did: `false` where somebody else was first, and also where our own answer got lost and it was tried again.
    pub(crate) async fn put_as_read(
        &self,
        path: &str,
        bytes: Bytes,
        version: Option<UpdateVersion>,
    ) -> Result<bool, LakeError> {
        let at = Path::from(path);
        let options = PutOptions::from(version.map_or(PutMode::Create, PutMode::Update));
        match self.within("replace", path, self.inner.put_opts(&at, bytes.into(), options)).await {
            Ok(_) => Ok(true),
            Err(error) if is_there_already(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Reads an object that may not be there, and which version of it that is.
    pub(crate) async fn find_version(&self, path: &str) -> Result<Option<(Bytes, UpdateVersion)>, LakeError> {
        let at = Path::from(path);
        let read = async {
            let found = self.inner.get(&at).await?;
            let version = UpdateVersion { e_tag: found.meta.e_tag.clone(), version: found.meta.version.clone() };
            Ok((found.bytes().await?, version))
        };
        absent_is_none(self.within("read", path, read).await)
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

    /// Every object's path below a folder, in order. Each page of the list has the whole time of a call.
    pub(crate) async fn list(&self, folder: &str) -> Result<Vec<String>, LakeError> {
        let at = Path::from(folder);
        let mut objects = self.inner.list(Some(&at).filter(|at| !at.is_root()));
        let mut paths = Vec::new();
        while let Some(object) = self.within("list", folder, objects.try_next()).await? {
            paths.push(object.location.to_string());
        }
        paths.sort_unstable();
        Ok(paths)
    }

    /// The names of the folders right below a folder, in order.
    pub(crate) async fn folders(&self, folder: &str) -> Result<Vec<String>, LakeError> {
        let at = Path::from(folder);
        let below = Some(&at).filter(|at| !at.is_root());
        let listed = absent_is_none(self.within("list", folder, self.inner.list_with_delimiter(below)).await)?;
        let folders = listed.map_or_else(Vec::new, |listed| listed.common_prefixes);
        let mut names: Vec<_> = folders.iter().filter_map(|path| path.filename().map(str::to_owned)).collect();
        names.sort_unstable();
        Ok(names)
    }

    /// Removes an object. The probe alone does so.
    pub(crate) async fn delete(&self, path: &str) -> Result<(), LakeError> {
        let at = Path::from(path);
        self.within("delete", path, self.inner.delete(&at)).await
    }

    pub(crate) async fn within<T>(
        &self,
        operation: &'static str,
        path: &str,
        call: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T, LakeError> {
        self.within_time(self.timeout, operation, path, call).await
    }

    async fn within_time<T>(
        &self,
        time: Duration,
        operation: &'static str,
        path: &str,
        call: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T, LakeError> {
        match tokio::time::timeout(time, call).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(source)) => {
                let error = LakeError::Store { operation, path: path.to_owned(), source: Box::new(source) };
                Err(if is_there_already(&error) { error } else { blocked(error) })
            }
            Err(_) => Err(LakeError::TimedOut { operation, path: path.to_owned(), seconds: time.as_secs() }),
        }
    }
}

fn is_there_already(error: &LakeError) -> bool {
    use object_store::Error::{AlreadyExists, NotModified, Precondition};
    let LakeError::Store { source, .. } = error else { return false };
    matches!(**source, AlreadyExists { .. } | NotModified { .. } | Precondition { .. })
}

/// What no waiting mends, as that: on this machine's disk something of another kind may lie where a file or a folder must.
fn blocked(error: LakeError) -> LakeError {
    match error {
        LakeError::Store { operation, path, source } => match said::in_its_place(&source) {
            Some(why) => LakeError::Blocked { path, why },
            None => LakeError::Store { operation, path, source },
        },
        other => other,
    }
}

/// An object that is not there. A bucket that is not there is an error: it may have vanished with all that was in it.
fn absent_is_none<T>(result: Result<T, LakeError>) -> Result<Option<T>, LakeError> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(LakeError::Store { source, .. })
            if matches!(*source, object_store::Error::NotFound { .. }) && said::cause(&source) != Cause::NoBucket =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
