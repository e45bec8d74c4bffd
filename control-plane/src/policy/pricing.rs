//! What a policy says of prices: other names of models, contracts, whose word bills, and from where prices are
//! refreshed. The prices themselves are in the price table.

mod when;

pub use when::When;

use protocol::{UnixNanos, attempt::BillsOnAbort, ids::Name, meters::Meter, rating::Discount};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::{borrow::Cow, collections::BTreeMap, fmt, str::FromStr};

/// What a policy says of prices.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pricing {
    /// By provider: other names of models, such as the deployments of Azure, and the model whose price they have.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, BTreeMap<String, String>>")]
    pub aliases: BTreeMap<Name, BTreeMap<Name, Box<str>>>,
    /// What is taken off list prices. Contracts with rates of their own are rows of the price table.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub discounts: Vec<Contract>,
    /// Providers whose own word on what a call costs is what is booked. Of the others it is only kept for comparison.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<String>")]
    pub provider_cost_bills: Vec<Name>,
    /// By provider: what it bills of a request that it got and whose answer nobody took: nothing, the prompt (which is
    /// taken where a provider is not named), or as much output as the request allows, too.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "bills_on_abort")]
    pub bills_on_abort: BTreeMap<Name, BillsOnAbort>,
    /// Catalogues that are read again and again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refresh: Vec<Refresh>,
}

/// A share of list prices that is not paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// Unique in the policy; the ledger's lines name it.
    #[schemars(with = "String", extend("format" = "name"))]
    pub name: Name,
    /// Whose list prices.
    #[schemars(with = "String", extend("format" = "name"))]
    pub provider: Name,
    /// The account at the provider, as the filter's `providers` name it; by default all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "name"))]
    pub account: Option<Name>,
    /// Names of models, or their beginnings with a `*` behind; by default all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<Box<str>>,
    /// What it covers; by default everything.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "meters")]
    pub meters: Vec<Meter>,
    /// How much, of a hundred.
    pub discount_percent: Percent,
    /// From this day or instant on; by default since ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<When>,
    /// Until before this one; by default until further notice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<When>,
}

fn meters(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "array", "items": {"type": "string", "enum": Meter::ALL.map(Meter::as_str)}})
}

fn bills_on_abort(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "additionalProperties": {"type": "string", "enum": ["none", "input", "full"]},
    })
}

/// How narrowly a discount is meant; the greatest comes first.
type Narrowness = (bool, bool, usize, bool);

impl Contract {
    /// Whether some of a model's calls are covered, at some time and for some account.
    pub fn is_about(&self, provider: &str, model: &str) -> bool {
        self.provider.as_str() == provider && self.by_model(model).is_some()
    }

    /// Whether the name of the model is covered; how much of it a pattern says.
    fn by_model(&self, model: &str) -> Option<(bool, usize)> {
        let fits = |pattern: &&str| match pattern.strip_suffix('*') {
            Some(beginning) => model.starts_with(beginning),
            None => model == *pattern,
        };
        let narrowness = |pattern: &str| (!pattern.ends_with('*'), pattern.len());
        match self.models.iter().map(|pattern| &**pattern).filter(fits).map(narrowness).max() {
            None if self.models.is_empty() => Some((false, 0)),
            longest => longest,
        }
    }

    /// Whether a call is covered, and how narrowly.
    fn covers(
        &self,
        provider: &str,
        account: Option<&str>,
        model: &str,
        at: UnixNanos,
    ) -> Option<Narrowness> {
        let of_account = self
            .account
            .as_ref()
            .is_none_or(|named| account.is_some_and(|account| account == named.as_str()));
        let from = self.from.map_or(0, |from| from.0);
        let in_time = from <= at && self.to.is_none_or(|to| at < to.0);
        if self.provider.as_str() != provider || !of_account || !in_time {
            return None;
        }
        let (is_exact, length) = self.by_model(model)?;
        Some((self.account.is_some(), is_exact, length, !self.meters.is_empty()))
    }
}

impl Pricing {
    /// The discounts of a call of a model of these names, the one that is meant most narrowly first: for the account,
    /// then for the model, then for some meters.
    pub fn discounts(
        &self,
        provider: &str,
        account: Option<&str>,
        names: &[&str],
        at: UnixNanos,
    ) -> Vec<Discount> {
        let covers = |contract: &Contract| {
            names.iter().filter_map(|model| contract.covers(provider, account, model, at)).max()
        };
        let mut found: Vec<_> =
            self.discounts.iter().filter_map(|contract| Some((covers(contract)?, contract))).collect();
        found.sort_by_key(|(narrowness, _)| std::cmp::Reverse(*narrowness));
        let discount = |(_, contract): (_, &Contract)| Discount {
            name: contract.name.as_str().into(),
            meters: contract.meters.clone(),
            parts_per_million: contract.discount_percent.0,
        };
        found.into_iter().map(discount).collect()
    }

    /// The model whose price another name has.
    pub fn alias(&self, provider: &str, model: &str) -> Option<&str> {
        if self.aliases.is_empty() {
            return None;
        }
        let names = self.aliases.iter().find(|(name, _)| name.as_str() == provider)?.1;
        names.iter().find(|(name, _)| name.as_str() == model).map(|(_, model)| &**model)
    }

    /// The instants at which a discount begins or ends.
    pub fn changes(&self) -> impl Iterator<Item = UnixNanos> {
        self.discounts.iter().flat_map(|contract| [contract.from, contract.to]).flatten().map(|when| when.0)
    }
}

