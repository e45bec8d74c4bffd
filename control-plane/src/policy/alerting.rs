//! The part of a policy that says when to raise an alert and where to send it. Raising one is the alerts room's.

use super::Usd;
use protocol::{ids::Name, money::PicoUsd};
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
    /// When an hour's spend is abnormal.
    pub abnormal: Abnormal,
    /// After how many days without an import the prices of a provider in use are stale. 0: never.
    #[schemars(range(max = 3650))]
    pub stale_prices_days: u32,
    /// After how many minutes of silence an Envoy with open calls is unreachable. 0: never.
    #[schemars(range(max = 1440))]
    pub unreachable_minutes: u32,
    /// Names of destinations.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<String>")]
    pub to: Vec<Name>,
}

impl Default for Alerts {
    fn default() -> Self {
        Self {
            margin_percent: vec![50, 80],
            cap_percent: vec![80, 100],
            abnormal: Abnormal::default(),
            stale_prices_days: 30,
            unreachable_minutes: 5,
            to: Vec::new(),
        }
    }
}

/// When an hour's spend is abnormal: docs/ALERTS.md has the formula.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Abnormal {
    /// So many times what the same hour usually costs. 0: never.
    #[schemars(range(max = 1000))]
    pub factor: u32,
    /// Hours that cost less are nobody's concern, in USD.
    pub min_usd: Usd,
}

impl Default for Abnormal {
    fn default() -> Self {
        Self { factor: 4, min_usd: Usd::of(PicoUsd::new(1_000_000_000_000)) }
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
    /// The environment variable of the control plane that holds the secret with which messages are signed: `whsec_`
    /// and base64. Where neither it nor a file is named, `BURSAR_WEBHOOK_SECRET` is looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_env: Option<Box<str>>,
    /// The file that holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_file: Option<Box<str>>,
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
