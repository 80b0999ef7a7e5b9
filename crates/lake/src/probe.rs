//! Tries at the start what the lake will ask of its store, so that what is missing is said then, and not in the night.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

use bytes::Bytes;

use crate::error::LakeError;
use crate::said::{self, Cause};
use crate::store::{Put, Store};

/// Below this the probes lie. Readers pass over names that begin with an underscore.
const FOLDER: &str = "_probe";

/// Writes an object, reads it, tries to create it anew, lists it, and removes it.
pub(crate) async fn write(store: &Store) -> Result<(), String> {
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
        return Err("it ignores If-None-Match: two writers could overwrite each other's files. Use a store that has \
                    conditional writes"
            .to_owned());
    }
    let listed = store.list(FOLDER).await.map_err(|error| cannot("list", FOLDER, &error))?;
    if !listed.contains(&path) {
        return Err(format!("it does not list what was just written: `{path}`"));
    }
    store.delete(&path).await.map_err(|error| cannot("delete", &path, &error))
}

/// Looks, and writes nothing.
pub(crate) async fn read(store: &Store) -> Result<(), String> {
    store.folders("").await.map(|_| ()).map_err(|error| cannot("list", "", &error))
}

fn cannot(operation: &str, path: &str, error: &LakeError) -> String {
    match error {
        LakeError::Store { source, .. } if said::cause(source) == Cause::NotAllowed => {
            let line = said::line(source);
            format!("{line} {operation} objects below the prefix; it must read, write, list and delete there")
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
        write(&store).await.unwrap();
        read(&store).await.unwrap();
        assert_eq!(store.list("").await.unwrap(), Vec::<String>::new());
        assert_ne!(random_name(), random_name());
    }
}
