//! The lake as its readers see it, as far as they are light: DuckDB with the lake's own DDL, pyarrow with nothing
//! configured, and the queries of docs/queries.md. `make test-readers` runs the heavy ones.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::path::Path;
use std::process::Command;

use support::binary::binary;
use support::duckdb::python;

/// Runs one of the readers' programs on the real binary; its table.
fn run(program: &str, args: &[&str]) -> String {
    let readers = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools/readers");
    let output =
        Command::new(python()).arg(readers.join(program)).arg("--tributary").arg(binary()).args(args).output().unwrap();
    let (out, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}{errors}");
    out.into_owned()
}

#[test]
fn light_engines_find_what_plain_python_counts() {
    println!("{}", run("read.py", &["--engine", "duckdb", "--engine", "pyarrow"]));
}

#[test]
fn the_queries_of_the_docs_have_the_answers_that_plain_python_computes() {
    println!("{}", run("queries.py", &[]));
}
