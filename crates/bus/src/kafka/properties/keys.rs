//! The names that a file of settings may use, and those that it may not.

use super::Scope::{self, Both, Consumer, Producer};

/// Why Tributary keeps a setting to itself; `None` where it does not.
pub(super) fn fixed(key: &str) -> Option<&'static str> {
    FIXED.iter().find(|(keys, _)| keys.contains(&key)).map(|(_, why)| *why)
}

/// What to do about a setting that Kafka's Java clients alone have.
pub(super) fn java_only(key: &str) -> Option<&'static str> {
    JAVA_ONLY.iter().find(|(keys, _)| keys.contains(&key)).map(|(_, hint)| *hint)
}

/// librdkafka's spelling of a name, and which clients it is for.
pub(super) fn known(key: &str) -> Option<(&'static str, Scope)> {
    let key = RENAMED.iter().find(|(java, _)| *java == key).map_or(key, |(_, ours)| ours);
    KEYS.iter().find(|(name, _)| *name == key).copied()
}

/// The name that a misspelled one may stand for.
pub(super) fn nearest(key: &str) -> &'static str {
    let renamed = RENAMED.iter().map(|(java, _)| *java);
    let all = KEYS.iter().map(|(name, _)| *name).chain(renamed).chain(TRANSLATED);
    all.min_by_key(|name| strsim::damerau_levenshtein(key, name)).unwrap_or_default()
}

/// Whether the value is nobody's business.
pub(super) fn is_secret(key: &str) -> bool {
    const SECRET: [&str; 6] = [
        "sasl.password",
        "sasl.oauthbearer.client.secret",
        "sasl.oauthbearer.config",
        "sasl.oauthbearer.assertion.private.key.passphrase",
        "sasl.oauthbearer.assertion.private.key.pem",
        "ssl.key.pem",
    ];
    SECRET.contains(&key) || key.ends_with("password")
}

const FIXED: [(&[&str], &str); 16] = [
    (&["bootstrap.servers", "metadata.broker.list"], "`--bus` names the brokers"),
    (&["group.id"], "the groups are named after `--topic-prefix`"),
    (&["group.instance.id"], "`--instance-id` names the instance"),
    (
        &["group.protocol", "group.protocol.type", "group.remote.assignor", "partition.assignment.strategy"],
        "partitions are placed by the `cooperative-sticky` strategy of the `classic` protocol",
    ),
    (&["transactional.id"], "each worker has a transaction of its own"),
    (
        &["enable.auto.commit", "auto.commit.enable", "auto.commit.interval.ms", "enable.auto.offset.store"],
        "positions are committed with the records that follow from them, and never by time",
    ),
    (&["auto.offset.reset", "enable.partition.eof"], "Tributary knows its positions"),
    (&["isolation.level"], "what is not committed is never read"),
    (
        &["acks", "request.required.acks", "enable.idempotence", "delivery.report.only.error", "queuing.strategy"],
        "what is acknowledged is durable, once and in order",
    ),
    (&["partitioner", "partitioner.class"], "a visitor's hits go where the Java client would put them"),
    (&["message.max.bytes", "max.request.size"], "the largest record follows from the limits of a hit"),
    (
        &["message.timeout.ms", "delivery.timeout.ms"],
        "a record is given up before the request that brought it (`--publish-timeout`)",
    ),
    (
        &["transaction.timeout.ms"],
        "a transaction that nobody ends keeps all readers waiting, and is given up after ten seconds",
    ),
    (
        &["buffer.memory", "queue.buffering.max.kbytes", "queue.buffering.max.messages"],
        "what waits to be sent is bounded beforehand, whole calls at a time",
    ),
    (&["allow.auto.create.topics"], "`--create-topics` says whether topics are made"),
    (&["log_level", "log.queue"], "`--log` says what is logged"),
];

