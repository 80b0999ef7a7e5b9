//! Where the servers' programs are.

use std::path::PathBuf;

/// The program of this name, in the version that `tools/object-servers/versions.txt` names.
pub(crate) fn program(name: &str) -> PathBuf {
    let path = folder().join(format!("{name}-{}", version(name)));
    assert!(path.exists(), "{} is not there: run `make tools`, which installs it", path.display());
    path
}

/// versitygw, with nothing of this crate's.
///
/// # Panics
/// When it is not installed.
pub fn versitygw() -> PathBuf {
    program("versitygw")
}

/// `TOOLS_OBJECT_SERVERS` if it is set, else where `make tools` puts them.
fn folder() -> PathBuf {
    if let Some(folder) = std::env::var_os("TOOLS_OBJECT_SERVERS") {
        return PathBuf::from(folder);
    }
    let cache = std::env::var_os("TOOLS_CACHE").map(PathBuf::from);
    let cache =
        cache.unwrap_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache/tributary"));
    cache.join("object-servers")
}

fn version(name: &str) -> &'static str {
    let versions = include_str!("../../../tools/object-servers/versions.txt");
    let mut lines = versions.lines().filter_map(|line| line.split_once(' '));
    lines.find(|(found, _)| *found == name).expect("the file names each version").1
}
