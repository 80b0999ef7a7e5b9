//! Logs and metrics of a process. Both are set up once, first thing.

use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{LevelFilter, ParseError};

use crate::metrics;
use crate::settings::{LogArgs, LogFormat};

/// Why logs or metrics could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The log filter cannot be read. `--log` was looked at before, so that it is the variable's.
    #[error(
        "variable RUST_LOG: `{filter}` is no log filter ({error}): write a level such as info, or info,collector=debug"
    )]
    Filter {
        /// What was given.
        filter: String,
        /// What is wrong with it.
        error: ParseError,
    },
    /// Somebody has set up a log already.
    #[error("the log is set up already: {0}")]
    Log(Box<dyn std::error::Error + Send + Sync>),
    /// The metrics recorder refused.
    #[error("metrics cannot be recorded: {0}")]
    Metrics(#[from] BuildError),
}

/// Reads a value of `--log`. A word alone must be a level: any other one would be a part of the program that there is not, and
/// nothing would be logged.
pub(crate) fn log_filter(text: &str) -> Result<String, String> {
    let is_level = |word: &str| word.parse::<LevelFilter>().is_ok();
    match text.split(',').map(str::trim).find(|word| !word.contains(['=', '[', ']']) && !is_level(word)) {
        Some(word) => Err(format!(
            "`{word}` is no level: write off, error, warn, info, debug or trace, and PART=LEVEL such as collector=debug"
        )),
        None => EnvFilter::try_new(text).map(|_| text.to_owned()).map_err(|error| {
            format!("`{text}` is no log filter ({error}): write a level such as info, or info,collector=debug")
        }),
    }
}

/// Sends the log to stderr: for people on a terminal, as JSON lines elsewhere. Stdout belongs to results.
/// `--log` says how much; without it the variable `RUST_LOG`, without that `info`.
pub fn init_log(args: &LogArgs) -> Result<(), TelemetryError> {
    let filter = args.log.clone().or_else(|| std::env::var("RUST_LOG").ok()).filter(|filter| !filter.is_empty());
    let filter = filter.unwrap_or_else(|| "info".to_owned());
    let filter = EnvFilter::try_new(&filter).map_err(|error| TelemetryError::Filter { filter, error })?;
    let is_terminal = std::io::stderr().is_terminal();
    // A line that cannot be written is lost. To complain about it on stderr, where it could not be written, is a
    // panic, and a full disk below the log would end the process.
    let log = tracing_subscriber::fmt().log_internal_errors(false);
    let log = log.with_env_filter(filter).with_writer(std::io::stderr);
    let is_json = match args.log_format {
        LogFormat::Auto => !is_terminal,
        LogFormat::Human => false,
        LogFormat::Json => true,
    };
    if is_json {
        log.json().flatten_event(true).with_current_span(false).try_init().map_err(TelemetryError::Log)
    } else {
        log.with_ansi(is_terminal).with_target(false).try_init().map_err(TelemetryError::Log)
    }
}

/// Latencies from half a millisecond to ten seconds; a fixed number of buckets keeps histograms bounded (P6).
const SECONDS: [f64; 14] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Records this process's metrics and returns what renders them. The recorder is the process's own: a second
/// call returns the first one's handle.
pub fn install_metrics() -> Result<PrometheusHandle, TelemetryError> {
    static INSTALLED: Mutex<Option<PrometheusHandle>> = Mutex::new(None);
    let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(handle) = &*installed {
        return Ok(handle.clone());
    }
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .install_recorder()?;
    metrics::describe_all();
    *installed = Some(handle.clone());
    Ok(handle)
}
