//! One service as a process of its own, to be killed, paused, stopped and started again.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::binary::tributary;
use super::process::{PATIENCE, Process};

/// A command line, and the process that runs it now.
pub(crate) struct Service {
    name: String,
    command: Vec<OsString>,
    environment: Vec<(String, String)>,
    log: PathBuf,
    /// How much of the log tells of earlier lives.
    log_before: usize,
    process: Option<Process>,
}

impl Service {
    /// Nothing runs yet. The log goes to `NAME.log` in the folder.
    pub(crate) fn new(folder: &Path, name: &str, command: Vec<OsString>) -> Self {
        let log = folder.join(format!("{name}.log"));
        Self { name: name.to_owned(), command, environment: Vec::new(), log, log_before: 0, process: None }
    }

    /// Starts it, and returns at once.
    pub(crate) fn start(&mut self) {
        assert!(self.process.is_none(), "{} runs already", self.name);
        let log = File::options().create(true).append(true).open(&self.log).unwrap();
        self.log_before = self.log().len();
        let mut command = tributary(&self.command);
        command.args(["--admin", "127.0.0.1:0", "--log-format", "json"]);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        self.process = Some(Process::spawn(command.stderr(Stdio::from(log))));
    }

    /// Starts it, and waits until it can do its work.
    pub(crate) fn start_and_wait(&mut self) {
        self.start();
        self.wait_until_ready();
    }

    pub(crate) fn wait_until_ready(&mut self) {
        self.wait_for("ready", |service| service.get("ready").is_some_and(|(status, _)| status == 200));
    }

    /// Waits until something is so, as long as the process runs.
    pub(crate) fn wait_for(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let started = Instant::now();
        while !is_so(self) {
            let ended = self.process.as_mut().is_none_or(|process| process.ended().is_some());
            assert!(!ended && started.elapsed() < PATIENCE, "{} is not {what}: {}", self.name, self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The value of a field that the log of this life says, such as `listen`.
    pub(crate) fn said(&self, field: &str) -> Option<String> {
        let log = self.log();
        let events = log[self.log_before..].lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        events.into_iter().find_map(|event| Some(event[field].as_str()?.to_owned()))
    }

    /// What a page of the admin port answers; `None` where nobody does.
    pub(crate) fn get(&self, page: &str) -> Option<(u16, String)> {
        let url = format!("http://{}/{page}", self.said("admin")?);
        let config =
            ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(Duration::from_secs(5)));
        let agent: ureq::Agent = config.build().into();
        let mut answer = agent.get(&url).call().ok()?;
        Some((answer.status().as_u16(), answer.body_mut().read_to_string().ok()?))
    }

    fn running(&self) -> &Process {
        self.process.as_ref().unwrap_or_else(|| panic!("{} does not run", self.name))
    }

    /// The process id of this life.
    pub(crate) fn pid(&self) -> u32 {
        self.running().pid()
    }

    /// A signal by its name without `SIG`.
    pub(crate) fn signal(&self, name: &str) {
        self.running().signal(name);
    }

    /// SIGKILL: nothing is finished, nothing is flushed.
    pub(crate) fn kill(&mut self) {
        self.process = None;
    }

    /// SIGTERM, and waits for the end.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        self.signal("TERM");
        self.wait_until_ended()
    }

    /// Waits until it has ended by itself.
    pub(crate) fn wait_until_ended(&mut self) -> ExitStatus {
        let ended = self.process.take().unwrap().wait();
        ended.unwrap_or_else(|| panic!("{} does not end: {}", self.name, self.log()))
    }

    /// Writes where each of its threads is to `NAME.stacks`, if it runs and gdb does.
    pub(crate) fn write_stacks(&self) {
        let Some(process) = &self.process else { return };
        let words = ["-batch", "-ex", "set pagination off", "-ex", "thread apply all bt 30", "-p"];
        let gdb = Command::new("gdb").args(words).arg(process.pid().to_string()).stdin(Stdio::null()).output();
        if let Ok(output) = gdb {
            let _ = std::fs::write(self.log.with_extension("stacks"), output.stdout);
        }
    }

    /// What it said in all its lives.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Whether this life's log has a text must be as given.
    pub(crate) fn must_have_said(&self, text: &str, is_expected: bool) {
        let log = self.log();
        assert_eq!(log[self.log_before..].contains(text), is_expected, "{}: {text}: {log}", self.name);
    }

    /// Every start from here on has these variables.
    pub(crate) fn set_environment(&mut self, variables: impl IntoIterator<Item = (String, String)>) {
        self.environment.extend(variables);
    }

    /// The next start has this value for the flag.
    pub(crate) fn set_flag(&mut self, flag: &str, value: &str) {
        match self.command.iter().position(|part| part == flag) {
            Some(at) => self.command[at + 1] = value.into(),
            None => self.command.extend([flag.into(), value.into()]),
        }
    }
}
