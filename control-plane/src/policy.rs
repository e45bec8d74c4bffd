//! The policy: plans, customers, caps and rules, as people write them in YAML.
//!
//! A text becomes a located tree, the tree is held against the same JSON Schema that editors use, then against the
//! rules that a schema cannot say; every fault found is reported at once, with its place. What filters get of it is
//! compiled in `policy/caps.rs`, windows are computed in `policy/window.rs`. Nothing here decides about a call.

mod alerting;
mod capping;
mod caps;
pub(crate) mod check;
pub(crate) mod fault;
mod load;
mod masking;
mod money;
mod place;
mod pricing;
mod reporting;
mod routing;
mod rules;
mod schema;
pub(crate) mod tree;
mod window;
mod written;

pub use alerting::{Abnormal, Alerts, Destination, DestinationKind};
pub use capping::{Action, Cap, Increase, Mode, OneOrMany, Overrun};
pub use fault::Fault;
pub use load::{LoadError, Texts, load};
pub use masking::masked_catalogue;
pub use money::{Usd, plain_usd};
pub use pricing::{Apply, CatalogueFormat, Contract, Percent, Pricing, Refresh, When};
pub use reporting::{Day, Reports, Week, WeeklyReport};
pub use routing::{Route, Target};
pub use schema::schema;
pub use window::{LIFETIME, span_from, span_of_period};

use protocol::{UnixNanos, cap::Window, ids::Name, loop_guard::LoopAction, snapshot::Allow};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything a policy says. The keys are those of the YAML.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Bursar policy")]
pub struct Policy {
    /// The version of this format: 1.
    #[schemars(range(min = 1, max = 1))]
    pub version: u32,
    /// What customers can pay for, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, Plan>")]
    pub plans: BTreeMap<Name, Plan>,
    /// Who pays, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, Customer>")]
    pub customers: BTreeMap<Name, Customer>,
    /// Hard limits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub caps: Vec<Cap>,
    /// When to raise an alert.
    #[serde(default)]
    pub alerts: Alerts,
    /// Where alerts go, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, Destination>")]
    pub destinations: BTreeMap<Name, Destination>,
    /// Which reports go out by themselves.
    #[serde(default, skip_serializing_if = "Reports::is_empty")]
    pub reports: Reports,
    /// Stops a task that repeats itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loop_guard: Option<LoopGuard>,
    /// What happens when an allowance is needed and the control plane cannot be asked.
    #[serde(default)]
    #[schemars(schema_with = "schema::allow")]
    pub when_unreachable: Allow,
    /// Who serves which models behind one compatible endpoint.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<Route>,
    /// Other names of models, contracts, and from where prices come.
    #[serde(default)]
    pub prices: Pricing,
    /// What happens to a call of a model that nobody priced.
    #[serde(default)]
    pub unpriced: Unpriced,
    /// What happens to a call without a customer.
    #[serde(default)]
    pub unattributed: Unattributed,
    /// When a task is taken to be over.
    #[serde(default)]
    pub tasks: Tasks,
}

/// When a task is taken to be over whose outcome nobody reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Tasks {
    /// After so many minutes without a call, its last one tells what it was worth.
    #[schemars(range(min = 1, max = 10_080))]
    pub inferred_after_minutes: u32,
}

impl Tasks {
    /// Tasks of which nothing was heard since are taken to be over.
    pub fn quiet_since(self, now: UnixNanos) -> UnixNanos {
        const MINUTE_NS: u64 = 60_000_000_000;
        now.saturating_sub(u64::from(self.inferred_after_minutes).saturating_mul(MINUTE_NS))
    }
}

impl Default for Tasks {
    fn default() -> Self {
        Self { inferred_after_minutes: 15 }
    }
}

/// What a customer pays for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The price of one period, in USD.
    pub price_usd: Usd,
    /// How often it is paid.
    #[serde(default)]
    pub period: Period,
    /// The share of the price that shall be left after AI cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 100))]
    pub expected_margin_percent: Option<u8>,
}

/// How often a plan is paid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// Every week, from Monday.
    Week,
    /// Every month, from the anchor day.
    #[default]
    Month,
    /// Every year, from the anchor day of the anchor month.
    Year,
}

/// Who pays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Customer {
    /// The name of a plan.
    #[schemars(with = "String", extend("format" = "name"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Name>,
    /// The day of the month on which the billing period begins; the last day in months that have no such day.
    #[serde(default = "first")]
    #[schemars(range(min = 1, max = 31))]
    pub anchor_day: u8,
    /// The month in which a yearly period begins.
    #[serde(default = "first")]
    #[schemars(range(min = 1, max = 12))]
    pub anchor_month: u8,
    /// The IANA zone in which days, weeks and months begin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "time-zone"))]
    pub time_zone: Option<Box<str>>,
    /// Where the customer came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub utm: Option<Utm>,
}

