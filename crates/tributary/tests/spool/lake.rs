//! What became of hits in the lake.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};

use parquet::file::reader::{FileReader, SerializedFileReader};
use serde_json::Value;

use crate::support::{number_of, text_of};

/// A row of `hits` or `late`.
struct Row {
    is_late: bool,
    visitor_id: String,
    /// Which page of the visitor's it is.
    view: u64,
    /// Where the hit stands in its partition, which is its visitor's.
    raw_offset: i64,
}

/// The rows of a lake, read as they come: a file that stands does not change.
pub(crate) struct Lake {
    folder: PathBuf,
    read: BTreeSet<PathBuf>,
    rows: BTreeMap<String, Vec<Row>>,
}

impl Lake {
    pub(crate) fn at(folder: PathBuf) -> Self {
        Self { folder, read: BTreeSet::new(), rows: BTreeMap::new() }
    }

    /// How many of these hits it does not have.
    pub(crate) fn missing(&mut self, ids: &[String]) -> usize {
        for (table, is_late) in [("hits", false), ("late", true)] {
            for day in entries(&self.folder.join(table)) {
                for file in entries(&day) {
                    let is_new = file.extension().is_some_and(|kind| kind == "parquet") && !self.read.contains(&file);
                    if is_new {
                        self.add(&file, is_late);
                        self.read.insert(file);
                    }
                }
            }
        }
        ids.iter().filter(|id| !self.rows.contains_key(*id)).count()
    }

    fn add(&mut self, file: &Path, is_late: bool) {
        let reader = SerializedFileReader::new(File::open(file).unwrap()).unwrap();
        for row in reader.get_row_iter(None).unwrap() {
            let row = row.unwrap().get_column_iter().map(|(name, value)| (name.clone(), value.clone())).collect();
            let props: Value = serde_json::from_str(&text_of(&row, "props")).unwrap();
            self.rows.entry(text_of(&row, "hit_id")).or_default().push(Row {
                is_late,
                visitor_id: text_of(&row, "visitor_id"),
                view: props["view"].as_u64().unwrap(),
                raw_offset: number_of(&row, "raw_offset"),
            });
        }
    }

    /// The hits that are more than one row.
    pub(crate) fn doubled(&self) -> Vec<&str> {
        self.rows.iter().filter(|(_, rows)| rows.len() > 1).map(|(id, _)| id.as_str()).collect()
    }

    /// The hits that are in `late`.
    pub(crate) fn late(&self) -> BTreeSet<&str> {
        self.rows.iter().filter(|(_, rows)| rows.iter().any(|row| row.is_late)).map(|(id, _)| id.as_str()).collect()
    }

    /// Visitors one of whose pages stands before one that they saw earlier. Of a hit that is there twice, the first counts.
    pub(crate) fn unsorted(&self) -> Vec<&str> {
        let mut visits: BTreeMap<&str, Vec<(i64, u64)>> = BTreeMap::new();
        for row in self.rows.values().filter_map(|rows| rows.iter().min_by_key(|row| row.raw_offset)) {
            visits.entry(&row.visitor_id).or_default().push((row.raw_offset, row.view));
        }
        visits.values_mut().for_each(|visit| visit.sort_unstable());
        visits.iter().filter(|(_, visit)| !visit.is_sorted_by_key(|(_, view)| view)).map(|(id, _)| *id).collect()
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}
