//! The log's file: made, checked, locked and opened.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use events::{LogId, Topic};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::options::{Durability, Options};
use super::{fault, lock, place, transaction};
use crate::{BusError, Source};

/// The version of the format that this build reads and writes.
pub(super) const FORMAT: i64 = 2;
/// Marks a file as a Tributary log; `TRIB` in ASCII.
const APPLICATION_ID: i64 = 0x5452_4942;
/// Larger pages than the default: batches are large, and each page costs a frame in the write-ahead log.
const PAGE_BYTES: u64 = 16 << 10;
/// The write-ahead log is copied into the file once it has this many pages.
const CHECKPOINT_PAGES: u64 = (32 << 20) / PAGE_BYTES;
/// Once all of it is copied, the write-ahead log begins anew, and its file is cut to this size.
pub(super) const WAL_KEPT_BYTES: u64 = 64 << 20;
/// How long any connection waits for a lock.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

const SCHEMA: &str = "
    -- One row: what this log is.
    CREATE TABLE log (log_id TEXT NOT NULL, partitions INTEGER NOT NULL);
    -- One row for each topic's partition. `next_offset` is the truth; it is never computed from the records. In a
    -- compacted topic no key has two records before `cleaned_offset`; see compaction.rs.
    CREATE TABLE partitions (
        place INTEGER PRIMARY KEY,
        topic TEXT NOT NULL,
        partition INTEGER NOT NULL,
        start_offset INTEGER NOT NULL,
        next_offset INTEGER NOT NULL,
        append_time INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        cleaned_offset INTEGER NOT NULL
    );
    -- Records in runs. The id is the place and the first offset; see place.rs and batch.rs.
    CREATE TABLE batches (
        id INTEGER PRIMARY KEY,
        next_offset INTEGER NOT NULL,
        append_time INTEGER NOT NULL,
        layout INTEGER NOT NULL,
        checksum INTEGER NOT NULL,
        records BLOB NOT NULL
    );
    -- How far each consumer group has come.
    CREATE TABLE positions (
        consumer_group TEXT NOT NULL,
        place INTEGER NOT NULL,
        next_offset INTEGER NOT NULL,
        PRIMARY KEY (consumer_group, place)
    ) WITHOUT ROWID;
";

/// The names of the files in a log's directory.
pub(super) struct Paths {
    pub(super) log: PathBuf,
    pub(super) wal: PathBuf,
    unfinished: PathBuf,
    lock: PathBuf,
    directory: PathBuf,
}

impl Paths {
    pub(super) fn of(directory: &Path) -> Self {
        let file = |name| directory.join(name);
        Self {
            log: file("log.db"),
            wal: file("log.db-wal"),
            unfinished: file("log.db.unfinished"),
            lock: file("log.lock"),
            directory: directory.to_owned(),
        }
    }
}

/// The log as its owner opened it.
pub(super) struct Opened {
    pub(super) connection: Connection,
    pub(super) log_id: LogId,
    /// Held for as long as the log is open: two writers would tear it apart.
    pub(super) lock: File,
}

