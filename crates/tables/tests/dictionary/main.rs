//! docs/tables.md, the data dictionary: what the schemas say of their columns, with a record of each table as example.
//! The file is in the project so that it can be read there; this test fails when it is stale.
//!
//! And what readers of several versions' files lean on: a column that is added may be empty.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod render;

use std::path::Path;

use events::Offset;
use serde_json::Value;
use tables::{Layout, Table, TableBatch};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/tables.md");
const RENEW: &str = "TOOLS_RENEW=1 cargo test --release -p tables --test dictionary";

/// A record of the table's topic as it stands there.
fn record(table: Table) -> &'static str {
    match table {
        Table::Hits => include_str!("records/hits.json"),
        Table::Sessions => include_str!("records/sessions.json"),
        Table::Late => include_str!("records/late.json"),
        Table::Rejected => include_str!("records/rejected.json"),
    }
}

/// The same record as the row's cells by column. `partition` and `offset` come from where it was read.
fn cells(table: Table) -> Value {
    let mut cells: Value = serde_json::from_str(record(table)).unwrap();
    cells["partition"] = 2.into();
    cells["offset"] = 1805.into();
    cells
}

#[test]
fn each_example_is_a_row_that_the_lake_would_hold() {
    for table in Table::ALL {
        let mut batch = TableBatch::new(table);
        batch.push(Offset(0), record(table).as_bytes()).unwrap();
        assert_eq!(batch.unreadable_cells(), 0, "{table}");
        let names: Vec<_> = table.columns().iter().map(|column| column.name).collect();
        for name in cells(table).as_object().unwrap().keys() {
            assert!(names.contains(&name.as_str()), "{table} has no column {name}");
        }
    }
}

#[test]
fn every_column_has_an_example() {
    for table in Table::ALL {
        let cells = cells(table);
        let without: Vec<_> = table.columns().iter().map(|c| c.name).filter(|name| cells.get(name).is_none()).collect();
        assert!(without.is_empty(), "{table}: no example for {}", without.join(", "));
    }
}

/// What cannot be empty in the first version of the schemas. Nothing is ever added here: DataFusion and pyarrow refuse
/// files that lack a column which, as other files say, cannot be empty.
const NEVER_EMPTY: [(Table, &[&str]); 4] = [
    (
        Table::Hits,
        &[
            "hit_id",
            "schema",
            "site",
            "type",
            "event_time",
            "time",
            "raw_offset",
            "clamped",
            "is_bot",
            "partition",
            "offset",
        ],
    ),
    (
        Table::Sessions,
        &[
            "session_id",
            "schema",
            "site",
            "visitor_id",
            "start",
            "end",
            "duration_ms",
            "hit_count",
            "pageview_count",
            "event_count",
            "is_bounce",
            "engaged_ms",
            "pages",
            "pages_truncated",
            "is_bot",
            "closed_by",
            "is_split",
            "merged_ids",
            "first_offset",
            "last_offset",
            "closed_at",
            "partition",
            "offset",
        ],
    ),
    (
        Table::Late,
        &[
            "hit_id",
            "schema",
            "site",
            "type",
            "event_time",
            "time",
            "raw_offset",
            "clamped",
            "late_reason",
            "partition",
            "offset",
        ],
    ),
    (Table::Rejected, &["reason", "time", "partition", "offset"]),
];

#[test]
fn a_column_that_was_added_may_be_empty() {
    for (table, never_empty) in NEVER_EMPTY {
        let columns = table.columns();
        let names: Vec<_> = columns.iter().filter(|column| !column.nullable).map(|column| column.name).collect();
        assert_eq!(names, never_empty, "{table}: a column that is added must be `optional`");
    }
}

/// How many columns the tables have in the first version of the schemas. DuckDB's DDL looks for missing columns from the second on.
const FIRST_VERSION: [(Table, usize); 4] =
    [(Table::Hits, 40), (Table::Sessions, 40), (Table::Late, 29), (Table::Rejected, 9)];

#[test]
fn a_column_that_was_added_makes_another_version() {
    for (table, columns) in FIRST_VERSION {
        assert!(Layout::SCHEMA > 1 || table.columns().len() == columns, "{table}: raise `Layout::SCHEMA`");
    }
}

#[test]
fn the_dictionary_in_docs_is_that_of_the_schemas() {
    let current = render::dictionary(&Table::ALL.map(|table| (table, cells(table))));
    if std::env::var_os("TOOLS_RENEW").is_some() {
        std::fs::write(PATH, &current).unwrap();
    }
    let standing = std::fs::read_to_string(Path::new(PATH)).unwrap_or_default();
    assert!(standing == current, "docs/tables.md is stale; renew it:\n\n    {RENEW}\n");
}
