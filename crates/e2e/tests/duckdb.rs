//! The lake as its readers see it: DuckDB, with nothing configured, and the very lines that `up` prints.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use serde_json::Value;
use support::binary::{tributary, up};
use support::duckdb::{python, query};
use support::process::PATIENCE;

#[test]
fn a_replay_is_tables_that_duckdb_reads_as_they_are() {
    let directory = tempfile::tempdir().unwrap();
    let lake = directory.path().join("lake");
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tributary/tests/data/access_sample.log");
    let args: [OsString; 7] =
        ["replay", "--json", "--site", "shop.example", "--format", "combined", "--lake"].map(Into::into);
    let output = tributary(args).arg(&lake).arg(sample).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();

    let counts = query(
        directory.path(),
        "select (select count(*) from 'FOLDER/lake/hits/*/*.parquet'), (select count(*) from 'FOLDER/lake/sessions/*/*.parquet'),
                (select sum(hit_count)::bigint from 'FOLDER/lake/sessions/*/*.parquet'), (select count(*) from 'FOLDER/lake/rejected/*/*.parquet')",
    );
    let (accepted, sessions, rejected) = (&summary["accepted"], &summary["sessions"], &summary["rejected"]);
    assert_eq!(counts, serde_json::json!([[accepted, sessions, accepted, rejected]]));
    assert!(accepted.as_u64() > Some(100) && rejected.as_u64() > Some(0), "{summary}");

    let types = query(
        directory.path(),
        "select typeof(time), typeof(date), typeof(partition), typeof(\"offset\"), typeof(is_bot) from
         read_parquet('FOLDER/lake/hits/*/*.parquet', hive_partitioning = true) limit 1",
    );
    assert_eq!(types, serde_json::json!([["TIMESTAMP WITH TIME ZONE", "DATE", "INTEGER", "BIGINT", "BOOLEAN"]]));
    let pages = query(
        directory.path(),
        "select distinct typeof(pages), typeof(merged_ids) from 'FOLDER/lake/sessions/*/*.parquet'",
    );
    let list = "STRUCT(path VARCHAR, title VARCHAR, \"time\" TIMESTAMP WITH TIME ZONE)[]";
    assert_eq!(pages, serde_json::json!([[list, "VARCHAR[]"]]));

    let strays = query(
        directory.path(),
        "select count(*) from 'FOLDER/lake/hits/*/*.parquet' h anti join 'FOLDER/lake/sessions/*/*.parquet' s using (session_id)",
    );
    assert_eq!(strays, serde_json::json!([[0]]), "each hit names a session that is there");
    let wrong_day = query(
        directory.path(),
        "select count(*) from read_parquet('FOLDER/lake/hits/*/*.parquet', hive_partitioning = true)
         where date <> (time at time zone 'UTC')::date",
    );
    assert_eq!(wrong_day, serde_json::json!([[0]]), "a row stands under its own day");
}

#[test]
fn the_lines_that_up_prints_work_as_they_stand() {
    let directory = tempfile::tempdir().unwrap();
    let mut up = up(directory.path(), &[]);
    let answer = shell(&format!("{} --silent", up.line("curl ")));
    assert_eq!(answer, r#"{"accepted":1,"rejected":[]}"#);
    let tracker = up.line("<script").split('"').nth(1).unwrap().to_owned();
    assert!(shell(&format!("curl --silent {tracker}")).contains("sendBeacon"));
    // The row is there after the first flush.
    let read = up.line("python3 ").to_owned();
    let started = Instant::now();
    let shown = loop {
        let shown = shell(&format!("{read} 2>&1"));
        if shown.contains("my-site") {
            break shown;
        }
        assert!(started.elapsed() < PATIENCE, "{shown}");
        std::thread::sleep(std::time::Duration::from_millis(500));
    };
    assert!(shown.contains("pageview") && shown.contains("https://my-site.example/"), "{shown}");
    assert!(up.process.stop().success());
}

/// Runs a line as a person's shell would, with the tests' Python as `python3`.
fn shell(line: &str) -> String {
    let python = python();
    let folders = python.parent().map(Path::to_path_buf).into_iter();
    let path = std::env::join_paths(folders.chain(std::env::split_paths(&std::env::var_os("PATH").unwrap()))).unwrap();
    let output = Command::new("sh").args(["-c", line]).env("PATH", path).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}
