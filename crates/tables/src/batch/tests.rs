use std::ops::Range;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Field};
use arrow::util::display::array_value_to_string;
use bytes::Bytes;
use events::{LogId, NextOffset, Timestamp};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::basic::Encoding;
use parquet::file::metadata::KeyValue;
use parquet::file::metadata::PageIndexPolicy;
use proptest::prelude::*;

use super::*;
use crate::file::FileFacts;
use crate::rolling::{MOST_DAYS, Rolling};

const NOON: i64 = 1_431_864_000_000;
const DAY: i64 = 86_400_000;

fn lineage(table: Table, range: Range<i64>) -> Lineage {
    let log_id = LogId::try_from("log1".to_owned()).unwrap();
    Lineage { table, log_id, partition: 2, start: NextOffset(range.start), end: NextOffset(range.end) }
}

/// An enriched hit that has what each one has, and what else is asked for.
fn hit(site: &str, millis: i64, more: &str) -> String {
    let time = Timestamp::from_millis(millis);
    format!(
        r#"{{"hit_id":"00000000-0000-7000-8000-000000000001","schema":"hit/1","site":"{site}","type":"pageview","event_time":"{time}"{more},"time":"{time}","raw_offset":7,"is_bot":false}}"#
    )
}

fn read(file: &Bytes) -> RecordBatch {
    let reader = ParquetRecordBatchReaderBuilder::try_new(file.clone()).unwrap();
    let schema = reader.schema().clone();
    let batches: Vec<_> = reader.build().unwrap().map(Result::unwrap).collect();
    concat_batches(&schema, &batches).unwrap()
}

/// The type with an offset for a zone: texts of named zones would need a time zone database.
fn without_zone(data_type: &DataType) -> DataType {
    let field = |field: &Field| Field::new(field.name(), without_zone(field.data_type()), field.is_nullable());
    match data_type {
        DataType::Timestamp(unit, Some(zone)) if &**zone == "UTC" => DataType::Timestamp(*unit, Some("+00:00".into())),
        DataType::List(element) => DataType::List(Arc::new(field(element))),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(|of| field(of)).collect()),
        other => other.clone(),
    }
}

/// A cell as text; empty for nothing.
fn cell(rows: &RecordBatch, row: usize, column: &str) -> String {
    let column = rows.column_by_name(column).unwrap();
    array_value_to_string(&cast(column, &without_zone(column.data_type())).unwrap(), row).unwrap()
}

/// One row as `column: value` lines, without what is empty.
fn lines(rows: &RecordBatch, row: usize) -> String {
    let schema = rows.schema();
    let names = schema.fields().iter().map(|field| field.name());
    let cells = names.map(|name| (name, cell(rows, row, name))).filter(|(_, value)| !value.is_empty());
    cells.map(|(name, value)| format!("{name}: {value}\n")).collect()
}

fn only_row(table: Table, value: &str) -> String {
    let mut batch = TableBatch::new(table);
    batch.push(Offset(41), value.as_bytes()).unwrap();
    let files = batch.finish(&lineage(table, 41..42), &Layout::default()).unwrap();
    assert_eq!(files.len(), 1);
    lines(&read(&files[0].bytes), 0)
}

#[test]
fn an_enriched_hit_is_a_row_with_its_lineage() {
    let row = only_row(
        Table::Hits,
        r#"{"hit_id":"0190a3f2-0000-7000-8000-00000000000f","schema":"hit/1","site":"shop.example","visitor_id":"v1","user_id":"u\u00e9","type":"pageview","event_time":"2015-05-17T10:05:03.000Z","client_time":"2015-05-17T10:05:02.000Z","sent_at":"2015-05-17T10:05:02.500Z","received_at":"2015-05-17T10:05:03.250Z","url":"https://shop.example/a?utm_source=x","title":"A \"title\"","referrer":"https://g.example/","language":"de-AT","timezone":"Europe/Vienna","screen":"1920x1080","user_agent":"Mozilla/5.0","ip":"192.0.2.1","country":"AT","region":"AT-9","privacy":{"gpc":true},"purpose":"prefetch","site_timezone":"Europe/Vienna","props":{"price": 9.5, "tags":["a","b"]},"time":"2015-05-17T10:05:03.000Z","raw_offset":17,"clamped":true,"session_id":"8190a3f2-0000-8000-8000-00000000000f","session_seq":3,"path":"/a","source":"x","medium":"cpc","campaign":"c","term":"t","content":"k","channel":"paid_search","browser":"Firefox","os":"Linux","device":"desktop","is_bot":false}"#,
    );
    insta::assert_snapshot!(row);
}