const JAVA_ONLY: [(&[&str], &str); 8] = [
    (
        &["key.serializer", "value.serializer", "key.deserializer", "value.deserializer", "interceptor.classes"],
        "it names a Java class",
    ),
    (
        &["metric.reporters", "metrics.num.samples", "metrics.recording.level", "metrics.sample.window.ms"],
        "`/metrics` has the metrics",
    ),
    (&["auto.include.jmx.reporter", "enable.metrics", "config.providers"], "it is about the Java process"),
    (&["max.block.ms", "default.api.timeout.ms"], "Tributary has timeouts of its own"),
    (
        &["max.poll.records", "exclude.internal.topics", "partitioner.ignore.keys"],
        "Tributary reads and writes its own way",
    ),
    (&["socket.connection.setup.timeout.max.ms"], "use `socket.connection.setup.timeout.ms`"),
    (
        &[
            "ssl.protocol",
            "ssl.enabled.protocols",
            "ssl.provider",
            "ssl.keymanager.algorithm",
            "ssl.trustmanager.algorithm",
            "ssl.secure.random.implementation",
            "ssl.engine.factory.class",
            "security.providers",
        ],
        "OpenSSL takes TLS 1.2 and 1.3 by itself",
    ),
    (
        &[
            "sasl.client.callback.handler.class",
            "sasl.login.class",
            "sasl.login.refresh.buffer.seconds",
            "sasl.login.refresh.min.period.seconds",
            "sasl.login.refresh.window.factor",
            "sasl.login.refresh.window.jitter",
            "sasl.login.connect.timeout.ms",
            "sasl.login.read.timeout.ms",
            "sasl.login.retry.backoff.ms",
            "sasl.login.retry.backoff.max.ms",
        ],
        "librdkafka logs in by itself",
    ),
];

/// Names of Java's, and second names of librdkafka's, for what has one name here: the client library keeps settings in no
/// order, so that of two names for one thing neither would win. `request.timeout.ms` is both sides' word for two things;
/// the file is a Java client's, so it is what it is there, how long an answer may take.
const RENAMED: [(&str, &str); 12] = [
    ("compression.codec", "compression.type"),
    ("fetch.max.wait.ms", "fetch.wait.max.ms"),
    ("max.in.flight", "max.in.flight.requests.per.connection"),
    ("max.partition.fetch.bytes", "fetch.message.max.bytes"),
    ("message.send.max.retries", "retries"),
    ("queue.buffering.max.ms", "linger.ms"),
    ("receive.buffer.bytes", "socket.receive.buffer.bytes"),
    ("request.timeout.ms", "socket.timeout.ms"),
    ("sasl.mechanism", "sasl.mechanisms"),
    ("sasl.oauthbearer.client.credentials.client.id", "sasl.oauthbearer.client.id"),
    ("sasl.oauthbearer.client.credentials.client.secret", "sasl.oauthbearer.client.secret"),
    ("send.buffer.bytes", "socket.send.buffer.bytes"),
];

/// Java's names that say something together.
pub(super) const TRANSLATED: [&str; 9] = [
    "sasl.jaas.config",
    "sasl.login.callback.handler.class",
    "ssl.truststore.type",
    "ssl.truststore.location",
    "ssl.truststore.certificates",
    "ssl.truststore.password",
    "ssl.keystore.type",
    "ssl.keystore.key",
    "ssl.keystore.certificate.chain",
];

