//! The lake's `_tables/` folder: for each engine that can reach the lake, SQL that makes its tables readable there as it
//! stands. Text follows from the schemas and the lake's location alone.
//!
//! One file for each engine says how it reads Parquet; `dialect` holds what they share.

mod athena;
mod bigquery;
mod clickhouse;
mod dialect;
mod duckdb;
mod location;
mod readme;
mod snowflake;
mod spark;

pub use dialect::schema_version;
pub use location::{Location, UnknownLocation};

/// The folder, from the lake's root. Engines that look for data pass over names with an underscore.
pub const FOLDER: &str = "_tables";

/// A file for readers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReaderFile {
    /// Its path from the lake's root.
    pub path: String,
    /// What it holds.
    pub text: String,
}

/// An engine that reads lakes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Engine {
    DuckDb,
    Spark,
    ClickHouse,
    Athena,
    BigQuery,
    Snowflake,
}

impl Engine {
    const ALL: [Self; 6] = [Self::DuckDb, Self::Spark, Self::ClickHouse, Self::Athena, Self::BigQuery, Self::Snowflake];

    const fn name(self) -> &'static str {
        match self {
            Self::DuckDb => "DuckDB",
            Self::Spark => "Spark",
            Self::ClickHouse => "ClickHouse",
            Self::Athena => "Athena",
            Self::BigQuery => "BigQuery",
            Self::Snowflake => "Snowflake",
        }
    }

    fn file_name(self) -> String {
        format!("{}.sql", self.name().to_ascii_lowercase())
    }

    /// The statements; `None` where the engine cannot reach the lake.
    fn ddl(self, location: &Location) -> Option<String> {
        match self {
            Self::DuckDb => Some(duckdb::ddl(location)),
            Self::Spark => spark::ddl(location),
            Self::ClickHouse => clickhouse::ddl(location),
            Self::Athena => athena::ddl(location),
            Self::BigQuery => bigquery::ddl(location),
            Self::Snowflake => snowflake::ddl(location),
        }
    }
}

/// The files for the readers of a lake: one for each engine that can reach it, and a page that says which is whose.
pub fn reader_files(location: &Location) -> Vec<ReaderFile> {
    let file = |name: &str, text| ReaderFile { path: format!("{FOLDER}/{name}"), text };
    let mut files = vec![file("README.md", readme::page(location))];
    for engine in Engine::ALL {
        files.extend(engine.ddl(location).map(|text| file(&engine.file_name(), text)));
    }
    files
}

#[cfg(test)]
mod tests;
