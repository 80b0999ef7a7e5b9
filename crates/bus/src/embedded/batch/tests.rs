use super::*;
use events::Topic;
use proptest::prelude::*;

const HITS: Source = Source { topic: Topic::Hits, partition: 0 };

type Raw = (Option<Vec<u8>>, Option<Vec<u8>>, Option<i64>);

fn place(segments: Vec<Segment>) -> Vec<Batch> {
    let mut end = NextOffset(7);
    let to_batch = |segment: Segment| {
        let base = Offset(end.0);
        end = NextOffset(end.0 + i64::from(segment.count));
        let taken = Timestamp::from_millis(99);
        Batch { base, next: end, taken, layout: segment.layout(), bytes: segment.bytes.into() }
    };
    segments.into_iter().map(to_batch).collect()
}

proptest! {
    #[test]
    fn records_come_out_in_order_as_they_went_in(raw: Vec<Raw>, skip in 0i64..20) {
        let mut segments = Segments::default();
        for (key, value, time) in &raw {
            segments.push(HITS, key.as_deref(), value.as_deref(), time.map(Timestamp::from_millis));
        }
        let mut records = Vec::new();
        for batch in place(segments.into_list()) {
            prop_assert_eq!(batch.decode(NextOffset(7 + skip), &mut records), Some(()));
        }
        let expected: Vec<_> = raw.into_iter().zip(7..).skip(skip as usize).map(|((key, value, time), offset)| Record {
            offset: Offset(offset),
            append_time: Timestamp::from_millis(time.unwrap_or(99)),
            key: key.map(Bytes::from),
            value: value.map(Bytes::from),
        }).collect();
        prop_assert_eq!(records, expected);
    }

    #[test]
    fn a_sparse_batch_keeps_offsets_and_times(raw: Vec<(Raw, bool)>, skip in 0i64..20) {
        let mut bytes = Vec::new();
        let all = raw.into_iter().zip(7..).map(|(((key, value, time), stays), offset)| (stays, Record {
            offset: Offset(offset),
            append_time: Timestamp::from_millis(time.unwrap_or(99)),
            key: key.map(Bytes::from),
            value: value.map(Bytes::from),
        }));
        let all: Vec<_> = all.collect();
        let kept: Vec<_> = all.iter().filter(|(stays, _)| *stays).map(|(_, record)| record.clone()).collect();
        kept.iter().for_each(|record| push_sparse(&mut bytes, record));
        let next = NextOffset(7 + all.len() as i64);
        let (base, taken, layout) = (Offset(7), Timestamp::MIN, Layout::Sparse);
        let mut records = Vec::new();
        let batch = Batch { base, next, taken, layout, bytes: bytes.into() };
        prop_assert_eq!(batch.decode(NextOffset(7 + skip), &mut records), Some(()));
        let expected: Vec<_> = kept.into_iter().filter(|record| record.offset.0 >= 7 + skip).collect();
        prop_assert_eq!(records, expected);
    }

    #[test]
    fn bytes_that_are_no_batch_are_told_and_never_panic(bytes: Vec<u8>, count in 0i64..50, code in 0i64..3) {
        let layout = Layout::of_code(code).unwrap();
        let batch = Batch {
            base: Offset(0),
            next: NextOffset(count),
            taken: Timestamp::MIN,
            layout,
            bytes: bytes.into(),
        };
        let mut records = Vec::new();
        if batch.decode(NextOffset(0), &mut records).is_some() {
            prop_assert!(records.len() as i64 == count || layout == Layout::Sparse);
            prop_assert!(records.iter().all(|record| (0..count).contains(&record.offset.0)));
            prop_assert!(records.is_sorted_by(|a, b| a.offset < b.offset));
        }
    }
}

#[test]
fn a_large_step_is_cut_into_batches_that_stay_small() {
    let mut segments = Segments::default();
    let value = vec![b'x'; 100_000];
    for _ in 0..50 {
        segments.push(HITS, None, Some(&value), None);
        segments.push(Source { topic: Topic::Late, partition: 0 }, None, Some(b"x"), None);
    }
    let list = segments.into_list();
    assert!(list.iter().all(|segment| segment.bytes.len() < BATCH_BYTES + value.len() + 16));
    assert_eq!(list.iter().filter(|segment| segment.source == HITS).count(), 5);
    assert_eq!(list.iter().map(|segment| segment.count).sum::<u32>(), 100);
}

#[test]
fn any_flipped_bit_changes_the_checksum() {
    let batch = Batch {
        base: Offset(0),
        next: NextOffset(1),
        taken: Timestamp::from_millis(5),
        layout: Layout::Plain,
        bytes: Bytes::from_static(b"some records"),
    };
    let good = batch.checksum(3);
    for bit in 0..batch.bytes.len() * 8 {
        let mut bytes = batch.bytes.to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert_ne!(Batch { bytes: bytes.into(), ..batch.clone() }.checksum(3), good);
    }
    assert_ne!(batch.checksum(4), good);
    assert_ne!(Batch { layout: Layout::Timed, ..batch.clone() }.checksum(3), good);
    assert_ne!(Batch { next: NextOffset(2), ..batch }.checksum(3), good);
}