/// What librdkafka 2.12 lets a user set (its CONFIGURATION.md), without what is above, callbacks, what does nothing any
/// more, and Kerberos, which is not built in.
#[rustfmt::skip]
pub(super) const KEYS: [(&str, Scope); 103] = [
    ("api.version.request.timeout.ms", Both),
    ("batch.num.messages", Producer),
    ("batch.size", Producer),
    ("broker.address.family", Both),
    ("broker.address.ttl", Both),
    ("check.crcs", Consumer),
    ("client.dns.lookup", Both),
    ("client.id", Both),
    ("client.rack", Both),
    ("compression.level", Producer),
    ("compression.type", Producer),
    ("connections.max.idle.ms", Both),
    ("coordinator.query.interval.ms", Consumer),
    ("debug", Both),
    ("enable.gapless.guarantee", Producer),
    ("enable.metrics.push", Both),
    ("enable.random.seed", Both),
    ("enable.sasl.oauthbearer.unsecure.jwt", Both),
    ("enable.ssl.certificate.verification", Both),
    ("fetch.error.backoff.ms", Consumer),
    ("fetch.max.bytes", Consumer),
    ("fetch.message.max.bytes", Consumer),
    ("fetch.min.bytes", Consumer),
    ("fetch.queue.backoff.ms", Consumer),
    ("fetch.wait.max.ms", Consumer),
    ("heartbeat.interval.ms", Consumer),
    ("https.ca.location", Both),
    ("https.ca.pem", Both),
    ("linger.ms", Producer),
    ("log.connection.close", Both),
    ("log.thread.name", Both),
    ("max.in.flight.requests.per.connection", Both),
    ("max.poll.interval.ms", Consumer),
    ("message.copy.max.bytes", Both),
    ("metadata.max.age.ms", Both),
    ("metadata.recovery.rebootstrap.trigger.ms", Both),
    ("metadata.recovery.strategy", Both),
    ("queue.buffering.backpressure.threshold", Producer),
    ("queued.max.messages.kbytes", Consumer),
    ("queued.min.messages", Consumer),
    ("receive.message.max.bytes", Both),
    ("reconnect.backoff.max.ms", Both),
    ("reconnect.backoff.ms", Both),
    ("retries", Producer),
    ("retry.backoff.max.ms", Both),
    ("retry.backoff.ms", Both),
    ("sasl.mechanisms", Both),
    ("sasl.oauthbearer.assertion.algorithm", Both),
    ("sasl.oauthbearer.assertion.claim.aud", Both),
    ("sasl.oauthbearer.assertion.claim.exp.seconds", Both),
    ("sasl.oauthbearer.assertion.claim.iss", Both),
    ("sasl.oauthbearer.assertion.claim.jti.include", Both),
    ("sasl.oauthbearer.assertion.claim.nbf.seconds", Both),
    ("sasl.oauthbearer.assertion.claim.sub", Both),
    ("sasl.oauthbearer.assertion.file", Both),
    ("sasl.oauthbearer.assertion.jwt.template.file", Both),
    ("sasl.oauthbearer.assertion.private.key.file", Both),
    ("sasl.oauthbearer.assertion.private.key.passphrase", Both),
    ("sasl.oauthbearer.assertion.private.key.pem", Both),
    ("sasl.oauthbearer.client.id", Both),
    ("sasl.oauthbearer.client.secret", Both),
    ("sasl.oauthbearer.config", Both),
    ("sasl.oauthbearer.extensions", Both),
    ("sasl.oauthbearer.grant.type", Both),
    ("sasl.oauthbearer.metadata.authentication.type", Both),
    ("sasl.oauthbearer.method", Both),
    ("sasl.oauthbearer.scope", Both),
    ("sasl.oauthbearer.token.endpoint.url", Both),
    ("sasl.password", Both),
    ("sasl.username", Both),
    ("security.protocol", Both),
    ("session.timeout.ms", Consumer),
    ("socket.connection.setup.timeout.ms", Both),
    ("socket.keepalive.enable", Both),
    ("socket.max.fails", Both),
    ("socket.nagle.disable", Both),
    ("socket.receive.buffer.bytes", Both),
    ("socket.send.buffer.bytes", Both),
    ("socket.timeout.ms", Both),
    ("ssl.ca.certificate.stores", Both),
    ("ssl.ca.location", Both),
    ("ssl.ca.pem", Both),
    ("ssl.certificate.location", Both),
    ("ssl.certificate.pem", Both),
    ("ssl.cipher.suites", Both),
    ("ssl.crl.location", Both),
    ("ssl.curves.list", Both),
    ("ssl.endpoint.identification.algorithm", Both),
    ("ssl.engine.id", Both),
    ("ssl.key.location", Both),
    ("ssl.key.password", Both),
    ("ssl.key.pem", Both),
    ("ssl.keystore.location", Both),
    ("ssl.keystore.password", Both),
    ("ssl.providers", Both),
    ("ssl.sigalgs.list", Both),
    ("statistics.interval.ms", Both),
    ("sticky.partitioning.linger.ms", Producer),
    ("topic.blacklist", Both),
    ("topic.metadata.propagation.max.ms", Both),
    ("topic.metadata.refresh.fast.interval.ms", Both),
    ("topic.metadata.refresh.interval.ms", Both),
    ("topic.metadata.refresh.sparse", Both),
];
