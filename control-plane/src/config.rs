//! Arguments of `bursar serve`. The only reader of flags and environment for it; everything else gets values.

use clap::Args;
use std::{net::SocketAddr, path::PathBuf};

/// What `bursar serve` takes.
#[derive(Args, Clone, Debug)]
pub struct Serve {
    /// The directory of the store. Made where there is none
    #[arg(long, env = "BURSAR_DATA_DIR", value_name = "DIR")]
    pub data_dir: PathBuf,
    /// Where to listen; port 0 takes a free one
    #[arg(long, env = "BURSAR_LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:7700")]
    pub listen: SocketAddr,
    /// A policy file, or a directory of them, to put in force at the start and whenever it changes
    #[arg(long, env = "BURSAR_POLICY", value_name = "FILE|DIR")]
    pub policy: Option<PathBuf>,
    /// A catalogue or file of prices to import at the start, unless the same one was imported before
    #[arg(long, env = "BURSAR_PRICES", value_name = "FILE")]
    pub prices: Option<PathBuf>,
    /// After how many minutes a call of which nothing more was heard is closed as orphaned. Longer than the longest
    /// stream: a late end is still booked, but only with a correction. 0 closes all that is open, for when no Envoy
    /// runs any more
    #[arg(long, env = "BURSAR_ORPHAN_AFTER_MINUTES", value_name = "MINUTES", default_value_t = 15,
          value_parser = clap::value_parser!(u64).range(..=10_080))]
    pub orphan_after_minutes: u64,
    /// Let only filters in that show a key of the role ingest; set it once every Envoy has one
    #[arg(long, env = "BURSAR_FILTERS_NEED_KEY")]
    pub filters_need_key: bool,
    /// A name under which browsers may ask while there is no key, beside localhost and addresses; may be repeated. Keeps
    /// pages of others from asking under names of their own
    #[arg(long = "allowed-host", env = "BURSAR_ALLOWED_HOSTS", value_name = "NAME", value_delimiter = ',',
          value_parser = host_name)]
    pub allowed_hosts: Vec<String>,
    /// Seconds between two looks at what may have to be told
    #[arg(long, env = "BURSAR_ALERTS_EVERY_S", value_name = "SECONDS", default_value_t = 30,
          value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub alerts_every_s: u64,
}

/// As a browser names it, without a port.
fn host_name(text: &str) -> Result<String, &'static str> {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    let name = text.trim().trim_end_matches('.');
    if name.is_empty() || !name.bytes().all(is_name) {
        return Err("is no name of a host, such as bursar.example.com, without scheme and port");
    }
    Ok(name.to_ascii_lowercase())
}

/// What an environment variable holds. For secrets that a policy names: they are looked up when they are needed, so
/// that one that is set later, or changed, needs no restart of anything but the process.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
