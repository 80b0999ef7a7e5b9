//! Real data that nobody made for us: a day of Wikipedia's edits and a week of New York's turnstiles. DuckDB makes
//! hits of them, and computes for itself which sessions they are.
//!
//! The files are not part of the project: without them (`TOOLS_DATA`, or a folder `shared/data` beside the
//! clone) these tests say so and check nothing; the sample of an access log in `crates/tributary` is always there.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::path::Path;

use serde_json::{Value, json};
use support::binary::tributary;
use support::duckdb::{execute, query};
use support::real_file::real_file;

/// Replays `FOLDER/hits.ndjson` and compares its sessions with those that DuckDB finds in `FOLDER/hits.parquet`
/// (visitor, time): sorted, and split where the silence is longer than the gap.
fn compare(folder: &Path, gap: &str, gap_sql: &str) -> Value {
    let output = tributary([
        "replay",
        "--format",
        "hits",
        "--json",
        "--lateness",
        "3650d",
        "--gap",
        gap,
        "--max-session",
        "3650d",
    ])
    .args(["--lake".as_ref(), folder.join("lake").as_os_str(), folder.join("hits.ndjson").as_os_str()])
    .output()
    .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    let expected = format!(
        "select visitor, min(time) as start, max(time) as \"end\", count(*) as hits from (
           select *, sum(is_new) over (partition by visitor order by time) as number from (
             select *, coalesce(time - lag(time) over (partition by visitor order by time) > interval {gap_sql}, true)::int as is_new
             from 'FOLDER/hits.parquet')) group by visitor, number"
    );
    let found = "select visitor_id as visitor, (start at time zone 'UTC') as start, (\"end\" at time zone 'UTC') as \"end\", hit_count as hits
                 from 'FOLDER/lake/sessions/*/*.parquet'";
    let differences = query(
        folder,
        &format!(
            "with expected as ({expected}), found as ({found}) select
               (select count(*) from (from expected except all from found)), (select count(*) from (from found except all from expected)),
               (select count(*) from expected), (select sum(hits)::bigint from found)"
        ),
    );
    let (sessions, hits) = (&differences[0][2], &differences[0][3]);
    assert_eq!(differences, json!([[0, 0, summary["sessions"], summary["accepted"]]]), "{summary}");
    eprintln!("{hits} hits, {sessions} sessions, none differs");
    summary
}

#[test]
fn wikipedias_edits_are_sessions_of_their_editors() {
    let Some(file) = real_file("wikipedia_edits_2015-09-12.json.gz") else { return };
    let directory = tempfile::tempdir().unwrap();
    let edits = format!(
        "create view edits as select time, md5(\"user\") as visitor, channel, page, delta
           from read_json('{}', format = 'newline_delimited', columns =
             {{time: 'TIMESTAMP', \"user\": 'VARCHAR', channel: 'VARCHAR', page: 'VARCHAR', delta: 'BIGINT'}});
         copy (select visitor, time from edits) to 'FOLDER/hits.parquet';
         copy (select 'wikipedia.org' as site, visitor as visitor_id, 'edit' as type,
                      strftime(time, '%Y-%m-%dT%H:%M:%S.%gZ') as event_time, left(page, 250) as title,
                      {{channel: channel, delta: delta}} as props from edits) to 'FOLDER/hits.ndjson' (format json)",
        file.display()
    );
    execute(directory.path(), &edits);
    let summary = compare(directory.path(), "30m", "30 minutes");
    assert!(summary["accepted"].as_u64() > Some(30_000), "{summary}");
    assert_eq!(summary["rejected"], 0);
}

#[test]
fn turnstiles_report_in_sessions_of_their_own() {
    let Some(file) = real_file("mta_turnstile_230603.csv.gz") else { return };
    let directory = tempfile::tempdir().unwrap();
    let readings = format!(
        "create view readings as select distinct md5(\"C/A\" || UNIT || SCP || STATION) as visitor,
                strptime(DATE || ' ' || TIME, '%m/%d/%Y %H:%M:%S') as time, STATION as station
           from read_csv('{}', all_varchar = true);
         copy (select visitor, time from readings) to 'FOLDER/hits.parquet';
         copy (select 'mta.example' as site, visitor as visitor_id, 'reading' as type,
                      strftime(time, '%Y-%m-%dT%H:%M:%S.%gZ') as event_time, {{station: station}} as props
               from readings order by time) to 'FOLDER/hits.ndjson' (format json)",
        file.display()
    );
    execute(directory.path(), &readings);
    let summary = compare(directory.path(), "4h", "4 hours");
    assert!(summary["accepted"].as_u64() > Some(100_000), "{summary}");
    assert_eq!((&summary["rejected"], &summary["late"]), (&json!(0), &json!(0)));
}
