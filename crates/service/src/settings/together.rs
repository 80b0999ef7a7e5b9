//! What settings must be to each other. Each by itself is checked where it is read.

use std::path::{Path, PathBuf};

use events::Span;

use super::{BusArgs, EdgeArgs, LakeArgs, SpoolArgs, WindowArgs};
use crate::bus_url::BusUrl;
use crate::units::ByteSize;

/// The least that a log keeps its records for: an outage that somebody has to notice and mend is no shorter.
const LEAST_RETENTION: Span = Span::from_hours(1);

/// The least time in which Kafka's client can give a record up before its request: a second for the record, and one until the
/// client looks whether that is over.
const LEAST_PUBLISH_TIMEOUT: Span = Span::from_secs(2);

/// Settings that do not go together. One line that says how to mend it.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Misfit {
    /// Hits would be gone before all that becomes of them is written.
    #[error(
        "--retention {retention} is shorter than {needs}: hits could expire before they are in the lake; write at least {least}"
    )]
    Retention {
        /// What was asked for.
        retention: Span,
        /// The flags that need longer, in words.
        needs: String,
        /// What would do.
        least: Span,
    },
    /// A session could not hold the pause that is allowed in it.
    #[error(
        "--gap {gap} is longer than --max-session {max_session}: write a --max-session of at least {gap}, or a shorter --gap"
    )]
    Gap {
        /// The longest pause.
        gap: Span,
        /// The longest session.
        max_session: Span,
    },
    /// The largest request would never find room.
    #[error("--max-in-flight {in_flight} is less than --max-body {body}: write at least {body}")]
    InFlight {
        /// The room for all requests.
        in_flight: ByteSize,
        /// The room that one may need.
        body: ByteSize,
    },
    /// Kafka's client would go on with a record after its request was answered.
    #[error("--publish-timeout {timeout} is too short for Kafka: write at least {LEAST_PUBLISH_TIMEOUT}")]
    PublishTimeout {
        /// What was asked for.
        timeout: Span,
    },
    /// A certificate is of no use without its key, nor a key without its certificate.
    #[error("{given} alone makes no TLS: write {lacks} FILE, too, or leave both out")]
    HalfOfTls {
        /// The flag that is there.
        given: &'static str,
        /// The flag that is not.
        lacks: &'static str,
    },
    /// The lake's files would lie among the log's.
    #[error("--lake {lake} lies in the log's own folder {}: name another folder", .log.display())]
    LakeInLog {
        /// The lake.
        lake: String,
        /// The log's folder.
        log: PathBuf,
    },
    /// A setting of Kafka's that an embedded log has no use for.
    #[error(
        "{flag} is for Kafka alone, and the log is {log}: leave it out, or name brokers by --bus kafka://HOST:PORT"
    )]
    ForKafkaAlone {
        /// The setting.
        flag: &'static str,
        /// The log.
        log: BusUrl,
    },
    /// A disk that does not take a hit into the log does not take it into a spool either.
    #[error("--spool {}: the log in {} is on this machine's disk itself and needs none: leave it out", .spool.display(), .log.display())]
    Spool {
        /// The spool's folder.
        spool: PathBuf,
        /// The log's folder.
        log: PathBuf,
    },
}

/// The settings of one command, as far as it has them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Together<'a> {
    /// Which log.
    pub bus: Option<&'a BusArgs>,
    /// The public port.
    pub edge: Option<&'a EdgeArgs>,
    /// Where hits wait.
    pub spool: Option<&'a SpoolArgs>,
    /// Session windows.
    pub windows: Option<&'a WindowArgs>,
    /// Which lake.
    pub lake: Option<&'a LakeArgs>,
    /// Whether it works on a log that goes on and forgets; else it looks, or brings a log of its own.
    pub is_live: bool,
}

/// A command line that says which settings go together in it.
pub trait HasSettings {
    /// Its settings.
    fn together(&self) -> Together<'_>;
}