/// A catalogue that is read again and again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Refresh {
    /// What it is; by default what it looks like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<CatalogueFormat>,
    /// Where it is: an address …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "url"))]
    pub url: Option<Box<str>>,
    /// … or a file of the control plane's machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<Box<str>>,
    /// How often it is read.
    #[serde(default = "a_day_of_hours")]
    #[schemars(range(min = 1, max = 8760))]
    pub every_hours: u32,
    /// What is put in force without anybody's approval.
    #[serde(default)]
    pub apply: Apply,
}

fn a_day_of_hours() -> u32 {
    24
}

/// The catalogues that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CatalogueFormat {
    /// LiteLLM's model_prices_and_context_window.json.
    Litellm,
    /// OpenRouter's /api/v1/models.
    Openrouter,
    /// models.dev's api.json.
    ModelsDev,
    /// pydantic's genai-prices data.
    GenaiPrices,
    /// Bursar's own YAML.
    Yaml,
    /// Bursar's own CSV.
    Csv,
}

impl CatalogueFormat {
    /// Every format, by the word that names it.
    pub const ALL: [Self; 6] =
        [Self::Litellm, Self::Openrouter, Self::ModelsDev, Self::GenaiPrices, Self::Yaml, Self::Csv];

    /// The word in policies, on the command line and in addresses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Litellm => "litellm",
            Self::Openrouter => "openrouter",
            Self::ModelsDev => "models-dev",
            Self::GenaiPrices => "genai-prices",
            Self::Yaml => "yaml",
            Self::Csv => "csv",
        }
    }

    /// Whether people write it themselves.
    pub fn is_own(self) -> bool {
        matches!(self, Self::Yaml | Self::Csv)
    }
}

/// No catalogue format of that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is none of litellm, openrouter, models-dev, genai-prices, yaml, csv")]
pub struct UnknownFormat;

impl FromStr for CatalogueFormat {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        Self::ALL.into_iter().find(|format| format.as_str() == text).ok_or(UnknownFormat)
    }
}

/// What an import may do by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Apply {
    /// Nothing: every change waits for approval.
    #[default]
    Nothing,
    /// What the guards have nothing against.
    Guarded,
}

/// Neither of the two words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is neither nothing nor guarded")]
pub struct UnknownApply;

impl FromStr for Apply {
    type Err = UnknownApply;

    fn from_str(text: &str) -> Result<Self, UnknownApply> {
        match text {
            "nothing" => Ok(Self::Nothing),
            "guarded" => Ok(Self::Guarded),
            _ => Err(UnknownApply),
        }
    }
}

/// A share, in millionths. Written as percent with at most four decimal places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent(pub u32);

/// Why a text is no percentage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no percentage from 0 to 100 with at most 4 decimal places")]
pub struct NotPercent;

impl FromStr for Percent {
    type Err = NotPercent;

    fn from_str(text: &str) -> Result<Self, NotPercent> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || whole.len() > 3 || !digits(whole) || !digits(fraction) || fraction.len() > 4 {
            return Err(NotPercent);
        }
        let parts: u32 = format!("{whole}{fraction:0<4}").parse().map_err(|_| NotPercent)?;
        if parts <= 1_000_000 { Ok(Self(parts)) } else { Err(NotPercent) }
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}.{:04}", self.0 / 10_000, self.0 % 10_000);
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

impl Serialize for Percent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl JsonSchema for Percent {
    fn schema_name() -> Cow<'static, str> {
        "Percent".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["string", "number"], "format": "percent", "pattern": "^[0-9]{1,3}(\\.[0-9]{1,4})?$"})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentage_is_exact_and_written_back_as_it_was() {
        for (text, parts) in [("12.5", 125_000), ("100", 1_000_000), ("0", 0), ("0.0001", 1)] {
            assert_eq!(text.parse(), Ok(Percent(parts)), "{text}");
            assert_eq!(Percent(parts).to_string(), text);
        }
        for text in ["", "-1", "100.0001", "1e1", "0.00001", "1000", ".5"] {
            assert_eq!(text.parse::<Percent>(), Err(NotPercent), "{text}");
        }
    }

    #[test]
    fn the_discount_that_is_meant_most_narrowly_comes_first() {
        let contract = |name: &str, account: Option<&str>, models: &[&str]| Contract {
            name: name.parse().unwrap(),
            provider: "openai".parse().unwrap(),
            account: account.map(|account| account.parse().unwrap()),
            models: models.iter().map(|model| (*model).into()).collect(),
            meters: Vec::new(),
            discount_percent: Percent(1),
            from: Some(When(10)),
            to: Some(When(20)),
        };
        let pricing = Pricing {
            discounts: vec![
                contract("all", None, &[]),
                contract("mini", None, &["gpt-4o-mini*"]),
                contract("four", None, &["gpt-4o*"]),
                contract("prod", Some("prod"), &[]),
            ],
            ..Pricing::default()
        };
        let names = |account, model, at| -> Vec<String> {
            let found = pricing.discounts("openai", account, &[model], at);
            found.into_iter().map(|discount| discount.name.into()).collect()
        };
        assert_eq!(names(None, "gpt-4o-mini-x", 10), ["mini", "four", "all"]);
        assert_eq!(names(Some("prod"), "gpt-4o", 19), ["prod", "four", "all"]);
        assert_eq!(names(Some("test"), "o3", 15), ["all"]);
        assert!(names(None, "o3", 9).is_empty() && names(None, "o3", 20).is_empty());
    }
}
