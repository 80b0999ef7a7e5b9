//! The command line: read it, do what it says.

use std::process::ExitCode;

use tikv_jemallocator::Jemalloc;

#[global_allocator]
static MEMORY: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    tributary::cli::run(service::config::parse_or_exit())
}