/// Opens the log for its owner, or makes it.
pub(super) fn open(options: &Options, paths: &Paths) -> Result<Opened, BusError> {
    if !(1..=place::MAX_PARTITIONS).contains(&options.partitions) {
        let most = place::MAX_PARTITIONS;
        return Err(BusError::Refused(format!(
            "{} partitions asked for: 1 to {most} are possible",
            options.partitions
        )));
    }
    synced_folder::make(&paths.directory).map_err(|error| cannot("make", &paths.directory, &error))?;
    let lock = lock::take(&paths.lock, &paths.directory)?;
    if !paths.log.exists() {
        if paths.wal.exists() {
            let (log, wal) = (paths.log.display(), paths.wal.display());
            return Err(BusError::Damaged(format!("{log} is missing, but {wal} is there: put the file back")));
        }
        make(options, paths)?;
    }
    check_header(&paths.log)?;
    let connection =
        Connection::open_with_flags(&paths.log, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)
            .map_err(|error| fault::at(&paths.log, "open", &error))?;
    let keep_wal = |is_kept| {
        let set = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, is_kept);
        set.map_err(|error| fault::at(&paths.log, "open", &error))
    };
    // The mark of a newer build may stand in the write-ahead log alone, which closing would copy into the file.
    keep_wal(true)?;
    check_marks(&connection, &paths.log)?;
    keep_wal(false)?;
    configure(&connection, options).map_err(|error| fault::at(&paths.log, "open", &error))?;
    let (log_id, partitions) = identity(&connection, &paths.log)?;
    if partitions != options.partitions {
        return Err(BusError::Refused(format!(
            "{} was made with {partitions} partitions and cannot be opened with {}: ask for {partitions}, or drain it \
             and start a new log in another directory",
            paths.log.display(),
            options.partitions
        )));
    }
    if let Some(wanted) = options.log_id.as_ref().filter(|&wanted| *wanted != log_id) {
        return Err(BusError::Refused(format!("{} is log {log_id}, not {wanted}", paths.log.display())));
    }
    complete(&connection, partitions).map_err(|error| fault::at(&paths.log, "complete", &error))?;
    Ok(Opened { connection, log_id, lock })
}

/// Opens the log beside its owner, for reading alone.
pub(super) fn open_beside(paths: &Paths) -> Result<Connection, BusError> {
    if !paths.log.exists() {
        return Err(BusError::Refused(format!("there is no log at {}", paths.log.display())));
    }
    let connection = reading_connection(&paths.log)?;
    check_marks(&connection, &paths.log)?;
    Ok(connection)
}

/// A connection that cannot write.
pub(super) fn reading_connection(log: &Path) -> Result<Connection, BusError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(log, flags)?;
        connection.busy_timeout(PATIENCE)?;
        // Batches lie on pages of their own that are read once; a large cache would only hold memory.
        connection.pragma_update(None, "cache_size", -1024)?;
        Ok(connection)
    };
    open().map_err(|error| fault::at(log, "open", &error))
}

/// The log's id and its number of partitions.
pub(super) fn identity(connection: &Connection, log: &Path) -> Result<(LogId, u32), BusError> {
    let row = connection
        .query_row("SELECT log_id, partitions FROM log", [], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))
        .optional()
        .map_err(|error| fault::at(log, "read", &error))?;
    let (text, partitions) = row.ok_or_else(|| BusError::Damaged(format!("{} does not say its id", log.display())))?;
    let log_id = LogId::try_from(text).map_err(|error| BusError::Damaged(format!("{}: {error}", log.display())))?;
    Ok((log_id, partitions))
}

/// Makes the log under another name and moves it into place when it is whole, so that a crash leaves either no log
/// or a good one.
fn make(options: &Options, paths: &Paths) -> Result<(), BusError> {
    let log_id = options.log_id.clone().unwrap_or_else(|| LogId::from_bits(uuid::Uuid::new_v4().as_u128()));
    let file = &paths.unfinished;
    if file.exists() {
        fs::remove_file(file).map_err(|error| cannot("remove", file, &error))?;
    }
    let build = || -> rusqlite::Result<()> {
        let mut connection = Connection::open(file)?;
        connection.pragma_update(None, "page_size", PAGE_BYTES as i64)?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "application_id", APPLICATION_ID)?;
        connection.pragma_update(None, "user_version", FORMAT)?;
        let transaction = connection.transaction()?;
        transaction.execute_batch(SCHEMA)?;
        transaction.execute("INSERT INTO log VALUES (?1, ?2)", (log_id.as_str(), options.partitions))?;
        place::all_sources(options.partitions).try_for_each(|source| begin(&transaction, source))?;
        transaction.commit()?;
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        connection.close().map_err(|(_, error)| error)
    };
    build().map_err(|error| fault::at(file, "make", &error))?;
    let settle = || -> std::io::Result<()> {
        File::open(file)?.sync_all()?;
        fs::rename(file, &paths.log)?;
        File::open(&paths.directory)?.sync_all()
    };
    settle().map_err(|error| cannot("make", &paths.log, &error))
}

