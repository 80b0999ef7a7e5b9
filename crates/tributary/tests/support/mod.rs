//! Runs the binary, and looks at what it leaves.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

pub(crate) mod process;
pub(crate) mod up;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use serde_json::Value;

/// The binary with nothing of the environment that could change what it does.
pub fn tributary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tributary"));
    process::without_settings(&mut command).stdin(Stdio::null());
    command
}

/// The small real sample that is part of the project.
pub fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/access_sample.log")
}

/// A file of the large real data: in the folder that `TOOLS_DATA` names, else in a folder `shared/data` beside
/// the clone. `None`, and a line that says so, where there is none.
pub fn real_data(name: &str) -> Option<PathBuf> {
    let named = std::env::var_os("TOOLS_DATA").map(PathBuf::from);
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|folder| folder.join("shared/data"));
    let found = named.into_iter().chain(above).map(|folder| folder.join(name)).find(|path| path.exists());
    if found.is_none() {
        eprintln!("{name} is not here: skipped");
    }
    found
}

/// Replays into a lake and expects it to go well; the figures.
pub fn replay<A: AsRef<OsStr>>(lake: &Path, args: impl IntoIterator<Item = A>) -> Value {
    let output = try_replay(lake, args);
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Replays into a lake.
pub fn try_replay<A: AsRef<OsStr>>(lake: &Path, args: impl IntoIterator<Item = A>) -> Output {
    tributary().arg("replay").args(args).arg("--json").arg("--lake").arg(lake).output().unwrap()
}

/// `verify` of a lake: what it found, and its code.
pub fn verify(lake: &Path, bus: &Path) -> (Value, i32) {
    let bus = format!("embedded:{}", bus.display());
    let output = tributary().args(["verify", "--json", "--bus", &bus, "--lake"]).arg(lake).output().unwrap();
    assert_ne!(output.status.code(), Some(2), "{}", text(&output.stderr));
    (serde_json::from_slice(&output.stdout).unwrap(), output.status.code().unwrap())
}

pub fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Every file below a folder, by its path from there.
pub fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
                match fs::read(&path) {
                    Ok(bytes) => drop(all.insert(name, bytes)),
                    // While somebody writes: a file that has got its name since, and its first one is gone.
                    Err(error) => assert!(error.kind() == ErrorKind::NotFound && name.contains('#'), "{name}: {error}"),
                }
            }
        }
    }
    all
}

/// The rows of a table of a lake, as their columns' values.
pub fn rows(lake: &Path, table: &str) -> Vec<BTreeMap<String, Field>> {
    let mut rows = Vec::new();
    for (name, bytes) in files(lake) {
        if name.starts_with(&format!("{table}/")) && name.ends_with(".parquet") {
            let reader = SerializedFileReader::new(bytes::Bytes::from(bytes)).unwrap();
            for row in reader.get_row_iter(None).unwrap() {
                rows.push(row.unwrap().get_column_iter().map(|(name, value)| (name.clone(), value.clone())).collect());
            }
        }
    }
    rows
}

/// A column's text.
pub fn text_of(row: &BTreeMap<String, Field>, column: &str) -> String {
    match &row[column] {
        Field::Str(text) => text.clone(),
        other => panic!("{column} is {other:?}"),
    }
}

/// A column's whole number.
pub fn number_of(row: &BTreeMap<String, Field>, column: &str) -> i64 {
    match &row[column] {
        Field::Int(number) => i64::from(*number),
        Field::Long(number) => *number,
        other => panic!("{column} is {other:?}"),
    }
}
