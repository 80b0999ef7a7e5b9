//! What is promised of the embedded bus beyond the contract.

use std::cell::Cell;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::*;
use crate::contract::{Backend, PARTITIONS};

/// Logs in a directory that goes away with it.
struct Embedded {
    directory: TempDir,
    made: Cell<u32>,
}

fn embedded() -> Embedded {
    Embedded { directory: tempfile::tempdir().unwrap(), made: Cell::new(0) }
}

impl Embedded {
    fn path(&self, number: u32) -> PathBuf {
        self.directory.path().join(number.to_string())
    }

    fn options(&self, number: u32) -> Options {
        Options { partitions: PARTITIONS, ..Options::at(self.path(number)) }
    }
}

impl Backend for Embedded {
    fn make(&self) -> SharedBus {
        self.made.set(self.made.get() + 1);
        Arc::new(EmbeddedBus::open(self.options(self.made.get())).unwrap())
    }

    fn restart(&self, bus: SharedBus) -> SharedBus {
        let is_it = |number: &u32| {
            EmbeddedBus::open_beside(&self.path(*number)).unwrap().log_id().unwrap() == bus.log_id().unwrap()
        };
        let number = (1..=self.made.get()).find(is_it).unwrap();
        drop(bus);
        Arc::new(EmbeddedBus::open(self.options(number)).unwrap())
    }
}

mod contract {
    crate::contract_tests!(crate::embedded::tests::embedded());
}

#[expect(dead_code)]
fn log_file(directory: &Path) -> PathBuf {
    directory.join("log.db")
}
