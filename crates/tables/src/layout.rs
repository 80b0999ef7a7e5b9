//! How a file is laid out: what must be the same for a batch written again to give the same bytes.

use std::ops::RangeInclusive;

use arrow::datatypes::Schema;
use parquet::arrow::ArrowSchemaConverter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use serde::{Deserialize, Serialize};

use crate::checksum;
use crate::encode::EncodeError;
use crate::file::Lineage;
use crate::table::Table;

/// The layout of a batch's files. It goes into the batch's record.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layout {
    /// Version of the tables' schemas; columns are only ever added.
    pub schema: u32,
    /// Most rows of a row group.
    pub row_group_rows: usize,
    /// Level of the zstd compression, one of [`Layout::ZSTD_LEVELS`].
    pub zstd_level: i32,
}

impl Layout {
    /// The version of the schemas that this build writes.
    pub const SCHEMA: u32 = 2;
    /// The levels that zstd has.
    pub const ZSTD_LEVELS: RangeInclusive<i32> = 1..=22;
}

impl Default for Layout {
    /// Row groups large enough to compress well and small enough for several threads to share a file. The lowest level: half
    /// of a file is ids, whose digits the matches of higher levels only make larger (docs/benchmarks.md).
    fn default() -> Self {
        Self { schema: Self::SCHEMA, row_group_rows: 128 * 1024, zstd_level: 1 }
    }
}

/// Ids: a dictionary of them is hardly smaller than they are, and overflows in a large row group. Their lengths apart from
/// their digits compress better: on a real access log's hits 8 % of `hit_id`, which is a third of the file.
const IDS: [&str; 2] = ["hit_id", "session_id"];
/// Columns that are numbers close to their neighbours once the rows are sorted.
const STEADY: [&str; 10] = [
    "event_time",
    "client_time",
    "sent_at",
    "received_at",
    "time",
    "start",
    "end",
    "closed_at",
    "raw_offset",
    "offset",
];
/// Columns that readers look single values up in.
const LOOKED_UP: [&str; 2] = ["visitor_id", "session_id"];

/// Most rows of a page, the least that a reader can skip. What stands in a page several times costs once: of a log with copies of
/// its lines a file is 6 % smaller than with the crate's 20,000, and a look into a few minutes takes a tenth longer
/// (docs/benchmarks.md).
const PAGE_ROWS: usize = 40_000;

pub(crate) fn properties(
    table: Table,
    schema: &Schema,
    layout: &Layout,
    lineage: &Lineage,
) -> Result<WriterProperties, EncodeError> {
    let level = ZstdLevel::try_new(layout.zstd_level)?;
    let mut properties = WriterProperties::builder()
        // Nothing of host or time: the same rows are the same bytes.
        .set_created_by(concat!("tributary version ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(level))
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_max_row_group_row_count(Some(layout.row_group_rows.max(1)))
        .set_sorting_columns(Some(sorting(table, schema)?))
        .set_key_value_metadata(Some(key_values(layout, lineage)));
    let has = |name: &str| schema.column_with_name(name).is_some();
    for name in IDS.into_iter().filter(|name| has(name)) {
        properties = properties
            .set_column_dictionary_enabled(ColumnPath::from(name), false)
            .set_column_encoding(ColumnPath::from(name), Encoding::DELTA_LENGTH_BYTE_ARRAY);
    }
    for name in STEADY.into_iter().filter(|name| has(name)) {
        properties = properties
            .set_column_dictionary_enabled(ColumnPath::from(name), false)
            .set_column_encoding(ColumnPath::from(name), Encoding::DELTA_BINARY_PACKED);
    }
    for name in LOOKED_UP.into_iter().filter(|name| has(name)) {
        properties = properties.set_column_bloom_filter_fpp(ColumnPath::from(name), 0.01);
    }
    Ok(properties.build())
}

/// Rows are sorted by site, then time, then offset, and the file says so.
fn sorting(table: Table, schema: &Schema) -> Result<Vec<SortingColumn>, EncodeError> {
    let leaves = ArrowSchemaConverter::new().convert(schema)?;
    let sorting = ["site", table.time_column(), "offset"].into_iter().map(|name| {
        let at = leaves.columns().iter().position(|leaf| leaf.path().string() == name);
        let column_idx = at.expect("every table has a site, a time and an offset") as i32;
        SortingColumn { column_idx, descending: false, nulls_first: true }
    });
    Ok(sorting.collect())
}

fn key_values(layout: &Layout, lineage: &Lineage) -> Vec<KeyValue> {
    let mut pairs: Vec<KeyValue> =
        lineage.pairs().into_iter().map(|(name, value)| KeyValue::new(name.to_owned(), value)).collect();
    pairs.push(KeyValue::new("tributary.schema_version".to_owned(), layout.schema.to_string()));
    pairs.push(KeyValue::new(checksum::NAME.to_owned(), checksum::NOT_YET.to_owned()));
    pairs
}
