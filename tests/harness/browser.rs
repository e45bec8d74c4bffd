//! A story played in a real browser, in a Python process of its own. What the stories are is in `tests/python/browser`.

use crate::places;
use serde_json::Value;
use std::net::SocketAddr;
use tokio::process::Command;

/// Whether there is a browser; where there is none, says that its tests are skipped.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
pub fn is_there() -> bool {
    let is_there = places::chromium().is_some();
    if !is_there {
        eprintln!("SKIPPED: no Chromium in $CHROMIUM or on the path; nobody looks at the console");
    }
    is_there
}

/// Plays a story on the console at that address; panics with what the story says when it does not end as it should.
pub async fn play(story: &str, console: SocketAddr, facts: &Value) {
    let chromium = places::chromium().expect("a Chromium, which the test has asked for");
    let mut command = Command::new(places::python());
    command.arg(places::root().join("tests/python/browser")).arg(story);
    command.arg(format!("http://{console}")).arg(facts.to_string());
    command.env("CHROMIUM", chromium).env("SCREENSHOTS", places::root().join("target/screenshots"));
    command.env("NO_PROXY", "127.0.0.1").env("PYTHONDONTWRITEBYTECODE", "1").kill_on_drop(true);
    let output = command.output().await.expect("Python runs");
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{story}:\n{}", String::from_utf8_lossy(&said));
}
