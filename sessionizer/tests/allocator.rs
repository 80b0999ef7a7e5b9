//! Memory that a step gives back serves the next one, and the sessionizer starts itself so.
#![cfg(all(target_os = "linux", target_env = "gnu"))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::hint::black_box;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sessionizer::allocator::{SETTINGS, VARIABLE};

/// Pages that this thread had made for it so far (`minflt` of proc(5)).
fn pages_made() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
    // Behind the name, which may hold anything, from the third field on.
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    fields.split(' ').nth(7).unwrap().parse().unwrap()
}

/// Takes and gives back what a step does, and says how many pages had to be made.
fn step() -> u64 {
    let before = pages_made();
    drop(black_box([1, 2, 3, 4].map(|byte: u8| vec![byte; 8 << 20])));
    pages_made() - before
}

#[test]
fn what_a_step_gives_back_serves_the_next_one() {
    if std::env::var(VARIABLE).as_deref() != Ok(SETTINGS) {
        // The allocator reads its settings when a process starts: this test once more, in a process that has them.
        let itself = std::env::current_exe().unwrap();
        let mut again = Command::new(itself);
        again.args(["--exact", "what_a_step_gives_back_serves_the_next_one"]).env(VARIABLE, SETTINGS);
        assert!(again.stdout(Stdio::null()).status().unwrap().success(), "what it printed on stderr says why");
        return;
    }
    // Of huge pages the first step has some 16 made, of others 8,192; the second has none made, whatever they are.
    let (first, second) = (step(), step());
    assert!(first >= 8, "32 MiB are 16 pages of 2 MiB, where none is larger: {first}");
    assert!(second * 4 <= first, "pages made: {first}, then {second}");
}

/// The variable as a running sessionizer has it, once it is up, and whether its process is the one that was started.
fn variable_of_a_sessionizer(own: Option<&str>) -> Option<String> {
    let data = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_sessionizer"));
    command.arg("--data").arg(data.path()).args(["--admin", "127.0.0.1:0"]);
    command.env_remove(VARIABLE).envs(own.map(|own| (VARIABLE, own)));
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let environment = format!("/proc/{}/environ", child.id());
    let marks_of_start = data.path().join("bus");
    let until = Instant::now() + Duration::from_secs(30);
    while !marks_of_start.exists() && Instant::now() < until && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(10));
    }
    let text = String::from_utf8(std::fs::read(environment).unwrap()).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let prefix = format!("{VARIABLE}=");
    text.split('\0').find_map(|variable| variable.strip_prefix(&prefix)).map(str::to_owned)
}

#[test]
fn a_sessionizer_starts_with_the_settings_in_the_process_that_was_started() {
    assert_eq!(variable_of_a_sessionizer(None).as_deref(), Some(SETTINGS));
}

#[test]
fn what_somebody_set_stays() {
    let own = "glibc.malloc.arena_max=2";
    assert_eq!(variable_of_a_sessionizer(Some(own)).as_deref(), Some(own));
}
