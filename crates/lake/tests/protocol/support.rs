//! A small log, a writer that puts it into a lake, and what a reader then sees.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use events::{LogId, NextOffset, Offset, Timestamp};
use futures::TryStreamExt;
use lake::{Batch, Committed, Committer, Folding, Lake, LakeError, Next, OffsetRange, Series};
use object_store::memory::InMemory;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use tables::{FileFacts, Layout, Table, TableBatch};

/// Every so many records one is no row.
const UNREADABLE: i64 = 7;

pub(crate) fn series() -> Series {
    Series { table: Table::Rejected, log_id: LogId::try_from("log1".to_owned()).unwrap(), partition: 1 }
}

/// The topic: the offsets that it holds. Two days alternate, so that a batch has two files.
#[derive(Clone, Debug)]
pub(crate) struct Log(pub(crate) Range<i64>);

impl Log {
    fn value(offset: i64) -> Vec<u8> {
        if offset % UNREADABLE == UNREADABLE - 1 {
            return b"{}".to_vec();
        }
        let time = Timestamp::from_millis(1_431_864_000_000 + offset % 2 * 86_400_000);
        format!(r#"{{"reason":"invalid_json","time":"{time}","detail":"number {offset}"}}"#).into_bytes()
    }

    /// The offsets that must be rows.
    pub(crate) fn rows(&self) -> Vec<Offset> {
        self.0.clone().filter(|offset| offset % UNREADABLE != UNREADABLE - 1).map(Offset).collect()
    }
}

/// A writer that cuts a batch every so many records.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    pub(crate) lake: Lake,
    pub(crate) cut: i64,
    /// How often it tries again before it gives up.
    pub(crate) patience: usize,
}

/// Folds as soon as there is something to fold, and begins a new folded record often.
pub(crate) fn eager(before: Timestamp) -> Folding {
    Folding { before, at_least: 1, at_most: 3, full: 4 }
}

/// After everything that is put while a test runs.
pub(crate) const END_OF_TIME: Timestamp = Timestamp::from_millis(253_402_300_799_000);

impl Writer {
    pub(crate) fn new(store: Arc<dyn ObjectStore>, cut: i64) -> Self {
        Self { lake: Lake::over(store), cut, patience: 0 }
    }

    /// Puts the whole log into the lake, from wherever the chain stands.
    pub(crate) async fn run(&self, log: &Log) -> Result<(), LakeError> {
        self.run_and_fold(log, None).await
    }

    /// The same, and folds after each batch.
    pub(crate) async fn run_and_fold(&self, log: &Log, folding: Option<Folding>) -> Result<(), LakeError> {
        let mut tries = self.patience;
        let mut committer = loop {
            match Committer::open(&self.lake, series()).await {
                Ok(committer) => break committer,
                Err(error) => give_up(error, &mut tries)?,
            }
        };
        loop {
            let expired = committer.chain().expired(&series(), NextOffset(log.0.start), NextOffset(log.0.end))?;
            let batch = match committer.next() {
                Next::Append(at) if at.0 >= log.0.end => return Ok(()),
                Next::Append(at) => self.cut(log, at, expired)?,
                Next::Finish(record) => {
                    let mut rows = TableBatch::new(Table::Rejected);
                    for offset in record.start.0.max(log.0.start)..record.end.0 {
                        if !record.skips(Offset(offset)) {
                            rows.push(Offset(offset), &Log::value(offset)).unwrap();
                        }
                    }
                    Batch::again(record.clone(), expired, rows)?
                }
            };
            loop {
                match committer.commit(&batch).await {
                    Ok(Committed::Done | Committed::Overtaken) => break,
                    Err(error) => give_up(error, &mut tries)?,
                }
            }
            while let Some(folding) = &folding {
                match self.lake.fold(&series(), folding).await {
                    Ok(_) => break,
                    Err(error) => give_up(error, &mut tries)?,
                }
            }
        }
    }

    fn cut(&self, log: &Log, start: NextOffset, expired: Option<OffsetRange>) -> Result<Batch, LakeError> {
        let (mut rows, mut skipped) = (TableBatch::new(Table::Rejected), Vec::new());
        let from = start.0.max(log.0.start);
        let end = (from + self.cut).min(log.0.end);
        for offset in from..end {
            if rows.push(Offset(offset), &Log::value(offset)).is_err() {
                skipped.push(OffsetRange { from: NextOffset(offset), to: NextOffset(offset + 1) });
            }
        }
        Batch::new(&series(), start, NextOffset(end), skipped, expired, rows, Layout::default())
    }
}

/// The batch of these offsets.
pub(crate) fn batch(log: &Log, start: i64, end: i64) -> Batch {
    let writer = Writer::new(Arc::new(InMemory::new()), end - start);
    writer.cut(log, NextOffset(start), None).unwrap()
}

fn give_up(error: LakeError, tries: &mut usize) -> Result<(), LakeError> {
    if *tries == 0 || !error.may_pass() {
        return Err(error);
    }
    *tries -= 1;
    Ok(())
}

/// Every object's path.
pub(crate) async fn paths(store: &InMemory) -> Vec<String> {
    let objects: Vec<ObjectMeta> = store.list(None).try_collect().await.unwrap();
    objects.into_iter().map(|object| object.location.to_string()).collect()
}

/// What a reader sees that globs `*.parquet`: how often each offset is a row.
pub(crate) async fn glob(store: &InMemory) -> BTreeMap<Offset, usize> {
    let mut seen = BTreeMap::new();
    let objects: Vec<ObjectMeta> = store.list(None).try_collect().await.unwrap();
    for object in objects.iter().filter(|object| object.location.as_ref().ends_with(".parquet")) {
        let bytes = store.get(&object.location).await.unwrap().bytes().await.unwrap();
        for offset in FileFacts::read(bytes).unwrap().offsets {
            *seen.entry(offset).or_default() += 1;
        }
    }
    seen
}

pub(crate) async fn assert_no_doubles(store: &InMemory, when: &dyn fmt::Debug) {
    let doubles: Vec<_> = glob(store).await.into_iter().filter(|&(_, times)| times > 1).collect();
    assert_eq!(doubles, [], "{when:?}");
}

pub(crate) async fn assert_exactly_once(store: &Arc<InMemory>, log: &Log, when: &dyn fmt::Debug) {
    let seen = glob(store).await;
    assert_eq!(seen.keys().copied().collect::<Vec<_>>(), log.rows(), "{when:?}");
    assert!(seen.values().all(|&times| times == 1), "{when:?}: {seen:?}");
    let audit = Lake::over(Arc::clone(store) as Arc<dyn ObjectStore>).audit(series()).await.unwrap();
    assert_eq!(audit.faults, [], "{when:?}");
    assert_eq!(audit.complete_through, NextOffset(log.0.end), "{when:?}");
    assert_eq!((audit.rows, audit.rows + audit.skipped), (seen.len() as u64, audit.records), "{when:?}");
}
