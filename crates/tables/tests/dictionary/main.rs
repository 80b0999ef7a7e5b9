//! docs/tables.md, the data dictionary: what the schemas say of their columns, with a record of each table as example.
//! The file is in the project so that it can be read there; this test fails when it is stale.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod render;

use std::path::Path;

use events::Offset;
use serde_json::Value;
use tables::{Table, TableBatch};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/tables.md");
const RENEW: &str = "TRIBUTARY_RENEW=1 cargo test --release -p tables --test dictionary";

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

#[test]
fn the_dictionary_in_docs_is_that_of_the_schemas() {
    let current = render::dictionary(&Table::ALL.map(|table| (table, cells(table))));
    if std::env::var_os("TRIBUTARY_RENEW").is_some() {
        std::fs::write(PATH, &current).unwrap();
    }
    let standing = std::fs::read_to_string(Path::new(PATH)).unwrap_or_default();
    assert!(standing == current, "docs/tables.md is stale; renew it:\n\n    {RENEW}\n");
}
