//! The log of commands that answer and end: their answer tells people what they need.

use anyhow::Result;
use service::{LogArgs, telemetry};

/// Sets the log up so that, unless `--log` or `RUST_LOG` says otherwise, only warnings come beside the answer.
pub(crate) fn init_log(args: &LogArgs) -> Result<()> {
    let mut args = args.clone();
    if args.log.is_none() && std::env::var_os("RUST_LOG").is_none() {
        args.log = Some("warn".to_owned());
    }
    Ok(telemetry::init_log(&args)?)
}
