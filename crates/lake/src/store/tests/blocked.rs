//! Things in a folder that are of another kind than they must be: no waiting mends that, so nobody waits.

use std::fs;
use std::path::Path;

use bytes::Bytes;

use crate::error::LakeError;
use crate::open::{Access, Lake};

const FILE: &str = "hits/date=2026-11-21/hits-l1-0-00000000000000000000.parquet";

async fn lake(folder: &Path) -> Lake {
    Lake::open(folder.to_str().unwrap(), Access::Write).await.unwrap()
}

fn assert_is_said(error: &LakeError, path: &str) {
    let line = error.to_string();
    assert!(matches!(error, LakeError::Blocked { .. }) && !error.may_pass(), "{error:?}");
    assert!(line.contains(path) && line.contains("move that away") && !line.contains('\n'), "{line}");
}

#[tokio::test]
async fn a_folder_in_the_way_of_a_file_ends_the_work_in_one_line() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join(FILE)).unwrap();
    let error = lake(dir.path()).await.store.put_new(FILE, Bytes::from_static(b"rows")).await.unwrap_err();
    assert_is_said(&error, FILE);
    assert!(dir.path().join(FILE).is_dir());
}

#[tokio::test]
async fn a_file_in_the_way_of_a_folder_ends_the_work_in_one_line() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("hits"), "a note").unwrap();
    let lake = lake(dir.path()).await;
    assert_is_said(&lake.store.put_new(FILE, Bytes::from_static(b"rows")).await.unwrap_err(), FILE);
    assert_is_said(&lake.store.find(FILE).await.unwrap_err(), FILE);
    assert_eq!(fs::read(dir.path().join("hits")).unwrap(), b"a note");
}

#[tokio::test]
async fn a_file_in_the_way_of_a_day_ends_the_work_in_one_line() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("hits")).unwrap();
    fs::write(dir.path().join("hits/date=2026-11-21"), "a note").unwrap();
    assert_is_said(&lake(dir.path()).await.store.put_new(FILE, Bytes::from_static(b"rows")).await.unwrap_err(), FILE);
}
