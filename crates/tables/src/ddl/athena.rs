//! Athena: external tables in Hive's words, with days that Athena works out by itself.

use super::dialect::{Dialect, SESSION_HITS, comment, head, quoted, same};
use super::location::Location;
use crate::table::Table;

const DIALECT: Dialect = Dialect {
    quote: '`',
    text: "string",
    timestamp: "timestamp",
    int32: "int",
    int64: "bigint",
    boolean: "boolean",
    list: |element| format!("array<{element}>"),
    of: ":",
    structure: |fields| format!("struct<{fields}>"),
    nullable: same,
};

/// Queries, unlike the statements above them, are Trino's.
const VIEWS: Dialect = Dialect { quote: '"', ..DIALECT };

const HINTS: [&str; 3] = [
    "Athena runs one statement at a time. Columns are found by name; after some were added, drop the tables and run this again.",
    "Days are projected from 2000 on: narrow projection.date.range to the lake’s first day, or name the days in WHERE.",
    "For Hive itself: run the CREATE EXTERNAL TABLEs alone, and MSCK REPAIR TABLE hits and so on whenever days were added.",
];

pub(super) fn ddl(location: &Location) -> Option<String> {
    let Location::S3(place) = location else { return None };
    let lake = format!("s3://{place}");
    let mut text = head("Athena", &lake, &HINTS);
    for table in Table::ALL {
        let columns = DIALECT.declared(table, |column| format!(" COMMENT '{}'", comment(column)));
        let folder = format!("{lake}/{table}/");
        text.push_str(&format!(
            "
CREATE EXTERNAL TABLE IF NOT EXISTS {table} (
{}
)
PARTITIONED BY (`date` string COMMENT 'The day, UTC, of `{}`: 2026-11-21.')
STORED AS PARQUET
LOCATION {}
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.date.type' = 'date',
  'projection.date.format' = 'yyyy-MM-dd',
  'projection.date.range' = '2000-01-01,NOW+1DAYS',
  'storage.location.template' = {}
);
",
            columns.join(",\n"),
            table.time_column(),
            quoted(&folder),
            quoted(&format!("{folder}date=${{date}}/")),
        ));
    }
    let pairs = "SELECT session_id, merged_id FROM sessions CROSS JOIN UNNEST(merged_ids) AS merged (merged_id)";
    text.push_str(&format!("\n{SESSION_HITS}CREATE OR REPLACE VIEW session_hits AS\n{};\n", VIEWS.session_hits(pairs)));
    Some(text)
}
