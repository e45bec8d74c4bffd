//! The official `openai` client of PyPI in a Python process of its own, as applications use it.

use crate::places;
use serde_json::{Value, json};
use std::net::SocketAddr;
use tokio::process::Command;

/// Sends one chat call and returns what the client gave its application: `answer`, `chunks`, or `error` with its
/// class.
pub async fn chat(base: SocketAddr, headers: &Value, body: &Value) -> Value {
    let asked = json!({"base": format!("http://{base}"), "headers": headers, "body": body});
    let mut command = Command::new(places::python());
    command.arg(places::root().join("tests/python/app.py")).arg(asked.to_string());
    command.env("NO_PROXY", "127.0.0.1").kill_on_drop(true);
    let output = command.output().await.expect("Python runs");
    let said = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&said)
        .unwrap_or_else(|_| panic!("no JSON: {said}\n{}", String::from_utf8_lossy(&output.stderr)))
}