#[test]
fn a_session_is_a_row_with_its_pages_as_structs() {
    let row = only_row(
        Table::Sessions,
        r#"{"session_id":"8190a3f2-0000-8000-8000-00000000000f","schema":"session/1","site":"shop.example","visitor_id":"v1","start":"2015-05-17T10:05:03.000Z","end":"2015-05-17T10:06:03.000Z","duration_ms":60000,"hit_count":2,"pageview_count":2,"event_count":0,"is_bounce":false,"engaged_ms":1500,"pages":[{"path":"/a","title":"A","time":"2015-05-17T10:05:03.000Z"},{"path":"/b","time":"2015-05-17T10:06:03.000Z"}],"pages_truncated":false,"entry_page":"/a","exit_page":"/b","channel":"direct","is_bot":false,"closed_by":"gap","is_split":false,"merged_ids":["8190a3f2-0000-8000-8000-000000000010"],"partition":2,"first_offset":3,"last_offset":9,"closed_at":"2015-05-17T10:40:00.000Z"}"#,
    );
    insta::assert_snapshot!(row);
}

#[test]
fn a_late_hit_is_a_row_with_its_reason() {
    let more = r#","late_reason":"session_closed","missed_session_id":"8190a3f2-0000-8000-8000-00000000000f""#;
    insta::assert_snapshot!(only_row(Table::Late, &hit("shop.example", NOON, more)));
}

#[test]
fn a_rejection_is_a_row_without_its_body() {
    let row = only_row(
        Table::Rejected,
        r#"{"schema":"rejection/1","reason":"invalid_time","pointer":"/0/event_time","detail":"no time","site":"shop.example","time":"2015-05-17T10:05:03.000Z","origin":"access.log.gz:17","ip":"192.0.2.1","raw":"{secret}","raw_hash":"00000000000000ff"}"#,
    );
    assert!(!row.contains("secret"));
    insta::assert_snapshot!(row);
}

/// The engine takes such hits, so they must become rows: a hit in no table would break the promise.
#[test]
fn a_cell_that_cannot_be_read_is_left_empty_and_counted() {
    let mut batch = TableBatch::new(Table::Hits);
    let more = r#","client_time":"yesterday","timezone":5,"title":"\ud800","ip":"192.0.2.1","ip":"192.0.2.2","unheard_of":{"a":[1]}"#;
    batch.push(Offset(0), hit("a", NOON, more).as_bytes()).unwrap();
    assert_eq!(batch.unreadable_cells(), 3);
    let files = batch.finish(&lineage(Table::Hits, 0..1), &Layout::default()).unwrap();
    let rows = read(&files[0].bytes);
    assert_eq!(["client_time", "timezone", "title"].map(|name| cell(&rows, 0, name)), ["", "", ""]);
    assert_eq!(cell(&rows, 0, "ip"), "192.0.2.2");
}

