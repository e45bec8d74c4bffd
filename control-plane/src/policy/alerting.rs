//! The part of a policy that says when to raise an alert and where to send it. Raising one is the alerts room's.

use protocol::ids::Name;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// When to raise an alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Alerts {
    /// Shares of the AI cost that a plan's expected margin leaves room for.
    #[schemars(inner(range(min = 1, max = 100)))]
    pub margin_percent: Vec<u8>,
    /// Shares of a cap.
    #[schemars(inner(range(min = 1, max = 100)))]
    pub cap_percent: Vec<u8>,
    /// Names of destinations.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<String>")]
    pub to: Vec<Name>,
}

impl Default for Alerts {
    fn default() -> Self {
        Self { margin_percent: vec![50, 80], cap_percent: vec![80, 100], to: Vec::new() }
    }
}

/// Where alerts go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Destination {
    /// An address that takes POST requests.
    #[schemars(extend("format" = "url"))]
    pub url: Box<str>,
    /// The shape of what is sent.
    pub kind: DestinationKind,
}

/// The shape of what is sent to a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DestinationKind {
    /// As the Standard Webhooks specification has it.
    StandardWebhooks,
    /// An incoming webhook of Slack.
    Slack,
}
