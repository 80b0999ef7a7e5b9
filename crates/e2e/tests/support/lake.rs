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
    for file in parquet_files(&lake.join(table)) {
        let reader = SerializedFileReader::new(File::open(&file).unwrap()).unwrap();
        for row in reader.get_row_iter(None).unwrap() {
            rows.push(row.unwrap().get_column_iter().map(|(name, value)| (name.clone(), value.clone())).collect());
        }
    }
    rows
}

fn parquet_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(parquet_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "parquet") {
            files.push(path);
        }
    }
    files.sort();
    files
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
