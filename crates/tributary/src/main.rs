//! The command line: read it, do what it says.

use std::process::ExitCode;

fn main() -> ExitCode {
    tributary::cli::run(service::config::parse_or_exit())
}
