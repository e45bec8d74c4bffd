//! One child process: its log, its CPU time, its end. Dropping it ends it, also when a test panics. Never touches a
//! process that it did not start.

use crate::wait;
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

/// A running child.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command` with both outputs appended to `log`.
    pub fn start(name: &str, mut command: Command, log: &Path) -> Self {
        let file = File::options().create(true).append(true).open(log).expect("a log file");
        let errors = file.try_clone().expect("a second handle of the log file");
        command.stdin(Stdio::null()).stdout(file).stderr(errors);
        let child = command.spawn().unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        Self { name: name.to_owned(), child, log: log.to_owned() }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// All it has written.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Waits until `look` has an answer; panics with the log when the process ends first or patience does.
    pub async fn until<T>(&mut self, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
        let found = wait::patiently(wait::PATIENCE, async || match look().await {
            Some(answer) => Some(Some(answer)),
            None if self.is_running() => None,
            None => Some(None),
        });
        match found.await {
            Some(Some(answer)) => answer,
            Some(None) => panic!("{} ended before {what}; its log ends:\n{}", self.name, self.log_tail()),
            None => panic!("{}: waited in vain until {what}; its log ends:\n{}", self.name, self.log_tail()),
        }
    }

    /// SIGKILL, and waits for the end.
    pub fn kill(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }

    /// SIGTERM, and waits for the end.
    pub async fn terminate(&mut self) -> ExitStatus {
        let id = self.id().to_string();
        // The standard library sends no signal but SIGKILL, and unsafe code is denied.
        let sent = Command::new("sh").args(["-c", "kill -TERM \"$0\"", &id]).status();
        assert!(sent.is_ok_and(|status| status.success()), "SIGTERM to {} was not sent", self.name);
        let ended = wait::patiently(wait::PATIENCE, async || self.child.try_wait().ok().flatten()).await;
        ended.unwrap_or_else(|| panic!("{} did not end on SIGTERM:\n{}", self.name, self.log_tail()))
    }

    /// The CPU time of all its threads so far, from the scheduler's own nanoseconds.
    pub fn cpu_time(&self) -> Duration {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.id())).expect("the process's threads");
        let nanos = tasks.flatten().filter_map(|task| {
            let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
            text.split_whitespace().next()?.parse::<u64>().ok()
        });
        Duration::from_nanos(nanos.sum())
    }

    /// Resident memory in kilobytes.
    pub fn resident_kb(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
    }

    fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines.iter().skip(lines.len().saturating_sub(40)).map(|line| format!("  {line}\n")).collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
