//! Records as they go in and come out.

use std::fmt;

use bytes::Bytes;
use events::{Offset, Timestamp, Topic};

/// A topic's partition.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Source {
    /// The topic.
    pub topic: Topic,
    /// The partition, from 0.
    pub partition: u32,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.topic, self.partition)
    }
}

/// A record to publish.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// Where it goes.
    pub topic: Topic,
    /// The partition; `None` lets the key choose by the Java client's murmur2 (no key: spread round-robin).
    pub partition: Option<u32>,
    /// Its key; `None` is a null key.
    pub key: Option<Bytes>,
    /// Its value.
    pub value: Bytes,
    /// In a bounded replay the append time that the record carries; `None` lets the bus stamp its own.
    pub append_time: Option<Timestamp>,
}

/// A record as it stands in the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// Its place.
    pub offset: Offset,
    /// When the bus took it.
    pub append_time: Timestamp,
    /// Its key, if it has one.
    pub key: Option<Bytes>,
    /// Its value; `None` is a tombstone.
    pub value: Option<Bytes>,
}