/// Writes down a partition without records.
fn begin(connection: &Connection, source: Source) -> rusqlite::Result<()> {
    let row = (place::place(source), source.topic.name(), source.partition, i64::MIN);
    connection.execute("INSERT INTO partitions VALUES (?1, ?2, ?3, 0, 0, ?4, 0, 0)", row).map(drop)
}

/// Gives a log that an older build made the topic that it lacks. Older builds look past it.
fn complete(connection: &Connection, partitions: u32) -> rusqlite::Result<()> {
    let query = "SELECT EXISTS (SELECT 1 FROM partitions WHERE topic = ?1)";
    if connection.query_row(query, [Topic::Salts.name()], |row| row.get::<_, bool>(0))? {
        return Ok(());
    }
    let sources = (0..partitions).map(|partition| Source { topic: Topic::Salts, partition });
    transaction::within(connection, || sources.into_iter().try_for_each(|source| begin(connection, source)))
}

/// Looks at the file's header without touching the file or anything beside it. SQLite must not have it open in this
/// process: closing a file that it has open would take its locks away.
fn check_header(log: &Path) -> Result<(), BusError> {
    let mut header = [0; 72];
    let read = File::open(log).and_then(|mut file| file.read_exact(&mut header));
    match read {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Err(no_log(log)),
        Err(error) => return Err(cannot("read", log, &error)),
        Ok(()) => {}
    }
    let number =
        |at: usize| i64::from(u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]));
    if &header[..16] != b"SQLite format 3\0" {
        return Err(no_log(log));
    }
    check_format(log, number(68), number(60))
}

/// Looks at what the newest transaction says that the file is.
fn check_marks(connection: &Connection, log: &Path) -> Result<(), BusError> {
    let pragma = |name| {
        let value = connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        value.map_err(|error| fault::at(log, "open", &error))
    };
    check_format(log, pragma("application_id")?, pragma("user_version")?)
}

fn check_format(log: &Path, application: i64, format: i64) -> Result<(), BusError> {
    if application != APPLICATION_ID {
        return Err(no_log(log));
    }
    if format < FORMAT {
        return Err(BusError::Refused(format!(
            "{} has format {format}, which no release has written: start a new log in another directory",
            log.display()
        )));
    }
    if format > FORMAT {
        return Err(BusError::Refused(format!(
            "{} has format {format}, and this build knows formats up to {FORMAT}: use a newer build",
            log.display()
        )));
    }
    Ok(())
}

fn no_log(log: &Path) -> BusError {
    BusError::Damaged(format!("{} is not a log of Tributary", log.display()))
}

fn configure(connection: &Connection, options: &Options) -> rusqlite::Result<()> {
    let synchronous = match options.durability {
        Durability::Synced => "FULL",
        Durability::Unsynced => "OFF",
    };
    connection.busy_timeout(PATIENCE)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", synchronous)?;
    // Without it, macOS says that data is synced while the drive still holds it.
    connection.pragma_update(None, "fullfsync", "ON")?;
    connection.pragma_update_and_check(None, "wal_autocheckpoint", CHECKPOINT_PAGES as i64, |_| Ok(()))?;
    connection.pragma_update_and_check(None, "journal_size_limit", WAL_KEPT_BYTES as i64, |_| Ok(()))?;
    connection.pragma_update(None, "cache_size", -8192)?;
    // Temporary structures stay in memory: a full disk must not be able to break a read.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    if let Some(bytes) = options.limits.file {
        let pages = (bytes / PAGE_BYTES).max(1) as i64;
        connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?;
    }
    connection.set_prepared_statement_cache_capacity(32);
    Ok(())
}

pub(super) fn cannot(verb: &str, path: &Path, error: &std::io::Error) -> BusError {
    BusError::Refused(format!("cannot {verb} {}: {error}", path.display()))
}
