//! DuckDB, the reader that most people try first. It is not ours: what it says of a lake is said by a stranger.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// A Python that has DuckDB: the one that `TOOLS_PYTHON` names, the one that `make test` sets up, else the system's.
pub(crate) fn python() -> PathBuf {
    let cached = || {
        let home = std::env::var_os("HOME").map(PathBuf::from);
        home.map(|home| home.join(".cache/tributary/python/bin/python")).filter(|python| python.exists())
    };
    let named = std::env::var_os("TOOLS_PYTHON").map(PathBuf::from);
    let python = named.or_else(cached).unwrap_or_else(|| PathBuf::from("python3"));
    let has_duckdb = Command::new(&python).args(["-c", "import duckdb"]).stderr(Stdio::null()).status();
    let has_duckdb = has_duckdb.is_ok_and(|status| status.success());
    assert!(has_duckdb, "{} has no DuckDB: run `make test`, which sets one up", python.display());
    python
}

/// The rows of the last of some statements, as JSON. `FOLDER` in them stands for the folder.
pub(crate) fn query(folder: &Path, sql: &str) -> Value {
    let script = "import duckdb, json, sys; print(json.dumps(duckdb.sql(sys.argv[1]).fetchall(), default=str))";
    run(script, &sql.replace("FOLDER", folder.to_str().unwrap()))
}

/// Runs statements that return nothing.
pub(crate) fn execute(folder: &Path, sql: &str) {
    let script = "import duckdb, sys; duckdb.execute(sys.argv[1]); print('null')";
    run(script, &sql.replace("FOLDER", folder.to_str().unwrap()));
}

fn run(script: &str, sql: &str) -> Value {
    let output = Command::new(python()).args(["-c", script, sql]).output().unwrap();
    assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}
