//! The `server.properties` of one node.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use crate::certificates;
use crate::options::Options;
use crate::ports;

/// How users may log in.
pub(crate) const SCRAM: [&str; 2] = ["SCRAM-SHA-256", "SCRAM-SHA-512"];

/// Where one node of a cluster listens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    pub(crate) id: usize,
    /// What tests hand to clients.
    pub(crate) client: u16,
    /// Plaintext for brokers and Kafka's tools, where clients must speak TLS. Who comes in here may do anything.
    pub(crate) admin: u16,
    controller: u16,
}

impl Node {
    /// On ports that are free now.
    pub(crate) fn new(id: usize) -> Self {
        Self { id, client: ports::free(), admin: ports::free(), controller: ports::free() }
    }
}

/// The text of node `at` of a cluster.
pub(crate) fn properties(options: &Options, nodes: &[Node], at: usize, folder: &Path) -> String {
    let mut lines = BTreeMap::new();
    let mut set = |key: &str, value: &dyn ToString| {
        lines.insert(key.to_owned(), value.to_string());
    };
    if !options.has_only_these {
        ours(options, nodes, at, folder, &mut set);
    }
    for (key, value) in &options.properties {
        set(key, value);
    }
    lines.iter().fold(String::new(), |mut text, (key, value)| {
        let _ = writeln!(text, "{key}={value}");
        text
    })
}

fn ours(options: &Options, nodes: &[Node], at: usize, folder: &Path, set: &mut impl FnMut(&str, &dyn ToString)) {
    listeners(options, nodes, at, set);
    if options.tls {
        encryption(folder, set);
    }
    if !options.users.is_empty() {
        logins(&options.users, set);
    }
    if options.acls {
        assert!(!options.users.is_empty(), "who is allowed nothing needs a name: `Options::user`");
        set("authorizer.class.name", &"org.apache.kafka.metadata.authorizer.StandardAuthorizer");
        set("super.users", &"User:ANONYMOUS");
    }
    set("log.dirs", &folder.join("data").display());
    sizes(nodes.len(), set);
    session(nodes.len(), options.comes_back, set);
}

fn listeners(options: &Options, nodes: &[Node], at: usize, set: &mut impl FnMut(&str, &dyn ToString)) {
    let Node { id, client, admin, controller } = nodes[at];
    let voters: Vec<_> = nodes.iter().map(|node| format!("{}@127.0.0.1:{}", node.id, node.controller)).collect();
    let at = |client: u16| format!("CLIENT://127.0.0.1:{client},ADMIN://127.0.0.1:{admin}");
    let protocol = options.protocol();
    set("process.roles", &"broker,controller");
    set("node.id", &id);
    set("controller.quorum.voters", &voters.join(","));
    set("controller.listener.names", &"CONTROLLER");
    set("listeners", &format!("{},CONTROLLER://127.0.0.1:{controller}", at(client)));
    set("advertised.listeners", &at(options.advertised.unwrap_or(client)));
    set("inter.broker.listener.name", &"ADMIN");
    let protocols = format!("CLIENT:{protocol},ADMIN:PLAINTEXT,CONTROLLER:PLAINTEXT");
    set("listener.security.protocol.map", &protocols);
}

fn encryption(folder: &Path, set: &mut impl FnMut(&str, &dyn ToString)) {
    set("listener.name.client.ssl.keystore.type", &"PKCS12");
    set("listener.name.client.ssl.keystore.location", &folder.join("broker.p12").display());
    set("listener.name.client.ssl.keystore.password", &certificates::PASSWORD);
}

fn logins(users: &[(String, String)], set: &mut impl FnMut(&str, &dyn ToString)) {
    let security = "org.apache.kafka.common.security";
    let plain = users.iter().map(|(name, password)| format!(" user_{name}=\"{password}\"")).collect::<String>();
    set("listener.name.client.sasl.enabled.mechanisms", &format!("PLAIN,{}", SCRAM.join(",")));
    let plain = format!("{security}.plain.PlainLoginModule required{plain};");
    set("listener.name.client.plain.sasl.jaas.config", &plain);
    for mechanism in SCRAM {
        let key = format!("listener.name.client.{}.sasl.jaas.config", mechanism.to_lowercase());
        set(&key, &format!("{security}.scram.ScramLoginModule required;"));
    }
}

/// As many replicas as there are brokers, all but one of them in sync; and little of everything else.
fn sizes(replicas: usize, set: &mut impl FnMut(&str, &dyn ToString)) {
    let in_sync = replicas.saturating_sub(1).max(1);
    set("default.replication.factor", &replicas);
    set("min.insync.replicas", &in_sync);
    for topic in ["offsets.topic", "transaction.state.log", "share.coordinator.state.topic"] {
        set(&format!("{topic}.replication.factor"), &replicas);
        set(&format!("{topic}.num.partitions"), &2);
    }
    for topic in ["transaction.state.log", "share.coordinator.state.topic"] {
        set(&format!("{topic}.min.isr"), &in_sync);
    }
    // A test makes its topics; one that appears by a spelling mistake hides the mistake.
    set("auto.create.topics.enable", &false);
    set("group.initial.rebalance.delay.ms", &0);
    // Files are made as large as their index in advance; a thousand partitions need little ones.
    set("log.index.size.max.bytes", &1_048_576);
}

/// How long controllers wait for a broker that says nothing. A killed one may come back only when they have given its last life up.
fn session(nodes: usize, comes_back: bool, set: &mut impl FnMut(&str, &dyn ToString)) {
    let session_ms = match (nodes, comes_back) {
        (1, false) => 9_000,
        (1, true) => 2_000,
        // The others of a cluster are to take over soon.
        _ => 4_000,
    };
    set("broker.session.timeout.ms", &session_ms);
    set("broker.heartbeat.interval.ms", &500);
}
