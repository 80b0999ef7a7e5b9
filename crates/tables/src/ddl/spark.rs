//! Spark SQL: tables over the folders. Their `date` is no declared partition, so that Spark finds new days by itself.

use super::dialect::{Dialect, SESSION_HITS, comment, head, quoted, same};
use super::location::Location;
use crate::table::Table;

pub(super) const DIALECT: Dialect = Dialect {
    quote: '`',
    text: "STRING",
    timestamp: "TIMESTAMP",
    int32: "INT",
    int64: "BIGINT",
    boolean: "BOOLEAN",
    list: |element| format!("ARRAY<{element}>"),
    of: ": ",
    structure: |fields| format!("STRUCT<{fields}>"),
    nullable: same,
};

const HINTS: [&str; 3] = [
    "spark-sql -f this file, or each statement with spark.sql(…). Dropping a table leaves the lake as it is; after columns were added, drop the tables and run this again.",
    "A session that has read a table keeps its list of files: REFRESH TABLE hits shows it newer ones.",
    "Times are shown in the session’s time zone: SET TIME ZONE 'UTC' for that of the folders.",
];

pub(super) fn ddl(location: &Location) -> Option<String> {
    let lake = match location {
        Location::Folder(path) => format!("file://{path}"),
        Location::S3(place) => format!("s3a://{place}"),
        Location::Gcs(place) => format!("gs://{place}"),
        Location::Azure { place, host: Some(host) } => {
            let (container, prefix) = place.split_once('/').unwrap_or((place, ""));
            format!("abfss://{container}@{host}/{prefix}").trim_end_matches('/').to_owned()
        }
        // The URL that Spark needs has the account in it, which the lake's has not.
        Location::Azure { host: None, .. } => return None,
    };
    let mut text = head("Spark SQL", &lake, &HINTS);
    for table in Table::ALL {
        let columns = DIALECT.declared(table, |column| format!(" COMMENT '{}',\n", comment(column)));
        text.push_str(&format!(
            "\nCREATE TABLE IF NOT EXISTS {table} (\n{}  `date` DATE COMMENT 'The day, UTC, of `{}`.'\n)\nUSING parquet\nLOCATION {};\n",
            columns.concat(),
            table.time_column(),
            quoted(&format!("{lake}/{table}")),
        ));
    }
    let pairs = "SELECT session_id, explode(merged_ids) AS merged_id FROM sessions";
    text.push_str(&format!(
        "\n{SESSION_HITS}CREATE OR REPLACE VIEW session_hits AS\n{};\n",
        DIALECT.session_hits(pairs)
    ));
    Some(text)
}
