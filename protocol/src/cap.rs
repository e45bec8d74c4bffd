//! Caps as the filter enforces them: one limit, in one unit, of one subject, in one window.

use crate::{
    UnixNanos,
    attribution::{Attribution, Dimension},
    ids::Name,
    meters::{Meter, Side, Units},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// An amount of a cap's unit: pico-dollars, tokens or calls. A pico-dollar amount reaches 9.2 million USD; the
/// policy check refuses a larger limit.
pub type Amount = i64;

/// What a cap limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Money, in pico-dollars.
    Usd,
    /// Tokens: of the cap's meters, or prompt and generated ones without cache reads.
    Tokens,
    /// Calls.
    Calls,
}

/// How long a cap's count runs before it starts again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Window {
    /// A clock minute.
    Minute,
    /// A clock hour.
    Hour,
    /// A calendar day in the customer's zone.
    Day,
    /// A week from Monday in the customer's zone.
    Week,
    /// A calendar month in the customer's zone.
    Month,
    /// The plan's period, from the customer's anchor day.
    BillingPeriod,
    /// For ever.
    Lifetime,
}

impl Window {
    /// The word used in YAML, errors and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::BillingPeriod => "billing_period",
            Self::Lifetime => "lifetime",
        }
    }
}

/// What a cap can be about: who a call is for, and where it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Facet {
    /// Who pays.
    Customer,
    /// Inside what.
    Workspace,
    /// Who acted.
    User,
    /// For which part of the product.
    Feature,
    /// The unit of work.
    Task,
    /// What the customer pays for.
    Plan,
    /// Who serves.
    Provider,
    /// The model that the request names.
    Model,
    /// Envoy's route.
    Route,
}

impl Facet {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Customer,
        Self::Workspace,
        Self::User,
        Self::Feature,
        Self::Task,
        Self::Plan,
        Self::Provider,
        Self::Model,
        Self::Route,
    ];

    /// The word used in YAML and in keys.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Workspace => "workspace",
            Self::User => "user",
            Self::Feature => "feature",
            Self::Task => "task",
            Self::Plan => "plan",
            Self::Provider => "provider",
            Self::Model => "model",
            Self::Route => "route",
        }
    }
}

impl fmt::Display for Facet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What caps can see of a call.
#[derive(Clone, Copy, Debug)]
pub struct Facets<'a> {
    /// Who it is for.
    pub attribution: &'a Attribution,
    /// The customer's plan.
    pub plan: Option<&'a str>,
    /// Who serves.
    pub provider: &'a str,
    /// The model that the request names.
    pub model: Option<&'a str>,
    /// Envoy's route.
    pub route: Option<&'a str>,
}

impl<'a> Facets<'a> {
    /// One of them.
    pub fn value(&self, facet: Facet) -> Option<&'a str> {
        let named = |dimension| self.attribution.name(dimension).map(Name::as_str);
        match facet {
            Facet::Customer => named(Dimension::Customer),
            Facet::Workspace => named(Dimension::Workspace),
            Facet::User => named(Dimension::User),
            Facet::Feature => named(Dimension::Feature),
            Facet::Task => named(Dimension::Task),
            Facet::Plan => self.plan,
            Facet::Provider => Some(self.provider),
            Facet::Model => self.model,
            Facet::Route => self.route,
        }
    }
}

/// Which values of a facet a cap is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectMatch {
    /// This one.
    Is(Name),
    /// Each on its own count.
    Each,
    /// Calls without one: how unattributed traffic gets a cap of its own.
    Absent,
}

/// One limit in one unit. A policy's cap with two limits becomes two of these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CapSpec {
    /// Unique in the policy: the cap's name and its unit.
    pub id: Box<str>,
    /// The name in the policy.
    pub name: Box<str>,
    /// What it limits.
    pub unit: Unit,
    /// What it is about; no entry at all is the whole traffic.
    pub subject: BTreeMap<Facet, SubjectMatch>,
    /// How much.
    pub limit: Amount,
    /// For how long.
    pub window: Window,
    /// Records what it would refuse, and refuses nothing.
    #[serde(default)]
    pub shadow: bool,
    /// What one Envoy may use of a subject before its first grant, in `admission: fast`.
    #[serde(default)]
    pub initial: Amount,
    /// What a cap in tokens counts; nothing named is what [`counts`] counts then.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub meters: BTreeSet<Meter>,
    /// Higher limits for a while.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub increases: Vec<Increase>,
    /// The model that serves instead where there is no room for the one that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub downgrade: Option<Box<str>>,
    /// A stream that comes to cost more than it could hold, and so many percent, is ended; absent: it is let finish.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overrun_grace_percent: Option<u8>,
}

