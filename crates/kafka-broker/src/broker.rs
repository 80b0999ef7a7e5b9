//! One broker, from its first start to its end.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::certificates::Certificates;
use crate::guard::Guard;
use crate::installation::Installation;
use crate::options::Options;
use crate::server::{self, Node, SCRAM};

/// How long a broker may take to start or to stop on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);
const STARTED: &str = "Kafka Server started";
/// Clusters are told apart by their folders; they may all have one name.
const CLUSTER: &str = "4L6g3nShT-eMCtK--X86sw";

/// A broker that is also its own controller. Dropping it kills it and removes its folder; so does the end of the test's
/// process.
#[derive(Debug)]
pub struct Broker {
    pub(crate) installation: Installation,
    node: Node,
    protocol: &'static str,
    guard: Guard,
    /// How much of the log tells of earlier starts.
    log_before: usize,
}

impl Broker {
    /// A new broker, once it answers.
    ///
    /// # Panics
    /// When the jars are missing, or when the broker does not start; the message ends with its log.
    pub fn start(options: Options) -> Self {
        let mut node = Node::new(1);
        node.client = options.port.unwrap_or(node.client);
        let mut broker = Self::format(&options, &[node], 0);
        broker.launch();
        broker.wait_until_started();
        broker
    }

    /// Lays out the folder; nothing runs yet.
    pub(crate) fn format(options: &Options, nodes: &[Node], at: usize) -> Self {
        let installation = Installation::find();
        let folder = tempfile::Builder::new().prefix("tributary-kafka-").tempdir().expect("a temporary folder");
        let server = folder.path().join("server.properties");
        std::fs::write(&server, server::properties(options, nodes, at, folder.path())).expect("a folder to write to");
        if options.tls {
            let Certificates { keystore, authority, stranger } = Certificates::get();
            for (name, content) in [("broker.p12", keystore), ("authority.pem", authority), ("stranger.pem", stranger)]
            {
                std::fs::write(folder.path().join(name), content).expect("a folder to write to");
            }
        }
        let mut format = installation.tool("kafka.tools.StorageTool");
        format.args(["format", "-t", CLUSTER, "-c"]).arg(&server);
        for ((name, password), mechanism) in options.users.iter().flat_map(|user| SCRAM.map(|scram| (user, scram))) {
            format.args(["--add-scram", &format!("{mechanism}=[name={name},password={password}]")]);
        }
        let formatted = format.output().expect("`java` runs: `make tools` looks after it");
        assert!(formatted.status.success(), "Kafka's storage: {}", String::from_utf8_lossy(&formatted.stderr));

        let mut java = installation.java(options.heap_mb, "info", "kafka.Kafka");
        java.push(server.into_os_string());
        let guard = Guard::new(folder.keep(), &java, &options.environment);
        Self { installation, node: nodes[at], protocol: options.protocol(), guard, log_before: 0 }
    }

    pub(crate) fn launch(&mut self) {
        self.log_before = self.log().len();
        self.guard.start();
    }

    /// Returns once it answers after [`Broker::restart_without_waiting`].
    ///
    /// # Panics
    /// When it does not start; the message ends with its log.
    pub fn wait_until_started(&mut self) {
        let began = Instant::now();
        while !self.log()[self.log_before..].contains(STARTED) {
            let ended = self.guard.wait(Duration::from_millis(20));
            assert!(!ended && began.elapsed() < PATIENCE, "the broker did not start:\n{}", self.end_of_log());
        }
    }

    /// `host:port` for a client's `bootstrap.servers`. The same for good, restarts included.
    pub fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.node.client)
    }

    /// `host:port` of a plaintext listener for Kafka's own tools, whatever clients must speak. Who comes in here may do
    /// anything.
    pub fn admin_bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.node.admin)
    }

    /// The certificate, in PEM, that clients of a broker with TLS must believe.
    pub fn authority(&self) -> PathBuf {
        self.folder().join("authority.pem")
    }

    /// A certificate, in PEM, that has nothing to do with the broker's.
    pub fn stranger(&self) -> PathBuf {
        self.folder().join("stranger.pem")
    }

    /// A Java client's properties for a broker with TLS, as `--kafka-config` takes them; with a login, given as
    /// mechanism, user and password.
    pub fn client_properties(&self, login: Option<(&str, &str, &str)>) -> String {
        let mut text = format!(
            "security.protocol={}\nssl.truststore.type=PEM\nssl.truststore.location={}\n",
            self.protocol,
            self.authority().display()
        );
        if let Some((mechanism, user, password)) = login {
            let module = if mechanism == "PLAIN" { "plain.PlainLoginModule" } else { "scram.ScramLoginModule" };
            text += &format!(
                "sasl.mechanism={mechanism}\nsasl.jaas.config=org.apache.kafka.common.security.{module} required \\\n    \
                 username=\"{user}\" password=\"{password}\";\n"
            );
        }
        text
    }

    /// SIGKILL: the process is gone when this returns, and nothing was flushed. Does nothing where none runs.
    pub fn kill(&mut self) {
        if self.is_running() {
            self.guard.signal("KILL");
            assert!(self.guard.wait(PATIENCE), "the kernel does not end the broker");
        }
    }

    /// SIGTERM: the process has ended in good order when this returns.
    ///
    /// # Panics
    /// When it does not end within a minute and a half, as the last of a cluster whose controllers are gone does not.
    pub fn stop(&mut self) {
        if self.is_running() {
            self.guard.signal("TERM");
            assert!(self.guard.wait(PATIENCE), "the broker does not stop:\n{}", self.end_of_log());
        }
    }

    /// SIGSTOP: it keeps its connections and answers nothing.
    pub fn pause(&self) {
        self.guard.signal("STOP");
    }

    /// SIGCONT: it goes on after [`Broker::pause`].
    pub fn resume(&self) {
        self.guard.signal("CONT");
    }

    /// Starts it again on its ports and its data, and returns once it answers; one that still runs is stopped first.
    ///
    /// # Panics
    /// When it does not start; the message ends with its log.
    pub fn restart(&mut self) {
        self.restart_without_waiting();
        self.wait_until_started();
    }

    /// As [`Broker::restart`], and returns at once. Where most controllers of a cluster were dead, none of them answers
    /// before the others are back.
    pub fn restart_without_waiting(&mut self) {
        self.stop();
        self.launch();
    }

    /// Whether there is a process, paused or not.
    pub fn is_running(&mut self) -> bool {
        !self.guard.wait(Duration::ZERO)
    }

    /// Its process id, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.guard.pid()
    }

    /// What it has logged since the first start.
    pub fn log(&self) -> String {
        let bytes = std::fs::read(self.guard.folder().join("log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Its folder: `server.properties`, `log`, `data`. Removed with the broker.
    pub fn folder(&self) -> &Path {
        self.guard.folder()
    }

    fn end_of_log(&self) -> String {
        let log = self.log();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }
}
