//! Caps as the filter enforces them: one limit, in one unit, of one subject, in one window.

use crate::{
    attribution::{Attribution, Dimension},
    ids::Name,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt};

/// An amount of a cap's unit: pico-dollars, tokens or calls. A pico-dollar amount reaches 9.2 million USD; the
/// policy check refuses a larger limit.
pub type Amount = i64;

/// What a cap limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Money, in pico-dollars.
    Usd,
    /// Prompt and generated tokens, without cache reads.
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
}

impl CapSpec {
    /// The key of the cap's only count, unless it has one per value of a facet.
    pub fn only_subject(&self) -> Option<Box<str>> {
        self.key(|_, matcher| match matcher {
            SubjectMatch::Each => None,
            SubjectMatch::Absent => Some(""),
            SubjectMatch::Is(name) => Some(name.as_str()),
        })
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
mod tests {
    use super::*;
    use crate::attribution::{Attributed, Source};

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    fn subject_of(subject: &[(Facet, SubjectMatch)], call: &[(Dimension, &str)]) -> Option<String> {
        let mut attribution = Attribution::default();
        for (dimension, value) in call {
            attribution.set(*dimension, Attributed { value: name(value), from: Source::Header });
        }
        let cap = CapSpec {
            id: "c/usd".into(),
            name: "c".into(),
            unit: Unit::Usd,
            subject: subject.iter().cloned().collect(),
            limit: 1,
            window: Window::Day,
            shadow: false,
            initial: 0,
        };
        let (plan, model) = (Some("pro"), Some("gpt-4o"));
        let call = Facets { attribution: &attribution, plan, provider: "openai", model, route: None };
        cap.subject_of(&call).map(Into::into)
    }

    #[test]
    fn a_cap_is_about_the_calls_its_subject_names() {
        use Dimension::{Customer, Workspace};
        let acme = [(Facet::Customer, SubjectMatch::Is(name("acme")))];
        assert_eq!(subject_of(&acme, &[(Customer, "acme")]), Some("customer=acme".to_owned()));
        assert_eq!(subject_of(&acme, &[(Customer, "globex")]), None);
        assert_eq!(subject_of(&acme, &[]), None);
        assert_eq!(subject_of(&[], &[]), Some(String::new()));
        let each =
            [(Facet::Customer, SubjectMatch::Is(name("acme"))), (Facet::Workspace, SubjectMatch::Each)];
        let call = [(Customer, "acme"), (Workspace, "w1")];
        assert_eq!(subject_of(&each, &call), Some("customer=acme workspace=w1".to_owned()));
        let absent = [(Facet::Customer, SubjectMatch::Absent)];
        assert_eq!(subject_of(&absent, &[]), Some("customer=".to_owned()));
        assert_eq!(subject_of(&absent, &[(Customer, "acme")]), None);
    }
    #[test]
    fn a_cap_may_be_about_where_a_call_goes() {
        let mini = [(Facet::Plan, SubjectMatch::Is(name("pro"))), (Facet::Model, SubjectMatch::Each)];
        assert_eq!(subject_of(&mini, &[]), Some("plan=pro model=gpt-4o".to_owned()));
        assert_eq!(subject_of(&[(Facet::Provider, SubjectMatch::Is(name("azure")))], &[]), None);
        assert_eq!(subject_of(&[(Facet::Route, SubjectMatch::Each)], &[]), None);
    }
}
