//! DuckDB: views over the files.

use super::dialect::{Dialect, SESSION_HITS, head, quoted, same};
use super::location::Location;
use crate::layout::Layout;
use crate::table::Table;

const DIALECT: Dialect = Dialect {
    quote: '"',
    text: "VARCHAR",
    timestamp: "TIMESTAMP WITH TIME ZONE",
    int32: "INTEGER",
    int64: "BIGINT",
    boolean: "BOOLEAN",
    list: |element| format!("{element}[]"),
    of: " ",
    structure: |fields| format!("STRUCT({fields})"),
    nullable: same,
};

const HINTS: [&str; 5] = [
    "DuckDB 2.0 or newer: .read this file, or run its text. The views see new files by themselves. Before 2.0 take out allow_empty = true; a table without files is an error then.",
    "A bucket needs a secret first: CREATE SECRET (TYPE s3, PROVIDER credential_chain), or gcs, or azure.",
    "The empty SELECTs give each column its type where no file has it.",
    "Where builds of several versions wrote, SET VARIABLE several_versions = true: each query then looks into every file for its columns. Without, a column seems empty that the first file lacks.",
    "Days and hours are those of the session’s time zone: SET TimeZone = 'UTC' for those of the folders.",
];

pub(super) fn ddl(location: &Location) -> String {
    let lake = location.name();
    // Every file has every column until there is a second version; then a lake that has files of the first is the rule.
    let several_versions = Layout::SCHEMA > 1;
    let mut text = head("DuckDB", &lake, &HINTS);
    for table in Table::ALL {
        let files = quoted(&format!("{lake}/{table}/*/*.parquet"));
        let columns = table.columns();
        let names: Vec<_> = columns.iter().map(|column| format!("  {}", DIALECT.name(column.name))).collect();
        let typed: Vec<_> = columns
            .iter()
            .map(|column| {
                let name = DIALECT.name(column.name);
                format!("    NULL::{} AS {name}, -- {}\n", DIALECT.column_type(column), column.meaning)
            })
            .collect();
        text.push_str(&format!(
            "
CREATE OR REPLACE VIEW {table} AS
SELECT
{},
  \"date\"
FROM (
  SELECT
{}    NULL::DATE AS \"date\"
  WHERE false
  UNION ALL BY NAME
  SELECT * FROM read_parquet({files},
    allow_empty = true, union_by_name = coalesce(getvariable('several_versions'), {several_versions}),
    hive_partitioning = true, hive_types = {{date: DATE}})
);
",
            names.join(",\n"),
            typed.concat(),
        ));
    }
    let pairs = "SELECT session_id, unnest(merged_ids) AS merged_id FROM sessions";
    text.push_str(&format!(
        "\n{SESSION_HITS}CREATE OR REPLACE VIEW session_hits AS\n{};\n",
        DIALECT.session_hits(pairs)
    ));
    text
}
