//! Reads a lake as any reader does: every `*.parquet` below a table's folder, and nothing else.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;

/// A row: its columns' values.
pub(crate) type Row = BTreeMap<String, Field>;

/// All rows of a table.
pub(crate) fn rows(lake: &Path, table: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    for file in files(&lake.join(table), "parquet") {
        let reader = SerializedFileReader::new(File::open(&file).unwrap()).unwrap();
        for row in reader.get_row_iter(None).unwrap() {
            rows.push(row.unwrap().get_column_iter().map(|(name, value)| (name.clone(), value.clone())).collect());
        }
    }
    rows
}

/// How often each hit is a row, of `hits` or of `late`.
pub(crate) fn times_of_hits(lake: &Path) -> BTreeMap<String, usize> {
    let mut times = BTreeMap::new();
    for row in ["hits", "late"].into_iter().flat_map(|table| rows(lake, table)) {
        *times.entry(text(&row, "hit_id").unwrap()).or_default() += 1;
    }
    times
}

/// The files below a folder that have the extension; none where there is no folder.
pub(crate) fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// A column's text; `None` where the row has none.
pub(crate) fn text(row: &Row, column: &str) -> Option<String> {
    match &row[column] {
        Field::Str(text) => Some(text.clone()),
        Field::Null => None,
        other => panic!("{column} is {other:?}"),
    }
}

/// A column's whole number.
pub(crate) fn number(row: &Row, column: &str) -> i64 {
    match &row[column] {
        Field::Int(number) => i64::from(*number),
        Field::Long(number) => *number,
        other => panic!("{column} is {other:?}"),
    }
}
