//! What is replayed: files, or a lake.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use anyhow::{Context, Result, bail};
use events::{Limits, LogId, Timestamp, WindowSettings};
use tokio::runtime::Handle;

use super::args::ReplayArgs;
use super::backfill::Source;
use super::backfill::days::Days;
use super::input::files::Files;
use super::input::format::{Format, LineReader};
use super::input::{InputError, Item};
use super::{log_id, progress};

/// The name of the format that is no file's.
const LAKE: &str = "lake";

/// The part of `--memory` in which a lake's hits are put in order.
const MEMORY_SHARE: usize = 8;

/// What is replayed, as it stood when it was looked at.
pub(super) enum What {
    /// Files of lines.
    Files(Files),
    /// Another lake's hits.
    Lake(Source),
}

/// Records of lines or rows, by time.
type Items<'a> = Box<dyn Iterator<Item = Result<Item, InputError>> + 'a>;

impl What {
    /// Looks at all of it, while nothing has been written. `target` is the lake that is going to be.
    pub(super) fn survey(args: &ReplayArgs, windows: &WindowSettings, target: &str, runtime: &Handle) -> Result<Self> {
        if args.format == LAKE {
            return lake(args, windows, target, runtime).map(Self::Lake);
        }
        if args.from.is_some() || args.to.is_some() {
            bail!("--from and --to go with --format lake: cut files by their lines");
        }
        let reader = line_reader(args)?;
        let bar = progress::surveying();
        let files = Files::survey(&args.files, reader, &mut |bytes| bar.inc(bytes))?;
        bar.finish_and_clear();
        let twice = match files.reader().format {
            Format::Hits => "its lines without a hit_id count twice",
            _ => "its lines count twice",
        };
        for (one, copy) in files.copies() {
            let (one, copy) = (one.path.display(), copy.path.display());
            tracing::warn!("{copy} has the same content as {one}: {twice}");
        }
        Ok(Self::Files(files))
    }

    /// Names the log that this makes.
    pub(super) fn log_id(&self, windows: &WindowSettings, partitions: u32) -> LogId {
        match self {
            Self::Files(files) => log_id::log_id(&files.surveyed, files.reader(), windows, partitions),
            Self::Lake(source) => source.log_id(windows, partitions),
        }
    }

    /// How much there is to read, by the measure of [`What::items`].
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Self::Files(files) => files.bytes(),
            Self::Lake(source) => source.bytes(),
        }
    }

    /// The days whose rows are written, where that is not all of them.
    pub(super) fn days(&self) -> Option<Days> {
        match self {
            Self::Files(_) => None,
            Self::Lake(source) => Some(source.days).filter(|days| !days.are_all()),
        }
    }

    /// Everything as records, by time. Lines later than `latest` are rejected; rows of a lake are of the past. What has been
    /// read is added to `bytes_read`.
    pub(super) fn items(&self, latest: Timestamp, bytes_read: &Arc<AtomicU64>) -> Result<Items<'_>, InputError> {
        Ok(match self {
            Self::Files(files) => Box::new(files.items(latest, bytes_read)?),
            Self::Lake(source) => Box::new(source.items(bytes_read)),
        })
    }
}

fn lake(args: &ReplayArgs, windows: &WindowSettings, target: &str, runtime: &Handle) -> Result<Source> {
    let [place] = &args.files[..] else { bail!("--format lake reads one lake") };
    let Some(place) = place.to_str() else { bail!("{}: a lake's name is UTF-8", place.display()) };
    if args.site.is_some() {
        bail!("--site does not go with --format lake: each hit names its site");
    }
    if lake::is_same_place(place, target) {
        bail!("{place} would be read and written: --lake names another place for what is sessionized anew");
    }
    let days = Days::new(args.from, args.to)?;
    Source::survey(place, days, windows, args.lake.memory.as_usize() / MEMORY_SHARE, runtime)
}

fn line_reader(args: &ReplayArgs) -> Result<LineReader> {
    let format = args.format.parse::<Format>().with_context(|| {
        let files: Vec<_> = args.files.iter().map(|path| path.display().to_string()).collect();
        format!("cannot replay {}", files.join(", "))
    })?;
    Ok(LineReader { format, site: args.site.clone(), limits: Limits::default() })
}
