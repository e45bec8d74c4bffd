//! One real control plane, `bursar serve` on SQLite: started, asked by its API, killed, started again on the same
//! data and port. The command line and the routes are the contract's.

use crate::{
    call::Call,
    client::{Answer, Client},
    places,
    ports::Port,
    process::Process,
    wait,
};
use hyper::Method;
use serde_json::Value;
use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Output},
};
use tempfile::TempDir;

/// Where a control plane keeps its things, and the process while it runs.
#[derive(Debug)]
pub struct ControlPlane {
    process: Option<Process>,
    port: Port,
    place: TempDir,
    policy: PathBuf,
}

impl ControlPlane {
    /// Prepares one with this policy and the prices of `tests/catalogue.json`, not started yet.
    pub fn prepared(policy: &str, port: Port) -> Self {
        let place = tempfile::tempdir().expect("a temporary directory");
        let file = place.path().join("policy.yaml");
        fs::write(&file, policy).expect("a writable temporary directory");
        Self { process: None, port, place, policy: file }
    }

    /// With the policy at another path.
    #[must_use]
    pub fn reading(self, policy: &Path) -> Self {
        Self { policy: policy.to_owned(), ..self }
    }

    /// Prepares and starts one.
    pub async fn start(policy: &str) -> Self {
        let mut this = Self::prepared(policy, Port::free());
        this.resume().await;
        this
    }

    /// Starts the process and waits until it is ready.
    pub async fn resume(&mut self) {
        self.resume_with(&[]).await;
    }

    /// With these arguments more.
    pub async fn resume_with(&mut self, more: &[&str]) {
        let mut command = self.command(&["serve"]);
        command.args(more);
        command.arg("--data-dir").arg(self.data()).arg("--policy").arg(&self.policy);
        command.arg("--prices").arg(places::root().join("tests/catalogue.json"));
        command.args(["--listen", &self.address().to_string()]);
        let mut process = Process::start("bursar", command, &self.place.path().join("bursar.log"));
        let client = self.client();
        let ready = Call::get("/readyz");
        process
            .until("/readyz says so", async || (client.send(&ready).await.status == 200).then_some(()))
            .await;
        self.process = Some(process);
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.process = None; // dropping a process kills it
    }

    /// SIGTERM, and waits for its end.
    pub async fn terminate(&mut self) -> std::process::ExitStatus {
        self.process.take().expect("a running control plane").terminate().await
    }

    /// Whether it runs.
    pub fn is_running(&mut self) -> bool {
        self.process.as_mut().is_some_and(Process::is_running)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// Its data directory.
    pub fn data(&self) -> PathBuf {
        self.place.path().join("data")
    }

    /// All it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.place.path().join("bursar.log")).unwrap_or_default()
    }

    /// A client of it.
    pub fn client(&self) -> Client {
        Client::new(self.address())
    }

    /// Runs a subcommand to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the control plane's binary runs")
    }

    /// A GET that must answer 200, as JSON.
    pub async fn json(&self, path: &str) -> Value {
        let answer = self.client().send(&Call::get(path)).await;
        assert_eq!(answer.status, 200, "GET {path}: {}", answer.text());
        answer.json()
    }

    /// A PUT of JSON.
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.client().send(&Call::new(Method::PUT, path).json(body)).await
    }

    /// The `items` of a list.
    pub async fn items(&self, path: &str) -> Vec<Value> {
        let mut list = self.json(path).await;
        match list["items"].take() {
            Value::Array(items) => items,
            other => panic!("GET {path} has no items but {other}"),
        }
    }

    /// The calls of a customer, once there are so many and all of them have ended.
    pub async fn calls(&self, customer: &str, count: usize) -> Vec<Value> {
        let path = format!("/v1/calls?customer={customer}&limit=1000");
        let mut seen = Vec::new();
        let ended = wait::patiently(wait::PATIENCE, async || {
            seen = self.items(&path).await;
            let all = seen.len() >= count && seen.iter().all(|call| call["state"] != "open");
            all.then(|| seen.clone())
        });
        match ended.await {
            Some(calls) => {
                assert_eq!(calls.len(), count, "calls of {customer}: {calls:#?}");
                calls
            }
            None => panic!("{count} ended calls of {customer} do not come; there are {seen:#?}"),
        }
    }

    /// One call, once it has ended.
    pub async fn call(&self, id: &str) -> Value {
        let call = Call::get(&format!("/v1/calls/{id}"));
        let ended = async || {
            let answer = self.client().send(&call).await;
            (answer.status == 200).then(|| answer.json()).filter(|call| call["state"] != "open")
        };
        wait::until("the call has ended", ended).await
    }

    /// The aggregates recomputed from the ledger are the running ones.
    pub fn is_consistent(&self) {
        let data = self.data().display().to_string();
        let output = self.run(&["rebuild", "--check", "--data-dir", &data]);
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "rebuild --check: {}", String::from_utf8_lossy(&said));
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(places::bursar());
        // Nothing that a test waits for takes half a minute.
        command.env("BURSAR_ALERTS_EVERY_S", "1");
        command.args(arguments).env("RUST_LOG", "info").current_dir(self.place.path());
        command
    }
}
