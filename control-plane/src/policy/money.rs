//! Money as a policy writes it: an exact decimal, quoted or not. Never a float.

use protocol::money::{MoneyError, PicoUsd};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::{borrow::Cow, str::FromStr};

/// An amount of USD that is not negative and fits a cap: at most 9,000,000.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Usd(PicoUsd);

/// A cap counts pico-dollars in 64 bits, which end at 9.2 million USD.
const LIMIT: PicoUsd = PicoUsd::new(9_000_000_000_000_000_000);

impl Usd {
    /// An amount that a policy may name; what is outside is taken to the nearer end.
    pub(super) fn of(amount: PicoUsd) -> Self {
        Self(amount.clamp(PicoUsd::ZERO, LIMIT))
    }

    /// The amount.
    pub fn amount(self) -> PicoUsd {
        self.0
    }

    /// The amount in pico-dollars; it fits by construction.
    pub fn pico(self) -> i64 {
        i64::try_from(self.0.pico()).unwrap_or(i64::MAX)
    }
}

/// Why a text is no amount of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UsdError {
    /// Not money at all.
    #[error("{0}")]
    NotMoney(#[from] MoneyError),
    /// Below zero.
    #[error("is negative")]
    Negative,
    /// Above what a cap can count.
    #[error("is more than 9000000 USD")]
    TooLarge,
}

impl FromStr for Usd {
    type Err = UsdError;

    fn from_str(text: &str) -> Result<Self, UsdError> {
        let amount = plain_usd(text)?;
        if amount < PicoUsd::ZERO {
            return Err(UsdError::Negative);
        }
        if amount > LIMIT {
            return Err(UsdError::TooLarge);
        }
        Ok(Self(amount))
    }
}

/// An amount as people write it. An exponent is for machines: nobody means a thousand with `1e3`.
pub fn plain_usd(text: &str) -> Result<PicoUsd, MoneyError> {
    if text.contains(['e', 'E']) { Err(MoneyError::NotDecimal) } else { text.parse() }
}

impl Serialize for Usd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Usd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl JsonSchema for Usd {
    fn schema_name() -> Cow<'static, str> {
        "Usd".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "An amount of USD, at most 9000000, with at most 12 decimal places.",
            "type": ["string", "number"],
            "format": "usd",
            "minimum": 0,
            "maximum": 9_000_000,
            "pattern": "^[0-9]+(\\.[0-9]{1,12})?$"
        })
    }
}
