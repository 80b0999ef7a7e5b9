//! Files that somebody spoiled: what can be read is read, what cannot is named and counted.

use proptest::prelude::*;

use super::*;
use crate::segment;

/// Records in several segments, each appended by itself.
fn filled(count: u64) -> Memory {
    let disk = Memory::default();
    let mut open = Open::at(&disk);
    for n in 0..count {
        open.append(&[record(n)]).unwrap();
    }
    disk
}

fn lost(run: &Run) -> u64 {
    run.damage.iter().map(|damage| damage.records).sum()
}

#[test]
fn a_spoiled_record_in_the_middle_is_named_and_those_around_it_are_read() {
    let disk = filled(30);
    let name = Open::at(&disk).segments().remove(1);
    let first = segment::first(&name).unwrap();
    disk.change(&name, |bytes| bytes[60] ^= 1);
    let mut open = Open::at(&disk);
    let run = open.drain();
    assert_eq!(run.damage.len(), 1);
    let damage = &run.damage[0];
    assert_eq!((damage.file.as_str(), damage.records), (name.as_str(), 1));
    assert!(damage.at >= 8 && damage.at <= 60 && damage.bytes > 0, "{damage:?}");
    let spoiled = numbers(&run).windows(2).find(|pair| pair[1] != pair[0] + 1).map(|pair| pair[0] + 1);
    assert!(spoiled.is_some_and(|n| n >= first.0), "{spoiled:?}");
    assert_eq!(run.records.len(), 29);
}

#[test]
fn a_segment_that_is_gone_is_counted() {
    let disk = filled(30);
    let name = Open::at(&disk).segments().remove(1);
    disk.remove(&name).unwrap();
    let run = Open::at(&disk).drain();
    assert_eq!(lost(&run) + run.records.len() as u64, 30);
    assert!(lost(&run) > 0);
}

#[test]
fn a_position_that_cannot_be_read_means_reading_again() {
    let disk = filled(10);
    let mut open = Open::at(&disk);
    open.writer.advance(Seq(2)).unwrap();
    disk.change(crate::position::NAME, |bytes| bytes.fill(0xaa));
    let read = numbers(&Open::at(&disk).drain());
    assert_eq!(read, (0..10).collect::<Vec<_>>(), "its segment was still there");
}

#[test]
fn a_newer_format_is_refused_in_one_line_and_left_alone() {
    let disk = filled(10);
    let name = Open::at(&disk).segments().remove(0);
    disk.change(&name, |bytes| bytes[7] = b'2');
    let Err(error) = Open::try_at(&disk) else { panic!("it was opened") };
    let line = error.to_string();
    assert!(matches!(error, SpoolError::Refused(_)) && line.contains("format 2") && !line.contains('\n'), "{line}");
    disk.change(&name, |bytes| assert_eq!(bytes[7], b'2'));
}

proptest! {
    /// Whatever is changed in whichever file, every record of a frame that was not touched is read, as it was.
    #[test]
    fn spoiled_bytes_cost_the_records_that_they_hit_and_no_more(
        count in 1u64..30, changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<proptest::sample::Index>(), 1u8..), 1..5),
    ) {
        let disk = filled(count);
        let segments = Open::at(&disk).segments();
        for (which, at, mask) in &changes {
            disk.change(&segments[which.index(segments.len())], |bytes| {
                // The format's number is another matter.
                let at = at.index(bytes.len());
                if at != 7 {
                    bytes[at] ^= mask;
                }
            });
        }
        let mut open = Open::at(&disk);
        let torn = open.found.torn_bytes;
        let run = open.drain();
        prop_assert!(run.records.iter().all(|read| *read == record(number(read))));
        prop_assert!(numbers(&run).is_sorted_by(|one, two| one < two));
        prop_assert!(run.records.len() as u64 + changes.len() as u64 >= count, "{} of {count}", run.records.len());
        // What was at the very end cannot be told from a torn write; everything else is counted.
        prop_assert!(torn > 0 || run.records.len() as u64 + lost(&run) == count, "{:?}", run.damage);
    }
}
