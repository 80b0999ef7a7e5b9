//! Kafka's own command line tools: clients that are not ours.

use std::io::Write;
use std::process::{Output, Stdio};
use std::time::Instant;

use crate::broker::{Broker, PATIENCE};

impl Broker {
    /// The lines that Kafka's console consumer prints of a topic: `--from-beginning`, and as many as the arguments ask for.
    ///
    /// # Panics
    /// When the tool fails.
    pub fn console_consumer(&self, topic: &str, arguments: &[&str]) -> Vec<String> {
        let mut all = vec!["--topic", topic, "--from-beginning"];
        if !arguments.contains(&"--timeout-ms") {
            // As long as a consumer may take to find its first record on a busy machine; nobody waits for what has come.
            all.extend(["--timeout-ms", "60000"]);
        }
        all.extend(arguments);
        let output = self.tool("org.apache.kafka.tools.consumer.ConsoleConsumer", &all, "");
        output.lines().map(str::to_owned).collect()
    }

    /// Writes lines to a topic with Kafka's console producer.
    ///
    /// # Panics
    /// When the tool fails.
    pub fn console_producer(&self, topic: &str, lines: &[&str]) {
        self.tool("org.apache.kafka.tools.ConsoleProducer", &["--topic", topic], &lines.join("\n"));
    }

    /// Makes a topic.
    ///
    /// # Panics
    /// When the broker refuses it.
    pub fn create_topic(&self, topic: &str, partitions: u32, settings: &[(&str, &str)]) {
        let partitions = partitions.to_string();
        let settings: Vec<_> = settings.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let mut arguments = vec!["--create", "--topic", topic, "--partitions", &partitions];
        arguments.extend(settings.iter().flat_map(|setting| ["--config", setting]));
        self.tool("org.apache.kafka.tools.TopicCommand", &arguments, "");
    }

    /// Allows users all operations on a kind of resource (`--topic`, `--group`, `--transactional-id`) whose name begins so,
    /// where [`Options::acls`](crate::Options::acls) forbids everything.
    ///
    /// # Panics
    /// When the broker refuses it.
    pub fn allow(&self, users: &[&str], resource: &str, prefix: &str) {
        self.change_rights(&["--add"], users, resource, prefix);
    }

    /// Takes back what [`Broker::allow`] allowed.
    ///
    /// # Panics
    /// When the broker refuses it.
    pub fn forbid(&self, users: &[&str], resource: &str, prefix: &str) {
        self.change_rights(&["--remove", "--force"], users, resource, prefix);
    }

    /// Changes rights, and waits until the broker goes by them: the answer says that they are written down.
    fn change_rights(&self, change: &[&str], users: &[&str], resource: &str, prefix: &str) {
        let class = "org.apache.kafka.tools.AclCommand";
        let users: Vec<_> = users.iter().map(|user| format!("User:{user}")).collect();
        let place = [resource, prefix, "--resource-pattern-type", "prefixed"];
        let principals = users.iter().flat_map(|user| ["--allow-principal", user]);
        let arguments = change.iter().copied().chain(["--operation", "All"]).chain(place).chain(principals);
        self.tool(class, &arguments.collect::<Vec<_>>(), "");

        let is_added = change.contains(&"--add");
        let look = ["--list"].into_iter().chain(place).collect::<Vec<_>>();
        let begun = Instant::now();
        loop {
            let said = self.tool(class, &look, "");
            if users.iter().all(|user| said.contains(&format!("principal={user},")) == is_added) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "the broker does not go by {change:?}: {said}");
        }
    }

    /// Gives a user another password, for `SCRAM-SHA-512`. Who is connected stays so until the broker asks again
    /// (`connections.max.reauth.ms`).
    ///
    /// # Panics
    /// When the broker refuses it.
    pub fn set_password(&self, user: &str, password: &str) {
        let config = format!("SCRAM-SHA-512=[password={password}]");
        let arguments = ["--alter", "--entity-type", "users", "--entity-name", user, "--add-config", &config];
        self.tool("kafka.admin.ConfigCommand", &arguments, "");
    }

    /// Runs one of Kafka's tools against this broker, by its class, and returns what it printed.
    ///
    /// # Panics
    /// When it fails; the message holds what it said.
    pub fn tool(&self, class: &str, arguments: &[&str], input: &str) -> String {
        let Output { status, stdout, stderr } = self.tool_at(&self.admin_bootstrap(), class, arguments, input);
        let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        assert!(status.success(), "{class} {arguments:?}: {stdout}{stderr}");
        stdout.into_owned()
    }

    /// As [`Broker::tool`], by another listener, and whatever comes of it. The console consumer's status is a success
    /// even where it was let in nowhere; its standard error tells.
    pub fn tool_at(&self, bootstrap: &str, class: &str, arguments: &[&str], input: &str) -> Output {
        let mut tool = self.installation.tool(class);
        tool.args(["--bootstrap-server", bootstrap]).args(arguments);
        tool.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = tool.spawn().expect("`java` runs: `make tools` looks after it");
        // A tool that ended early says why on its standard error; that it did not read is no news.
        let _ = child.stdin.take().expect("it was asked for").write_all(input.as_bytes());
        child.wait_with_output().expect("a child can be waited for")
    }
}
