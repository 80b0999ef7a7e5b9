//! The `server.properties` of one node.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use crate::options::Options;

/// Where one node of a cluster listens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    pub(crate) id: usize,
    /// What tests hand to clients.
    pub(crate) client: u16,
    pub(crate) controller: u16,
}

/// The text of node `at` of a cluster.
pub(crate) fn properties(options: &Options, nodes: &[Node], at: usize, folder: &Path) -> String {
    let Node { id, client, controller } = nodes[at];
    let voters: Vec<_> = nodes.iter().map(|node| format!("{}@127.0.0.1:{}", node.id, node.controller)).collect();
    let replicas = nodes.len();
    let in_sync = replicas.saturating_sub(1).max(1);
    let mut lines = BTreeMap::new();
    let mut set = |key: &str, value: &dyn ToString| lines.insert(key.to_owned(), value.to_string());
    set("process.roles", &"broker,controller");
    set("node.id", &id);
    set("controller.quorum.voters", &voters.join(","));
    set("controller.listener.names", &"CONTROLLER");
    set("listeners", &format!("CLIENT://127.0.0.1:{client},CONTROLLER://127.0.0.1:{controller}"));
    set("advertised.listeners", &format!("CLIENT://127.0.0.1:{client}"));
    set("inter.broker.listener.name", &"CLIENT");
    set("listener.security.protocol.map", &"CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT");
    set("log.dirs", &folder.join("data").display());
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
    set("controlled.shutdown.enable", &(replicas > 1));
    for (key, value) in &options.properties {
        set(key, value);
    }
    lines.iter().fold(String::new(), |mut text, (key, value)| {
        let _ = writeln!(text, "{key}={value}");
        text
    })
}
