//! The sessionizer as a process of its own: settings, then logs and signals, then the service until it is told to stop.

use std::process::ExitCode;

use clap::Parser;
use service::{HasSettings, Together, config, exit_code};
use sessionizer::cli::{SessionizerArgs, run};
use tikv_jemallocator::Jemalloc;

#[global_allocator]
static MEMORY: Jemalloc = Jemalloc;

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
    let cli: Cli = config::parse_or_exit();
    exit_code(run(&cli.args))
}
