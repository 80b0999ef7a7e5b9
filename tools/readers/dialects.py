#!/usr/bin/env python3
"""Athena, BigQuery and Snowflake run nowhere but in their clouds, so their DDL is not run here: it is parsed as their dialect by
sqlglot, and compared with docs/tables.md column by column. The texts are the snapshots of crates/tables."""

import pathlib, sys

import sqlglot
from sqlglot import exp

import expected
from sql_engines import TABLES

SNAPSHOTS = pathlib.Path(__file__).resolve().parents[2] / "crates/tables/src/ddl/snapshots"
PAGES = {
    "bigquery": "ARRAY<STRUCT<`path` STRING, `title` STRING, `time` TIMESTAMP>>",
    "athena": "ARRAY<STRUCT<`path`: STRING, `title`: STRING, `time`: TIMESTAMP>>",
    "snowflake": "VARIANT",
}
TYPES = {
    "athena": {
        "text": "STRING",
        "timestamp": "TIMESTAMP",
        "int32": "INT",
        "int64": "BIGINT",
        "boolean": "BOOLEAN",
        "list of text": "ARRAY<STRING>",
    },
    "bigquery": {
        "text": "STRING",
        "timestamp": "TIMESTAMP",
        "int32": "INT64",
        "int64": "INT64",
        "boolean": "BOOL",
        "list of text": "ARRAY<STRING>",
        "date": "DATE",
    },
    "snowflake": {
        "text": "VARCHAR",
        "timestamp": "TIMESTAMP_NTZ",
        "int32": "NUMBER(10, 0)",
        "int64": "NUMBER(19, 0)",
        "boolean": "BOOLEAN",
        "list of text": "VARIANT",
        "date": "DATE",
    },
}
FILES = [
    ("athena", "s3"),
    ("bigquery", "gcs"),
    ("snowflake", "s3"),
    ("snowflake", "gcs"),
    ("snowflake", "azure_account"),
]


# Of BigQuery's documented grammar, what the parser does not know: compared as a text, and left out of what is parsed.
BEYOND_THE_PARSER = "WITH PARTITION COLUMNS (`date` DATE)\n"


def same_type(column, kind, read):
    """Whether a column's type is this one, whatever the dialect's ways to write it."""
    return column is not None and column.args["kind"] == exp.DataType.build(kind, dialect=read)


def check(dialect, store):
    text = (SNAPSHOTS / f"tables__ddl__tests__{store}_{dialect}.sql.snap").read_text().split("\n---\n", 1)[1]
    # Athena's DDL is Hive's, its queries are Trino's.
    parts = [
        ("hive" if "EXTERNAL TABLE" in one else "trino", one) if dialect == "athena" else (dialect, one)
        for one in text.split(";\n")
        if one.strip()
    ]
    passed, failed, seen = 0, [], set()
    for read, part in parts:
        if dialect == "bigquery" and "EXTERNAL TABLE" in part:
            if BEYOND_THE_PARSER not in part:
                failed.append(f"no {BEYOND_THE_PARSER!r} in {part[:60]!r}")
            part = part.replace(BEYOND_THE_PARSER, "")
        try:
            statement = sqlglot.parse_one(part, read=read)
        except sqlglot.errors.ParseError as error:
            failed.append(f"{part[:60]!r}: {error}")
            continue
        if isinstance(statement, exp.Command) or not isinstance(statement, exp.Create):
            failed.append(f"only taken as a command: {part[:80]!r}")
            continue
        passed += 1
        schema = statement.this
        if not isinstance(schema, exp.Schema):
            continue
        table = schema.this.name
        seen.add(table)
        found = {column.name.lower(): column for column in schema.expressions if isinstance(column, exp.ColumnDef)}
        documented = expected.documented_types(table)
        kinds = TYPES[dialect] | {"pages": PAGES[dialect]}
        wanted = {
            name: kinds[kind] for name, (kind, _) in documented.items() if name != "date" or dialect == "snowflake"
        }
        for name in wanted | found:
            if name in wanted and same_type(found.get(name), wanted[name], read):
                passed += 1
            else:
                failed.append(f"{table}.{name}: {found.get(name)}, not {wanted.get(name)}")
        if list(found) != list(wanted):
            failed.append(f"{table}: columns in another order")
    if seen != set(TABLES):
        failed.append(f"tables: {sorted(seen)}")
    return passed, failed


def main():
    print(f"{'parsed, not run':<16} {'lake':<14} {'passed':>7} {'failed':>7}")
    failures = 0
    for dialect, store in FILES:
        passed, failed = check(dialect, store)
        print(f"{dialect:<16} {store:<14} {passed:>7} {len(failed):>7}")
        for line in failed:
            print(f"    {line}")
        failures += len(failed)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
