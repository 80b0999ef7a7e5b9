//! What is struck, and how.

use std::fmt;

/// A part of the pipeline.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Target {
    Collector,
    Sessionizer,
    LakeWriter,
    Broker,
    /// Two of three brokers at once: nothing can be kept until one is back.
    TwoBrokers,
}

/// What happens to it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Blow {
    /// SIGKILL, and it is started again.
    Kill,
    /// SIGSTOP for longer than the group waits, then SIGCONT: a zombie. The broker for a moment.
    Freeze,
    /// For longer than a transaction may stay open; a broker that stands alone for longer than its own controller waits. Of
    /// services in soaks alone.
    LongFreeze,
    /// SIGTERM, and it is started again.
    Stop,
    /// Another instance of it comes, takes its share, and goes again.
    Guest,
}

/// What runs while blows fall.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Crew {
    /// Of each service.
    pub(crate) instances: usize,
    /// Whether the first of each, which is the one that is struck, has a name: so its restart takes its own place. One without
    /// is taken over by the other.
    pub(crate) is_named: bool,
}

/// One blow, with so many instances of each service.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Round {
    pub(crate) target: Target,
    pub(crate) blow: Blow,
    pub(crate) instances: usize,
}

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { target, blow, instances } = self;
        write!(f, "{target:?} {blow:?} of {instances}")
    }
}
