//! `tributary replay`, as its users run it.

#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use support::process::Process;
use support::{files, number_of, real_data, replay, rows, sample, text, text_of, tributary, try_replay};
use tempfile::{TempDir, tempdir};

/// The figures without how long it took.
fn figures(mut json: Value) -> Value {
    json.as_object_mut().unwrap().remove("seconds").unwrap();
    json
}

fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// A folder with these files in it, and their paths.
fn folder(contents: &[(&str, Vec<u8>)]) -> (TempDir, Vec<String>) {
    let dir = tempdir().unwrap();
    let paths = contents.iter().map(|(name, content)| {
        let path = dir.path().join(name);
        fs::write(&path, content).unwrap();
        path.to_string_lossy().into_owned()
    });
    let paths = paths.collect();
    (dir, paths)
}

#[test]
fn a_real_log_becomes_hits_sessions_and_a_rejection() {
    let lake = tempdir().unwrap();
    let output = try_replay(lake.path(), [sample()]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        figures(serde_json::from_slice(&output.stdout).unwrap()),
        serde_json::json!({"read": 301, "accepted": 300, "rejected": 1, "duplicates": 0, "late": 0, "sessions": 100})
    );
    assert!(text(&output.stderr).contains("access_sample.log:151: "), "{}", text(&output.stderr));

    let hits = rows(lake.path(), "hits");
    assert_eq!(hits.len(), 300);
    assert_eq!(hits.iter().map(|row| text_of(row, "visitor_id")).collect::<BTreeSet<_>>().len(), 88);
    let sessions = rows(lake.path(), "sessions");
    assert_eq!(sessions.len(), 100);
    assert_eq!(sessions.iter().map(|row| number_of(row, "hit_count")).sum::<i64>(), 300);
    let rejected = rows(lake.path(), "rejected");
    assert_eq!(rejected.iter().map(|row| text_of(row, "reason")).collect::<Vec<_>>(), ["unreadable_line"]);
}

#[test]
fn the_whole_of_the_real_log() {
    let Some(log) = real_data("apache_access.log.gz") else { return };
    let (one, two) = (tempdir().unwrap(), tempdir().unwrap());
    let expected = serde_json::json!(
        {"read": 10000, "accepted": 9999, "rejected": 1, "duplicates": 0, "late": 0, "sessions": 3223});
    assert_eq!(figures(replay(one.path(), [&log])), expected);

    let hits = rows(one.path(), "hits");
    assert_eq!(hits.len(), 9999);
    assert_eq!(hits.iter().map(|row| text_of(row, "visitor_id")).collect::<BTreeSet<_>>().len(), 1861);
    let sessions = rows(one.path(), "sessions");
    assert_eq!(sessions.len(), 3223);
    assert_eq!(sessions.iter().map(|row| number_of(row, "hit_count")).sum::<i64>(), 9999);
    let ids: BTreeSet<_> = hits.iter().map(|row| text_of(row, "hit_id")).collect();
    assert_eq!(ids.len(), 9999);

    replay(two.path(), [&log]);
    same_files(one.path(), two.path());
}

/// The same names with the same bytes. What a killed process was writing (`….parquet#1`) is no file of the lake.
fn same_files(one: &Path, two: &Path) {
    let [one, two] = [one, two].map(|lake| {
        let mut files = files(lake);
        // What stands for readers names the lake.
        files.retain(|name, _| !name.contains('#') && !name.starts_with("_tables/"));
        files
    });
    assert!(one.len() > 8, "{:?}", one.keys());
    let different: Vec<_> = one.keys().filter(|name| !two.contains_key(*name)).collect();
    assert!(different.is_empty(), "only in the first: {different:?}");
    let different: Vec<_> = two.keys().filter(|name| !one.contains_key(*name)).collect();
    assert!(different.is_empty(), "only in the second: {different:?}");
    for (name, bytes) in &one {
        assert!(*bytes == two[name], "{name} differs");
    }
}

#[test]
fn two_empty_lakes_get_the_same_files_to_the_byte() {
    let (one, two) = (tempdir().unwrap(), tempdir().unwrap());
    replay(one.path(), [sample()]);
    // Under another name, in another folder: neither is part of what the rows follow from.
    let (_dir, paths) = folder(&[("access_sample.log", fs::read(sample()).unwrap())]);
    replay(two.path(), paths);
    same_files(one.path(), two.path());
}

#[test]
fn the_same_input_again_adds_nothing_and_says_so() {
    let lake = tempdir().unwrap();
    let first = figures(replay(lake.path(), [sample()]));
    let before = files(lake.path());

    let packed = {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&fs::read(sample()).unwrap()).unwrap();
        encoder.finish().unwrap()
    };
    let (_dir, paths) = folder(&[
        ("plain", fs::read(sample()).unwrap()),
        ("packed.gz", packed),
        ("packed.zst", zstd::encode_all(fs::File::open(sample()).unwrap(), 1).unwrap()),
    ]);
    for path in &paths {
        let again = try_replay(lake.path(), [path]);
        assert_eq!(figures(serde_json::from_slice(&again.stdout).unwrap()), first);
        assert!(text(&again.stderr).contains("holds this input already"), "{}", text(&again.stderr));
        assert!(!text(&again.stderr).contains("WARN"), "nothing is wrong: {}", text(&again.stderr));
        assert!(files(lake.path()) == before);
    }
}

