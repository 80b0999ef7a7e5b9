//! A batch while it gathers: records go in, rows stand in memory, files come out.

use std::collections::{BTreeMap, HashMap};

use events::Offset;

use crate::columns::Columns;
use crate::encode::{self, DataFile, EncodeError, Rows};
use crate::file::Lineage;
use crate::layout::Layout;
use crate::table::{Day, Table};

/// Why a record is no row. The caller counts it and goes on: one bad record must not stop a partition.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// The record has no value.
    #[error("the record is empty")]
    Empty,
    /// Not a JSON object.
    #[error("not readable as JSON: {0}")]
    NotJson(String),
    /// A cell that every row must have is absent, or not what it must be.
    #[error("`{0}` is absent or cannot be read")]
    Missing(&'static str),
}

impl RowError {
    /// The stable name, for counters.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Empty => "empty_record",
            Self::NotJson(_) => "invalid_json",
            Self::Missing(_) => "missing_field",
        }
    }
}

/// Rows of one table, in the order of their offsets.
pub struct TableBatch {
    table: Table,
    columns: Box<dyn Columns>,
    offsets: Vec<i64>,
    places: Vec<Place>,
    days: BTreeMap<Day, u64>,
    sites: Sites,
    input_bytes: usize,
    unreadable_cells: u64,
}

/// Where a row belongs in the files, as numbers.
#[derive(Clone, Copy)]
struct Place {
    day: Day,
    site: u32,
    millis: i64,
}

/// What a row costs besides its texts: its fixed columns, and what the columns' growing leaves unused.
const ROW_OVERHEAD: usize = 256;

/// What a file takes however few rows it has, in bytes: its footer, a page and a dictionary for each column.
const FILE_OVERHEAD: usize = 16 * 1024;

/// Files whose own cost is left aside: what a batch usually has. Beyond it a batch of thousands of days would weigh
/// many times what its rows do.
const USUAL_FILES: usize = 8;

impl TableBatch {
    /// An empty batch.
    pub fn new(table: Table) -> Self {
        Self {
            table,
            columns: table.gather(),
            offsets: Vec::new(),
            places: Vec::new(),
            days: BTreeMap::new(),
            sites: Sites::default(),
            input_bytes: 0,
            unreadable_cells: 0,
        }
    }

    /// Adds a record's value as a row. On an error nothing was added.
    pub fn push(&mut self, offset: Offset, value: &[u8]) -> Result<(), RowError> {
        if value.is_empty() {
            return Err(RowError::Empty);
        }
        let (sites, places, days, unreadable) =
            (&mut self.sites, &mut self.places, &mut self.days, &mut self.unreadable_cells);
        self.columns.push(value, &mut |row| {
            let day = Day::of(row.time);
            places.push(Place { day, site: sites.number(row.site), millis: row.time.as_millis() });
            *days.entry(day).or_default() += 1;
            *unreadable += row.unreadable_cells;
        })?;
        self.offsets.push(offset.0);
        self.input_bytes += value.len();
        Ok(())
    }

    /// How many rows it holds.
    pub fn rows(&self) -> usize {
        self.offsets.len()
    }

    /// The bytes of JSON that its rows came from.
    pub fn input_bytes(&self) -> usize {
        self.input_bytes
    }

    /// What it takes in memory, by a measure that depends on the records alone.
    pub fn bytes_in_memory(&self) -> usize {
        let files = self.days.len().saturating_sub(USUAL_FILES);
        self.input_bytes + self.rows() * ROW_OVERHEAD + files * FILE_OVERHEAD
    }

    /// How many cells were left empty because their values did not fit the columns.
    pub fn unreadable_cells(&self) -> u64 {
        self.unreadable_cells
    }

    /// How many rows each day has: what a batch's record must say before the first file is made.
    pub fn days(&self) -> &BTreeMap<Day, u64> {
        &self.days
    }

    /// The batch as Parquet files, one for each day, in order of days. The same rows, lineage and layout give the
    /// same bytes.
    pub fn finish(mut self, lineage: &Lineage, layout: &Layout) -> Result<Vec<DataFile>, EncodeError> {
        debug_assert_eq!(self.table, lineage.table);
        let ranks = self.sites.ranks();
        let mut order: Vec<u32> = (0..self.rows() as u32).collect();
        // Rows were pushed in the order of their offsets, which a stable sort keeps where places are the same; and it makes
        // use of runs that are in order already, as a log's are.
        order.sort_by_key(|&row| {
            let place = self.places[row as usize];
            (place.day, ranks[place.site as usize], place.millis)
        });
        let rows = Rows::new(self.columns.take(), std::mem::take(&mut self.offsets), lineage);
        let places = &self.places;
        order
            .chunk_by(|&a, &b| places[a as usize].day == places[b as usize].day)
            .map(|of_day| encode::file(places[of_day[0] as usize].day, &rows, of_day, lineage, layout))
            .collect()
    }
}

/// The batch's sites, each with a number from 1 in order of appearance; number 0 is no site.
#[derive(Default)]
struct Sites {
    numbers: HashMap<String, u32>,
}

impl Sites {
    fn number(&mut self, site: Option<&str>) -> u32 {
        let Some(site) = site else { return 0 };
        if let Some(&number) = self.numbers.get(site) {
            return number;
        }
        let number = self.numbers.len() as u32 + 1;
        self.numbers.insert(site.to_owned(), number);
        number
    }

    /// Each number's place in alphabetic order; no site comes first.
    fn ranks(&self) -> Vec<u32> {
        let mut sorted: Vec<(&str, u32)> = self.numbers.iter().map(|(site, &number)| (site.as_str(), number)).collect();
        sorted.sort_unstable();
        let mut ranks = vec![0; sorted.len() + 1];
        for (rank, (_, number)) in sorted.into_iter().enumerate() {
            ranks[number as usize] = rank as u32 + 1;
        }
        ranks
    }
}

#[cfg(test)]
mod tests;
