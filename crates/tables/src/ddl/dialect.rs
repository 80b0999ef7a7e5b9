//! What engines' SQL has in common: names in quotes, types, and the view that resolves merges.

use arrow::datatypes::{DataType, Field, Fields};

use crate::columns::Column;
use crate::layout::Layout;
use crate::table::Table;

/// How an engine writes names and types.
pub(super) struct Dialect {
    pub(super) quote: char,
    pub(super) text: &'static str,
    pub(super) timestamp: &'static str,
    pub(super) int32: &'static str,
    pub(super) int64: &'static str,
    pub(super) boolean: &'static str,
    /// The type of a list of these.
    pub(super) list: fn(&str) -> String,
    /// What stands between a struct's field and its type.
    pub(super) of: &'static str,
    /// The type of a struct with these fields.
    pub(super) structure: fn(&str) -> String,
    /// The type that may be empty; most engines make no difference.
    pub(super) nullable: fn(String) -> String,
}

impl Dialect {
    /// A name in quotes: `end`, `offset` and others are words of SQL.
    pub(super) fn name(&self, name: &str) -> String {
        format!("{0}{name}{0}", self.quote)
    }

    /// The type of a table's column.
    pub(super) fn column_type(&self, column: &Column) -> String {
        self.type_of(&column.data_type, column.nullable)
    }

    /// A table's columns as a statement declares them: a line for each with its name, its type, and what `after` says of it.
    pub(super) fn declared(&self, table: Table, after: impl Fn(&Column) -> String) -> Vec<String> {
        let line =
            |column: &Column| format!("  {} {}{}", self.name(column.name), self.column_type(column), after(column));
        table.columns().iter().map(line).collect()
    }

    fn type_of(&self, data_type: &DataType, nullable: bool) -> String {
        let name = match data_type {
            DataType::Utf8 => self.text.to_owned(),
            DataType::Timestamp(..) => self.timestamp.to_owned(),
            DataType::Int32 => self.int32.to_owned(),
            DataType::Int64 => self.int64.to_owned(),
            DataType::Boolean => self.boolean.to_owned(),
            // No engine has an empty list beside one without elements.
            DataType::List(element) => return (self.list)(&self.field_type(element)),
            DataType::Struct(fields) => return (self.structure)(&self.fields(fields)),
            other => unreachable!("the cells are of a few kinds, and {other} is none of them"),
        };
        if nullable { (self.nullable)(name) } else { name }
    }

    fn field_type(&self, field: &Field) -> String {
        self.type_of(field.data_type(), field.is_nullable())
    }

    fn fields(&self, fields: &Fields) -> String {
        let of = |field: &Field| format!("{}{}{}", self.name(field.name()), self.of, self.field_type(field));
        fields.iter().map(|field| of(field)).collect::<Vec<_>>().join(", ")
    }

    /// The view of hits in which each names the session that stands in `sessions`: one that was counted before a merge
    /// names the session that was merged away. `pairs` selects `session_id` and, of each of its `merged_ids`, `merged_id`.
    pub(super) fn session_hits(&self, pairs: &str) -> String {
        let columns = Table::Hits.columns();
        let names = columns.iter().map(|column| column.name).chain(["date"]);
        let select = names.map(|name| match name {
            "session_id" => "  coalesce(merged.session_id, hits.session_id) AS session_id".to_owned(),
            name => format!("  hits.{}", self.name(name)),
        });
        format!(
            "SELECT\n{}\nFROM hits\nLEFT JOIN (\n  SELECT merged_id, min(session_id) AS session_id\n  FROM ({pairs}) AS pairs\n  GROUP BY merged_id\n) AS merged ON merged.merged_id = hits.session_id",
            select.collect::<Vec<_>>().join(",\n")
        )
    }
}

/// For dialects that make no difference between what may be empty and what may not.
pub(super) fn same(name: String) -> String {
    name
}

/// What a column means, safe within single quotes of every dialect.
pub(super) fn comment(column: &Column) -> String {
    column.meaning.replace('\'', "’")
}

/// A text in single quotes.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// What stands before the version of the schemas in each file.
pub(super) const SCHEMA_VERSION: &str = "schema version ";

/// The version of the schemas that a file for readers was written for, where it says so.
pub fn schema_version(text: &str) -> Option<u32> {
    let (_, rest) = text.split_once(SCHEMA_VERSION)?;
    rest.split(|character: char| !character.is_ascii_digit()).next()?.parse().ok()
}

/// The first lines of each file.
pub(super) fn head(engine: &str, lake: &str, hints: &[&str]) -> String {
    let mut lines = vec![
        format!("{engine}: the tables of the lake {lake}"),
        format!(
            "Written by Tributary’s lake-writer at its start, {SCHEMA_VERSION}{}; changes are overwritten. What the columns mean: docs/tables.md.",
            Layout::SCHEMA
        ),
    ];
    lines.extend(hints.iter().map(|&hint| hint.to_owned()));
    lines.iter().map(|line| format!("-- {}\n", line.replace('\n', " "))).collect()
}

/// What the view is for.
pub(super) const SESSION_HITS: &str =
    "-- Hits with the session that stands in `sessions`, also where theirs was merged into it.\n";
