//! Columns as Markdown.

use arrow::datatypes::DataType;
use serde_json::Value;
use tables::{Column, Table};

const HEAD: &str = "\
<!-- Made from the schemas in crates/tables; a test fails when it is stale:
     TRIBUTARY_RENEW=1 cargo test --release -p tables --test dictionary -->

# The tables, column by column

A lake has four tables. Each is a folder of Parquet files, `<table>/date=YYYY-MM-DD/*.parquet`, which any engine reads as
they are; `date` is the day, UTC, of the column that is named with each table, and stands in the path alone. `_tables/` in
the lake has ready DDL for several engines. Example queries: [queries.md](queries.md). Columns are only ever added.

What the types are in Parquet and to engines:

| here | Parquet | DuckDB | Spark, Athena | BigQuery | ClickHouse | Snowflake |
| --- | --- | --- | --- | --- | --- | --- |
| text | BYTE_ARRAY (STRING) | VARCHAR | string | STRING | String | VARCHAR |
| JSON | BYTE_ARRAY (STRING) | VARCHAR | string | STRING | String | VARCHAR |
| timestamp | INT64 (TIMESTAMP, microseconds, UTC) | TIMESTAMP WITH TIME ZONE | timestamp | TIMESTAMP | DateTime64(6, 'UTC') | TIMESTAMP_TZ |
| int32 | INT32 | INTEGER | int | INT64 | Int32 | NUMBER |
| int64 | INT64 | BIGINT | bigint | INT64 | Int64 | NUMBER |
| boolean | BOOLEAN | BOOLEAN | boolean | BOOL | Bool | BOOLEAN |
| list of … | LIST | …[] | array<…> | ARRAY<…> | Array(…) | ARRAY |
| struct(…) | group | STRUCT(…) | struct<…> | STRUCT<…> | Tuple(…) | OBJECT |

A `?` behind a type says that the cell may be empty (null). Times have milliseconds; their microseconds are zero.
`end`, `offset`, `partition`, `time`, `type` and `date` are words of some SQL dialects: quote them where the engine complains.

A hit that came before two sessions of its visitor were merged into one names the session that it was counted in by then; the
session that stands in `sessions` lists that name in `merged_ids`. The view `session_hits` of the DDL resolves it.
";

/// The whole page.
pub(crate) fn dictionary(tables: &[(Table, Value)]) -> String {
    let mut page = HEAD.to_owned();
    for (table, cells) in tables {
        page.push_str(&format!("\n## {table}\n\n{}\n\n", about(*table)));
        page.push_str("| column | type | unit | meaning | example |\n| --- | --- | --- | --- | --- |\n");
        for column in table.columns() {
            let optional = if column.nullable { "?" } else { "" };
            let Column { name, meaning, .. } = column;
            let (data_type, unit, example) = (type_name(&column), unit(&column), example(&cells[name]));
            page.push_str(&format!("| `{name}` | {data_type}{optional} | {unit} | {meaning} | {example} |\n"));
        }
    }
    page
}

fn about(table: Table) -> String {
    let (what, date) = match table {
        Table::Hits => (
            "Each hit that was accepted, once, with the session that it belongs to and what was derived from it.",
            "the day of the hit",
        ),
        Table::Sessions => ("Each session, once, when it is final.", "the day of its start"),
        Table::Late => (
            "Hits that came after the session that they belong to was final. No hit is here and in `hits`.",
            "the day of the hit",
        ),
        Table::Rejected => (
            "What was refused, and why; the bodies are on the topic alone, for as long as it keeps them.",
            "the day it was received",
        ),
    };
    format!("{what} From the topic `{}`; `date` is {date}, from `{}`.", table.topic(), table.time_column())
}

fn type_name(column: &Column) -> String {
    if is_json(column) { "JSON".to_owned() } else { data_type_name(&column.data_type) }
}

/// Texts that hold JSON say so in their meaning, the one place that knows.
fn is_json(column: &Column) -> bool {
    column.data_type == DataType::Utf8 && column.meaning.ends_with("as JSON.")
}

fn data_type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Utf8 => "text".to_owned(),
        DataType::Timestamp(..) => "timestamp".to_owned(),
        DataType::Int32 => "int32".to_owned(),
        DataType::Int64 => "int64".to_owned(),
        DataType::Boolean => "boolean".to_owned(),
        DataType::List(element) => format!("list of {}", data_type_name(element.data_type())),
        DataType::Struct(fields) => {
            let field = |name: &str, of: &DataType, optional: bool| {
                format!("{name} {}{}", data_type_name(of), if optional { "?" } else { "" })
            };
            let fields: Vec<_> = fields.iter().map(|of| field(of.name(), of.data_type(), of.is_nullable())).collect();
            format!("struct({})", fields.join(", "))
        }
        other => panic!("give {other} a name and a line in the page's head"),
    }
}

fn unit(column: &Column) -> &'static str {
    match &column.data_type {
        DataType::Timestamp(..) => "UTC",
        _ if column.name.ends_with("_ms") => "ms",
        _ if column.name == "screen" => "pixels",
        _ => "",
    }
}

/// A cell in backquotes, safe within a Markdown table.
fn example(cell: &Value) -> String {
    let text = match cell {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let fence = if text.contains('`') { "``" } else { "`" };
    let pad = if text.contains('`') { " " } else { "" };
    format!("{fence}{pad}{}{pad}{fence}", text.replace('|', "\\|"))
}
