//! Runs a target over what is kept, then over variations of it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::draw::Draw;
use crate::targets::Target;

/// What a run found.
#[derive(Debug)]
pub struct Found {
    /// How often the target ran.
    pub runs: u64,
    /// The input that it does not stand, and where that is kept.
    pub failing: Option<(Vec<u8>, PathBuf)>,
}

/// The folder of this workspace that has everything for fuzzing.
fn home() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

/// The inputs that are kept for a target, and those that it makes itself.
///
/// # Panics
///
/// Where there are none: a target that tries nothing finds nothing.
pub fn kept(target: &Target) -> Vec<Vec<u8>> {
    let folder = home().join("corpus").join(target.name);
    let files = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    let mut inputs: Vec<_> = paths.iter().map(|path| std::fs::read(path).unwrap()).collect();
    inputs.extend((target.seeds)());
    assert!(!inputs.is_empty(), "{} has nothing to begin with", folder.display());
    inputs
}

/// Runs a target over all that is kept, then over variations: as many as it says, and more until the time is over. The first
/// input that it does not stand ends it, and is kept under `fuzz/artifacts/`.
pub fn drive(target: &Target, time: Duration, seed: u64) -> Found {
    let (started, mut draw) = (Instant::now(), Draw(seed));
    let inputs = kept(target);
    let mut runs = 0;
    let mut fails = |input: &[u8]| {
        runs += 1;
        catch_unwind(AssertUnwindSafe(|| (target.run)(input))).is_err()
    };
    let failing = inputs.iter().find(|input| fails(input)).cloned().or_else(|| {
        let mut rounds = 0;
        std::iter::from_fn(|| {
            rounds += 1;
            (rounds <= target.rounds || started.elapsed() < time).then(|| draw.variation(&inputs))
        })
        .find(|input| fails(input))
    });
    let failing = failing.map(|input| {
        let folder = home().join("artifacts").join(target.name);
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join(format!("crash-{}", events::ids::content_hash(&input)));
        std::fs::write(&path, &input).unwrap();
        (input, path)
    });
    Found { runs, failing }
}
