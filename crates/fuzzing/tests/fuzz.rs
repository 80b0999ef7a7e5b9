//! Every target over what is kept and variations of it. `TOOLS_FUZZ_SECONDS` lets each go on for so long, and
//! `TOOLS_FUZZ_SEED` repeats a run.

use std::time::{Duration, SystemTime};

use fuzzing::{TARGETS, drive};

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn no_input_breaks_a_promise() {
    let seconds = variable("TOOLS_FUZZ_SECONDS");
    // The same inputs each time, unless somebody asked for more of them.
    let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let seed = variable("TOOLS_FUZZ_SEED").unwrap_or_else(|| seconds.map_or(20_261_121, |_| now()));
    let mut broken = Vec::new();
    for target in &TARGETS {
        let found = drive(target, Duration::from_secs(seconds.unwrap_or(0)), seed);
        println!(
            "{:10} {:>10} runs, seed {seed}, {} failed",
            target.name,
            found.runs,
            u8::from(found.failing.is_some())
        );
        broken.extend(found.failing.map(|(_, path)| format!("{}: {}", target.name, path.display())));
    }
    assert!(broken.is_empty(), "see {}", broken.join(", "));
}
