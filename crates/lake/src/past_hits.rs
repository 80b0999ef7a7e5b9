//! The hits that stand in a lake, in `hits` and in `late`, day by day: what a backfill reads.

use std::collections::{BTreeMap, HashMap};

use events::{LogId, NextOffset};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use tables::reading::{HitReading, Next, RawHit, Reading};
use tables::{Day, FileError, Table};

use crate::error::LakeError;
use crate::names::Series;
use crate::open::Lake;
use crate::reading::Pieces;

/// The tables that hits stand in. Each hit is a row of one of them.
const TABLES: [Table; 2] = [Table::Hits, Table::Late];

/// How much of a file's end is read at once: all of most files.
const TAIL: u64 = 4 << 20;

/// Ends of files that are on their way at once.
const TAILS_AT_ONCE: usize = 8;

/// Files of `hits` and `late`, as they were listed. Files never change, so it stays true; it takes some forty bytes for
/// each.
#[derive(Debug, Default)]
pub struct PastHits {
    /// In order.
    logs: Vec<LogId>,
    days: BTreeMap<Day, Vec<HitFile>>,
}

/// Where a file comes from, and how large it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct HitFile {
    /// Its log, by the place among them.
    log: u32,
    partition: u32,
    table: Table,
    start: NextOffset,
    size: u64,
}

/// Some hits of one file, in the order of the file.
#[derive(Debug)]
pub struct SomeHits {
    /// Which of the lake's logs they come from: the place among them, by their ids.
    pub log: u32,
    /// The hits.
    pub hits: Vec<RawHit>,
    /// The size of the file where these are its last hits, else 0.
    pub file_done: u64,
}

impl Lake {
    /// Lists the files of `hits` and `late` of those days.
    ///
    /// # Errors
    ///
    /// A Parquet file among them that is not named as ours are: nobody could say what it holds.
    pub async fn past_hits(&self, is_wanted: impl Fn(Day) -> bool) -> Result<PastHits, LakeError> {
        let (mut numbers, mut past) = (HashMap::new(), PastHits::default());
        for table in TABLES {
            for folder in self.store.folders(table.name()).await? {
                let at = format!("{table}/{folder}");
                let day: Option<Day> = folder.strip_prefix("date=").and_then(|date| date.parse().ok());
                let day = day.ok_or_else(|| LakeError::Stranger { path: at.clone() })?;
                if is_wanted(day) {
                    let files = past.days.entry(day).or_default();
                    self.list_day(table, &at, &mut numbers, files).await?;
                }
            }
        }
        past.days.retain(|_, files| !files.is_empty());
        past.name_logs(numbers);
        Ok(past)
    }

    async fn list_day(
        &self,
        table: Table,
        folder: &str,
        numbers: &mut HashMap<LogId, u32>,
        files: &mut Vec<HitFile>,
    ) -> Result<(), LakeError> {
        let at = Path::from(folder);
        let mut objects = self.store.inner.list(Some(&at));
        while let Some(object) = self.store.within("list", folder, objects.try_next()).await? {
            let path = object.location.to_string();
            if !path.ends_with(".parquet") {
                continue;
            }
            let (series, start) = Series::of_data_file(table, &path).ok_or(LakeError::Stranger { path })?;
            let next = numbers.len() as u32;
            let log = *numbers.entry(series.log_id).or_insert(next);
            files.push(HitFile { log, partition: series.partition, table, start, size: object.size });
        }
        Ok(())
    }

    /// Reads the hits of one day, file by file.
    pub fn read_day<'a>(&'a self, past: &'a PastHits, day: Day) -> DayOfHits<'a> {
        let files = past.days.get(&day).map_or(&[][..], Vec::as_slice);
        let open = move |file: HitFile| async move {
            let path = past.path(day, file);
            let mut pieces = Pieces::of(&self.store, &path, file.size, TAIL);
            if pieces.fetch_tail().await? { Ok((file, path, pieces)) } else { Err(gone(path)) }
        };
        DayOfHits {
            opened: futures::stream::iter(files.iter().copied()).map(open).buffered(TAILS_AT_ONCE).boxed(),
            current: None,
        }
    }
}

impl PastHits {
    /// The days that have hits, in order.
    pub fn days(&self) -> impl Iterator<Item = Day> + use<'_> {
        self.days.keys().copied()
    }

    /// Every file's path and size in bytes: what the hits follow from. In order of days, logs, partitions.
    pub fn files(&self) -> impl Iterator<Item = (String, u64)> + use<'_> {
        self.days.iter().flat_map(move |(&day, files)| files.iter().map(move |&file| (self.path(day, file), file.size)))
    }

    /// The size of all files.
    pub fn bytes(&self) -> u64 {
        self.days.values().flatten().map(|file| file.size).sum()
    }

    fn path(&self, day: Day, file: HitFile) -> String {
        file.table.file_path(day, &self.logs[file.log as usize], file.partition, file.start)
    }

    /// Logs were numbered as they came; from here on it is by their ids, and files are in order.
    fn name_logs(&mut self, numbers: HashMap<LogId, u32>) {
        let mut logs: Vec<(LogId, u32)> = numbers.into_iter().collect();
        logs.sort_unstable();
        let mut places = vec![0; logs.len()];
        (0..).zip(&logs).for_each(|(place, &(_, number))| places[number as usize] = place);
        self.logs = logs.into_iter().map(|(log_id, _)| log_id).collect();
        for files in self.days.values_mut() {
            files.iter_mut().for_each(|file| file.log = places[file.log as usize]);
            files.sort_unstable();
            files.shrink_to_fit();
        }
    }
}

type Opened<'a> = (HitFile, String, Pieces<'a>);

/// One day's hits, as they are read. Takes the memory of a few files' ends and of a row group.
pub struct DayOfHits<'a> {
    opened: BoxStream<'a, Result<Opened<'a>, LakeError>>,
    current: Option<(Opened<'a>, HitReading)>,
}

impl DayOfHits<'_> {
    /// The next of them; `None` at the end of the day.
    pub async fn next(&mut self) -> Result<Option<SomeHits>, LakeError> {
        loop {
            let Some(((file, path, pieces), reading)) = &mut self.current else {
                let Some(opened) = self.opened.try_next().await? else { return Ok(None) };
                let reading = HitReading::begin(opened.0.size).map_err(|error| unreadable(&opened.1, &error))?;
                self.current = Some((opened, reading));
                continue;
            };
            match reading.advance().map_err(|error| unreadable(path, &error))? {
                Next::Needs(ranges) => {
                    let bytes = pieces.get(&ranges).await?.ok_or_else(|| gone(path.clone()))?;
                    reading.bring(ranges, bytes).map_err(|error| unreadable(path, &error))?;
                }
                Next::Rows(hits) => return Ok(Some(SomeHits { log: file.log, hits, file_done: 0 })),
                Next::End => {
                    let done = SomeHits { log: file.log, hits: Vec::new(), file_done: file.size };
                    self.current = None;
                    return Ok(Some(done));
                }
            }
        }
    }
}

fn gone(path: String) -> LakeError {
    LakeError::Unreadable { path, why: "it is gone".to_owned() }
}

fn unreadable(path: &str, error: &FileError) -> LakeError {
    LakeError::Unreadable { path: path.to_owned(), why: error.to_string() }
}
