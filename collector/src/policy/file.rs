//! The file of the sites.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use sites::{Problem, Sites};

use super::rules::Rules;
use crate::stamp::{Stamp, stamp};

/// Why the file of the sites cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SitesError {
    /// It cannot be read.
    #[error("--sites {}: {error}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// There are things wrong with it.
    #[error("--sites {}: {}", .path.display(), First(.problems))]
    Wrong {
        /// The file.
        path: PathBuf,
        /// All of them, in the order of lines.
        problems: Vec<Problem>,
    },
}

/// The first problem, and how many more there are: an error is one line.
struct First<'p>(&'p [Problem]);

impl fmt::Display for First<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((first, others)) = self.0.split_first() else { return Ok(()) };
        write!(f, "{first}")?;
        match others.len() {
            0 => Ok(()),
            more => write!(f, " (and {more} more: `tributary check` says all)"),
        }
    }
}

/// Reads the file.
pub(super) fn read(path: &Path) -> Result<Rules, SitesError> {
    let text =
        std::fs::read_to_string(path).map_err(|error| SitesError::Unreadable { path: path.to_owned(), error })?;
    let wrong = |problems| SitesError::Wrong { path: path.to_owned(), problems };
    let sites = Sites::parse(&text).map_err(wrong)?;
    Rules::new(sites).with_schemas(folder(path)).map_err(wrong)
}

fn folder(file: &Path) -> &Path {
    file.parent().unwrap_or(Path::new(""))
}

/// The state of the file, and of the schemas that it named when it could last be used.
pub(super) fn stamps(path: &Path, rules: &Rules) -> Vec<Stamp> {
    std::iter::once(path.to_owned()).chain(rules.schema_files(folder(path))).map(|path| stamp(&path)).collect()
}
