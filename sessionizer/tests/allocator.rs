//! Memory that a step gives back serves the next one. Alone in its process: the allocator is everybody's.
#![cfg(all(target_os = "linux", target_env = "gnu"))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::hint::black_box;

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
    sessionizer::allocator::keep_what_is_given_back();
    let (first, second) = (step(), step());
    assert!(first >= 4096, "32 MiB are 8,192 pages of 4 KiB, or half of them where pages are of 8: {first}");
    assert!(second * 8 < first, "pages made: {first}, then {second}");
}
