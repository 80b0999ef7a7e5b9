//! ClickHouse: views over table functions.

use super::dialect::{Dialect, SESSION_HITS, head, quoted};
use super::location::Location;
use crate::table::Table;

const DIALECT: Dialect = Dialect {
    quote: '`',
    text: "String",
    timestamp: "DateTime64(6, 'UTC')",
    int32: "Int32",
    int64: "Int64",
    boolean: "Bool",
    list: |element| format!("Array({element})"),
    of: " ",
    structure: |fields| format!("Tuple({fields})"),
    nullable: |name| format!("Nullable({name})"),
};

const HINTS: [&str; 3] = [
    "clickhouse client --queries-file this file. The views see new files by themselves.",
    "A server reads folders below its user_files_path alone (clickhouse local, any), and buckets with its own credentials.",
    "A store of your own has another address: write 's3://bucket' as 'http://host:9000/bucket'.",
];

pub(super) fn ddl(location: &Location) -> Option<String> {
    let (function, lake) = match location {
        Location::Folder(path) => ("file", path.clone()),
        Location::S3(place) => ("s3", format!("s3://{place}")),
        Location::Gcs(place) => ("gcs", format!("https://storage.googleapis.com/{place}")),
        // It needs the account and its key in each call.
        Location::Azure { .. } => return None,
    };
    let mut text = head("ClickHouse", &lake, &HINTS);
    for table in Table::ALL {
        let mut structure = DIALECT.declared(table, |_| String::new());
        structure.push("  `date` Date".to_owned());
        text.push_str(&format!(
            "\nCREATE OR REPLACE VIEW {table} AS\nSELECT * FROM {function}({}, 'Parquet', {}\n)\nSETTINGS use_hive_partitioning = 1;\n",
            quoted(&format!("{lake}/{table}/*/*.parquet")),
            quoted(&format!("\n{}\n", structure.join(",\n"))),
        ));
    }
    let pairs = "SELECT session_id, arrayJoin(merged_ids) AS merged_id FROM sessions";
    text.push_str(&format!(
        "\n{SESSION_HITS}CREATE OR REPLACE VIEW session_hits AS\n{}\nSETTINGS join_use_nulls = 1;\n",
        DIALECT.session_hits(pairs)
    ));
    Some(text)
}
