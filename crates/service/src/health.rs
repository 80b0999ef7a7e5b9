//! Who is ready to work: what `/ready` answers.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The readiness of every part of a process. Cheap to clone; all clones are one.
#[derive(Clone, Debug, Default)]
pub struct Health {
    /// Each part with what it waits for; `None` is ready.
    parts: Arc<Mutex<BTreeMap<String, Option<String>>>>,
}

/// One part's say in whether the process is ready. Dropping it takes the say back: the part is gone for good
/// and the process is not ready any more.
#[derive(Debug)]
pub struct Readiness {
    health: Health,
    name: String,
    has_been_ready: AtomicBool,
}

impl Health {
    /// Adds a part, which is not ready yet.
    pub fn register(&self, name: impl Into<String>) -> Readiness {
        let readiness = Readiness { health: self.clone(), name: name.into(), has_been_ready: AtomicBool::new(false) };
        readiness.not_ready("starting");
        readiness
    }

    /// Whether every part is ready; a process without parts is not.
    pub fn is_ready(&self) -> bool {
        self.with_parts(|parts| !parts.is_empty() && parts.values().all(Option::is_none))
    }

    /// Every part with what it waits for; `None` is ready.
    pub fn report(&self) -> BTreeMap<String, Option<String>> {
        self.with_parts(|parts| parts.clone())
    }

    fn with_parts<T>(&self, look: impl FnOnce(&mut BTreeMap<String, Option<String>>) -> T) -> T {
        look(&mut self.parts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Readiness {
    /// This part can do its work.
    pub fn ready(&self) {
        self.has_been_ready.store(true, Ordering::Relaxed);
        self.set(None);
    }

    /// Whether this part could do its work at any time: what keeps it from that now was not so from the start.
    pub fn has_been_ready(&self) -> bool {
        self.has_been_ready.load(Ordering::Relaxed)
    }

    /// This part cannot do its work now, and why.
    pub fn not_ready(&self, why: impl Into<String>) {
        self.set(Some(why.into()));
    }

    fn set(&self, waits_for: Option<String>) {
        self.health.with_parts(|parts| {
            parts.insert(self.name.clone(), waits_for);
        });
    }
}

impl Drop for Readiness {
    fn drop(&mut self) {
        self.not_ready("stopped");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_ready_when_every_part_is() {
        let health = Health::default();
        assert!(!health.is_ready(), "nothing has started");
        let (one, two) = (health.register("collector"), health.register("sessionizer"));
        one.ready();
        assert!(!health.is_ready(), "the sessionizer is starting");
        assert!(one.has_been_ready() && !two.has_been_ready());
        two.ready();
        assert!(health.is_ready());
        one.not_ready("draining");
        assert!(one.has_been_ready());
        assert_eq!(health.report()["collector"].as_deref(), Some("draining"));
        one.ready();
        drop(two);
        assert!(!health.is_ready(), "the sessionizer is gone");
    }
}
