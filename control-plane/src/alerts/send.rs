//! One try: a message to a destination over HTTP, and what it answers. What went wrong is told in words of our own,
//! because an address may hold a token.

use super::{
    message::{self, Message},
    queue::Tried,
    sign::Secret,
};
use crate::{
    app::App,
    config,
    policy::{Destination, DestinationKind},
};
use protocol::UnixNanos;
use serde_json::Value;
use std::{fs, io, thread, time::Duration};
use tokio::sync::oneshot;

/// For an answer. The specification of Standard Webhooks asks senders for 15 to 30 s at most and receivers to answer
/// at once; a receiver that works before it answers should not.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Where a destination names no secret.
const SECRET_ENV: &str = "BURSAR_WEBHOOK_SECRET";
const SECOND_NS: u64 = 1_000_000_000;

/// Sends to receivers; holds no connection open between two messages.
#[derive(Clone, Debug)]
pub(super) struct Sender {
    agent: ureq::Agent,
}

impl Sender {
    pub(super) fn new() -> Self {
        Self::patient_for(TIMEOUT)
    }

    pub(super) fn patient_for(timeout: Duration) -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(timeout))
            .http_status_as_error(false)
            // An address that moved is the policy's to change; a redirect could also lead inside.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_idle_connections(0)
            .user_agent(concat!("bursar/", env!("CARGO_PKG_VERSION")))
            .build();
        Self { agent: config.into() }
    }

    /// Tries once, on a thread of its own: a runtime that shuts down does not wait for a receiver that hangs.
    pub(super) async fn send(&self, to: Destination, name: String, body: String, now: UnixNanos) -> Tried {
        let (reply, answer) = oneshot::channel();
        let sender = self.clone();
        let work = move || {
            let gone = reply.send(sender.try_once(&to, &name, &body, now)).is_err();
            if gone {
                tracing::debug!("an answer came after its asker had left");
            }
        };
        let failed = |error: String| Tried::Failed { status: None, error, retry_after_s: None };
        match thread::Builder::new().name("alert-delivery".to_owned()).spawn(work) {
            Ok(_) => answer.await.unwrap_or_else(|_| failed("the try did not end".to_owned())),
            Err(error) => failed(format!("no thread: {}", error.kind())),
        }
    }

    fn try_once(&self, to: &Destination, name: &str, body: &str, now: UnixNanos) -> Tried {
        let failed = |error: String| Tried::Failed { status: None, error, retry_after_s: None };
        let request = self.agent.post(&*to.url).header("content-type", "application/json");
        let sent = match to.kind {
            DestinationKind::Slack => {
                let Ok(body) = serde_json::from_str::<Value>(body) else {
                    return Tried::Refused { status: None, error: "the message cannot be read".to_owned() };
                };
                request.send(message::slack(&body).to_string())
            }
            DestinationKind::StandardWebhooks => {
                let timestamp_s = now / SECOND_NS;
                let request =
                    request.header("webhook-id", name).header("webhook-timestamp", timestamp_s.to_string());
                match secret(to) {
                    Err(error) => return failed(error),
                    Ok(None) => request.send(body),
                    Ok(Some(secret)) => match secret.sign(name, timestamp_s, body) {
                        Some(signature) => request.header("webhook-signature", signature).send(body),
                        None => return failed("the message cannot be signed".to_owned()),
                    },
                }
            }
        };
        match sent {
            Ok(response) => answered(&response),
            Err(error) => failed(in_words(&error)),
        }
    }
}

fn answered(response: &ureq::http::Response<ureq::Body>) -> Tried {
    let status = response.status();
    let code = status.as_u16();
    if status.is_success() {
        return Tried::Done { status: code };
    }
    let reason = status.canonical_reason().unwrap_or("an unknown status");
    let error = format!("answered {code} {reason}");
    if code == 410 {
        return Tried::Refused { status: Some(code), error };
    }
    let header = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
    Tried::Failed {
        status: Some(code),
        error,
        retry_after_s: header.and_then(|text| text.trim().parse().ok()),
    }
}

/// The secret of a destination. `None`: there is none, and what is sent is not signed.
fn secret(to: &Destination) -> Result<Option<Secret>, String> {
    let (text, from) = match (&to.secret_file, &to.secret_env) {
        (Some(file), _) => {
            let read = fs::read_to_string(&**file);
            let text = read.map_err(|error| format!("the secret's file cannot be read: {}", error.kind()))?;
            (text, "the file".to_owned())
        }
        (None, Some(name)) => {
            let text =
                config::environment(name).ok_or_else(|| format!("the variable {name} holds no secret"))?;
            (text, format!("the variable {name}"))
        }
        (None, None) => match config::environment(SECRET_ENV) {
            Some(text) => (text, format!("the variable {SECRET_ENV}")),
            None => return Ok(None),
        },
    };
    Secret::parse(&text).map(Some).map_err(|error| format!("the secret of {from} {error}"))
}

/// Never the error's own text, which may have the address in it.
fn in_words(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Timeout(_) => "no answer in time".to_owned(),
        ureq::Error::HostNotFound => "the host is not known".to_owned(),
        ureq::Error::ConnectionFailed => "no connection".to_owned(),
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            "the connection was refused".to_owned()
        }
        ureq::Error::Io(error) => format!("the connection broke: {}", error.kind()),
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) => "no trusted TLS connection".to_owned(),
        ureq::Error::Protocol(_) => "the answer is no HTTP".to_owned(),
        ureq::Error::BadUri(_) | ureq::Error::Http(_) => "the address cannot be used".to_owned(),
        _ => "the request failed".to_owned(),
    }
}

/// What a destination answered to a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tested {
    /// Its status, where it answered.
    pub status: Option<u16>,
    /// What went wrong.
    pub error: Option<String>,
    /// Whether the message was signed.
    pub signed: bool,
}

/// Sends a test message, once. `None`: the policy has no such destination.
pub async fn test(app: &App, destination: &str) -> Option<Tested> {
    let rules = app.rules();
    let found = rules.policy().destinations.iter().find(|(name, _)| name.as_str() == destination);
    let to = found.map(|(_, to)| to.clone())?;
    let now = app.clock.now();
    let Message { name, body, .. } = message::test(destination, now);
    let signed = to.kind == DestinationKind::StandardWebhooks && matches!(secret(&to), Ok(Some(_)));
    let (status, error) = match Sender::new().send(to, name, body.to_string(), now).await {
        Tried::Done { status } => (Some(status), None),
        Tried::Failed { status, error, .. } | Tried::Refused { status, error } => (status, Some(error)),
    };
    Some(Tested { status, error, signed })
}