#[test]
fn a_record_that_is_no_row_leaves_the_batch_as_it_was() {
    let mut batch = TableBatch::new(Table::Hits);
    let good = hit("a", NOON, "");
    batch.push(Offset(0), good.as_bytes()).unwrap();
    let no_time = good.replace("\"time\"", "\"tim\"");
    let bad_site = good.replace("\"site\":\"a\"", "\"site\":5");
    for (value, reason) in [
        (&b""[..], "empty_record"),
        (b"\xff", "invalid_json"),
        (b"{", "invalid_json"),
        (b"[1]", "invalid_json"),
        (b"{}", "missing_field"),
        (b"{} {}", "invalid_json"),
        (no_time.as_bytes(), "missing_field"),
        (bad_site.as_bytes(), "missing_field"),
    ] {
        assert_eq!(batch.push(Offset(1), value).unwrap_err().reason(), reason, "{}", String::from_utf8_lossy(value));
    }
    batch.push(Offset(2), good.as_bytes()).unwrap();
    let files = batch.finish(&lineage(Table::Hits, 0..3), &Layout::default()).unwrap();
    assert_eq!(FileFacts::read(files[0].bytes.clone()).unwrap().offsets, [Offset(0), Offset(2)]);
}

#[test]
fn each_day_is_a_file_of_its_own() {
    let mut batch = TableBatch::new(Table::Hits);
    for (offset, millis) in [(5, NOON + DAY), (6, NOON), (7, NOON + DAY)] {
        batch.push(Offset(offset), hit("a", millis, "").as_bytes()).unwrap();
    }
    let days: Vec<_> = batch.days().iter().map(|(day, &rows)| (day.to_string(), rows)).collect();
    let files = batch.finish(&lineage(Table::Hits, 5..8), &Layout::default()).unwrap();
    assert_eq!(days, [("2015-05-17".to_owned(), 1), ("2015-05-18".to_owned(), 2)]);
    assert_eq!(days, files.iter().map(|file| (file.day.to_string(), file.rows)).collect::<Vec<_>>());
}

