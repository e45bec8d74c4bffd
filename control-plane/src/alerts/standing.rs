//! What an alert is: its kind, its subject, its threshold and its period, and the figures it was raised on. Nothing
//! here knows when one is raised.

use protocol::{UnixNanos, money::PicoUsd};
use serde::{Serialize, Serializer, ser::SerializeMap as _};
use std::fmt;

/// What an alert is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A share of the AI cost that the plan's expected margin leaves room for is spent.
    MarginReached,
    /// It will be at the end of the period, if spending goes on as it did so far.
    MarginProjected,
    /// A share of a cap is spent.
    Cap,
    /// An hour costs many times what it usually does.
    AbnormalSpend,
    /// Calls of a model that nobody priced.
    Unpriced,
    /// Prices that nobody has looked at for long.
    StalePrices,
    /// An Envoy that fell silent with calls open.
    UnreachableNode,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::MarginReached,
        Self::MarginProjected,
        Self::Cap,
        Self::AbnormalSpend,
        Self::Unpriced,
        Self::StalePrices,
        Self::UnreachableNode,
    ];

    /// The word in the API, in messages and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MarginReached => "margin_reached",
            Self::MarginProjected => "margin_projected",
            Self::Cap => "cap",
            Self::AbnormalSpend => "abnormal_spend",
            Self::Unpriced => "unpriced",
            Self::StalePrices => "stale_prices",
            Self::UnreachableNode => "unreachable_node",
        }
    }

    /// From the word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// What one evaluation raises of one matter goes out as one message.
    pub fn matter(self) -> &'static str {
        match self {
            Self::MarginReached | Self::MarginProjected => "margin",
            other => other.as_str(),
        }
    }
}

/// Who or what an alert is about: words and names, in order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject(Vec<(&'static str, Box<str>)>);

/// Every word of a subject.
const WORDS: [&str; 10] =
    ["customer", "workspace", "feature", "plan", "cap", "unit", "of", "provider", "model", "node"];

impl Subject {
    pub(super) fn of<const N: usize>(parts: [(&'static str, &str); N]) -> Self {
        Self(parts.into_iter().map(|(word, name)| (word, name.into())).collect())
    }

    /// As the store keeps it: a line each, because a name may hold anything else.
    pub(super) fn key(&self) -> String {
        let lines: Vec<String> = self.0.iter().map(|(word, name)| format!("{word}={name}")).collect();
        lines.join("\n")
    }

    pub(super) fn from_key(key: &str) -> Self {
        let part = |line: &str| {
            let (word, name) = line.split_once('=')?;
            let word = WORDS.into_iter().find(|known| *known == word)?;
            Some((word, name.into()))
        };
        Self(key.split('\n').filter_map(part).collect())
    }

    /// The name behind a word.
    pub fn name(&self, word: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == word).map(|(_, name)| &**name)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, (word, name)) in self.0.iter().enumerate() {
            let comma = if position == 0 { "" } else { ", " };
            write!(f, "{comma}{word} {name}")?;
        }
        Ok(())
    }
}

impl Serialize for Subject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (word, name) in &self.0 {
            map.serialize_entry(word, name)?;
        }
        map.end()
    }
}

/// What fires once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    /// What it is about,
    pub kind: Kind,
    /// whom,
    pub subject: Subject,
    /// how much: percent, a factor, days or minutes; 0 where there is nothing to pass,
    pub threshold: u32,
    /// and since when it counts.
    pub period_start: UnixNanos,
}

/// A threshold that is passed now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    /// Which.
    pub key: Key,
    /// When it is armed again.
    pub period_end: UnixNanos,
    /// Whose it is, where it is somebody's.
    pub customer: Option<Box<str>>,
    /// How far.
    pub figures: Figures,
}

/// What an alert is raised on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(super) enum Figures {
    /// Of what a plan's expected margin leaves room for.
    Margin(Margin),
    /// Of a cap.
    Cap(CapUse),
    /// Of an hour.
    Hour(Hour),
    /// Of unpriced traffic.
    Unpriced {
        /// Calls without a known cost,
        unpriced_calls: u64,
        /// of so many of the model on that day.
        calls: u64,
        /// Whether the model has a price at all.
        has_price: bool,
    },
    /// Of prices.
    Prices {
        /// Since they were last confirmed.
        age_days: u64,
    },
    /// Of an Envoy.
    Node {
        /// Since it was last heard of.
        silent_minutes: u64,
        /// That it has not ended.
        open_calls: u64,
    },
}

/// How far a budget is spent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Margin {
    /// Since the period began.
    pub spent_usd: PicoUsd,
    /// What the expected margin leaves room for.
    pub budget_usd: PicoUsd,
    /// Spent, in whole percent of it, rounded down.
    pub used_percent: u64,
    /// At the end of the period; absent where the period is too young to tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub projected_usd: Option<PicoUsd>,
    /// The same in whole percent of the budget.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub projected_percent: Option<u64>,
    /// Calls whose cost is not known and so in none of these.
    pub unpriced_calls: u64,
    /// The plan whose margin it is; none where it is several plans'.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<Box<str>>,
}

/// How far a cap is used, in its own unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct CapUse {
    /// By calls that ended: USD as a decimal string, or a number of tokens or calls. So are the other two.
    pub spent: serde_json::Value,
    /// By calls that are open.
    pub held: serde_json::Value,
    /// How much is allowed.
    pub limit: serde_json::Value,
    /// Spent, in whole percent of the limit, rounded down.
    pub used_percent: u64,
    /// day, week, month, …
    pub window: &'static str,
    /// enforce or shadow.
    pub mode: &'static str,
}

/// How an hour differs from others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Hour {
    /// When it began, RFC 3339.
    pub hour: String,
    /// In it.
    pub spent_usd: PicoUsd,
    /// The median of the same hour on other days.
    pub usual_usd: PicoUsd,
    /// From here on it is abnormal.
    pub limit_usd: PicoUsd,
    /// How many days there are to compare with.
    pub days: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_read_back_from_its_key_whatever_its_names_hold() {
        let subject = Subject::of([("customer", "a=b, workspace c"), ("workspace", "d")]);
        assert_eq!(Subject::from_key(&subject.key()), subject);
        assert_eq!(subject.name("workspace"), Some("d"));
        assert_eq!(subject.to_string(), "customer a=b, workspace c, workspace d");
        let json = serde_json::to_string(&subject).unwrap();
        assert_eq!(json, r#"{"customer":"a=b, workspace c","workspace":"d"}"#);
    }

    #[test]
    fn every_kind_has_a_word_of_its_own() {
        for kind in Kind::ALL {
            assert_eq!(Kind::parse(kind.as_str()), Some(kind));
        }
    }
}
