//! The lines of docs/collect.md, as they stand there, by the shell and curl against the real binary.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::process::Command;

use support::binary::{tributary, up};

const DOCUMENT: &str = include_str!("../../../docs/collect.md");

/// Each command of the document with the answer behind it.
fn examples() -> Vec<(&'static str, &'static str)> {
    let mut parts = DOCUMENT.split("```sh\n").skip(1);
    let example = |part: &'static str| {
        let (command, behind) = part.split_once("```\n```answer\n").expect("each command has its answer");
        (command, behind.split_once("```\n").unwrap().0)
    };
    parts.by_ref().map(example).collect()
}

#[test]
fn each_line_of_the_document_is_answered_as_it_says() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let mut up = up(&data, &["--flush-interval", "1h"]);
    // curl goes where this run listens, and the lines stay as they are.
    let address = up.address("collect");
    std::fs::write(directory.path().join(".curlrc"), format!("connect-to = \"127.0.0.1:8080:{address}\"\n")).unwrap();

    let examples = examples();
    assert!(examples.len() >= 10, "{} examples", examples.len());
    for (command, expected) in examples {
        let output = Command::new("sh").args(["-ec", command]).env("CURL_HOME", directory.path()).output().unwrap();
        let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(said.trim_end(), expected.trim_end(), "{command}{errors}");
    }
    assert!(up.process.stop().success());

    let count = |topic: &str| {
        let mut tail = tributary(["tail", topic, "--no-follow", "--data"]);
        let output = tail.arg(&data).output().unwrap();
        String::from_utf8(output.stdout).unwrap().lines().filter(|line| !line.contains("\"control\"")).count()
    };
    assert_eq!((count("hits"), count("rejected")), (12, 3));
}
