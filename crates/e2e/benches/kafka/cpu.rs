//! CPU time as the kernel counts it: of a process, of its threads, of everybody else.

use std::fs::read_to_string;
use std::time::Instant;

/// What `/proc` counts in: hundredths of a second, on every Linux there is.
const TICKS_A_SECOND: f64 = 100.0;

/// A moment of the machine.
pub(crate) struct Moment {
    at: Instant,
    machine: f64,
    /// The processes that are looked at, each with its CPU seconds.
    processes: Vec<(u32, f64)>,
}

/// What was used since a moment.
pub(crate) struct Used {
    pub(crate) seconds: f64,
    /// CPU seconds of the processes, in the order in which they were given.
    pub(crate) processes: Vec<f64>,
    /// CPU seconds of everybody else.
    pub(crate) others: f64,
}

impl Moment {
    /// Now. The benchmark itself is one of those that are not "everybody else".
    pub(crate) fn now(processes: &[u32]) -> Self {
        let all = processes.iter().copied().chain([std::process::id()]);
        let processes = all.map(|pid| (pid, of_process(pid))).collect();
        Self { at: Instant::now(), machine: of_machine(), processes }
    }

    pub(crate) fn used(&self) -> Used {
        let processes: Vec<f64> = self.processes.iter().map(|&(pid, before)| of_process(pid) - before).collect();
        let others = (of_machine() - self.machine - processes.iter().sum::<f64>()).max(0.0);
        Used { seconds: self.at.elapsed().as_secs_f64(), processes, others }
    }
}

impl Used {
    /// Who else was at work, in words.
    pub(crate) fn others(&self) -> String {
        let load = read_to_string("/proc/loadavg").unwrap();
        let load = load.split_whitespace().take(3).collect::<Vec<_>>().join(" ");
        format!("others used {:.2} cores; load {load}", self.others / self.seconds)
    }
}

/// Seconds of user and system time of a process, its dead threads included; 0 when it is gone.
pub(crate) fn of_process(pid: u32) -> f64 {
    read_to_string(format!("/proc/{pid}/stat")).map_or(0.0, |stat| of_stat(&stat).1)
}

/// Each thread that lives, in the order in which they were started: its name and its seconds.
pub(crate) fn of_threads(pid: u32) -> Vec<(String, f64)> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let mut ids: Vec<u32> = tasks.filter_map(|task| task.ok()?.file_name().to_str()?.parse().ok()).collect();
    ids.sort_unstable();
    let stats = ids.iter().filter_map(|id| read_to_string(format!("/proc/{pid}/task/{id}/stat")).ok());
    stats.map(|stat| of_stat(&stat)).collect()
}

/// Seconds of the thread that asks.
pub(crate) fn of_this_thread() -> f64 {
    of_stat(&read_to_string("/proc/thread-self/stat").unwrap()).1
}

/// Name and seconds out of a line of `stat`. The name may hold anything, parentheses too.
fn of_stat(stat: &str) -> (String, f64) {
    let (before, after) = stat.rsplit_once(')').unwrap();
    let name = before.split_once('(').unwrap().1.to_owned();
    let fields = after.split_whitespace().skip(11).take(2);
    (name, fields.map(|field| field.parse::<f64>().unwrap()).sum::<f64>() / TICKS_A_SECOND)
}

/// Seconds in which any core was at work, since the machine started.
fn of_machine() -> f64 {
    let stat = read_to_string("/proc/stat").unwrap();
    let fields: Vec<f64> =
        stat.lines().next().unwrap().split_whitespace().skip(1).map(|field| field.parse().unwrap()).collect();
    // user, nice, system, then idle and waiting, then interrupts. Guests are counted in user already.
    (fields[..3].iter().sum::<f64>() + fields[5] + fields[6]) / TICKS_A_SECOND
}

/// The most memory that a process had resident, in MiB.
pub(crate) fn peak_mib(pid: u32) -> u64 {
    let status = read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() / 1024
}