fn first() -> u8 {
    1
}

/// The acquisition channel of a customer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Utm {
    /// `utm_source`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Box<str>>,
    /// `utm_medium`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub medium: Option<Box<str>>,
    /// `utm_campaign`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<Box<str>>,
}

/// Stops a task that repeats itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoopGuard {
    /// So many identical requests of a task …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 2))]
    pub identical_requests: Option<u32>,
    /// … within so many seconds.
    #[serde(default = "a_minute")]
    #[schemars(range(min = 1, max = 86400))]
    pub within_s: u32,
    /// So many times a model may ask a task for the identical tool call, within the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 2))]
    pub identical_tool_calls: Option<u32>,
    /// So many calls of a task in a minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub calls_per_task_per_minute: Option<u32>,
    /// So many calls of a task in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub calls_per_task: Option<u32>,
    /// So much money for a task in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_per_task_usd: Option<Usd>,
    /// So many errors or broken JSON answers of a task in a row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub consecutive_failures: Option<u32>,
    /// A task that was stopped, or has been quiet for so many seconds, begins anew.
    #[serde(default = "ten_minutes")]
    #[schemars(range(min = 1, max = 86400))]
    pub release_after_s: u32,
    /// What happens then.
    #[serde(default)]
    #[schemars(schema_with = "schema::loop_action")]
    pub action: LoopAction,
}

fn a_minute() -> u32 {
    60
}

fn ten_minutes() -> u32 {
    600
}

/// What happens to a call of a model that nobody priced.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Unpriced {
    /// Passes, is refused under a money cap, or counts at the ceiling.
    #[serde(default)]
    pub rule: UnpricedWord,
    /// What every token counts at under `rule: ceiling`, in USD per million.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ceiling_usd_per_mtok: Option<Usd>,
}

/// The three rules for unpriced calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnpricedWord {
    /// Passes, and holds nothing of a money cap.
    #[default]
    Allow,
    /// Is refused where a money cap applies.
    Refuse,
    /// Holds and settles at the ceiling.
    Ceiling,
}

/// What happens to a call without a customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Unattributed {
    /// Passes or is refused.
    #[serde(default)]
    #[schemars(schema_with = "schema::allow")]
    pub rule: Allow,
    /// The cap of all such calls together, in USD.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_usd: Option<Usd>,
    /// The window of that cap.
    #[serde(default = "a_day")]
    #[schemars(schema_with = "schema::window")]
    pub window: Window,
}

impl Default for Unattributed {
    fn default() -> Self {
        Self { rule: Allow::default(), limit_usd: None, window: a_day() }
    }
}

fn a_day() -> Window {
    Window::Day
}

/// The plan of traffic whose customer the policy does not know is nobody's: `None`, not a default.
impl Policy {
    /// The customer of that name, if the policy knows it.
    pub fn customer(&self, name: &str) -> Option<&Customer> {
        self.customers.get(&name.parse().ok()?)
    }

    /// The plan of a customer, with its name.
    pub fn plan_of(&self, customer: &str) -> Option<(&Name, &Plan)> {
        self.plans.get_key_value(self.customer(customer)?.plan.as_ref()?)
    }
}

/// Reads one policy text. On failure, every fault in it.
pub fn parse(text: &str, file: &str) -> Result<Policy, Vec<Fault>> {
    parse_files(&[(file, text)])
}

/// Reads a policy in which what was shown of another one may stand: addresses that it knows are put in the place of
/// those that stand for them.
pub fn parse_over(text: &str, file: &str, known: &Policy) -> Result<Policy, Vec<Fault>> {
    parse(text, file)?.unmasked(known, file).map_err(|faults| place::placed(faults, text))
}

/// Reads several policy texts that make up one policy.
pub fn parse_files(files: &[(&str, &str)]) -> Result<Policy, Vec<Fault>> {
    let mut faults = fault::Faults::new(files.iter().map(|(file, _)| (*file).to_owned()).collect());
    let mut root = tree::read(files, &mut faults);
    let schema = schema();
    check::against(&schema, &mut root, &mut faults);
    rules::check(&root, &mut faults);
    if faults.is_empty() {
        match serde_json::from_value(root.to_json()) {
            Ok(policy) => return Ok(policy),
            Err(error) => faults.add(root.place, "", error.to_string(), None),
        }
    }
    Err(faults.sorted())
}

#[cfg(test)]
mod documented;
#[cfg(test)]
mod tests;