/// A higher limit for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Increase {
    /// The key of the one count that it is for; absent: each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Box<str>>,
    /// Instead of the cap's limit, where it is higher.
    pub limit: Amount,
    /// From this instant on,
    pub from: UnixNanos,
    /// until before that one.
    pub until: UnixNanos,
}

/// Whether a cap in tokens counts a meter, given those that it names.
pub fn counts(named: &BTreeSet<Meter>, meter: Meter) -> bool {
    match named.is_empty() {
        true => meter.side() != Side::Service && meter != Meter::CacheRead,
        false => named.contains(&meter),
    }
}

/// What a cap in tokens counts of a call, given the meters that it names.
pub fn counted(named: &BTreeSet<Meter>, units: &Units) -> Amount {
    let counted = units.iter().filter(|(meter, _)| counts(named, **meter));
    let tokens = counted.fold(0_u64, |total, (_, units)| total.saturating_add(*units));
    Amount::try_from(tokens).unwrap_or(Amount::MAX)
}

impl CapSpec {
    /// A cap on all traffic, without anything special.
    pub fn plain(name: &str, unit: Unit, limit: Amount, window: Window) -> Self {
        Self {
            id: name.into(),
            name: name.into(),
            unit,
            subject: BTreeMap::new(),
            limit,
            window,
            shadow: false,
            initial: 0,
            meters: BTreeSet::new(),
            increases: Vec::new(),
            downgrade: None,
            overrun_grace_percent: None,
        }
    }

    /// The limit of one of its counts at an instant.
    pub fn limit_at(&self, subject: &str, now: UnixNanos) -> Amount {
        let holds = |increase: &&Increase| {
            (increase.from..increase.until).contains(&now)
                && increase.subject.as_deref().is_none_or(|only| only == subject)
        };
        self.increases.iter().filter(holds).map(|increase| increase.limit).fold(self.limit, Amount::max)
    }

    /// The key of the count with these values of the facets that it has a count for each of; `None` where one lacks.
    pub fn subject_with(&self, each: &BTreeMap<Facet, Name>) -> Option<Box<str>> {
        self.key(|facet, matcher| match matcher {
            SubjectMatch::Each => each.get(&facet).map(Name::as_str),
            SubjectMatch::Absent => Some(""),
            SubjectMatch::Is(name) => Some(name.as_str()),
        })
    }

    /// The key of the cap's only count, unless it has one per value of a facet.
    pub fn only_subject(&self) -> Option<Box<str>> {
        self.subject_with(&BTreeMap::new())
    }

    /// The key of the count that a call falls under, or `None` when the cap is not about this call.
    pub fn subject_of(&self, call: &Facets<'_>) -> Option<Box<str>> {
        self.key(|facet, matcher| match (matcher, call.value(facet)) {
            (SubjectMatch::Absent, None) => Some(""),
            (SubjectMatch::Each, Some(name)) => Some(name),
            (SubjectMatch::Is(wanted), Some(name)) if wanted.as_str() == name => Some(name),
            (SubjectMatch::Absent | SubjectMatch::Each | SubjectMatch::Is(_), _) => None,
        })
    }

    fn key<'a>(&'a self, value: impl Fn(Facet, &'a SubjectMatch) -> Option<&'a str>) -> Option<Box<str>> {
        let mut key = String::new();
        for (facet, matcher) in &self.subject {
            let value = value(*facet, matcher)?;
            if !key.is_empty() {
                key.push(' ');
            }
            key.push_str(facet.as_str());
            key.push('=');
            key.push_str(value);
        }
        Some(key.into())
    }
}

#[cfg(test)]
mod tests;
