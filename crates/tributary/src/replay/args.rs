//! What `tributary replay` can be told.

use std::path::PathBuf;

use clap::Args;
use events::ids;
use service::{BusArgs, LakeArgs, LogArgs, WindowArgs};
use tables::Day;

/// Replays files through the same path as live hits, into the lake; then says what became of them.
///
/// Files may be plain, gzip or zstd, seen from their content; `-` is standard input. Several are merged by their
/// lines' times. A line that cannot be read, or lies in the future, is rejected, named with file and number, and the rest
/// goes on. Files are read twice: what is no regular file goes by `-`. The same input and settings again add nothing to
/// the lake. The log in between is a temporary one (TMPDIR says where, and
/// it takes a few times the input's size), unless --bus names one without records; on Kafka that is a --topic-prefix of
/// its own, and what a replay that failed has left there is not gone on with. Taken so that one file of
/// settings serves all commands, and without effect here: --flush-interval, --idle-interval,
/// --longest-pause, and where Kafka makes no topics by them --retention and --retention-bytes.
///
/// With --format lake it is a backfill: the hits of a lake, those that came too late among them, are sessionized anew into
/// another one, under other settings or by a newer build. They are read by their times, so that none is late; what was
/// derived from them is derived again. The lake that is read does not change, and may be written meanwhile: what stands in it at
/// the start is read. Written are hits that happened and sessions that began on the days from --from to --to; a longest
/// session more is read at both ends, so that each row is what it would be if all days were read.
#[derive(Args, Clone, Debug)]
pub struct ReplayArgs {
    /// Files to replay; with --format lake the one lake to read, as --lake takes it.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// What the lines are: combined (Apache's and nginx's combined log), common, or hits (one JSON hit a line, as
    /// POST /collect takes it). Or lake: no file, but another lake's hits.
    #[arg(long, value_name = "FORMAT", default_value = "combined")]
    pub format: String,
    /// With --format lake: the first day in UTC whose rows are written, such as 2026-11-21 [default: the lake's first].
    #[arg(long, value_name = "DATE")]
    pub from: Option<Day>,
    /// With --format lake: the last day in UTC whose rows are written [default: the lake's last].
    #[arg(long, value_name = "DATE")]
    pub to: Option<Day>,
    /// The site of lines that name none [default: "site" for server logs; hits must name theirs].
    #[arg(long, value_name = "SITE", value_parser = site)]
    pub site: Option<String>,
    /// Print the figures as one JSON object on stdout.
    #[arg(long)]
    pub json: bool,
    /// Session windows.
    #[command(flatten)]
    pub windows: WindowArgs,
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

fn site(text: &str) -> Result<String, &'static str> {
    if ids::is_site(text) { Ok(text.to_owned()) } else { Err(events::hit::SITE_RULE) }
}
