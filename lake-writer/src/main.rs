//! The lake-writer as a process of its own: settings, then logs and signals, then the service until it is told to stop.

use std::process::ExitCode;

use clap::Parser;
use lake_writer::cli::{LakeWriterArgs, run};
use service::{HasSettings, Together, config, exit_code};
use tikv_jemallocator::Jemalloc;

#[global_allocator]
static MEMORY: Jemalloc = Jemalloc;

/// Writes the topics into the lake.
#[derive(Parser, Debug)]
#[command(name = "lake-writer", version)]
struct Cli {
    #[command(flatten)]
    args: LakeWriterArgs,
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
