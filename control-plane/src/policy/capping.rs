//! The caps of a policy, as people write them. What filters get of them is compiled in `policy/caps.rs`.

use super::{Usd, When, schema};
use protocol::{
    cap::{Facet, Window},
    ids::Name,
    meters::Meter,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A hard limit on money, tokens or calls of one subject in one window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cap {
    /// Unique in the policy; refusals and reports name it.
    #[schemars(with = "String", extend("format" = "name"))]
    pub name: Name,
    /// The one value of each facet that it is about: customer, workspace, user, feature, task, plan, provider, model,
    /// route; none: the whole traffic.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::subject")]
    pub subject: BTreeMap<Facet, Name>,
    /// The facets whose every value has a count of its own.
    #[serde(default, skip_serializing_if = "OneOrMany::is_empty")]
    #[schemars(schema_with = "schema::each")]
    pub each: OneOrMany,
    /// So much money, in USD.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_usd: Option<Usd>,
    /// So many calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 9_007_199_254_740_991_i64))]
    pub limit_calls: Option<i64>,
    /// So many tokens: of the `meters`, or prompt and generated ones without cache reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 9_007_199_254_740_991_i64))]
    pub limit_tokens: Option<i64>,
    /// For how long the count runs before it starts again.
    #[schemars(schema_with = "schema::window")]
    pub window: Window,
    /// Whether it refuses or only records what it would refuse.
    #[serde(default)]
    pub mode: Mode,
    /// What `limit_tokens` counts: input, cache_read, cache_write_5m, cache_write_1h, output, reasoning, audio_in, audio_out,
    /// image_in, image_out; none: all of them but cache_read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::token_meters")]
    pub meters: Vec<Meter>,
    /// Higher limits for a while.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub increases: Vec<Increase>,
    /// What happens to a call for which there is no room.
    #[serde(default, skip_serializing_if = "Action::is_refuse")]
    pub action: Action,
    /// What happens to a stream that comes to cost more than was held for it, where there is no room for more.
    #[serde(default, skip_serializing_if = "Overrun::is_finish")]
    pub overrun: Overrun,
    /// So many percent above what was held are let pass before a stream is stopped.
    #[serde(default = "ten", skip_serializing_if = "is_ten")]
    #[schemars(range(max = 100))]
    pub overrun_grace_percent: u8,
}

fn ten() -> u8 {
    10
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
fn is_ten(percent: &u8) -> bool {
    *percent == ten()
}

/// A higher limit for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Increase {
    /// The one value of each facet of `each` that it is for; none: all of them.
    #[serde(default, rename = "for", skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::subject")]
    pub only: BTreeMap<Facet, Name>,
    /// So much money instead, in USD.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_usd: Option<Usd>,
    /// So many calls instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 9_007_199_254_740_991_i64))]
    pub limit_calls: Option<i64>,
    /// So many tokens instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 9_007_199_254_740_991_i64))]
    pub limit_tokens: Option<i64>,
    /// From when; now, where it is not written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<When>,
    /// Until when. The limit of the cap holds again from then on.
    pub until: When,
    /// Why, for whoever reads the policy next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Box<str>>,
}

/// What happens to a call for which there is no room.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It is refused.
    #[default]
    Refuse,
    /// Another, cheaper model of the same provider serves it.
    Downgrade(#[schemars(length(min = 1, max = 256))] Box<str>),
}

impl Action {
    fn is_refuse(&self) -> bool {
        *self == Self::Refuse
    }
}

/// What happens to a stream that comes to cost more than was held for it, where there is no room for more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Overrun {
    /// It finishes; what it costs above its hold is debt.
    #[default]
    Finish,
    /// It is ended in its dialect's own way.
    Stop,
}

impl Overrun {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
    fn is_finish(&self) -> bool {
        *self == Self::Finish
    }
}

/// One facet or a list of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum OneOrMany {
    /// `each: workspace`
    One(Facet),
    /// `each: [customer, feature]`
    Many(Vec<Facet>),
}

impl Default for OneOrMany {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl OneOrMany {
    /// The facets.
    pub fn as_slice(&self) -> &[Facet] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.as_slice().is_empty()
    }
}

/// What a cap does when it is reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Refuses.
    #[default]
    Enforce,
    /// Records what it would have refused, and refuses nothing.
    Shadow,
}

#[cfg(test)]
mod tests;