/// A client that dates its hits at random makes a file of each day, and each has a price.
#[test]
fn a_batch_of_many_days_weighs_what_its_files_will_and_ends_at_a_bound() {
    let rolling = Rolling::new(usize::MAX, usize::MAX);
    let mut batch = TableBatch::new(Table::Late);
    let mut offset = 0;
    while !rolling.is_full(&batch) {
        let value = hit("a", NOON - offset * DAY, r#","late_reason":"too_old""#);
        batch.push(Offset(offset), value.as_bytes()).unwrap();
        offset += 1;
    }
    assert_eq!(batch.rows(), MOST_DAYS);
    let weight = batch.bytes_in_memory();
    let files = batch.finish(&lineage(Table::Late, 0..offset), &Layout::default()).unwrap();
    assert_eq!(files.len(), MOST_DAYS);
    let encoded: usize = files.iter().map(|file| file.bytes.len()).sum();
    assert!(encoded <= weight, "{encoded} bytes of files were counted as {weight}");
}

/// What readers find beside the rows; all of it follows from the batch.
#[test]
fn a_file_says_what_it_was_made_of_and_how_to_search_it() {
    let mut batch = TableBatch::new(Table::Hits);
    batch.push(Offset(5), hit("a", NOON, r#","visitor_id":"v1","session_id":"s1","url":"u""#).as_bytes()).unwrap();
    let file = batch.finish(&lineage(Table::Hits, 5..6), &Layout::default()).unwrap().remove(0).bytes;

    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
    let metadata = ArrowReaderMetadata::load(&file, options).unwrap();
    let metadata = metadata.metadata();
    let group = metadata.row_group(0);
    let name = |column: i32| group.column(column as usize).column_path().string();
    let sorted_by: Vec<_> = group.sorting_columns().unwrap().iter().map(|by| name(by.column_idx)).collect();
    assert_eq!(sorted_by, ["site", "time", "offset"]);
    let bloom: Vec<_> = group
        .columns()
        .iter()
        .filter(|c| c.bloom_filter_offset().is_some())
        .map(|c| c.column_path().string())
        .collect();
    assert_eq!(bloom, ["visitor_id", "session_id"]);
    let encodings = |name: &str| {
        let column = group.columns().iter().find(|column| column.column_path().string() == name).unwrap();
        column.encodings().collect::<Vec<_>>()
    };
    assert!(encodings("hit_id").contains(&Encoding::DELTA_LENGTH_BYTE_ARRAY));
    assert!(encodings("time").contains(&Encoding::DELTA_BINARY_PACKED));
    assert!(encodings("url").contains(&Encoding::RLE_DICTIONARY));
    let pages = metadata.page_index().unwrap();
    assert!(
        (0..group.num_columns()).all(|at| pages.column_index(0, at).is_some() && pages.offset_index(0, at).is_some())
    );
    assert!(group.columns().iter().all(|column| column.statistics().is_some()));

    let file_metadata = metadata.file_metadata();
    let pairs = file_metadata.key_value_metadata().unwrap().iter();
    // The checksum is another one with each change of a column.
    let said = |pair: &KeyValue| match (pair.key.as_str(), pair.value.as_deref().unwrap()) {
        (crate::checksum::NAME, digits) => format!("{} digits", digits.len()),
        (_, value) => value.to_owned(),
    };
    let pairs: String = pairs.map(|pair| format!("{}={}\n", pair.key, said(pair))).collect();
    insta::assert_snapshot!(format!("{}\n{pairs}", file_metadata.created_by().unwrap()));
}

/// Copies within a page cost once; what a reader can skip is a page.
#[test]
fn pages_are_large_enough_to_find_copies_in_and_small_enough_to_skip() {
    let mut batch = TableBatch::new(Table::Hits);
    for offset in 0..45_000 {
        batch.push(Offset(offset), hit("a", NOON + offset, "").as_bytes()).unwrap();
    }
    let files = batch.finish(&lineage(Table::Hits, 0..45_000), &Layout::default()).unwrap();
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
    let metadata = ArrowReaderMetadata::load(&files[0].bytes, options).unwrap();
    let metadata = metadata.metadata();
    let index = metadata.page_index().unwrap();
    for column in 0..metadata.row_group(0).num_columns() {
        let pages = index.offset_index(0, column).unwrap().page_locations().len();
        let name = metadata.row_group(0).column(column).column_path().string();
        // The digits of ids fill a page sooner.
        assert!(pages == 2 || (name == "hit_id" && pages == 3), "{name} has {pages}");
    }
}

#[test]
fn what_is_no_file_of_ours_is_named_as_such() {
    assert!(matches!(FileFacts::read(Bytes::from_static(b"PAR1")), Err(crate::FileError::Parquet(_))));
}

prop_compose! {
    fn record()(site in "[a-c]", day in 0i64..3, second in 0i64..5, is_row in proptest::bool::weighted(0.9)) -> (String, i64, bool) {
        (site, NOON + day * DAY + second * 1000, is_row)
    }
}

proptest! {
    #[test]
    fn rows_are_sorted_and_conserved_and_the_bytes_repeat(records in prop::collection::vec(record(), 1..60)) {
        let lineage = lineage(Table::Hits, 0..records.len() as i64);
        let layout = Layout { row_group_rows: 7, ..Layout::default() };
        let write = || {
            let mut batch = TableBatch::new(Table::Hits);
            for (offset, (site, millis, is_row)) in records.iter().enumerate() {
                let value = if *is_row { hit(site, *millis, "") } else { "{}".to_owned() };
                assert_eq!(batch.push(Offset(offset as i64), value.as_bytes()).is_ok(), *is_row);
            }
            batch.finish(&lineage, &layout).unwrap()
        };
        let files = write();
        prop_assert_eq!(&files, &write());
        let mut seen = Vec::new();
        for file in &files {
            let facts = FileFacts::read(file.bytes.clone()).unwrap();
            prop_assert_eq!(&facts.lineage, &lineage);
            let order: Vec<_> = facts.offsets.iter().map(|offset| {
                let (site, millis, _) = &records[offset.0 as usize];
                (site, millis, offset)
            }).collect();
            prop_assert!(order.is_sorted());
            prop_assert!(order.iter().all(|(_, millis, _)| Day::of(Timestamp::from_millis(**millis)) == file.day));
            seen.extend(facts.offsets);
        }
        seen.sort_unstable();
        let rows: Vec<_> = (0..records.len()).filter(|&at| records[at].2).map(|at| Offset(at as i64)).collect();
        prop_assert_eq!(seen, rows);
    }
}
