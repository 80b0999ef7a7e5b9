//! How a process ends.

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

/// 0 where all went well; else 1, and the error as one line on stderr.
pub fn exit_code<E: Display>(result: Result<(), E>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where it goes may be full; that is no reason to end by a panic.
            let _ = writeln!(io::stderr(), "error: {}", one_line(&format!("{error:#}")));
            ExitCode::FAILURE
        }
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_error_is_one_line() {
        assert_eq!(super::one_line("a\n  b\tc"), "a b c");
    }
}
