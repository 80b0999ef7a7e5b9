//! BigQuery: external tables.

use super::dialect::{Dialect, SESSION_HITS, comment, head, quoted, same};
use super::location::Location;
use crate::table::Table;

const DIALECT: Dialect = Dialect {
    quote: '`',
    text: "STRING",
    timestamp: "TIMESTAMP",
    int32: "INT64",
    int64: "INT64",
    boolean: "BOOL",
    list: |element| format!("ARRAY<{element}>"),
    of: " ",
    structure: |fields| format!("STRUCT<{fields}>"),
    nullable: same,
};

const HINTS: [&str; 1] = [
    "Name a default dataset in the bucket’s region. The tables see new files by themselves; run this again after columns were added.",
];

pub(super) fn ddl(location: &Location) -> Option<String> {
    let Location::Gcs(place) = location else { return None };
    let lake = format!("gs://{place}");
    let mut text = head("BigQuery", &lake, &HINTS);
    for table in Table::ALL {
        let columns = DIALECT.declared(table, |column| format!(" OPTIONS (description = '{}')", comment(column)));
        text.push_str(&format!(
            "
CREATE OR REPLACE EXTERNAL TABLE {table} (
{}
)
WITH PARTITION COLUMNS (`date` DATE)
OPTIONS (
  format = 'PARQUET',
  uris = [{}],
  hive_partition_uri_prefix = {},
  enable_list_inference = true
);
",
            columns.join(",\n"),
            quoted(&format!("{lake}/{table}/*")),
            quoted(&format!("{lake}/{table}")),
        ));
    }
    let pairs = "SELECT session_id, merged_id FROM sessions, UNNEST(merged_ids) AS merged_id";
    text.push_str(&format!(
        "\n{SESSION_HITS}CREATE OR REPLACE VIEW session_hits AS\n{};\n",
        DIALECT.session_hits(pairs)
    ));
    Some(text)
}