impl Together<'_> {
    /// Holds them against each other.
    ///
    /// # Errors
    ///
    /// The first two that do not fit.
    pub fn check(&self) -> Result<(), Misfit> {
        if let Some(&WindowArgs { gap, max_session, .. }) = self.windows
            && gap > max_session
        {
            return Err(Misfit::Gap { gap, max_session });
        }
        if let Some(edge) = self.edge
            && edge.max_in_flight < edge.max_body
        {
            return Err(Misfit::InFlight { in_flight: edge.max_in_flight, body: edge.max_body });
        }
        match self.edge.map(|edge| (&edge.tls.tls_certificate, &edge.tls.tls_key)) {
            Some((Some(_), None)) => return Err(Misfit::HalfOfTls { given: "--tls-certificate", lacks: "--tls-key" }),
            Some((None, Some(_))) => return Err(Misfit::HalfOfTls { given: "--tls-key", lacks: "--tls-certificate" }),
            _ => {}
        }
        let Some(bus) = self.bus else { return Ok(()) };
        match bus.url() {
            BusUrl::Embedded(log) => self.check_beside(&log, bus)?,
            BusUrl::Kafka(_) => self.check_requests()?,
        }
        if self.is_live { self.check_retention(bus.retention) } else { Ok(()) }
    }

    /// A request's time is long enough for Kafka's client.
    fn check_requests(&self) -> Result<(), Misfit> {
        match self.edge.map(|edge| edge.publish_timeout) {
            Some(timeout) if timeout < LEAST_PUBLISH_TIMEOUT => Err(Misfit::PublishTimeout { timeout }),
            _ => Ok(()),
        }
    }

    /// What must not be beside an embedded log.
    fn check_beside(&self, log: &Path, bus: &BusArgs) -> Result<(), Misfit> {
        let for_kafka = [
            ("--kafka-config", bus.kafka_config.is_some()),
            ("--replication-factor", bus.replication_factor > 1),
            ("--create-topics", !bus.create_topics),
        ];
        if let Some((flag, _)) = for_kafka.into_iter().find(|(_, is_given)| *is_given) {
            return Err(Misfit::ForKafkaAlone { flag, log: bus.url() });
        }
        if let Some(spool) = self.spool.and_then(|args| args.spool.clone()) {
            return Err(Misfit::Spool { spool, log: log.to_owned() });
        }
        let Some(lake) = self.lake.map(|args| args.url(&bus.data)) else { return Ok(()) };
        let is_within = |folder: &str| resolved(Path::new(folder)).starts_with(resolved(log));
        match lake.strip_prefix("file://").unwrap_or(&lake) {
            folder if !folder.contains("://") && is_within(folder) => {
                Err(Misfit::LakeInLog { lake, log: log.to_owned() })
            }
            _ => Ok(()),
        }
    }

    /// A hit stays until no session can need it any more, and until all that became of it is in a file: so long it can be
    /// gone through again from the log alone, whatever else was lost.
    fn check_retention(&self, retention: Span) -> Result<(), Misfit> {
        let mut needs = Vec::new();
        if let Some(lake) = self.lake {
            needs.push(("--flush-interval", lake.flush_interval.unwrap_or(LakeArgs::FLUSH_INTERVAL)));
        }
        if let Some(windows) = self.windows {
            let WindowArgs { gap, lateness, max_session, .. } = *windows;
            needs.extend([("--gap", gap), ("--lateness", lateness), ("--max-session", max_session)]);
        }
        let together = needs.iter().fold(0, |sum: i64, (_, span)| sum.saturating_add(span.as_millis()));
        let least = Span::from_millis(together).max(LEAST_RETENTION);
        if retention >= least {
            return Ok(());
        }
        let flags: Vec<_> = needs.iter().map(|(flag, span)| format!("{flag} {span}")).collect();
        let needs = match &flags[..] {
            [one] if least > LEAST_RETENTION => one.clone(),
            [first @ .., last] if least > LEAST_RETENTION => format!("{} and {last} together", first.join(", ")),
            _ => "an outage may be".to_owned(),
        };
        Err(Misfit::Retention { retention, needs, least })
    }
}

/// A path from the root without links, as far as it is there.
fn resolved(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let there = path.ancestors().find_map(|folder| Some((folder.canonicalize().ok()?, folder)));
    match there.and_then(|(real, folder)| Some(real.join(path.strip_prefix(folder).ok()?))) {
        Some(real) => real,
        None => path,
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        bus: BusArgs,
        #[command(flatten)]
        edge: EdgeArgs,
    }

    #[test]
    fn a_request_waits_long_enough_for_kafkas_client() {
        let check = |bus: &str, timeout: &str| {
            let flags = Flags::parse_from(["collector", "--bus", bus, "--publish-timeout", timeout]);
            Together { bus: Some(&flags.bus), edge: Some(&flags.edge), ..Together::default() }.check()
        };
        assert_eq!((check("kafka://a:9092", "2s"), check("embedded:log", "1ms")), (Ok(()), Ok(())));
        let said = check("kafka://a:9092", "1999ms").unwrap_err().to_string();
        assert_eq!(said, "--publish-timeout 1999ms is too short for Kafka: write at least 2s");
    }
}
