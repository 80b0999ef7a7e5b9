use bytes::Bytes;
use parquet::file::reader::FileReader;
use parquet::file::serialized_reader::SerializedFileReader;
use parquet::schema::printer::print_schema;

use super::*;
use crate::{Layout, Lineage, empty_file};

fn log_id() -> LogId {
    LogId::try_from("log1".to_owned()).unwrap()
}

/// The schemas are public: users' queries name these columns, and columns are only ever added at an end.
#[test]
fn the_schemas_are_public() {
    for table in Table::ALL {
        let lineage = Lineage { table, log_id: log_id(), partition: 0, start: NextOffset(0), end: NextOffset(0) };
        let file: Bytes = empty_file(&lineage, &Layout::default()).unwrap();
        let reader = SerializedFileReader::new(file).unwrap();
        let mut text = Vec::new();
        print_schema(&mut text, reader.metadata().file_metadata().schema());
        insta::assert_snapshot!(table.name(), String::from_utf8(text).unwrap());
    }
}

#[test]
fn every_column_has_its_own_name_and_a_meaning() {
    for table in Table::ALL {
        let columns = table.columns();
        for (at, column) in columns.iter().enumerate() {
            assert!(column.meaning.ends_with(['.', '…']), "{table}.{}: {:?}", column.name, column.meaning);
            assert!(columns[..at].iter().all(|before| before.name != column.name), "{table}.{} twice", column.name);
        }
    }
}

#[test]
fn a_files_name_follows_from_its_batch() {
    let day = Day::of("2026-11-21T23:59:59.999Z".parse().unwrap());
    let path = Table::Late.file_path(day, &log_id(), 3, NextOffset(1234));
    assert_eq!(path, "late/date=2026-11-21/late-log1-3-00000000000000001234.parquet");
}

#[test]
fn a_time_before_1970_has_its_own_day() {
    assert_eq!(Day::of(Timestamp::from_millis(-1)).to_string(), "1969-12-31");
    assert_eq!(Day::of(Timestamp::from_millis(0)).to_string(), "1970-01-01");
}

#[test]
fn each_table_is_found_by_its_topic() {
    for table in Table::ALL {
        assert_eq!(Table::of(table.topic()), Some(table));
        assert_eq!(serde_json::to_string(&table).unwrap(), format!("\"{table}\""));
    }
    assert_eq!(Table::of(Topic::Hits), None);
}
