//! A reader that knows nothing but `hits/date=*/*.parquet` and `late/date=*/*.parquet`, and looks all the while.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use futures::TryStreamExt;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use parquet::file::reader::{FileReader, SerializedFileReader};
use serde_json::Value;

use super::lake::{Row, number, text};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(40);

/// What was seen in all looks.
#[derive(Clone, Default, Debug)]
pub(crate) struct Seen {
    pub(crate) polls: usize,
    /// Those that found a promise of `_complete.json`, of each table.
    pub(crate) promises: usize,
    /// The most rows that one look saw twice.
    pub(crate) most_twice: usize,
    /// What must not be, and was seen: a file replaced or gone, a promise of `_complete.json` that did not hold or fell.
    pub(crate) faults: Vec<String>,
    /// The ids of the last look.
    pub(crate) ids: BTreeSet<String>,
}

/// A client of a bucket on a server, with the server's variables.
pub(crate) fn client(variables: &[(String, String)], bucket: &str) -> AmazonS3 {
    let of = |name: &str| variables.iter().find(|(of, _)| of == name).map(|(_, value)| value.clone()).unwrap();
    AmazonS3Builder::new()
        .with_bucket_name(bucket)
        .with_endpoint(of("AWS_ENDPOINT_URL"))
        .with_allow_http(true)
        .with_region(of("AWS_REGION"))
        .with_access_key_id(of("AWS_ACCESS_KEY_ID"))
        .with_secret_access_key(of("AWS_SECRET_ACCESS_KEY"))
        .build()
        .unwrap()
}

/// Looks until it is dropped or asked for what it has seen.
pub(crate) struct Watcher {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread that looks shares with who waits for rows.
#[derive(Default)]
struct Shared {
    rows: AtomicUsize,
    polls: AtomicUsize,
    is_stopped: AtomicBool,
    seen: Mutex<Seen>,
}

impl Watcher {
    pub(crate) fn start(store: AmazonS3, prefix: &str) -> Self {
        let shared = Arc::new(Shared::default());
        let mut eyes = Eyes { store, prefix: prefix.to_owned(), files: BTreeMap::new(), marks: BTreeMap::new() };
        let thread = {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                while !shared.is_stopped.load(Ordering::Relaxed) {
                    let mut seen = shared.seen.lock().unwrap();
                    runtime.block_on(eyes.look(&mut seen));
                    shared.rows.store(seen.ids.len(), Ordering::Relaxed);
                    drop(seen);
                    shared.polls.fetch_add(1, Ordering::Relaxed);
                    std::thread::sleep(PAUSE);
                }
            })
        };
        Self { shared, thread: Some(thread) }
    }

    /// How many hits the last look saw.
    pub(crate) fn rows(&self) -> usize {
        self.shared.rows.load(Ordering::Relaxed)
    }

    /// Waits for a look that begins from now on, and gives what was seen until then.
    pub(crate) fn finish(mut self) -> Seen {
        let polls = || self.shared.polls.load(Ordering::Relaxed);
        let (before, thread) = (polls(), self.thread.take().unwrap());
        while polls() < before + 2 && !thread.is_finished() {
            std::thread::sleep(PAUSE / 4);
        }
        self.shared.is_stopped.store(true, Ordering::Relaxed);
        thread.join().unwrap();
        self.shared.seen.lock().unwrap().clone()
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.shared.is_stopped.store(true, Ordering::Relaxed);
    }
}

/// An object's tag, and when it was put, in microseconds: one that was put again has the same bytes, and was touched.
type Identity = (Option<String>, i64);

/// A hit's partition, offset and id.
type Hit = (i64, i64, String);

