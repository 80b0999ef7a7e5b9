//! The command line: read it, do what it says.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Before anything is read: it may start this process anew.
    if std::env::args_os().nth(1).is_some_and(|command| command == "sessionizer") {
        sessionizer::allocator::start_with_settings();
    }
    tributary::cli::run(service::config::parse_or_exit())
}
