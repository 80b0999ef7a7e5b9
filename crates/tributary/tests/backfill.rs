//! `tributary replay --format lake`, as its users run it: one lake's hits sessionized anew into another.

#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Output;

use parquet::record::Field;
use serde_json::Value;
use support::{files, number_of, real_data, replay, rows, sample, text, text_of, tributary, try_replay};
use tempfile::tempdir;

fn backfill(source: &Path, target: &Path, args: &[&str]) -> Value {
    let output = try_backfill(source, target, args);
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn try_backfill(source: &Path, target: &Path, args: &[&str]) -> Output {
    try_replay(target, [&["--format", "lake", source.to_str().unwrap()], args].concat())
}

/// What says by which log, and by which record of it, a row came to be.
const LINEAGE: [&str; 6] = ["partition", "offset", "raw_offset", "first_offset", "last_offset", "closed_at"];

/// What follows from the order in which hits came: a session has its id from the first to come, and counts them.
const ARRIVAL: [&str; 3] = ["session_id", "session_seq", "merged_ids"];

/// A table's rows without these columns, in order.
fn told(lake: &Path, table: &str, without: &[&str]) -> Vec<String> {
    let mut told: Vec<_> = rows(lake, table)
        .into_iter()
        .map(|mut row| {
            row.retain(|name, _| !LINEAGE.contains(&&**name) && !without.contains(&&**name));
            format!("{row:?}")
        })
        .collect();
    told.sort_unstable();
    told
}

/// Each hit's id, and when its session began.
fn belonging(lake: &Path) -> BTreeMap<String, String> {
    let mut starts = BTreeMap::new();
    for row in rows(lake, "sessions") {
        let Field::ListInternal(merged) = &row["merged_ids"] else { panic!("{row:?}") };
        for id in merged.elements().iter().chain([&row["session_id"]]) {
            let Field::Str(id) = id else { panic!("{row:?}") };
            starts.insert(id.clone(), format!("{:?}", row["start"]));
        }
    }
    let hit = |row: &BTreeMap<_, _>| (text_of(row, "hit_id"), starts[&text_of(row, "session_id")].clone());
    rows(lake, "hits").iter().map(hit).collect()
}

/// The same hits in the same sessions.
fn same_rows(one: &Path, other: &Path) {
    for table in ["hits", "sessions"] {
        same(&told(one, table, &ARRIVAL), &told(other, table, &ARRIVAL));
    }
    assert!(belonging(one) == belonging(other));
}

fn same(one: &[String], other: &[String]) {
    let differ = one.iter().zip(other).find(|(one, other)| one != other);
    assert!(differ.is_none() && one.len() == other.len(), "{}, {}: {differ:#?}", one.len(), other.len());
}

fn figure(figures: &Value, name: &str) -> u64 {
    figures[name].as_u64().unwrap()
}

#[test]
fn a_lake_where_nothing_was_late_becomes_the_same_lake() {
    let dir = tempdir().unwrap();
    let [one, two, again] = ["one", "two", "again"].map(|name| dir.path().join(name));
    let log = real_data("apache_access.log.gz").unwrap_or_else(sample);
    let live = replay(&one, [&log]);
    let before = files(&one);
    let figures = backfill(&one, &two, &[]);
    for name in ["accepted", "duplicates", "late", "sessions"] {
        assert_eq!(figures[name], live[name], "{name}");
    }
    same_rows(&one, &two);
    assert!(files(&one) == before, "the lake that is read does not change");

    let without_ddl = |lake: &Path| {
        let mut files = files(lake);
        files.retain(|name, _| !name.starts_with("_tables/"));
        files
    };
    backfill(&one, &again, &[]);
    assert!(without_ddl(&two) == without_ddl(&again), "two runs are the same to the byte");
    let output = try_backfill(&one, &again, &[]);
    assert!(text(&output.stderr).contains("holds this input already"), "{}", text(&output.stderr));
    assert!(without_ddl(&two) == without_ddl(&again), "a third adds nothing");
    let verify = ["verify", "--deep", "--lake", two.to_str().unwrap(), "--data"];
    let output = tributary().args(verify).arg(dir.path().join("no-bus")).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
}

#[test]
fn what_was_late_is_counted_as_if_it_had_come_in_time() {
    let dir = tempdir().unwrap();
    let [orderly, late, mended] = ["orderly", "late", "mended"].map(|name| dir.path().join(name));
    let log = fs::read_to_string(sample()).unwrap();
    // Every third visitor's phone was offline until the others had gone.
    let (offline, online): (Vec<_>, Vec<_>) =
        log.lines().partition(|line| line.split(' ').next().unwrap().len() % 3 == 0);
    assert!(!offline.is_empty() && !online.is_empty());
    let path = dir.path().join("disorderly.log");
    fs::write(&path, online.into_iter().chain(offline).map(|line| format!("{line}\n")).collect::<String>()).unwrap();

    let args = ["--lateness", "1s", "--gap", "10s"];
    replay(&orderly, [sample().to_str().unwrap(), "--lateness", "10m", "--gap", "10s"]);
    let figures = replay(&late, [&[path.to_str().unwrap()], &args[..]].concat());
    assert!((20..280).contains(&figure(&figures, "late")), "{figures}");
    let figures = backfill(&late, &mended, &args);
    assert_eq!((figure(&figures, "accepted"), figure(&figures, "late"), figure(&figures, "duplicates")), (300, 0, 0));
    assert_eq!((rows(&mended, "hits").len(), rows(&mended, "late").len()), (300, 0));
    // Ids follow from the lines' numbers, and so those of hits and sessions differ.
    let visits = |lake: &Path| {
        let visit = |row: &BTreeMap<_, _>| {
            let counts = ["hit_count", "pageview_count", "duration_ms"].map(|name| number_of(row, name));
            (text_of(row, "visitor_id"), format!("{:?}", row["start"]), counts, format!("{:?}", row["entry_page"]))
        };
        let mut visits: Vec<_> = rows(lake, "sessions").iter().map(visit).collect();
        visits.sort();
        visits
    };
    assert_eq!(visits(&mended), visits(&orderly));
}

#[test]
fn another_gap_gives_what_a_replay_of_the_log_with_that_gap_gives() {
    let dir = tempdir().unwrap();
    let [one, expected, found] = ["one", "expected", "found"].map(|name| dir.path().join(name));
    replay(&one, [sample()]);
    let args = ["--gap", "20s", "--partitions", "3"];
    let replayed = replay(&expected, [&[sample().to_str().unwrap()], &args[..]].concat());
    let backfilled = backfill(&one, &found, &args);
    assert_eq!(figure(&backfilled, "sessions"), figure(&replayed, "sessions"));
    assert_ne!(figure(&backfilled, "sessions"), 100);
    same_rows(&expected, &found);
}

/// Five days of forty visitors as JSON hits: each comes every seven hours or so, and stays for one or two.
fn visits() -> String {
    let midnight = 1_431_820_800_000_i64;
    let hit = |visitor: i64, visit: i64, n: i64| {
        let time = midnight + ((visitor * 11 + visit * 420) + n * 17 + (visitor * visit) % 13) * 60_000 + visitor;
        let line = format!(
            r#"{{"hit_id":"{:032x}","site":"s","visitor_id":"v{visitor}","client_time":{time},"url":"/{n}"}}"#,
            (visitor << 32) + (visit << 16) + n
        );
        (time, line + "\n")
    };
    let of_visit = |visitor, visit| (0..3 + (visitor + visit) % 4).map(move |n| hit(visitor, visit, n));
    let mut hits: Vec<_> =
        (0..40).flat_map(|visitor| (0..17).flat_map(move |visit| of_visit(visitor, visit))).collect();
    hits.sort();
    hits.into_iter().map(|(_, line)| line).collect()
}

#[test]
fn days_apart_add_up_to_all_days_at_once() {
    let dir = tempdir().unwrap();
    let [one, whole, pieces, log] = ["one", "whole", "pieces", "hits.jsonl"].map(|name| dir.path().join(name));
    fs::write(&log, visits()).unwrap();
    replay(&one, [log.to_str().unwrap(), "--format", "hits"]);
    let args = ["--max-session", "3h"];
    backfill(&one, &whole, &args);
    let (mut hits, mut sessions, mut straddling) = (Vec::new(), Vec::new(), 0);
    for (from, to) in [(None, Some("2015-05-17")), (Some("2015-05-18"), Some("2015-05-19")), (Some("2015-05-20"), None)]
    {
        let lake = pieces.join(from.unwrap_or("first"));
        let days: Vec<&str> = [("--from", from), ("--to", to)]
            .into_iter()
            .filter_map(|(flag, day)| Some([flag, day?]))
            .flatten()
            .chain(args)
            .collect();
        let figures = backfill(&one, &lake, &days);
        assert!(figure(&figures, "outside") > 0, "{figures}");
        assert_eq!(figure(&figures, "sessions"), rows(&lake, "sessions").len() as u64);
        let rows_of_hits = rows(&lake, "hits");
        assert_eq!(figure(&figures, "accepted") - figure(&figures, "outside"), rows_of_hits.len() as u64);
        let named: std::collections::BTreeSet<_> = rows_of_hits.iter().map(|row| text_of(row, "session_id")).collect();
        let begun: std::collections::BTreeSet<_> =
            rows(&lake, "sessions").iter().map(|row| text_of(row, "session_id")).collect();
        straddling += named.difference(&begun).count();
        for name in files(&lake).keys().filter(|name| name.contains("/date=")) {
            let date = &name.split("/date=").nth(1).unwrap()[..10];
            assert!(from.is_none_or(|from| from <= date) && to.is_none_or(|to| date <= to), "{name}");
        }
        hits.extend(told(&lake, "hits", &[]));
        sessions.extend(told(&lake, "sessions", &[]));
    }
    assert!(straddling > 5, "no session goes over midnight: {straddling}");
    hits.sort_unstable();
    sessions.sort_unstable();
    same(&hits, &told(&whole, "hits", &[]));
    same(&sessions, &told(&whole, "sessions", &[]));
}

#[test]
fn what_cannot_be_done_is_refused_in_one_line_and_nothing_is_written() {
    let dir = tempdir().unwrap();
    let [one, held, fresh] = ["one", "held", "fresh"].map(|name| dir.path().join(name));
    replay(&one, [sample()]);
    replay(&held, [sample().to_str().unwrap(), "--gap", "1m"]);
    let foreign = dir.path().join("foreign");
    fs::create_dir(&foreign).unwrap();
    fs::write(foreign.join("notes.txt"), "mine").unwrap();
    let absent = dir.path().join("absent");
    let same = one.join("../one");
    let cases: [(&Path, &Path, &[&str], &[&str]); 10] = [
        (&one, &same, &[], &["would be read and written", "--lake names another place"]),
        (&one, &held, &[], &["holds something else already", "_batches/hits/", "a lake of its own"]),
        (&one, &foreign, &[], &["holds something else already (`notes.txt`)"]),
        (&absent, &fresh, &[], &["there is no lake"]),
        (&foreign, &fresh, &[], &["has no hits"]),
        (&one, &fresh, &["--from", "2015-06-01"], &["has no hits on these days"]),
        (
            &one,
            &fresh,
            &["--from", "2015-05-18", "--to", "2015-05-17"],
            &["--from 2015-05-18 lies after --to 2015-05-17"],
        ),
        (&one, &fresh, &["--from", "17/May/2015"], &["--from", "`17/May/2015` is no day such as 2026-11-21"]),
        (&one, &fresh, &["--site", "a"], &["--site does not go with --format lake"]),
        (&one, &fresh, &[held.to_str().unwrap()], &["--format lake reads one lake"]),
    ];
    let before = [files(&one), files(&held), files(&foreign)];
    for (source, target, args, expected) in cases {
        let output = try_backfill(source, target, args);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(expected.iter().all(|part| said.contains(part)), "{said}");
        assert!(!fresh.exists(), "{said}");
    }
    assert!([files(&one), files(&held), files(&foreign)] == before);

    let output = try_replay(&fresh, [sample().to_str().unwrap(), "--from", "2015-05-17"]);
    assert!(text(&output.stderr).contains("--from and --to go with --format lake"), "{}", text(&output.stderr));
    let stranger = one.join("hits/date=2015-05-17/part-0.parquet");
    fs::write(&stranger, "PAR1").unwrap();
    let output = try_backfill(&one, &fresh, &[]);
    assert!(text(&output.stderr).contains("part-0.parquet` is no file of this lake's"), "{}", text(&output.stderr));
    assert!(!fresh.exists());
}

#[test]
fn nothing_temporary_is_left() {
    let dir = tempdir().unwrap();
    let [one, two, temporary] = ["one", "two", "temporary"].map(|name| dir.path().join(name));
    fs::create_dir(&temporary).unwrap();
    replay(&one, [sample()]);
    let args = ["replay", "--format", "lake", "--memory", "16MiB", "--lake"];
    let status = tributary().args(args).arg(&two).arg(&one).env("TMPDIR", &temporary).output().unwrap().status;
    assert!(status.success());
    assert_eq!(fs::read_dir(&temporary).unwrap().count(), 0);
    same_rows(&one, &two);
}
