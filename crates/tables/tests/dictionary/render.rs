//! Columns as Markdown.

use arrow::datatypes::DataType;
use serde_json::Value;
use tables::{Column, Table};

const HEAD: &str = "\
<!-- Made from the schemas in crates/tables; a test fails when it is stale:
     TOOLS_RENEW=1 cargo test --release -p tables --test dictionary -->

# The tables, column by column

A lake has four tables. Each is a folder of Parquet files, `<table>/date=YYYY-MM-DD/*.parquet`, which any engine reads as
they are. `date` is the day, UTC, of the column that is named with each table, and stands in the path alone. Example queries:
[queries.md](queries.md).

A hit that came before two sessions of its visitor were merged names the session that it was counted in by then; the session
that stands in `sessions` lists that name in `merged_ids`. The view `session_hits` of the DDL resolves it.

## Types

| here | Parquet | DuckDB | Spark, Athena | BigQuery | ClickHouse | Snowflake |
| --- | --- | --- | --- | --- | --- | --- |
| text | BYTE_ARRAY (STRING) | VARCHAR | string | STRING | String | VARCHAR |
| JSON | BYTE_ARRAY (STRING) | VARCHAR | string | STRING | String | VARCHAR |
| timestamp | INT64 (TIMESTAMP, microseconds, UTC) | TIMESTAMP WITH TIME ZONE | timestamp | TIMESTAMP | DateTime64(6, 'UTC') | TIMESTAMP_NTZ |
| int32 | INT32 | INTEGER | int | INT64 | Int32 | NUMBER |
| int64 | INT64 | BIGINT | bigint | INT64 | Int64 | NUMBER |
| boolean | BOOLEAN | BOOLEAN | boolean | BOOL | Bool | BOOLEAN |
| list of … | LIST | …[] | array<…> | ARRAY<…> | Array(…) | VARIANT |
| struct(…) | group | STRUCT(…) | struct<…> | STRUCT<…> | Tuple(…) | VARIANT |
| `date`, from the path | | DATE | date; Athena: string | DATE | Date | DATE |

A `?` behind a type says that the cell may be empty (null). Times have milliseconds; their microseconds are zero. `end`, `offset`,
`partition`, `time`, `type` and `date` are words of some SQL dialects: quote them where the engine complains.

## Reading a lake

The lake-writer puts DDL for each engine that can reach the lake into its folder `_tables/`, and keeps it up to date at each of
its starts: views or tables `hits`, `sessions`, `late`, `rejected` and the view `session_hits`. Columns are only ever added, and
those that are added may be empty: in older files they are. So far there is one version of the columns; the third column says what
engines need once files of several lie in a lake.

| engine | reads a lake by | files of several versions need | tested |
| --- | --- | --- | --- |
| DuckDB | `_tables/duckdb.sql`, or `read_parquet('LAKE/hits/*/*.parquet')` | `SET VARIABLE several_versions = true`; without the DDL `union_by_name = true` | run |
| Spark | `_tables/spark.sql`, or `spark.read.parquet(\"LAKE/hits\")` | nothing; without the DDL `.option(\"mergeSchema\", True)` | run |
| ClickHouse | `_tables/clickhouse.sql`, or `file('LAKE/hits/*/*.parquet')`, `s3(…)` | nothing; without the DDL `SETTINGS schema_inference_mode = 'union'` | run |
| pyarrow | `ds.dataset(\"LAKE/hits\", partitioning=ds.partitioning(pa.schema([(\"date\", pa.date32())]), flavor=\"hive\"))`; with `\"hive\"` alone `date` is text | `dataset.replace_schema(pa.unify_schemas([*(f.physical_schema for f in dataset.get_fragments()), dataset.partitioning.schema]))` | run |
| polars | `pl.scan_parquet(\"LAKE/hits\", hive_partitioning=True)` | `schema=` that of a newest file, `missing_columns=\"insert\", extra_columns=\"ignore\"`; else it stops | run |
| DataFusion | `register_parquet(\"hits\", \"LAKE/hits\", table_partition_cols=[(\"date\", pa.date32())])`; it reads texts as Utf8View | nothing | run |
| Athena | `_tables/athena.sql`, one statement at a time | | parsed, not run |
| BigQuery | `_tables/bigquery.sql` | | parsed, not run |
| Snowflake | `_tables/snowflake.sql`, with an integration for its stage | | parsed, not run |

Where an engine needs something and does not get it, pyarrow and DuckDB take the columns of the first file and say nothing, and
Spark those of some file. Looking into every file has its price: with 2,000 files, a query on one day took DuckDB 0.6 s of
processor time and not 0.05 s, and in a bucket each look is a request.

*Run*: `make test-readers` has the engine read three lakes, compares counts, sums, times, lists and types with what plain Python
finds in the files, and reads files of an older and a newer build beside today's. *Parsed, not run*: there is no such engine outside
its cloud, so the DDL is read by a parser that knows the dialect, and compared with this page column by column. Whether the engine
takes it is not known to us: tell us.

`duckdb.sql` needs DuckDB 2.0: before that, there was no way to say that a table has no files yet. Athena finds days from 2000 on by
projection; narrow the range in the DDL if queries without a `date` take long. Snowflake's tables see new files after a refresh, and
Spark's sessions after `REFRESH TABLE`. Engines that read Azure want the storage account in the URL, which a lake's URL lacks: for
`az://container/…` only DuckDB's DDL is there, for `abfss://container@account…` Spark's and Snowflake's too.
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
