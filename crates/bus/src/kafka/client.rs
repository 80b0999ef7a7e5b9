//! What all clients of one bus have alike: their settings, their log, and how long they wait for a broker.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use rdkafka::ClientContext;
use rdkafka::client::OAuthToken;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use super::error;
use super::oauth::{Failure, Tokens};
use super::options::Options;
use crate::BusError;

/// The settings of a client that only asks.
pub(super) fn base(options: &Options) -> ClientConfig {
    let mut config = ours(options);
    give(&mut config, options.properties.common());
    config
}

/// The settings of everything that consumes.
pub(super) fn consumer(options: &Options) -> ClientConfig {
    let mut config = ours(options);
    config
        // Records are handed out as they come; the wait bounds how late the end of a partition is told.
        .set("fetch.wait.max.ms", "250")
        // The bound on memory is `queued.max.messages.kbytes` of each partition. A partition that reached it is asked for
        // again soon, and not after the second that is librdkafka's default.
        .set("fetch.queue.backoff.ms", "5")
        .set("queued.max.messages.kbytes", (options.limits.fetch / 1024).max(1).to_string())
        .set("fetch.message.max.bytes", (1 << 20).to_string())
        .set("fetch.max.bytes", (16 << 20).max(options.limits.record + BATCH_OVERHEAD).to_string());
    give(&mut config, options.properties.consumer());
    config
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("allow.auto.create.topics", "false")
        // Positions come from the caller; a position that is not there must be heard of, not mended.
        .set("auto.offset.reset", "error")
        .set("isolation.level", "read_committed")
        .set("enable.partition.eof", "true");
    config
}

/// The settings of everything that produces.
pub(super) fn producer(options: &Options) -> ClientConfig {
    let mut config = ours(options);
    config.set("compression.type", "lz4").set("linger.ms", "5").set("request.timeout.ms", "5000");
    give(&mut config, options.properties.producer());
    config
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("message.max.bytes", (options.limits.record + BATCH_OVERHEAD).to_string());
    config
}

fn ours(options: &Options) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", options.brokers.join(","))
        .set("client.id", "tributary")
        // A broker that comes back is found within a second, not within ten.
        .set("reconnect.backoff.ms", "50")
        .set("reconnect.backoff.max.ms", "1000")
        // A broker that closes an idle connection is no news.
        .set("log.connection.close", "false")
        .set_log_level(RDKafkaLogLevel::Info);
    config
}

fn give<'a>(config: &mut ClientConfig, settings: impl Iterator<Item = (&'a str, &'a str)>) {
    for (name, value) in settings {
        config.set(name, value);
    }
}

/// What a batch of one record takes beside key and value, with room to spare.
pub(super) const BATCH_OVERHEAD: usize = 64 << 10;

/// Passes a client's log on, remembers what went wrong last, and asks for its token.
pub(super) struct Log {
    tokens: Option<Tokens>,
    /// Whether the last token that could not be had may be had later.
    is_token_late: AtomicBool,
    last: Mutex<Option<(Code, String)>>,
    is_fatal: AtomicBool,
    /// Whether brokers let others of this bus in before.
    is_later: bool,
}

impl Log {
    pub(super) fn new(options: &Options) -> Self {
        let (is_token_late, is_fatal) = (AtomicBool::new(false), AtomicBool::new(false));
        let tokens = options.properties.tokens().cloned();
        Self { tokens, is_token_late, last: Mutex::new(None), is_fatal, is_later: false }
    }

    /// The log of a client of a bus that is open: its login was good. One that is refused later, with a token that came too
    /// late or a password that is being changed, is tried again, and the bus counts as away meanwhile.
    pub(super) fn of_an_open_bus(options: &Options) -> Self {
        Self { is_later: true, ..Self::new(options) }
    }

    /// What librdkafka asks for when a token is four fifths over, or absent. What fails here comes back as an error, and is
    /// asked for again ten seconds later.
    pub(super) fn token(&self) -> Result<OAuthToken, Box<dyn std::error::Error>> {
        let Some(tokens) = &self.tokens else { return Err("an unsigned token is not renewed: start anew".into()) };
        let token = tokens.get();
        self.is_token_late.store(matches!(token, Err(Failure::Passing(_))), Ordering::Release);
        let token = token?;
        Ok(OAuthToken { lifetime_ms: token.expires_ms(), token: token.text, principal_name: token.principal })
    }

