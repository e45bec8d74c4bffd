//! Serves the ledger with the real program, asks for every page, and prints how long it took.

use crate::pages::{Known, pages};
use control_plane::clock::{Clock, Stopwatch};
use serde_json::Value;
use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

/// After the first.
const ROUNDS: usize = 20;
/// A page that takes this long is asked for less often.
const SLOW: Duration = Duration::from_secs(2);
/// What a page may take.
const GOAL_MS: u128 = 200;

struct Server {
    process: Child,
    address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.process.kill().is_err() {
            eprintln!("bursar had ended by itself");
        }
        drop(self.process.wait());
    }
}

impl Server {
    fn start(directory: &Path) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_bursar"))
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(directory)
            .env("RUST_LOG", "error")
            .stdout(Stdio::piped())
            .spawn()
            .expect("bursar starts");
        let mut line = String::new();
        let out = process.stdout.take().expect("its output");
        BufReader::new(out).read_line(&mut line).expect("it says where it listens");
        let address = line.trim().rsplit(' ').next().unwrap_or_default().to_owned();
        Self { process, address }
    }

    /// The status and the body.
    fn open(&self, path: &str) -> (u16, String) {
        let agent: ureq::Agent =
            ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).build().into();
        let mut response = agent.get(format!("{}{path}", self.address)).call().expect("an answer");
        let body = response.body_mut().with_config().limit(1 << 30).read_to_string();
        (response.status().as_u16(), body.unwrap_or_default())
    }

    /// A call of the middle of the ledger.
    fn known(&self) -> Known {
        let (_, body) = self.open("/v1/calls?customer=customer-0500&limit=50");
        let calls: Value = serde_json::from_str(&body).expect("calls");
        let text = |key: &str| calls["items"][40][key].as_str().unwrap_or_default().to_owned();
        Known { call: text("id"), request: text("request_id"), task: text("task") }
    }
}

pub(crate) fn ask(directory: &Path) {
    let server = Server::start(directory);
    let known = server.known();
    println!("{:<58} {:>6} {:>9} {:>9} {:>9}", "page", "status", "first", "median", "p95");
    let mut over = 0;
    let mut all = 0;
    for (name, address) in pages(Clock::system().now(), &known) {
        let time = || {
            let watch = Stopwatch::start();
            let (status, _) = server.open(&address);
            (watch.elapsed(), status)
        };
        let (first, status) = time();
        let rounds = if first > SLOW { 2 } else { ROUNDS };
        let mut times: Vec<Duration> = (0..rounds).map(|_| time().0).collect();
        times.sort();
        let (median, p95) = (times[times.len() / 2], times[times.len() * 19 / 20]);
        let is_over = median.as_millis() > GOAL_MS;
        over += usize::from(is_over);
        all += 1;
        let ms = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1e3);
        let mark = if is_over { "  over 200 ms" } else { "" };
        println!("{name:<58} {status:>6} {:>9} {:>9} {:>9}{mark}", ms(first), ms(median), ms(p95));
    }
    println!("{over} of {all} pages have a median over {GOAL_MS} ms");
}
