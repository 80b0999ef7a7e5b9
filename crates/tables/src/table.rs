//! The four tables: which topic each comes from, and where its files lie.

use std::fmt;
use std::str::FromStr;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use events::{LogId, NextOffset, Timestamp, Topic};
use serde::{Deserialize, Serialize};

use crate::cell::{Cell, Int32, Int64};
use crate::columns::{Column, Columns};
use crate::hits::HitColumns;
use crate::late::LateColumns;
use crate::rejected::RejectedColumns;
use crate::sessions::SessionColumns;

/// A table of the lake.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Table {
    /// Each hit once, with its session; by event time.
    Hits,
    /// Final sessions; by their start.
    Sessions,
    /// Hits that came after their session was final; by event time.
    Late,
    /// What was refused, without the raw bodies; by the time it was received.
    Rejected,
}

impl Table {
    /// Every table.
    pub const ALL: [Self; 4] = [Self::Hits, Self::Sessions, Self::Late, Self::Rejected];

    /// The name: the folder in the lake, and the beginning of each file's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hits => "hits",
            Self::Sessions => "sessions",
            Self::Late => "late",
            Self::Rejected => "rejected",
        }
    }

    /// The topic whose records are its rows.
    pub const fn topic(self) -> Topic {
        match self {
            Self::Hits => Topic::HitsEnriched,
            Self::Sessions => Topic::Sessions,
            Self::Late => Topic::Late,
            Self::Rejected => Topic::Rejected,
        }
    }

    /// The table that a topic's records go to, if they go to one.
    pub fn of(topic: Topic) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.topic() == topic)
    }

    /// The column that rows are dated and sorted by.
    pub const fn time_column(self) -> &'static str {
        match self {
            Self::Sessions => "start",
            Self::Hits | Self::Late | Self::Rejected => "time",
        }
    }

    /// Its columns, in the order in which they stand in the files.
    pub fn columns(self) -> Vec<Column> {
        let mut columns = match self {
            Self::Hits => HitColumns::describe(),
            Self::Sessions => SessionColumns::describe(),
            Self::Late => LateColumns::describe(),
            Self::Rejected => RejectedColumns::describe(),
        };
        columns.extend(lineage_columns());
        columns
    }

    /// The Arrow schema of its files.
    pub fn schema(self) -> SchemaRef {
        let fields =
            self.columns().into_iter().map(|column| Field::new(column.name, column.data_type, column.nullable));
        Schema::new(fields.collect::<Vec<_>>()).into()
    }

    /// Where the rows of one day of one batch lie, from the lake's root.
    pub fn file_path(self, day: Day, log_id: &LogId, partition: u32, start: NextOffset) -> String {
        format!("{self}/date={day}/{self}-{log_id}-{partition}-{:020}.parquet", start.0)
    }

    /// Empty columns to gather rows in.
    pub(crate) fn gather(self) -> Box<dyn Columns> {
        match self {
            Self::Hits => Box::new(HitColumns::default()),
            Self::Sessions => Box::new(SessionColumns::default()),
            Self::Late => Box::new(LateColumns::default()),
            Self::Rejected => Box::new(RejectedColumns::default()),
        }
    }
}

/// The columns that every table ends with: where each row was read from.
fn lineage_columns() -> [Column; 2] {
    let column = |name, data_type: DataType, meaning| Column { name, data_type, nullable: false, meaning };
    [
        column("partition", Int32::data_type(), "Partition of the topic that the row was read from."),
        column("offset", Int64::data_type(), "Offset in that partition: with it, no row stands twice."),
    ]
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A calendar day in UTC: `2026-11-21`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Day(i32);

const MILLIS_OF_DAY: i64 = 86_400_000;

impl Day {
    /// The day that a moment falls on.
    pub fn of(time: Timestamp) -> Self {
        let days = time.as_millis().div_euclid(MILLIS_OF_DAY);
        Self(i32::try_from(days).expect("a time of four digits' years is within six million days of 1970"))
    }

    /// Its first moment.
    pub fn start(self) -> Timestamp {
        Timestamp::from_millis(i64::from(self.0) * MILLIS_OF_DAY)
    }

    /// The first moment after it.
    pub fn end(self) -> Timestamp {
        Timestamp::from_millis((i64::from(self.0) + 1) * MILLIS_OF_DAY)
    }
}

/// What is no day.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is no day such as 2026-11-21")]
pub struct NoDay(String);

impl FromStr for Day {
    type Err = NoDay;

    fn from_str(text: &str) -> Result<Self, NoDay> {
        let midnight = format!("{text}T00:00:00.000Z").parse().map_err(|_| NoDay(text.to_owned()))?;
        // What a parser may take besides is no name of a folder of ours.
        Some(Self::of(midnight)).filter(|day| day.to_string() == text).ok_or_else(|| NoDay(text.to_owned()))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.start().date())
    }
}

#[cfg(test)]
mod tests;
