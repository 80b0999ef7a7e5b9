//! The sessionizer as a process of its own: how memory is taken, settings, then logs and signals, then the service until it is
//! told to stop.

use std::process::ExitCode;

use clap::Parser;
use service::{HasSettings, Together, config, exit_code};
use sessionizer::allocator;
use sessionizer::cli::{SessionizerArgs, run};

/// Turns the log of hits into sessions.
#[derive(Parser, Debug)]
#[command(name = "sessionizer", version)]
struct Cli {
    #[command(flatten)]
    args: SessionizerArgs,
}

impl HasSettings for Cli {
    fn together(&self) -> Together<'_> {
        self.args.together()
    }
}

fn main() -> ExitCode {
    allocator::start_with_settings();
    let cli: Cli = config::parse_or_exit();
    exit_code(run(&cli.args))
}
