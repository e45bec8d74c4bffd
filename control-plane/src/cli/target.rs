//! Whom a command asks: a running control plane; or a data directory, on which it runs one for itself, so that an
//! answer is the same either way.

use super::{Failure, remote::Remote};
use crate::{api, app::App, clock::Clock};
use clap::Args;
use std::path::{Path, PathBuf};
use tokio::{net::TcpListener, runtime::Runtime};

/// Whom a command asks.
#[derive(Clone, Debug, Default, Args)]
pub struct Target {
    /// A running control plane, such as `http://127.0.0.1:7700`
    #[arg(long, value_name = "URL", env = "BURSAR_SERVER", conflicts_with = "data_dir")]
    pub server: Option<String>,
    /// The data directory of a control plane that is not running
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// The key to show to a control plane; better in the environment, where no list of processes shows it
    #[arg(long, value_name = "KEY", env = "BURSAR_KEY", hide_env_values = true)]
    pub key: Option<String>,
}

impl Target {
    /// Whether nobody was named.
    pub(super) fn is_nobody(&self) -> bool {
        self.server.is_none() && self.data_dir.is_none()
    }

    pub(super) fn reach(&self, clock: &Clock) -> Result<Remote, Failure> {
        match (&self.server, &self.data_dir) {
            (_, Some(directory)) => {
                let own = Own::start(directory, clock.clone())?;
                Remote::new(&own.address.clone(), None, Some(own))
            }
            (Some(url), None) => Remote::new(url, self.key.as_deref(), None),
            (None, None) => Err(Failure::Usage("nobody to ask".to_owned()).hint(
                "name a running control plane with --server URL, or a data directory with --data-dir DIR",
            )),
        }
    }
}

/// A control plane of one command's own, on a free port of this machine.
#[derive(Debug)]
pub(super) struct Own {
    runtime: Runtime,
    app: Option<App>,
    address: String,
}

impl Own {
    fn start(directory: &Path, clock: Clock) -> Result<Self, Failure> {
        // A command reads and changes what is there; only `serve` makes a new one.
        if !directory.is_dir() {
            let text = format!("{}: is no directory", directory.display());
            return Err(Failure::Usage(text).hint("--data-dir takes the directory that `bursar serve` uses"));
        }
        let cannot = |error: std::io::Error| Failure::Unreachable(format!("cannot start: {error}"));
        let runtime = Runtime::new().map_err(cannot)?;
        let mut app = App::open(directory, clock)?;
        app.access.is_owner = true;
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).map_err(cannot)?;
        let address = format!("http://{}", listener.local_addr().map_err(cannot)?);
        let router = api::router(app.clone());
        drop(runtime.spawn(async move { axum::serve(listener, router).await }));
        Ok(Self { runtime, app: Some(app), address })
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        if let Some(app) = self.app.take() {
            self.runtime.block_on(app.store.close());
        }
    }
}