    pub(super) fn line(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        use RDKafkaLogLevel::{Alert, Critical, Debug, Emerg, Error, Info, Notice, Warning};
        // That the other side hangs up is no error to librdkafka.
        if facility == "FAIL" && is_hang_up(message) {
            let message = message.split_once("]: ").map_or(message, |(_thread, message)| message);
            self.note(Code::BrokerTransportFailure, message);
        }
        match level {
            // One set of settings serves consumers and producers, and each says what is not for it.
            _ if facility == "CONFWARN" => tracing::trace!(target: "librdkafka", facility, "{message}"),
            Emerg | Alert | Critical => tracing::error!(target: "librdkafka", facility, "{message}"),
            // What fails here is tried again there; who must hear of it gets an error of their own.
            Error | Warning => tracing::debug!(target: "librdkafka", facility, "{message}"),
            Notice | Info | Debug => tracing::trace!(target: "librdkafka", facility, "{message}"),
        }
    }

    pub(super) fn error(&self, error: &KafkaError, reason: &str) {
        let code = error.rdkafka_error_code().unwrap_or(Code::Unknown);
        tracing::debug!(target: "librdkafka", %code, "{reason}");
        if code == Code::Fatal {
            self.is_fatal.store(true, Ordering::Release);
        }
        match code {
            // That all are down is said after why each of them is.
            Code::AllBrokersDown => {}
            // No broker has refused anything.
            Code::Authentication if reason.contains(NO_TOKEN) => {
                let reason = reason.rsplit(NO_TOKEN).next().unwrap_or(reason).trim_start_matches(": ");
                let is_late = self.is_token_late.load(Ordering::Acquire);
                self.note(if is_late { Code::BrokerTransportFailure } else { code }, reason);
            }
            _ if self.is_later && error::is_login(code) => self.note(Code::BrokerTransportFailure, reason),
            _ => self.note(code, reason),
        }
    }

    fn note(&self, code: Code, reason: &str) {
        *self.last.lock().expect("nobody panics while holding an error") = Some((code, error::one_line(reason)));
    }

    /// Whether the client is of no use any more and must be replaced.
    pub(super) fn is_fatal(&self) -> bool {
        self.is_fatal.load(Ordering::Acquire)
    }

    /// A broker has answered: what went wrong before is over, and explains nothing that goes wrong later.
    pub(super) fn forget_errors(&self) {
        *self.last.lock().expect("nobody panics while holding an error") = None;
    }

    /// What went wrong last.
    pub(super) fn last(&self) -> Option<(Code, String)> {
        self.last.lock().expect("nobody panics while holding an error").clone()
    }

    /// The error of something that took too long, with the reason if there is one.
    pub(super) fn timed_out(&self, what: &str) -> BusError {
        match self.last() {
            Some((code, reason)) if error::is_final(code) => error::refused(code, format!("{what}: {reason}")),
            Some((_, reason)) => BusError::Unavailable(format!("{what}: {reason}")),
            None => BusError::Unavailable(format!("{what}: no broker answers in time")),
        }
    }
}

/// How librdkafka begins what it says of a token that it did not get.
const NO_TOKEN: &str = "Failed to acquire SASL OAUTHBEARER token";

impl ClientContext for Log {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn std::error::Error>> {
        self.token()
    }

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.line(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        Self::error(self, &error, reason);
    }
}

impl rdkafka::consumer::ConsumerContext for Log {}

/// Whether a broker hung up on the first thing that it was told, as a port that speaks TLS does where we do not.
pub(super) fn is_hang_up(reason: &str) -> bool {
    reason.contains("Disconnected") && reason.contains("in state APIVERSION_QUERY")
}

/// A client that cannot be made: a setting that librdkafka does not take.
pub(super) fn bad_settings(error: &KafkaError) -> BusError {
    match error {
        KafkaError::ClientConfig(_, detail, name, _) => {
            BusError::Refused(format!("the Kafka setting `{name}`: {}", error::one_line(detail)))
        }
        KafkaError::ClientCreation(detail) => BusError::Refused(format!("Kafka client: {}", error::one_line(detail))),
        other => BusError::Refused(format!("Kafka client: {other}")),
    }
}
