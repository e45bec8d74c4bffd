//! Finding a model among the prices in force: what the filter does for holds and settlements, by the same rules as the
//! control plane.

use super::ModelPrices;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, ops::Bound};

/// Which rule found a model's prices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchedBy {
    /// The served model, to the letter.
    ServedModel,
    /// The served model, by another name that the policy gives it.
    ServedAlias,
    /// The beginning of the served model.
    ServedPrefix,
    /// The requested model, to the letter: the served one has no price.
    RequestedModel,
    /// The requested model, by another name that the policy gives it.
    RequestedAlias,
    /// The beginning of the requested model.
    RequestedPrefix,
}

impl MatchedBy {
    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ServedModel => "served_model",
            Self::ServedAlias => "served_alias",
            Self::ServedPrefix => "served_prefix",
            Self::RequestedModel => "requested_model",
            Self::RequestedAlias => "requested_alias",
            Self::RequestedPrefix => "requested_prefix",
        }
    }
}

/// The prices in force, by provider and model, contracts taken in. Aliases are models of their own here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceBook {
    /// provider → model → prices.
    #[serde(default)]
    pub exact: BTreeMap<Box<str>, BTreeMap<Box<str>, ModelPrices>>,
    /// provider → model prefix → prices, for rows that say `match: prefix`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub prefixes: BTreeMap<Box<str>, BTreeMap<Box<str>, ModelPrices>>,
    /// account → the same, for the models that an account with a provider has prices of its own for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub accounts: BTreeMap<Box<str>, Self>,
}

impl PriceBook {
    /// Exact before prefix, served before requested; the longest prefix wins. Never strips a date or a suffix:
    /// two snapshots of a model may differ in price.
    pub fn find(
        &self,
        provider: &str,
        account: Option<&str>,
        served: Option<&str>,
        requested: Option<&str>,
    ) -> Option<&ModelPrices> {
        let own = account.and_then(|account| self.accounts.get(account));
        [served, requested].into_iter().flatten().find_map(|model| {
            own.and_then(|book| book.of_model(provider, model)).or_else(|| self.of_model(provider, model))
        })
    }

    fn of_model(&self, provider: &str, model: &str) -> Option<&ModelPrices> {
        let exact = self.exact.get(provider).and_then(|models| models.get(model));
        exact.or_else(|| Some(longest_prefix(self.prefixes.get(provider)?, model)?.1))
    }
}

/// The longest key that a text begins with, and its value.
pub fn longest_prefix<'a, T>(rows: &'a BTreeMap<Box<str>, T>, text: &str) -> Option<(&'a str, &'a T)> {
    let mut upper = text;
    loop {
        // The greatest key not above `upper` is the answer, or shares with it the part that the answer begins with.
        let (key, value) = rows.range::<str, _>((Bound::Unbounded, Bound::Included(upper))).next_back()?;
        if text.starts_with(&**key) {
            return Some((key, value));
        }
        let common = key.bytes().zip(text.bytes()).take_while(|(a, b)| a == b).count();
        upper = text.get(..floor_char(text, common))?;
    }
}

fn floor_char(text: &str, index: usize) -> usize {
    (0..=index).rev().find(|index| text.is_char_boundary(*index)).unwrap_or(0)
}
