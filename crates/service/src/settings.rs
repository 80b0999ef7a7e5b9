//! Every setting: its flag, its default, its bounds. A binary flattens the groups that it needs.
//!
//! Each is also a variable (`--flush-interval` is `TRIBUTARY_FLUSH_INTERVAL`) and a key of the file that
//! `--config` names (`flush-interval`, or `flush_interval`): see [`crate::config`].

mod policy;
mod pressure;
mod steps;
mod tls;
mod together;
mod values;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::{Args, Command, ValueEnum};
use events::Span;

use crate::bus_url::BusUrl;
use crate::shutdown::Shutdown;
use crate::units::ByteSize;

pub use policy::PolicyArgs;
pub use pressure::PressureArgs;
pub use steps::StepArgs;
pub use tls::TlsArgs;
pub use together::{HasSettings, Misfit, Together};
use values::{
    address, body_size, file_size, idle_interval, instance_id, lake_memory, partition_size, public_path, some_span,
    spool_size, topic_prefix,
};

/// Which log.
#[derive(Args, Clone, Debug)]
pub struct BusArgs {
    /// Folder in which the embedded defaults live.
    #[arg(long, value_name = "DIR", default_value = "./data")]
    pub data: PathBuf,
    /// The log: embedded:PATH, or kafka://HOST:PORT,HOST:PORT [default: embedded:DIR/bus, in --data's folder].
    #[arg(long, value_name = "URL")]
    pub bus: Option<BusUrl>,
    /// Java-style properties file for Kafka clients: SASL, TLS, anything that librdkafka knows.
    #[arg(long, value_name = "FILE")]
    pub kafka_config: Option<PathBuf>,
    /// What the names of all topics begin with.
    #[arg(long, value_name = "PREFIX", default_value = "clickstream.", value_parser = topic_prefix)]
    pub topic_prefix: String,
    /// Partitions of the topics that it creates; fixed once they are there.
    #[arg(long, value_name = "N", default_value = "4", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub partitions: u32,
    /// Whether topics that are absent are created; else they are an error (Kafka alone).
    #[arg(long, value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set)]
    pub create_topics: bool,
    /// How many brokers hold each record of the topics that it creates; fewer are an error (Kafka alone).
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u16).range(1..=100))]
    pub replication_factor: u16,
    /// How long the log keeps records: at least an hour, and at least --flush-interval, --gap, --lateness and --max-session
    /// together. On Kafka topics are created so; those that keep them for less are an error.
    #[arg(long, value_name = "SPAN", default_value = "7d", value_parser = some_span)]
    pub retention: Span,
    /// Most bytes that each partition of a topic keeps, besides: the oldest go first, whether they were read or not. On Kafka
    /// topics are created so; those that keep less are an error [default: no bound].
    #[arg(long, value_name = "SIZE", value_parser = partition_size)]
    pub retention_bytes: Option<ByteSize>,
}

/// Which member of its group a process is.
#[derive(Args, Clone, Debug, Default)]
pub struct MemberArgs {
    /// Names this process among its like for good, so that its restart moves no partition; no two may share one.
    #[arg(long, value_name = "NAME", value_parser = instance_id)]
    pub instance_id: Option<String>,
}

/// Which lake, and how its files are cut.
#[derive(Args, Clone, Debug)]
pub struct LakeArgs {
    /// The lake: a path, file://, s3://bucket/prefix, gs://bucket/prefix, az://container/prefix [default: DIR/lake,
    /// in --data's folder].
    #[arg(long, value_name = "URL")]
    pub lake: Option<String>,
    /// Longest time that a row waits for its file [default: 10m; up: 5s in its first five minutes, then 60s].
    #[arg(long, value_name = "SPAN", value_parser = some_span)]
    pub flush_interval: Option<Span>,
    /// Size at which a file is cut.
    #[arg(long, value_name = "SIZE", default_value = "128MiB", value_parser = file_size)]
    pub target_file_size: ByteSize,
    /// Most memory for rows on their way into the lake, all tables and partitions together; the largest batch is cut
    /// first. Encoders take up to 100MiB besides.
    #[arg(long, value_name = "SIZE", default_value = "512MiB", value_parser = lake_memory)]
    pub memory: ByteSize,
    /// Level of the files' zstd compression: 1 is fast, 22 is small.
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(i32).range(1..=22))]
    pub zstd_level: i32,
    /// Longest time that a frozen lake-writer may go on after. Batch records are kept one by one for --retention and
    /// this, then folded into one.
    #[arg(long, value_name = "SPAN", default_value = "24h", value_parser = some_span)]
    pub longest_pause: Span,
}

