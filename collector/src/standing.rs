//! Whether the edge can do its work, as `/ready` says it: it listens, and the bus takes what it is given.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use service::Readiness;

/// How long an edge that the bus refused counts as not ready while nobody tries it again. Then it may be tried: who is
/// not ready is sent nothing, and would never learn that the bus is back. A client is asked to wait as long.
pub(crate) const REST: Duration = Duration::from_secs(5);

/// The edge's say in `/ready`.
#[derive(Debug)]
pub(crate) struct Standing {
    readiness: Readiness,
    state: Mutex<State>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Starting,
    Taking,
    /// Every publish failed since one did, the last one at this time.
    Refused(Instant),
    Draining,
}

impl Standing {
    /// Not ready before it listens.
    pub(crate) fn new(readiness: Readiness) -> Self {
        Self { readiness, state: Mutex::new(State::Starting) }
    }

    /// It listens.
    pub(crate) fn listening(&self) {
        *self.state() = State::Taking;
        self.readiness.ready();
    }

    /// It takes nothing new, for good.
    pub(crate) fn draining(&self) {
        *self.state() = State::Draining;
        self.readiness.not_ready("draining");
    }

    /// The bus has kept what it was given.
    pub(crate) fn kept(&self) {
        let mut state = self.state();
        if let State::Refused(_) = *state {
            *state = State::Taking;
            self.readiness.ready();
        }
    }

    /// The bus did not keep what it was given.
    pub(crate) fn refused(&self, why: &str, now: Instant) {
        let mut state = self.state();
        if let State::Taking | State::Refused(_) = *state {
            *state = State::Refused(now);
            self.readiness.not_ready(why);
        }
    }

    /// Lets the edge be tried again, where nobody has done so for a while. When to look again.
    pub(crate) fn look(&self, now: Instant) -> Duration {
        let mut state = self.state();
        let State::Refused(last) = *state else { return REST };
        let left = (last + REST).saturating_duration_since(now);
        if left.is_zero() {
            *state = State::Taking;
            self.readiness.ready();
            return REST;
        }
        left
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use service::Health;

    use super::*;

    fn listening() -> (Health, Standing) {
        let health = Health::default();
        let standing = Standing::new(health.register("collector"));
        assert!(!health.is_ready());
        standing.listening();
        assert!(health.is_ready());
        (health, standing)
    }

    #[test]
    fn what_the_bus_refuses_makes_it_not_ready_until_something_is_kept() {
        let (health, standing) = listening();
        standing.refused("the disk is full", Instant::now());
        assert_eq!(health.report()["collector"].as_deref(), Some("the disk is full"));
        standing.kept();
        assert!(health.is_ready());
    }

    #[test]
    fn it_may_be_tried_again_when_nobody_has_for_a_while() {
        let (health, standing) = listening();
        let start = Instant::now();
        standing.refused("away", start);
        standing.refused("away", start + REST / 2);
        assert_eq!(standing.look(start + REST), REST / 2);
        assert!(!health.is_ready(), "somebody tried in between");
        standing.look(start + REST * 2);
        assert!(health.is_ready());
    }

    #[test]
    fn nothing_makes_a_draining_one_ready() {
        let (health, standing) = listening();
        let start = Instant::now();
        standing.refused("away", start);
        standing.draining();
        standing.kept();
        standing.refused("away", start);
        standing.look(start + REST * 2);
        assert_eq!(health.report()["collector"].as_deref(), Some("draining"));
    }
}
