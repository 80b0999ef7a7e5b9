//! The contract: each of its sentences is a test of every store.

use bytes::Bytes;
use futures::future::join_all;
use object_store::path::Path;
use object_store::{Error, ObjectStoreExt, PutMode, PutOptions, UpdateVersion};

use super::places::{self, Place};
use crate::store::Put;

every_store! {
    of_many_writers_one_creates_and_all_see_its_bytes
    what_was_written_is_read_and_listed_at_once
    a_list_has_all_and_nothing_else_in_order
    a_large_object_is_created_whole_and_once
    of_many_replacements_of_one_version_one_happens
}

/// Sixteen writers at once, and again with another name.
const ROUNDS: usize = 25;
const WRITERS: usize = 16;

async fn of_many_writers_one_creates_and_all_see_its_bytes(Place { store, .. }: &Place) {
    for round in 0..ROUNDS {
        let path = format!("_batches/hits/l/0/{round:020}.json");
        let writers = (0..WRITERS).map(|writer| {
            let (store, path) = (store.clone(), path.clone());
            // Of different lengths, so that a mixture would be seen.
            let bytes = Bytes::from(vec![b'a' + writer as u8; 1 + writer * 977]);
            tokio::spawn(async move { (bytes.clone(), store.put_new(&path, bytes).await.unwrap()) })
        });
        let puts: Vec<_> = join_all(writers).await.into_iter().map(Result::unwrap).collect();
        let created: Vec<_> = puts.iter().filter(|(_, put)| *put == Put::Created).collect();
        assert_eq!(created.len(), 1, "round {round}: {} writers say that they created it", created.len());
        let winner = &created[0].0;
        assert_eq!(store.get(&path).await.unwrap(), winner, "round {round}");
        for (_, put) in puts.iter().filter(|(_, put)| *put != Put::Created) {
            assert!(*put == Put::Standing(winner.clone()), "round {round}: a writer saw other bytes");
        }
    }
}

async fn what_was_written_is_read_and_listed_at_once(Place { store, .. }: &Place) {
    let path = "hits/date=2026-11-21/hits-log.1-0-00000000000000000007.parquet";
    assert_eq!(store.find(path).await.unwrap(), None);
    assert!(!store.stands(path).await.unwrap());
    assert_eq!(store.list("hits").await.unwrap(), Vec::<String>::new());
    assert_eq!(store.folders("hits").await.unwrap(), Vec::<String>::new());
    assert_eq!(store.put_new(path, "rows".into()).await.unwrap(), Put::Created);
    assert_eq!(store.find(path).await.unwrap(), Some("rows".into()));
    assert!(store.stands(path).await.unwrap());
    assert_eq!(store.list("hits").await.unwrap(), [path]);
    assert_eq!(store.folders("hits").await.unwrap(), ["date=2026-11-21"]);
    assert_eq!(store.put_new(path, "others".into()).await.unwrap(), Put::Standing("rows".into()));
    store.replace(path, "replaced".into()).await.unwrap();
    assert_eq!(store.get(path).await.unwrap(), "replaced");
}

/// More than a page: a page has a thousand on S3 and Google, and five thousand on Azure.
async fn a_list_has_all_and_nothing_else_in_order(Place { store, .. }: &Place) {
    let path = |folder: &str, n: usize| format!("_batches/{folder}/{n:020}.json");
    for chunk in (0..2_100).collect::<Vec<_>>().chunks(50) {
        let puts =
            chunk.iter().map(|&n| async move { store.put_new(&path("hits", n * 7), "{}".into()).await.unwrap() });
        join_all(puts).await;
    }
    // Names that begin alike lie beside the folder, and not in it.
    for beside in ["hits2", "hit"] {
        store.put_new(&path(beside, 1), "{}".into()).await.unwrap();
    }
    let expected: Vec<_> = (0..2_100).map(|n| path("hits", n * 7)).collect();
    assert!(store.list("_batches/hits").await.unwrap() == expected);
    assert_eq!(store.list("").await.unwrap().len(), 2_102);
    assert_eq!(store.folders("_batches").await.unwrap(), ["hit", "hits", "hits2"]);
    assert_eq!(store.folders("").await.unwrap(), ["_batches"]);
}

async fn a_large_object_is_created_whole_and_once(Place { store, .. }: &Place) {
    let pattern = |seed: usize| Bytes::from((0..20_000_000).map(|n| (n * seed) as u8).collect::<Vec<_>>());
    let (one, two) = (pattern(3), pattern(5));
    let (first, second) = tokio::join!(store.put_new("large", one.clone()), store.put_new("large", two.clone()));
    let (winner, loser) = match (first.unwrap(), second.unwrap()) {
        (Put::Created, loser) => (one, loser),
        (loser, Put::Created) => (two, loser),
        neither => panic!("nobody created it: {}", matches!(neither.0, Put::Standing(_))),
    };
    assert!(loser == Put::Standing(winner.clone()));
    assert!(store.get("large").await.unwrap() == winner);
}

/// Not asked of a folder, which cannot do it: there a lock does the same.
async fn of_many_replacements_of_one_version_one_happens(Place { store, .. }: &Place) {
    let at = Path::from("hits/_complete.json");
    store.inner.put(&at, "0".into()).await.unwrap();
    for round in 0..10 {
        let found = store.inner.get(&at).await.unwrap().meta;
        let version = UpdateVersion { e_tag: found.e_tag, version: found.version };
        let writers = (0..WRITERS).map(|writer| {
            let (store, at, version) = (store.clone(), at.clone(), version.clone());
            tokio::spawn(async move {
                let text = format!("{round}/{writer}");
                let options = PutOptions::from(PutMode::Update(version));
                (text.clone(), store.inner.put_opts(&at, text.into(), options).await)
            })
        });
        let puts: Vec<_> = join_all(writers).await.into_iter().map(Result::unwrap).collect();
        if puts.iter().any(|(_, put)| matches!(put, Err(Error::NotImplemented { .. }))) {
            assert!(format!("{}", store.inner).starts_with("LocalFileSystem"), "{}", store.inner);
            return;
        }
        let done: Vec<_> = puts.iter().filter(|(_, put)| put.is_ok()).map(|(text, _)| text).collect();
        let stands = store.get("hits/_complete.json").await.unwrap();
        assert_eq!(done, [std::str::from_utf8(&stands).unwrap()], "round {round}");
        let lost = |put: &object_store::Result<_>| matches!(put, Err(Error::Precondition { .. }));
        assert!(puts.iter().all(|(_, put)| put.is_ok() || lost(put)), "{puts:?}");
    }
}
