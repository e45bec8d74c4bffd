//! One real Envoy: started from `envoy/standalone/envoy.yaml`, asked by its admin port, stopped. What the
//! configuration looks like is in `envoy/config.rs`.

mod config;
mod routed;
mod upstream;

pub use routed::key;
pub use upstream::Upstream;

use crate::{call::Call, client::Client, places, ports::Port, process::Process};
use serde_json::Value;
use std::{fs, net::SocketAddr, path::PathBuf, process::Command};
use tempfile::TempDir;

/// Which filter is mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// None: the bare Envoy of a benchmark.
    Absent,
    /// A module that does nothing.
    Noop,
    /// Bursar's, in the bootstrap.
    Bursar,
    /// Bursar's, by extension discovery from a file, so that it can be configured anew.
    Discovered,
}

/// What one run needs, beyond what the file says.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The provider.
    pub provider: Upstream,
    /// The control plane; without one, a port where nobody listens.
    pub control_plane: Option<SocketAddr>,
    /// The filter.
    pub filter: Filter,
    /// Another module than the built one.
    pub wasm: Option<PathBuf>,
    /// Workers.
    pub concurrency: u32,
    /// Whether the head may wait for the body: `allow_on_headers_stop_iteration`.
    pub hold_head: bool,
    /// Filters in front of ours: what tells it who a call is for.
    pub filters_before: Vec<Value>,
    /// Keys of the plugin configuration to set.
    pub configuration: Vec<(String, Value)>,
    /// Keys of the route action to set.
    pub route: Vec<(String, Value)>,
    /// The attempt instance's `providers`; without them, it is not mounted.
    pub attempts: Option<Value>,
    /// The providers of `routes.yaml`, by their clusters' names; without any, it is `envoy.yaml`.
    pub members: Vec<(String, SocketAddr)>,
    /// More clusters, where a route of the test goes.
    pub clusters: Vec<Value>,
    /// Envoy's node id.
    pub node: String,
    /// The port to listen at, where it is free.
    pub port: Option<u16>,
}

impl Setup {
    /// Two workers with the filter, as the file says.
    pub fn new(provider: impl Into<Upstream>) -> Self {
        Self {
            provider: provider.into(),
            control_plane: None,
            filter: Filter::Bursar,
            wasm: None,
            concurrency: 2,
            hold_head: true,
            filters_before: Vec::new(),
            configuration: Vec::new(),
            route: Vec::new(),
            attempts: None,
            members: Vec::new(),
            clusters: Vec::new(),
            node: "envoy-under-test".to_owned(),
            port: None,
        }
    }
}

impl Setup {
    /// The route goes to the provider, and from there to these upstreams, one after the other.
    pub fn falls_back(&mut self, to: &[(&str, SocketAddr)]) {
        self.clusters = config::fallback(&mut self.route, to);
    }
}

/// A running Envoy.
#[derive(Debug)]
pub struct Envoy {
    /// The process.
    pub process: Process,
    setup: Setup,
    listen: Port,
    admin: Port,
    place: TempDir,
    version: u32,
}

impl Envoy {
    /// Starts it and waits until it serves.
    pub async fn start(setup: Setup) -> Self {
        let listen = setup.port.map_or_else(Port::free, Port::preferably);
        let (admin, place) = (Port::free(), tempfile::tempdir().expect("a temporary directory"));
        let process = launch(&setup, &listen, &admin, &place);
        let mut envoy = Self { process, setup, listen, admin, place, version: 0 };
        envoy.ready().await;
        envoy
    }

    /// Starts it again after its end, on the same ports.
    pub async fn restart(&mut self) {
        self.process.kill();
        self.process = launch(&self.setup, &self.listen, &self.admin, &self.place);
        self.ready().await;
    }

    async fn ready(&mut self) {
        let admin = Client::new(self.admin.address());
        let ready = Call::get("/ready");
        let live = async || admin.send(&ready).await.text().contains("LIVE").then_some(());
        self.process.until("it serves", live).await;
    }

    /// Where applications send their calls.
    pub fn address(&self) -> SocketAddr {
        self.listen.address()
    }

    /// How many workers it has.
    pub fn concurrency(&self) -> u32 {
        self.setup.concurrency
    }

    /// A client of it.
    pub fn client(&self) -> Client {
        Client::new(self.address())
    }

    /// A page of the admin port.
    pub async fn admin(&self, path: &str) -> String {
        Client::new(self.admin.address()).send(&Call::get(path)).await.text()
    }

    /// Where the admin port is.
    pub fn admin_address(&self) -> SocketAddr {
        self.admin.address()
    }

    /// One sample of `/stats/prometheus`, by its name with labels; absent until something was counted.
    pub async fn metric(&self, sample: &str) -> Option<u64> {
        let page = self.admin("/stats/prometheus").await;
        let value = page.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
        value?.parse().ok()
    }

    /// Where the access log is.
    pub fn access_log_file(&self) -> PathBuf {
        self.place.path().join("access.log")
    }

    /// The access log so far, a JSON object a line.
    pub fn access_log(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.access_log_file()).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Gives the discovered filter another plugin configuration.
    pub fn configure(&mut self, change: impl FnOnce(&mut Vec<(String, Value)>)) {
        change(&mut self.setup.configuration);
        self.version += 1;
        write_discovered(&self.setup, self.version, &self.place);
    }
}

fn launch(setup: &Setup, listen: &Port, admin: &Port, place: &TempDir) -> Process {
    let make = if setup.members.is_empty() { config::bootstrap } else { routed::bootstrap };
    let bootstrap = make(setup, listen.number(), admin.number(), place.path());
    let file = place.path().join("envoy.json");
    fs::write(&file, bootstrap.to_string()).expect("a writable temporary directory");
    if setup.filter == Filter::Discovered {
        write_discovered(setup, 0, place);
    }
    let mut command = Command::new(places::envoy());
    command.arg("--config-path").arg(&file).args(["--concurrency", &setup.concurrency.to_string()]);
    command.args(["--disable-hot-restart", "--log-level", "warning", "--component-log-level", "wasm:info"]);
    command.args(["--file-flush-interval-msec", "50"]);
    Process::start("Envoy", command, &place.path().join("envoy.log"))
}

/// Envoy looks when a file is moved into place, not when it is written.
fn write_discovered(setup: &Setup, version: u32, place: &TempDir) {
    let (draft, file) = (place.path().join("ecds.draft"), place.path().join("ecds.json"));
    fs::write(&draft, config::discovered(setup, version).to_string())
        .expect("a writable temporary directory");
    fs::rename(draft, file).expect("a writable temporary directory");
}
