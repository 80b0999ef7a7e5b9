use std::ops::Range;

use events::{LogId, NextOffset};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::file::properties::WriterProperties;

use super::decoding::PAIRS_WITHOUT_CHECKSUM;
use super::*;
use crate::checksum;
use crate::encode::{self, Rows};
use crate::{Layout, TableBatch};

const NOON: i64 = 1_431_864_000_000;

fn lineage(table: Table) -> Lineage {
    let log_id = LogId::try_from("log1".to_owned()).unwrap();
    Lineage { table, log_id, partition: 2, start: NextOffset(0), end: NextOffset(100) }
}

fn hit(n: i64) -> String {
    let time = Timestamp::from_millis(NOON + n);
    format!(
        r#"{{"hit_id":"h{n}","schema":"hit/1","site":"a","visitor_id":"v","type":"pageview","event_time":"{time}","time":"{time}","raw_offset":7,"is_bot":false}}"#
    )
}

/// A file of hits with these rows in this order.
fn file(order: &[u32]) -> Bytes {
    let mut columns = Table::Hits.gather();
    for n in 0..order.len() as i64 {
        columns.push(hit(n).as_bytes(), &mut |_| {}).unwrap();
    }
    let lineage = lineage(Table::Hits);
    let rows = Rows::new(columns.take(), (0..order.len() as i64).collect(), &lineage);
    encode::file(Day::of(Timestamp::from_millis(NOON)), &rows, order, &lineage, &Layout::default()).unwrap().bytes
}

/// Reads it by what it asks for; also gives how many bytes those were.
fn read(file: &Bytes, date: &str, depth: Depth) -> Result<(SomeRows, u64), FileError> {
    let mut reading = FileReading::begin(file.len() as u64, date, depth)?;
    let (mut all, mut brought) = (SomeRows::default(), 0);
    loop {
        match reading.advance()? {
            Next::Needs(ranges) => {
                brought += ranges.iter().map(|range| range.end - range.start).sum::<u64>();
                let piece = |range: &Range<u64>| file.slice(range.start as usize..range.end as usize);
                let bytes = ranges.iter().map(piece).collect();
                reading.bring(ranges, bytes)?;
            }
            Next::Rows(rows) => {
                assert_eq!(rows.first, all.offsets.len() as u64);
                all.offsets.extend(rows.offsets);
                all.ids.extend(rows.ids);
                all.faults.extend(rows.faults);
            }
            Next::End => {
                assert_eq!(reading.facts().unwrap(), &(lineage(Table::Hits), all.offsets.len() as u64));
                return Ok((all, brought));
            }
        }
    }
}

#[test]
fn the_offsets_are_had_for_a_small_part_of_the_file() {
    let order: Vec<u32> = (0..20_000).collect();
    let file = file(&order);
    let (rows, brought) = read(&file, "2015-05-17", Depth::Offsets).unwrap();
    assert_eq!(rows.offsets, (0..20_000).map(Offset).collect::<Vec<_>>());
    assert!(rows.ids.is_empty() && brought * 4 < file.len() as u64, "{brought} of {}", file.len());
}

#[test]
fn rows_that_are_as_they_must_be_are_read_with_their_ids() {
    let (rows, _) = read(&file(&[0, 1, 2]), "2015-05-17", Depth::Everything).unwrap();
    assert_eq!(rows.faults, []);
    let distinct: std::collections::BTreeSet<_> = rows.ids.iter().collect();
    assert_eq!((rows.ids.len(), distinct.len()), (3, 3));
}

#[test]
fn a_row_out_of_order_or_on_another_day_is_named() {
    let (rows, _) = read(&file(&[0, 2, 1]), "2015-05-17", Depth::Everything).unwrap();
    assert_eq!(rows.faults, [(2, RowFault::Unsorted)]);
    let (rows, _) = read(&file(&[0, 1]), "2015-05-18", Depth::Everything).unwrap();
    assert_eq!(rows.faults, [(0, RowFault::OtherDay), (1, RowFault::OtherDay)]);
}

/// What is cut or overwritten anywhere is an error, and never a panic. For the offsets alone it may also be other rows.
#[test]
fn a_damaged_file_is_an_error() {
    let whole = file(&(0..300).collect::<Vec<u32>>());
    for end in (0..whole.len()).step_by(97) {
        assert!(read(&whole.slice(..end), "2015-05-17", Depth::Everything).is_err(), "cut at {end}");
    }
    let footer = whole.len() - 8 - u32::from_le_bytes(whole[whole.len() - 8..][..4].try_into().unwrap()) as usize;
    for at in (0..footer).step_by(61).chain((footer..whole.len()).step_by(3)) {
        let mut bytes = whole.to_vec();
        bytes[at] ^= 1 << (at % 8);
        let bytes = Bytes::from(bytes);
        let read = |depth| advance(FileReading::begin(bytes.len() as u64, "2015-05-17", depth)?, &bytes);
        assert!(read(Depth::Everything).is_err(), "byte {at} of {}", whole.len());
        let _ = read(Depth::Offsets);
    }
}

/// Reads on to the end.
fn advance(mut reading: FileReading, file: &Bytes) -> Result<(), FileError> {
    loop {
        match reading.advance()? {
            Next::Needs(ranges) => {
                let piece = |range: &Range<u64>| file.slice(range.start as usize..range.end as usize);
                let pieces = ranges.iter().map(piece).collect();
                reading.bring(ranges, pieces)?;
            }
            Next::Rows(_) => {}
            Next::End => return Ok(()),
        }
    }
}

/// Lakes are older than checksums.
#[test]
fn a_file_from_before_there_were_checksums_is_read() {
    let new = file(&[0, 1, 2]);
    let reader = ParquetRecordBatchReaderBuilder::try_new(new.clone()).unwrap();
    let pairs = reader.metadata().file_metadata().key_value_metadata().unwrap();
    let pairs: Vec<_> = pairs.iter().filter(|pair| pair.key != checksum::NAME).cloned().collect();
    assert_eq!(pairs.len(), PAIRS_WITHOUT_CHECKSUM);
    let properties = WriterProperties::builder().set_key_value_metadata(Some(pairs)).build();
    let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
    let mut writer = ArrowWriter::try_new_with_options(Vec::new(), Table::Hits.schema(), options).unwrap();
    for batch in reader.build().unwrap() {
        writer.write(&RecordBatch::try_new(Table::Hits.schema(), batch.unwrap().columns().to_vec()).unwrap()).unwrap();
    }
    let old = Bytes::from(writer.into_inner().unwrap());
    let (rows, _) = read(&old, "2015-05-17", Depth::Everything).unwrap();
    assert_eq!((rows.offsets.len(), rows.faults), (3, Vec::new()));
}

#[test]
fn an_id_that_stands_twice_has_the_same_hash() {
    let mut batch = TableBatch::new(Table::Hits);
    for (offset, n) in [(0, 5), (1, 6), (2, 5)] {
        batch.push(Offset(offset), hit(n).as_bytes()).unwrap();
    }
    let file = batch.finish(&lineage(Table::Hits), &Layout::default()).unwrap().remove(0).bytes;
    let (rows, _) = read(&file, "2015-05-17", Depth::Everything).unwrap();
    assert_eq!(rows.offsets, [Offset(0), Offset(2), Offset(1)]);
    assert!(rows.ids[0] == rows.ids[1] && rows.ids[1] != rows.ids[2]);
}
