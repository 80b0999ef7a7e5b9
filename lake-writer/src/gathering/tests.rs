use bytes::Bytes;
use events::{LogId, Offset, Timestamp};
use tables::Table;

use super::*;

fn series() -> Series {
    Series { table: Table::Rejected, log_id: LogId::try_from("log1".to_owned()).unwrap(), partition: 0 }
}

fn record(offset: i64, value: &str) -> Record {
    let value = Some(Bytes::copy_from_slice(value.as_bytes()));
    Record { offset: Offset(offset), append_time: Timestamp::default(), key: None, value }
}

fn row(offset: i64) -> Record {
    record(offset, r#"{"reason":"too_long","time":"2015-05-17T10:05:03.000Z"}"#)
}

fn append(at: i64) -> Gathering {
    Gathering::begin(&series(), Next::Append(NextOffset(at)), None)
}

fn again(of: &BatchRecord, expired: Option<OffsetRange>) -> Gathering {
    Gathering::begin(&series(), Next::Finish(of), expired)
}

fn take(gathering: &mut Gathering, records: &[Record]) {
    for record in records {
        gathering.take(record, Instant::now());
    }
}

/// A batch from 5 to 9, of which 7 is no row.
fn begun() -> BatchRecord {
    let mut gathering = append(5);
    take(&mut gathering, &[row(5), row(6), record(7, "{}"), row(8)]);
    gathering.finish(&series(), Layout::default()).unwrap().record().clone()
}

const ROOM: usize = 1 << 20;

#[test]
fn a_batch_ends_one_past_its_last_record_and_names_what_it_skipped() {
    let record = begun();
    assert_eq!((record.start, record.end, record.records), (NextOffset(5), NextOffset(9), 4));
    assert_eq!(record.skipped, [OffsetRange { from: NextOffset(7), to: NextOffset(8) }]);
    assert_eq!(record.files.iter().map(|file| file.rows).collect::<Vec<_>>(), [3]);
}

#[test]
fn a_batch_of_nothing_but_unreadable_records_has_no_files() {
    let mut gathering = append(0);
    take(&mut gathering, &[record(0, "?"), record(1, "")]);
    assert!(gathering.may_be_cut());
    let batch = gathering.finish(&series(), Layout::default()).unwrap();
    assert_eq!((batch.record().end, batch.record().files.len()), (NextOffset(2), 0));
}

#[test]
fn a_tombstone_is_skipped_as_an_empty_record() {
    let tombstone = Record { value: None, ..row(0) };
    assert_eq!(append(0).take(&tombstone, Instant::now()), Taken::Skipped(tables::RowError::Empty));
}

#[test]
fn a_batch_is_full_by_its_size() {
    let rolling = Rolling::new(ROOM, 1000);
    let mut gathering = append(0);
    let fits = (0..100).take_while(|&offset| {
        take(&mut gathering, &[row(offset)]);
        !gathering.is_full(&rolling)
    });
    assert_eq!(fits.count(), 3);
}

#[test]
fn a_batch_is_full_of_scattered_records_that_cannot_be_read() {
    let rolling = Rolling::new(ROOM, usize::MAX);
    let mut gathering = append(0);
    let mut offset = 0;
    while !gathering.is_full(&rolling) {
        take(&mut gathering, &[record(offset, "?"), row(offset + 1)]);
        offset += 2;
    }
    assert_eq!(offset, 2 * MOST_SKIPPED as i64);
}

#[test]
fn a_batch_is_due_by_its_first_record() {
    let (mut gathering, now, interval) = (append(0), Instant::now(), Duration::from_secs(5));
    assert_eq!(gathering.due_at(interval), None);
    gathering.take(&row(0), now);
    gathering.take(&row(1), now + interval);
    assert_eq!(gathering.due_at(interval), Some(now + interval));
}

#[test]
fn a_batch_that_is_made_again_ends_where_it_ended_and_skips_what_it_skipped() {
    let (of, rolling) = (begun(), Rolling::new(1, 1));
    let mut gathering = again(&of, None);
    // A newer build might be able to read offset 7; the batch is still the same.
    let records = [row(5), row(6), row(7), row(8), row(9)];
    for record in &records {
        assert!(!gathering.may_be_cut());
        if gathering.is_full(&rolling) {
            break;
        }
        gathering.take(record, Instant::now());
    }
    assert_eq!(gathering.position(), NextOffset(9));
    assert_eq!(*gathering.finish(&series(), Layout::default()).unwrap().record(), of);
}

#[test]
fn a_batch_that_is_made_again_is_full_when_its_last_record_is_gone() {
    let (of, rolling) = (begun(), Rolling::new(ROOM, ROOM));
    let mut gathering = again(&of, Some(OffsetRange { from: NextOffset(5), to: NextOffset(8) }));
    assert!(!gathering.is_full(&rolling));
    assert_eq!(gathering.take(&row(12), Instant::now()), Taken::Not);
    assert!(gathering.is_full(&rolling));
    let nothing_left = again(&of, Some(OffsetRange { from: NextOffset(5), to: NextOffset(9) }));
    assert!(nothing_left.is_full(&rolling));
}

#[test]
fn records_before_the_batch_are_not_taken() {
    let mut gathering = append(5);
    assert_eq!(gathering.take(&row(4), Instant::now()), Taken::Not);
    assert!(gathering.is_empty());
}
