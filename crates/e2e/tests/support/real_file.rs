//! Real data that is not part of the project.

use std::path::{Path, PathBuf};

/// A file of the folder that `TOOLS_DATA` names, or of a folder `shared/data` beside the clone. `None`, and a line
/// that says so, where it is not there.
pub(crate) fn real_file(name: &str) -> Option<PathBuf> {
    let named = std::env::var_os("TOOLS_DATA").map(PathBuf::from);
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|folder| folder.join("shared/data"));
    let found = named.into_iter().chain(above).map(|folder| folder.join(name)).find(|path| path.exists());
    if found.is_none() {
        eprintln!("{name} is not here: nothing was checked");
    }
    found
}
