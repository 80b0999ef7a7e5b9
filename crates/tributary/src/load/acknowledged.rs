//! The ids of hits that were acknowledged, in a file.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use uuid::Uuid;

/// A file of ids, one a line. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub(super) struct Acknowledged(Arc<Mutex<Lines>>);

#[derive(Debug)]
struct Lines {
    file: BufWriter<File>,
    /// The first failure: a list that is not whole must not look as if it were.
    failed: Option<io::Error>,
}

impl Acknowledged {
    /// A file that is empty so far.
    pub(super) fn create(path: &Path) -> Result<Self> {
        let file = File::create(path).with_context(|| format!("--acknowledged {}", path.display()))?;
        Ok(Self(Arc::new(Mutex::new(Lines { file: BufWriter::new(file), failed: None }))))
    }

    pub(super) fn add<'a>(&self, ids: impl Iterator<Item = &'a Uuid>) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for id in ids {
            if let Err(error) = writeln!(lines.file, "{id}") {
                lines.failed.get_or_insert(error);
            }
        }
    }

    /// The file is whole when this has returned well.
    pub(super) fn finish(self) -> Result<()> {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = lines.failed.take().or_else(|| lines.file.flush().err());
        failed.map_or(Ok(()), |error| Err(error).context("--acknowledged: the list is not whole"))
    }
}
