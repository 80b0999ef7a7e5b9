//! `tributary verify`: the log's offsets held against the lake's rows.

mod check;
mod doubles;
mod gather;
mod report;

use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, Result, bail};
use bus::SharedBus;
use clap::Args;
use lake::{Access, Lake};
use service::{BusArgs, BusUrl, LakeArgs, LogArgs};

/// Holds the log's offsets against the lake's rows, and says for each table and partition how many there are, which
/// are missing or there twice, and how far the table is complete.
///
/// Reads of each file what it says about itself and the offsets of its rows; with --deep, all of it.
///
/// Works while the log is written: what waits for its file counts as pending. Logs that are gone, such as those of
/// replays, are checked by what their batch records say. Ends with 0 where all agrees, 1 where anything does not,
/// 2 where it could not be found out. It writes nothing: what says how files and topics are made is taken so that one file
/// of settings serves all commands, and has no effect here.
#[derive(Args, Clone, Debug)]
pub struct VerifyArgs {
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
    /// Read every file whole: whether all of it can be read, stands on its day, is sorted, and no id stands twice. Ids take
    /// up to half of --memory, and beyond it 24 bytes a row in the folder for temporary files.
    #[arg(long)]
    pub deep: bool,
    /// Which lake.
    #[command(flatten)]
    pub lake: LakeArgs,
    /// Which log.
    #[command(flatten)]
    pub bus: BusArgs,
    /// What it says about itself.
    #[command(flatten)]
    pub log: LogArgs,
}

/// Prints what was found; `true` where all of it agrees.
pub fn run(args: &VerifyArgs) -> Result<bool> {
    crate::quiet::init_log(&args.log)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let place = args.lake.url(&args.bus.data);
    let lake = runtime.block_on(open_lake(&place))?;
    let bus = open_bus(&args.bus)?;
    let memory_for_ids = args.deep.then(|| args.lake.memory.as_usize() / 2);
    let found = runtime.block_on(gather::gather(&lake, bus.as_ref(), memory_for_ids))?;
    // A mistyped prefix must not pass for a lake that is sound.
    if found.is_empty() {
        bail!("the lake at {place} is empty, and there is no log at hand; --lake names another place, --bus a log");
    }
    let text = if args.json {
        report::json(&found)
    } else {
        let log = bus.map(|bus| bus.log_id()).transpose()?;
        report::table(&found, log.as_ref(), &args.bus.url().to_string())
    };
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        result => result?,
    }
    Ok(found.is_sound())
}

/// The lake, which must be there: looking must not make one.
async fn open_lake(place: &str) -> Result<Lake> {
    if !place.contains("://") && !Path::new(place).is_dir() {
        bail!("there is no lake at {place}; --lake names another place");
    }
    Ok(Lake::open(place, Access::Read).await?)
}

/// The log beside its owner; `None` where nobody named one and there is none in the usual place.
fn open_bus(args: &BusArgs) -> Result<Option<SharedBus>> {
    match args.url() {
        BusUrl::Embedded(path) if args.bus.is_none() && !path.exists() => Ok(None),
        _ => crate::beside::open(args).map(Some).context("the log cannot be opened"),
    }
}
