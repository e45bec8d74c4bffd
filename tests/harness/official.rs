//! The official clients of PyPI in a Python process of their own, as applications use them. What a call is and what
//! comes back is in `tests/python/app.py`.

use crate::places;
use serde_json::{Value, json};
use std::{net::SocketAddr, process::Stdio};
use tokio::{io::AsyncWriteExt, process::Command};

/// A call of an official client.
#[derive(Clone, Debug)]
pub struct Official(Value);

impl Official {
    /// A call of an SDK (`openai_sdk`, `anthropic_sdk`, `gemini_sdk`, `bedrock_sdk`) with these keyword arguments.
    pub fn new(sdk: &str, call: &str, body: Value) -> Self {
        Self(json!({"sdk": sdk, "call": call, "headers": {}, "body": body, "stream": false}))
    }

    /// An openai-chat call.
    pub fn chat(body: Value) -> Self {
        Self::new("openai_sdk", "chat", body)
    }

    /// Sets a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.0["headers"][name] = value.into();
        self
    }

    /// Says who it is for.
    #[must_use]
    pub fn customer(self, name: &str) -> Self {
        self.header("x-bursar-customer", name)
    }

    /// Tells the simulated provider what to do; see [`crate::provider::script`].
    #[must_use]
    pub fn script(self, script: &Value) -> Self {
        self.header(crate::provider::script::HEADER, &script.to_string())
    }

    /// Asks for a stream.
    #[must_use]
    pub fn streamed(mut self) -> Self {
        self.0["stream"] = true.into();
        self
    }

    /// Does not try again, whatever comes.
    #[must_use]
    pub fn once(mut self) -> Self {
        self.0["retries"] = 0.into();
        self
    }

    /// To that address.
    #[must_use]
    pub fn to(mut self, base: SocketAddr) -> Self {
        self.0["base"] = format!("http://{base}").into();
        self
    }
}

/// Makes the calls one after another in one process (to import a client takes a second), and tells what the
/// application saw of each: `answer`, `chunks`, or `error` with its class.
pub async fn make(calls: impl IntoIterator<Item = Official>) -> Vec<Value> {
    let calls: Vec<Value> = calls.into_iter().map(|call| call.0).collect();
    let mut command = Command::new(places::python());
    command.arg(places::root().join("tests/python/app.py"));
    command.env("NO_PROXY", "127.0.0.1").env("PYTHONDONTWRITEBYTECODE", "1").kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut python = command.spawn().expect("Python runs");
    let mut input = python.stdin.take().expect("its standard input");
    input.write_all(json!(calls).to_string().as_bytes()).await.expect("Python reads");
    drop(input);
    let output = python.wait_with_output().await.expect("Python runs");
    let said = String::from_utf8_lossy(&output.stdout);
    let seen: Vec<Value> = serde_json::from_str(&said)
        .unwrap_or_else(|_| panic!("no JSON: {said}\n{}", String::from_utf8_lossy(&output.stderr)));
    assert_eq!(seen.len(), calls.len());
    seen
}