struct Eyes {
    store: AmazonS3,
    prefix: String,
    /// Every file that was seen, which object it was, and its rows. Read once: nothing may change.
    files: BTreeMap<Path, (Identity, Vec<Hit>)>,
    /// What `_complete.json` said of each table's partitions, and of the table: offset and time.
    marks: BTreeMap<(&'static str, String), (i64, String)>,
}

impl Eyes {
    async fn look(&mut self, seen: &mut Seen) {
        let mut standing = BTreeSet::new();
        let mut times: BTreeMap<&str, usize> = BTreeMap::new();
        for table in ["hits", "late"] {
            // First what is promised, then what is there.
            let promised = self.promised(table, seen).await;
            let listed = self.store.list(Some(&Path::from(format!("{}/{table}", self.prefix))));
            let listed: Vec<ObjectMeta> = listed.try_collect().await.unwrap();
            for file in listed.into_iter().filter(|file| file.location.as_ref().ends_with(".parquet")) {
                let identity = (file.e_tag, file.last_modified.timestamp_micros());
                match self.files.get(&file.location) {
                    Some((known, _)) if *known == identity => {}
                    Some((_, rows)) => {
                        seen.faults.push(format!("{} was replaced", file.location));
                        let rows = rows.clone();
                        self.files.insert(file.location.clone(), (identity, rows));
                    }
                    None => {
                        let rows = self.read(&file.location).await;
                        self.files.insert(file.location.clone(), (identity, rows));
                    }
                }
                standing.insert(file.location);
            }
            seen.promises += usize::from(!promised.is_empty());
            for (partition, offset) in promised {
                let of_table = self.files.iter().filter(|(path, _)| path.as_ref().contains(&format!("/{table}/")));
                let rows = of_table.flat_map(|(_, (_, rows))| rows);
                let there = rows.filter(|(of, at, _)| *of == partition && *at < offset).count() as i64;
                if there < offset {
                    seen.faults.push(format!("{table}/{partition} was complete to {offset} with {there} rows"));
                }
            }
        }
        for gone in self.files.keys().filter(|path| !standing.contains(path)) {
            seen.faults.push(format!("{gone} is gone"));
        }
        for (_, _, id) in self.files.values().flat_map(|(_, rows)| rows) {
            *times.entry(id).or_default() += 1;
        }
        seen.polls += 1;
        seen.most_twice = seen.most_twice.max(times.values().filter(|times| **times > 1).count());
        seen.ids = times.into_keys().map(str::to_owned).collect();
    }

    async fn read(&self, path: &Path) -> Vec<Hit> {
        let bytes = self.store.get(path).await.unwrap().bytes().await.unwrap();
        let reader = SerializedFileReader::new(bytes).unwrap();
        let rows = reader.get_row_iter(None).unwrap().map(|row| {
            let row: Row = row.unwrap().get_column_iter().map(|(name, value)| (name.clone(), value.clone())).collect();
            (number(&row, "partition"), number(&row, "offset"), text(&row, "hit_id").unwrap())
        });
        rows.collect()
    }

    /// Through which offset each partition is said to be complete. None may fall, and no time either.
    async fn promised(&mut self, table: &'static str, seen: &mut Seen) -> Vec<(i64, i64)> {
        let path = Path::from(format!("{}/{table}/_complete.json", self.prefix));
        let Ok(found) = self.store.get(&path).await else { return Vec::new() };
        let said: Value = serde_json::from_slice(&found.bytes().await.unwrap()).unwrap();
        let log = said["logs"].as_object().unwrap().values().next().unwrap();
        let through = |mark: &Value| mark["complete_through"].as_str().unwrap_or_default().to_owned();
        let mut marks = vec![("table".to_owned(), (0, through(log)))];
        let partitions = log["partitions"].as_object().unwrap().iter();
        marks.extend(partitions.map(|(name, mark)| (name.clone(), (mark["offset"].as_i64().unwrap(), through(mark)))));
        let mut promised = Vec::new();
        for (name, mark) in marks {
            let before = self.marks.insert((table, name.clone()), mark.clone()).unwrap_or_default();
            if mark.0 < before.0 || mark.1 < before.1 {
                seen.faults.push(format!("{table}/_complete.json fell from {before:?} to {mark:?}"));
            }
            promised.extend(name.parse().ok().map(|partition: i64| (partition, mark.0)));
        }
        promised
    }
}