/// The public port, and what it bears.
#[derive(Args, Clone, Debug)]
pub struct EdgeArgs {
    /// Address of the public port; port 0 picks a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080", value_parser = address)]
    pub listen: SocketAddr,
    /// Where hits are posted to. Lists of trackers to block know the usual names.
    #[arg(long, value_name = "PATH", default_value = "/collect", value_parser = public_path)]
    pub collect_path: String,
    /// Where the tracker is.
    #[arg(long, value_name = "PATH", default_value = "/tracker.js", value_parser = public_path)]
    pub tracker_path: String,
    /// Largest body of a request, as it is sent and as it is once it is decoded.
    #[arg(long, value_name = "SIZE", default_value = "1MiB", value_parser = body_size)]
    pub max_body: ByteSize,
    /// Most hits in one request.
    #[arg(long, value_name = "N", default_value = "1000", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_request_hits: u32,
    /// Most connections at once; more wait to be taken.
    #[arg(long, value_name = "N", default_value = "10000", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_connections: u32,
    /// Most bytes of bodies in work at once; more is answered with 503. At least --max-body.
    #[arg(long, value_name = "SIZE", default_value = "32MiB")]
    pub max_in_flight: ByteSize,
    /// Longest time for a request's head to arrive, for its body, for its answer to be taken, and for an idle
    /// connection to be kept.
    #[arg(long, value_name = "SPAN", default_value = "30s", value_parser = some_span)]
    pub read_timeout: Span,
    /// Longest time that a request waits for the bus; then it is answered with 503. At least 2s on Kafka.
    #[arg(long, value_name = "SPAN", default_value = "10s", value_parser = some_span)]
    pub publish_timeout: Span,
    /// Logs one of so many requests, with no more of its address than the most careful site allows. 0: none; 1: each.
    #[arg(long, value_name = "N", default_value = "0")]
    pub access_log_sample: u32,
    /// Whether it speaks TLS.
    #[command(flatten)]
    pub tls: TlsArgs,
    /// How much is too much.
    #[command(flatten)]
    pub pressure: PressureArgs,
    /// Who may send.
    #[command(flatten)]
    pub policy: PolicyArgs,
}

/// Where accepted hits wait while the bus is away.
#[derive(Args, Clone, Debug)]
pub struct SpoolArgs {
    /// Folder that accepted hits go to while Kafka is away or slow; they are acknowledged once they are synced there, and
    /// sent on when it is back. It must outlive the process: a disk that is kept, and one folder for each collector. Without
    /// it such hits are answered with 503. An embedded log needs none: it lies on this machine's disk itself.
    #[arg(long, value_name = "DIR")]
    pub spool: Option<PathBuf>,
    /// Most bytes that the spool may take; when it is full, hits are answered with 503.
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = spool_size)]
    pub spool_size: ByteSize,
    /// How long Kafka may take before hits go to the spool instead.
    #[arg(long, value_name = "SPAN", default_value = "1s", value_parser = some_span)]
    pub spool_after: Span,
}

/// The admin port.
#[derive(Args, Clone, Debug)]
pub struct AdminArgs {
    /// Address of /live, /ready and /metrics; port 0 picks a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9090", value_parser = address)]
    pub admin: SocketAddr,
}

/// How a service ends.
#[derive(Args, Clone, Copy, Debug)]
pub struct DrainArgs {
    /// Longest time for what is at hand when stopping: a collector's requests, what a sessionizer has in its log, what a
    /// lake-writer has to write. Services of one process stop one after the other, and each has this long.
    #[arg(long, value_name = "SPAN", default_value_t = Shutdown::DRAIN)]
    pub drain_timeout: Span,
}

/// Session windows.
#[derive(Args, Clone, Debug)]
pub struct WindowArgs {
    /// Longest pause within a session; at most --max-session.
    #[arg(long, value_name = "SPAN", default_value = "30m", value_parser = some_span)]
    pub gap: Span,
    /// How far hits may be out of order.
    #[arg(long, value_name = "SPAN", default_value = "10m")]
    pub lateness: Span,
    /// Longest session, from its first hit to its last.
    #[arg(long, value_name = "SPAN", default_value = "24h", value_parser = some_span)]
    pub max_session: Span,
    /// Most sessions, stubs and remembered ids that a partition holds.
    #[arg(long, value_name = "N", default_value = "1000000", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_open_sessions: u64,
    /// Time without hits after which a partition gets a tick; at most 1h, for its sessions wait for it.
    #[arg(long, value_name = "SPAN", default_value = "10s", value_parser = idle_interval)]
    pub idle_interval: Span,
}

/// The log that a process writes about itself.
#[derive(Args, Clone, Debug)]
pub struct LogArgs {
    /// How much is logged: a level, or a filter such as info,collector=debug [default: RUST_LOG, or info].
    #[arg(long, value_name = "FILTER", value_parser = crate::telemetry::log_filter)]
    pub log: Option<String>,
    /// How it is written: human on a terminal and json elsewhere, or one of them always.
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "auto")]
    pub log_format: LogFormat,
}

/// How log lines are written.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum LogFormat {
    /// Human on a terminal, else JSON.
    Auto,
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

impl BusArgs {
    /// The bus that was named, or the embedded one in the data folder.
    pub fn url(&self) -> BusUrl {
        self.bus.clone().unwrap_or_else(|| BusUrl::Embedded(self.data.join("bus")))
    }
}

impl LakeArgs {
    /// How long a row waits for its file at most, where nobody says.
    pub const FLUSH_INTERVAL: Span = Span::from_mins(10);

    /// The lake that was named, or the one in the data folder.
    pub fn url(&self, data: &Path) -> String {
        self.lake.clone().unwrap_or_else(|| data.join("lake").to_string_lossy().into_owned())
    }
}

/// Every setting that any binary has, so that one file and one set of variables can serve all of them.
pub(crate) fn every_setting() -> Command {
    let groups = [
        BusArgs::augment_args,
        MemberArgs::augment_args,
        LakeArgs::augment_args,
        EdgeArgs::augment_args,
        SpoolArgs::augment_args,
        AdminArgs::augment_args,
        DrainArgs::augment_args,
        WindowArgs::augment_args,
        StepArgs::augment_args,
        LogArgs::augment_args,
    ];
    groups.into_iter().fold(Command::new("tributary"), |command, augment| augment(command))
}
