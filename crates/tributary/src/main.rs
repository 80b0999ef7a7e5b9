//! The command line: read it, do what it says.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Before anything is read, the command line too: it may start this process anew. It stands behind `--config FILE`, perhaps.
    if std::env::args_os().any(|argument| argument == "sessionizer") {
        sessionizer::allocator::start_with_settings();
    }
    tributary::cli::run(service::config::parse_or_exit())
}
