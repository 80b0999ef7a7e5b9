//! Snowflake: external tables, whose columns are expressions over the file's row.

use arrow::datatypes::DataType;

use super::dialect::{Dialect, SESSION_HITS, comment, head, quoted, same};
use super::location::Location;
use crate::columns::Column;
use crate::table::Table;

/// Names are in quotes and in capitals: that is how Snowflake reads them where they stand without quotes.
const DIALECT: Dialect = Dialect {
    quote: '"',
    text: "VARCHAR",
    timestamp: "TIMESTAMP_NTZ",
    int32: "NUMBER(10, 0)",
    int64: "NUMBER(19, 0)",
    boolean: "BOOLEAN",
    // Of what a list is of, Snowflake's rows say for themselves.
    list: |_| "VARIANT".to_owned(),
    of: " ",
    structure: |_| "VARIANT".to_owned(),
    nullable: same,
};

const HINTS: [&str; 3] = [
    "Name a database and a schema, and give the stage an integration that may read the bucket (STORAGE_INTEGRATION = …).",
    "New files are seen after ALTER EXTERNAL TABLE hits REFRESH, or by themselves with AUTO_REFRESH and the bucket’s notifications.",
    "Times are UTC. pages and merged_ids are VARIANTs: FLATTEN them.",
];

pub(super) fn ddl(location: &Location) -> Option<String> {
    let lake = match location {
        Location::S3(place) => format!("s3://{place}"),
        Location::Gcs(place) => format!("gcs://{place}"),
        Location::Azure { place, host: Some(host) } => format!("azure://{}/{place}", host.replace(".dfs.", ".blob.")),
        Location::Folder(_) | Location::Azure { host: None, .. } => return None,
    };
    let mut text = head("Snowflake", &lake, &HINTS);
    text.push_str(&format!("\nCREATE STAGE IF NOT EXISTS tributary_lake URL = {};\n", quoted(&format!("{lake}/"))));
    for table in Table::ALL {
        let columns = table.columns();
        let columns = columns.iter().map(|column| {
            let (name, data_type) = (DIALECT.name(&column.name.to_ascii_uppercase()), DIALECT.column_type(column));
            format!("  {name} {data_type} AS ({}), -- {}\n", value(column), comment(column))
        });
        text.push_str(&format!(
            "
CREATE OR REPLACE EXTERNAL TABLE {table} (
{}  \"DATE\" DATE AS (TO_DATE(REGEXP_SUBSTR(METADATA$FILENAME, 'date=([0-9-]+)', 1, 1, 'e', 1)))
)
PARTITION BY (\"DATE\")
LOCATION = @tributary_lake/{table}/
AUTO_REFRESH = FALSE
PATTERN = '.*[.]parquet'
FILE_FORMAT = (TYPE = PARQUET);
",
            columns.collect::<String>(),
        ));
    }
    text.push_str(&format!("\n{SESSION_HITS}CREATE OR REPLACE VIEW session_hits AS\n{};\n", session_hits()));
    Some(text)
}

/// A column's expression. Times are numbers of microseconds there, since nothing tells Snowflake to take them for times.
fn value(column: &Column) -> String {
    let value = format!("value:\"{}\"", column.name);
    match &column.data_type {
        DataType::Timestamp(..) => format!("TO_TIMESTAMP_NTZ({value}::NUMBER, 6)"),
        DataType::List(_) => value,
        _ => format!("{value}::{}", DIALECT.column_type(column)),
    }
}

/// Lists come as they are, or as Parquet nests them: `{"list": [{"element": …}]}`.
fn session_hits() -> String {
    let pairs = "SELECT session_id, COALESCE(one.value:\"element\", one.value)::VARCHAR AS merged_id FROM sessions, LATERAL FLATTEN(input => COALESCE(merged_ids:\"list\", merged_ids)) AS one";
    let names = Table::Hits.columns();
    let capitals =
        |text: String, name: &str| text.replace(&format!("\"{name}\""), &format!("\"{}\"", name.to_ascii_uppercase()));
    names.iter().map(|column| column.name).chain(["date"]).fold(DIALECT.session_hits(pairs), capitals)
}