#[test]
fn standard_input_is_a_file_too() {
    let (one, two) = (tempdir().unwrap(), tempdir().unwrap());
    let expected = figures(replay(one.path(), [sample()]));
    let mut child = tributary()
        .args(["replay", "-", "--json", "--lake"])
        .arg(two.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&fs::read(sample()).unwrap()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(figures(serde_json::from_slice(&output.stdout).unwrap()), expected);
    let names = |lake: &Path| files(lake).into_keys().collect::<Vec<_>>();
    assert_eq!(names(one.path()), names(two.path()));
}

#[test]
fn different_inputs_and_settings_stand_side_by_side() {
    let lake = tempdir().unwrap();
    let sample_text = fs::read_to_string(sample()).unwrap();
    let (_dir, paths) = folder(&[("half.log", lines(&sample_text)[..150].concat().into_bytes())]);
    replay(lake.path(), [sample()]);
    let half = replay(lake.path(), &paths);
    assert_eq!(half["accepted"], 150);
    assert_eq!(rows(lake.path(), "hits").len(), 450);
    let other_gap = replay(lake.path(), [paths[0].as_str(), "--gap", "5s"]);
    assert!(other_gap["sessions"].as_u64() > half["sessions"].as_u64());
    assert_eq!(rows(lake.path(), "hits").len(), 600);

    let nowhere = lake.path().join("no-bus");
    let output = tributary().args(["verify", "--json", "--data"]).arg(nowhere).arg("--lake").arg(lake.path()).output();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let series = found["series"].as_array().unwrap();
    assert_eq!(series.iter().map(|series| series["log_id"].as_str()).collect::<BTreeSet<_>>().len(), 3);
    let of_hits = series.iter().filter(|series| series["table"] == "hits");
    assert_eq!(of_hits.map(|series| series["rows"].as_u64().unwrap()).sum::<u64>(), 600);
}

#[test]
fn logs_of_two_servers_are_one_by_time() {
    let sample_text = fs::read_to_string(sample()).unwrap();
    let every_second = |from: usize| lines(&sample_text).into_iter().skip(from).step_by(2).collect::<String>();
    let (_dir, paths) = folder(&[("a.log", every_second(0).into_bytes()), ("b.log", every_second(1).into_bytes())]);
    let lake = tempdir().unwrap();
    assert_eq!(
        figures(replay(lake.path(), paths)),
        serde_json::json!({"read": 301, "accepted": 300, "rejected": 1, "duplicates": 0, "late": 0, "sessions": 100})
    );
}

#[test]
fn hits_in_json_are_replayed_with_their_own_ids_and_times() {
    let hit = |id: u32, time: &str| {
        format!(
            r#"{{"hit_id":"0190a3f2-0000-7000-8000-{id:012}","site":"shop.example","visitor_id":"v1","event_time":"2026-11-21T{time}Z","url":"https://shop.example/"}}"#
        ) + "\n"
    };
    let text = [
        hit(1, "09:00:00"),
        hit(2, "09:10:00"),
        hit(2, "09:10:00"),
        "{\"site\":\"shop.example\"}\n".to_owned(),
        hit(3, "12:00:00"),
        hit(4, "09:20:00"),
        "{\"site\":\"shop.example\",\"client_time\":1795262400000}\n".to_owned(),
    ];
    let (_dir, paths) = folder(&[("hits.jsonl", text.concat().into_bytes())]);
    let lake = tempdir().unwrap();
    let output = try_replay(lake.path(), [paths[0].as_str(), "--format", "hits", "--partitions", "1"]);
    assert_eq!(
        figures(serde_json::from_slice(&output.stdout).unwrap()),
        serde_json::json!({"read": 7, "accepted": 6, "rejected": 1, "duplicates": 1, "late": 1, "sessions": 2})
    );
    let said = text_of_stderr(&output);
    assert!(said.contains("hits.jsonl:4: a replayed hit needs an event_time or a client_time"), "{said}");
    assert!(
        said.contains("1 lines are more than --lateness (10m) behind an earlier one, the farthest by 160m"),
        "{said}"
    );
    assert_eq!(rows(lake.path(), "late").len(), 1);
    assert_eq!(rows(lake.path(), "hits").len(), 4);
}

fn text_of_stderr(output: &std::process::Output) -> String {
    text(&output.stderr).to_owned()
}

#[test]
fn what_cannot_be_read_is_named_and_nothing_is_written() {
    let packed = zstd::encode_all(fs::File::open(sample()).unwrap(), 1).unwrap();
    let (dir, paths) = folder(&[("cut.zst", packed[..packed.len() / 2].to_vec())]);
    let cases: [(&[&str], &[&str]); 4] = [
        (&["/no/such.log"], &["cannot open /no/such.log"]),
        (&[paths[0].as_str()], &["cannot read", "cut.zst"]),
        (&[paths[0].as_str(), "--format", "csv"], &["cut.zst", "`csv` is no format"]),
        (&[paths[0].as_str(), "--site", "a/b"], &["--site", "a/b"]),
    ];
    for (args, expected) in cases {
        let lake = dir.path().join("lake");
        let output = try_replay(&lake, args);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(expected.iter().all(|part| said.contains(part)), "{said}");
        assert!(output.stdout.is_empty());
        assert!(!lake.exists());
    }
}

#[test]
fn a_killed_replay_is_finished_by_the_next_one() {
    let sample_text = fs::read_to_string(sample()).unwrap();
    // The same hour of four days, many times: enough to be killed in the middle of it.
    let many: String = (0..100).map(|n| sample_text.replace("17/May/", &format!("{:02}/May/", n % 4 + 1))).collect();
    let (dir, paths) = folder(&[("many.log", many.into_bytes())]);
    let args = [paths[0].as_str(), "--target-file-size", "1MiB", "--lateness", "99h"];
    let (whole, killed) = (dir.path().join("whole"), dir.path().join("killed"));
    let expected = figures(replay(&whole, args));

    let mut child = tributary()
        .arg("replay")
        .args(args)
        .arg("--lake")
        .arg(&killed)
        .env("TMPDIR", dir.path())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while !killed.join("hits").exists() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(killed.join("hits").exists());
    assert_eq!(figures(replay(&killed, args)), expected);
    same_files(&whole, &killed);
}

#[test]
fn the_bus_of_its_own_is_gone_at_the_end_whatever_happens() {
    let (dir, lake) = (tempdir().unwrap(), tempdir().unwrap());
    let replay = |file: &Path, lake: &Path| {
        tributary().env("TMPDIR", dir.path()).arg("replay").arg(file).arg("--lake").arg(lake).output().unwrap().status
    };
    assert!(replay(&sample(), lake.path()).success());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    let in_the_way = lake.path().join("file");
    fs::write(&in_the_way, "").unwrap();
    assert_eq!(replay(&sample(), &in_the_way).code(), Some(2));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_bus_that_is_named_stays_and_must_hold_no_records() {
    let (dir, lake) = (tempdir().unwrap(), tempdir().unwrap());
    let bus = format!("embedded:{}", dir.path().join("bus").display());
    let sample = sample();
    let args = [sample.to_str().unwrap(), "--bus", &bus];
    replay(lake.path(), args);

    let (found, code) = support::verify(lake.path(), &dir.path().join("bus"));
    assert_eq!((&found["ok"], code), (&Value::Bool(true), 0));
    let series = found["series"].as_array().unwrap();
    assert!(series.iter().all(|series| series["pending"] == 0), "{found}");

    let tail = tributary().args(["tail", "sessions", "--no-follow", "--bus", &bus]).output().unwrap();
    assert!(tail.status.success(), "{}", text(&tail.stderr));
    let records: Vec<Value> = text(&tail.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(records.len(), 100);
    assert!(records.iter().all(|record| record["value"]["schema"] == "session/1"));

    let again = try_replay(lake.path(), args);
    assert_eq!(again.status.code(), Some(2));
    assert!(text(&again.stderr).contains("it holds records"), "{}", text(&again.stderr));
}

/// No waiting mends that, and what is begun has its name.
#[test]
fn a_folder_where_a_file_must_be_ends_it_with_one_line() {
    let (lake, blocked) = (tempdir().unwrap(), tempdir().unwrap());
    replay(lake.path(), [sample()]);
    let is_of_hits = |name: &String| name.starts_with("hits/") && name.ends_with(".parquet");
    let name = files(lake.path()).into_keys().find(is_of_hits).unwrap();
    fs::create_dir_all(blocked.path().join(&name)).unwrap();
    let mut command = tributary();
    command.arg("replay").arg(sample()).arg("--lake").arg(blocked.path());
    let mut process = Process::spawn(command.stdout(Stdio::null()).stderr(Stdio::piped()));
    let status = process.wait().expect("it ends");
    let said = std::io::read_to_string(process.pipes().stderr.take().unwrap()).unwrap();
    assert_eq!(status.code(), Some(2), "{said}");
    let errors: Vec<_> = said.lines().filter(|line| line.starts_with("error: ")).collect();
    let [error] = errors[..] else { panic!("{said}") };
    assert!(error.contains(&name) && error.contains("move that away"), "{error}");
    assert_eq!(said.lines().last(), Some(error), "{said}");
}
