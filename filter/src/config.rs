//! The plugin's configuration: JSON in, a checked [`Config`] out, or every fault with the path of its key.

mod fields;
mod identity;
mod proto_struct;

use crate::dialect::Dialect;
use fields::{Fault, Fields};
pub use identity::{ApiKeys, Identity, IdentitySource, Naming, Pattern, Secret};
use protocol::snapshot::Allow;
use std::rc::Rc;

/// What Envoy's plugin configuration says. Everything else comes from the control plane's snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// How to reach the control plane.
    pub control_plane: ControlPlane,
    /// Which instance this is.
    pub role: Role,
    /// The node's name; empty: Envoy's node id.
    pub node: String,
    /// How calls are admitted.
    pub admission: Admission,
    /// Where each dimension is looked for, in order. A call keeps it until its body was read.
    pub identity: Rc<Identity>,
    /// Provider and dialect where detection is not enough, first match first.
    pub providers: Vec<ProviderRule>,
    /// The event queue.
    pub outbox: OutboxLimits,
    /// Whether the end of each call is put into filter state, for Envoy's access log to write: a second ledger, for when
    /// events are lost with their Envoy.
    pub access_log: bool,
    /// Whether answers of requests that are no calls may say what a task was worth: `x-bursar-outcome`.
    pub outcome_headers: bool,
}

/// How to reach the control plane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlPlane {
    /// An Envoy cluster.
    pub cluster: String,
    /// The `:authority` of requests to it.
    pub authority: String,
    /// After so long a request to it has failed.
    pub timeout_ms: u64,
    /// What is shown to it: `Bearer` and the key; nothing where there is none.
    pub authorization: Option<Secret>,
}

/// Which of the two mounts this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// In the HTTP connection manager: sees calls.
    Call,
    /// In a cluster's upstream filter chain: sees attempts.
    Attempt,
}

/// How calls are admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admission {
    /// Whether a subject's first call on this node may start before its first grant.
    pub fast: bool,
    /// So much of a request body is held back until the call is admitted; a longer one is decided on what is known.
    pub body_hold_bytes: usize,
    /// Whether the head waits with the body. It needs `allow_on_headers_stop_iteration` in Envoy's plugin
    /// configuration, which Istio's WasmPlugin cannot set: there it must be false.
    pub hold_head: bool,
}

/// One rule of `providers`. All conditions given must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderRule {
    /// The host without port, or `*.` and a suffix.
    pub host: Option<String>,
    /// A path prefix.
    pub path: Option<String>,
    /// Envoy's cluster.
    pub cluster: Option<String>,
    /// The provider's name, as prices use it.
    pub provider: String,
    /// Which of our accounts at the provider it is, as contracts of the price table name it.
    pub account: Option<String>,
    /// Its dialect, where the path does not tell.
    pub dialect: Option<Dialect>,
    /// Whether streams that do not ask for usage are made to; by default all are, but where a provider tells it
    /// unasked.
    pub inject_usage: Option<bool>,
}

/// Bounds of the event queue of one worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutboxLimits {
    /// Events.
    pub max_events: usize,
    /// Their bytes.
    pub max_bytes: usize,
    /// How long an event waits for company.
    pub flush_ms: u64,
    /// What happens to calls when it is full: they pass and their events are dropped and counted, or they are
    /// refused.
    pub when_full: Allow,
}

impl Config {
    /// Reads Envoy's plugin configuration, JSON or a serialised Struct. An empty one is all defaults.
    pub fn parse(json: &[u8]) -> Result<Self, Vec<String>> {
        let json = if json.is_empty() { b"{}" } else { json };
        let value = serde_json::from_slice(json)
            .or_else(|error| proto_struct::read(json).ok_or(error))
            .map_err(|error| vec![format!("configuration is no JSON: {error}")])?;
        let mut faults = Vec::new();
        let config = Self::read(Fields::new("", value, &mut faults));
        if faults.is_empty() { Ok(config) } else { Err(faults.iter().map(Fault::to_string).collect()) }
    }

    fn read(mut fields: Fields<'_>) -> Self {
        Self {
            control_plane: control_plane(fields.object("control_plane")),
            role: fields.one_of("role", Role::Call, &[("call", Role::Call), ("attempt", Role::Attempt)]),
            node: fields.text("node", ""),
            admission: admission(fields.object("admission")),
            identity: Rc::new(Identity::read(fields.object("identity"))),
            providers: fields.list("providers", provider_rule),
            outbox: outbox(fields.object("outbox")),
            access_log: fields.flag("access_log", false),
            outcome_headers: fields.flag("outcome_headers", false),
        }
    }
}

fn control_plane(mut fields: Fields<'_>) -> ControlPlane {
    ControlPlane {
        cluster: fields.text("cluster", "bursar"),
        authority: fields.text("authority", "bursar"),
        timeout_ms: fields.number("timeout_ms", 2_000, 1..=60_000),
        authorization: authorization(&mut fields),
    }
}

fn authorization(fields: &mut Fields<'_>) -> Option<Secret> {
    let key = fields.optional("key")?;
    if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        fields.fault("key", "is no key: one has letters, digits, `-` and `_`".to_owned());
    }
    Some(Secret::new(format!("Bearer {key}")))
}

fn admission(mut fields: Fields<'_>) -> Admission {
    Admission {
        fast: fields.one_of("mode", true, &[("fast", true), ("strict", false)]),
        body_hold_bytes: size(fields.number("body_hold_bytes", 262_144, 0..=16_777_216)),
        hold_head: fields.flag("hold_head", true),
    }
}

fn outbox(mut fields: Fields<'_>) -> OutboxLimits {
    let when_full = [("allow", Allow::Allow), ("refuse", Allow::Refuse)];
    OutboxLimits {
        max_events: size(fields.number("max_events", 10_000, 1..=1_000_000)),
        max_bytes: size(fields.number("max_bytes", 8_388_608, 4_096..=268_435_456)),
        flush_ms: fields.number("flush_ms", 100, 10..=10_000),
        when_full: fields.one_of("when_full", Allow::Allow, &when_full),
    }
}

fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn provider_rule(mut rule: Fields<'_>) -> ProviderRule {
    let dialects = Dialect::ALL.map(|dialect| (dialect.as_str(), Some(dialect)));
    ProviderRule {
        host: rule.optional("host"),
        path: rule.optional("path"),
        cluster: rule.optional("cluster"),
        provider: rule.required("provider"),
        account: rule.optional("account"),
        dialect: rule.one_of("dialect", None, &dialects),
        inject_usage: rule.has("inject_usage").then(|| rule.flag("inject_usage", true)),
    }
}

#[cfg(test)]
mod tests;
