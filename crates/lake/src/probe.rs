//! Tries at the start what the lake will ask of its store, so that what is missing is said then, and not in the night.

use std::collections::hash_map::RandomState;
use std::fs::File;
use std::hash::{BuildHasher, Hasher};
use std::io;
use std::path::Path as Folder;

use bytes::Bytes;

use crate::error::LakeError;
use crate::said::{self, Cause};
use crate::store::{Put, Store};

/// Below this the probes lie. Readers pass over names that begin with an underscore.
pub(crate) const FOLDER: &str = "_probe";

const CONDITIONAL: &str = "Use a store that has conditional writes";

/// Writes an object, reads it, tries to create it anew, replaces it as it was read, lists it, and removes it. `folder` is the
/// store's, where it is one on this machine.
pub(crate) async fn write(store: &Store, folder: Option<&Folder>) -> Result<(), String> {
    let path = format!("{FOLDER}/{}", random_name());
    let (first, second) = (Bytes::from_static(b"first\n"), Bytes::from_static(b"second\n"));
    let put = store.put_new(&path, first.clone()).await.map_err(|error| cannot("write", &path, &error))?;
    // Where the answer to the first try got lost, the second finds its own object.
    if !matches!(&put, Put::Created) && put != Put::Standing(first.clone()) {
        return Err(format!("it says of an object that is new that it stood there before: `{path}`"));
    }
    let read = store.get(&path).await.map_err(|error| cannot("read", &path, &error))?;
    if read != first {
        return Err(format!("it gives back other bytes than it was given: `{path}`"));
    }
    let again = store.put_new(&path, second).await.map_err(|error| cannot("create", &path, &error))?;
    if again != Put::Standing(first) {
        return Err(format!("it ignores If-None-Match: two writers could overwrite each other's files. {CONDITIONAL}"));
    }
    replace_as_read(store, folder, &path).await?;
    let listed = store.list(FOLDER).await.map_err(|error| cannot("list", FOLDER, &error))?;
    if !listed.contains(&path) {
        return Err(format!("it does not list what was just written: `{path}`"));
    }
    store.delete(&path).await.map_err(|error| cannot("delete", &path, &error))
}

/// What `_complete.json` asks for: a version that was read can be replaced, and one that is no longer there cannot. In a
/// folder a lock does that.
async fn replace_as_read(store: &Store, folder: Option<&Folder>, path: &str) -> Result<(), String> {
    if let Some(folder) = folder {
        let file = File::options().append(true).open(folder.join(path));
        let locked = file.and_then(|file| file.try_lock().map_err(io::Error::from));
        return locked.map_err(|error| format!("its files cannot be locked: {error}; use a disk that has locks"));
    }
    let cannot = |error: LakeError| cannot("replace as it was read (If-Match)", path, &error);
    let gone = || format!("it does not give back what was just written: `{path}`");
    let (_, old) = store.find_version(path).await.map_err(cannot)?.ok_or_else(gone)?;
    let (third, fourth) = (Bytes::from_static(b"third\n"), Bytes::from_static(b"fourth\n"));
    let replaced = store.put_as_read(path, third.clone(), Some(old.clone())).await.map_err(cannot)?;
    // Where the answer to the first try got lost, the second finds its own object.
    if !replaced && store.get(path).await.map_err(cannot)? != third {
        return Err(format!("it takes no If-Match: `{path}` was not replaced although nobody else had. {CONDITIONAL}"));
    }
    let again = store.put_as_read(path, fourth, Some(old)).await.map_err(cannot)?;
    if again || store.get(path).await.map_err(cannot)? != third {
        return Err(format!(
            "it ignores If-Match: lake-writers could take back each other's word of how far a table is complete. {CONDITIONAL}"
        ));
    }
    Ok(())
}

/// Looks, and writes nothing.
pub(crate) async fn read(store: &Store) -> Result<(), String> {
    store.folders("").await.map(|_| ()).map_err(|error| cannot("list", "", &error))
}

fn cannot(operation: &str, path: &str, error: &LakeError) -> String {
    match error {
        LakeError::Store { source, .. } if said::cause(source) == Cause::NotAllowed => {
            let line = said::line(source);
            format!(
                "{line}; it could not {operation}. Writers read, write, list and delete below the prefix, others read and list"
            )
        }
        LakeError::Store { source, .. } => said::line(source),
        LakeError::TimedOut { seconds, .. } => format!("it did not {operation} `{path}` within {seconds} s"),
        other => other.to_string(),
    }
}

/// A name that nobody else has. A map's random seed is as random as it takes, and needs neither a clock nor a crate.
fn random_name() -> String {
    let random = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", random(), random())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use object_store::memory::InMemory;

    use super::*;

    #[tokio::test]
    async fn a_probe_leaves_nothing_behind() {
        let store = Store::new(Arc::new(InMemory::new()), Duration::from_secs(1));
        write(&store, None).await.unwrap();
        read(&store).await.unwrap();
        assert_eq!(store.list("").await.unwrap(), Vec::<String>::new());
        assert_ne!(random_name(), random_name());
    }
}
