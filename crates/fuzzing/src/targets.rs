//! What must hold of any input.

mod foreign;
mod request;
mod spooled;

/// A promise that holds for any bytes.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, and that of its folder in `fuzz/corpus/`.
    pub name: &'static str,
    /// Panics where the promise does not hold.
    pub run: fn(&[u8]),
    /// How often it runs where no time is given, so that all of them take seconds.
    pub rounds: u64,
    /// Inputs that are made rather than kept.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All of them.
pub const TARGETS: [Target; 4] = [
    Target { name: "body", run: request::body, rounds: 2000, seeds: Vec::new },
    Target { name: "query", run: request::query, rounds: 2000, seeds: Vec::new },
    Target { name: "foreign", run: foreign::any, rounds: 2000, seeds: Vec::new },
    Target { name: "spool", run: spooled::segment, rounds: 100, seeds: spooled::segments },
];

/// The target of that name.
///
/// # Panics
///
/// Where there is none.
pub fn target(name: &str) -> Target {
    TARGETS.into_iter().find(|target| target.name == name).unwrap_or_else(|| panic!("there is no target `{name}`"))
}
