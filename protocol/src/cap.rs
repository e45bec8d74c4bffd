//! Caps as the filter enforces them: one limit, in one unit, of one subject, in one window.

use crate::{
    attribution::{Attributed, Attribution, Dimension, Source},
    ids::Name,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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

/// Which values of a dimension a cap is for.
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
    pub subject: BTreeMap<Dimension, SubjectMatch>,
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
    /// The key of the cap's only count, unless it has one per value of a dimension.
    pub fn only_subject(&self) -> Option<Box<str>> {
        let mut attribution = Attribution::default();
        for (dimension, matcher) in &self.subject {
            match matcher {
                SubjectMatch::Each => return None,
                SubjectMatch::Absent => {}
                SubjectMatch::Is(name) => {
                    attribution.set(*dimension, Attributed { value: name.clone(), from: Source::Pattern });
                }
            }
        }
        self.subject_of(&attribution)
    }

    /// The key of the count that a call falls under, or `None` when the cap is not about this call.
    pub fn subject_of(&self, attribution: &Attribution) -> Option<Box<str>> {
        let mut key = String::new();
        for (dimension, matcher) in &self.subject {
            let name = attribution.name(*dimension);
            let value = match (matcher, name) {
                (SubjectMatch::Absent, None) => "",
                (SubjectMatch::Each, Some(name)) => name.as_str(),
                (SubjectMatch::Is(wanted), Some(name)) if wanted == name => name.as_str(),
                (SubjectMatch::Absent | SubjectMatch::Each | SubjectMatch::Is(_), _) => return None,
            };
            if !key.is_empty() {
                key.push(' ');
            }
            key.push_str(dimension.as_str());
            key.push('=');
            key.push_str(value);
        }
        Some(key.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    fn subject_of(subject: &[(Dimension, SubjectMatch)], call: &[(Dimension, &str)]) -> Option<String> {
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
        cap.subject_of(&attribution).map(Into::into)
    }

    #[test]
    fn a_cap_is_about_the_calls_its_subject_names() {
        use Dimension::{Customer, Workspace};
        let acme = [(Customer, SubjectMatch::Is(name("acme")))];
        assert_eq!(subject_of(&acme, &[(Customer, "acme")]), Some("customer=acme".to_owned()));
        assert_eq!(subject_of(&acme, &[(Customer, "globex")]), None);
        assert_eq!(subject_of(&acme, &[]), None);
        assert_eq!(subject_of(&[], &[]), Some(String::new()));
        let each = [(Customer, SubjectMatch::Is(name("acme"))), (Workspace, SubjectMatch::Each)];
        let call = [(Customer, "acme"), (Workspace, "w1")];
        assert_eq!(subject_of(&each, &call), Some("customer=acme workspace=w1".to_owned()));
        let absent = [(Customer, SubjectMatch::Absent)];
        assert_eq!(subject_of(&absent, &[]), Some("customer=".to_owned()));
        assert_eq!(subject_of(&absent, &[(Customer, "acme")]), None);
    }
}
