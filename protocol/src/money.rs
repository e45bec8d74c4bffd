//! Money: integers of pico-dollars (1e-12 USD). No float, no rounding, no unchecked arithmetic.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::{fmt, str::FromStr};

/// Decimal places of a pico-dollar.
const PLACES: usize = 12;
const PICO_PER_USD: u128 = 1_000_000_000_000;
/// Providers quote per million tokens.
const UNITS_PER_MTOK: u128 = 1_000_000;

/// An amount of money. On the wire and in JSON it is an exact decimal string of USD.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PicoUsd(i128);

impl PicoUsd {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// From pico-dollars.
    pub const fn new(pico: i128) -> Self {
        Self(pico)
    }

    /// In pico-dollars.
    pub const fn pico(self) -> i128 {
        self.0
    }

    /// From the decimal text of somebody who counts finer than pico-dollars, such as `1.2345e-05`, half to even.
    pub fn parse_rounded(text: &str) -> Result<Self, MoneyError> {
        let exact = parse_decimal(text, 0)?;
        i128::try_from(exact.pico).map(Self).map_err(|_| MoneyError::TooLarge)
    }

    /// The sum, unless it does not fit.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference, unless it does not fit.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// Sums entries; `None` when the total does not fit.
    pub fn total(amounts: impl IntoIterator<Item = Self>) -> Option<Self> {
        amounts.into_iter().try_fold(Self::ZERO, Self::checked_add)
    }

    /// Rounded half to even to so many decimal places, at most 12. For reports alone, which say so.
    pub fn rounded(self, places: usize) -> Self {
        let dropped = u32::try_from(PLACES.saturating_sub(places)).unwrap_or(0);
        let Some(step) = 10_i128.checked_pow(dropped) else { return self };
        let (Some(floor), Some(rest)) = (self.0.checked_div_euclid(step), self.0.checked_rem_euclid(step))
        else {
            return self;
        };
        let twice = rest.saturating_mul(2);
        let up = twice > step || (twice == step && floor.rem_euclid(2) == 1);
        Self(floor.saturating_add(i128::from(up)).saturating_mul(step))
    }
}

impl fmt::Display for PicoUsd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 0 {
            f.write_str("-")?;
        }
        write_decimal(f, self.0.unsigned_abs())
    }
}

impl fmt::Debug for PicoUsd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} USD")
    }
}

impl FromStr for PicoUsd {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let Exact { pico, rounded } = parse_decimal(digits, 0)?;
        if rounded {
            return Err(MoneyError::TooFine);
        }
        let pico = i128::try_from(pico).map_err(|_| MoneyError::TooLarge)?;
        Ok(Self(if negative { pico.checked_neg().ok_or(MoneyError::TooLarge)? } else { pico }))
    }
}

/// The rate of one unit (one token, one search) in pico-dollars.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PicoUsdPerUnit(u64);

impl PicoUsdPerUnit {
    /// From pico-dollars per unit.
    pub const fn new(pico: u64) -> Self {
        Self(pico)
    }

    /// In pico-dollars per unit.
    pub const fn pico(self) -> u64 {
        self.0
    }

    /// From decimal text in USD per unit, such as a catalogue's `1.5e-07`. Says whether it had to round, which
    /// happens where a price is finer than a pico-dollar per token.
    pub fn parse_usd_per_unit(text: &str) -> Result<(Self, bool), MoneyError> {
        Self::from_exact(parse_decimal(text, 0)?)
    }

    /// From decimal text in USD per million units, such as `2.50`.
    pub fn parse_usd_per_mtok(text: &str) -> Result<(Self, bool), MoneyError> {
        Self::from_exact(parse_decimal(text, -6)?)
    }

    fn from_exact(exact: Exact) -> Result<(Self, bool), MoneyError> {
        Ok((Self(u64::try_from(exact.pico).map_err(|_| MoneyError::TooLarge)?), exact.rounded))
    }

    /// What so many units cost. Never rounds.
    pub fn cost(self, units: u64) -> Option<PicoUsd> {
        i128::from(self.0).checked_mul(i128::from(units)).map(PicoUsd)
    }

    /// The rate times a decimal factor such as `1.1` or `0.5`, half to even. Says whether it had to round.
    pub fn scaled(self, factor: &str) -> Result<(Self, bool), MoneyError> {
        let Exact { pico, rounded } = parse_decimal(factor, 0)?;
        if rounded {
            return Err(MoneyError::TooFine);
        }
        let product = u128::from(self.0).checked_mul(pico).ok_or(MoneyError::TooLarge)?;
        let (floor, rest) = (product / PICO_PER_USD, product % PICO_PER_USD);
        let twice = rest.saturating_mul(2);
        let up = twice > PICO_PER_USD || (twice == PICO_PER_USD && floor % 2 == 1);
        let rate = u64::try_from(floor.saturating_add(u128::from(up))).map_err(|_| MoneyError::TooLarge)?;
        Ok((Self(rate), rest != 0))
    }

    /// The rate less so many millionths of it, half to even.
    pub fn discounted(self, parts_per_million: u32) -> Self {
        let left = u128::from(1_000_000_u32.saturating_sub(parts_per_million));
        let product = u128::from(self.0).saturating_mul(left);
        let (floor, rest) = (product / UNITS_PER_MTOK, product % UNITS_PER_MTOK);
        let up = rest > UNITS_PER_MTOK / 2 || (rest == UNITS_PER_MTOK / 2 && floor % 2 == 1);
        // Never more than it was, which fits.
        Self(u64::try_from(floor.saturating_add(u128::from(up))).unwrap_or(self.0))
    }

    /// As decimal text in USD per unit.
    pub fn usd_per_unit(self) -> String {
        PicoUsd(i128::from(self.0)).to_string()
    }

    /// As decimal text in USD per million units.
    pub fn usd_per_mtok(self) -> String {
        struct PerMtok(u64);
        impl fmt::Display for PerMtok {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_decimal(f, u128::from(self.0).saturating_mul(UNITS_PER_MTOK))
            }
        }
        PerMtok(self.0).to_string()
    }
}

impl fmt::Debug for PicoUsdPerUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} USD/M", self.usd_per_mtok())
    }
}

/// Why a text is no amount of money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Something other than digits, one point and an exponent.
    #[error("is not a decimal number")]
    NotDecimal,
    /// More decimal places than a pico-dollar has.
    #[error("is finer than a pico-dollar (12 decimal places)")]
    TooFine,
    /// Does not fit.
    #[error("is too large")]
    TooLarge,
}

struct Exact {
    pico: u128,
    rounded: bool,
}

/// `digits[.digits][e±digits]` shifted by `shift` decimal places, in pico-dollars, half to even where it is finer.
fn parse_decimal(text: &str, shift: i32) -> Result<Exact, MoneyError> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => {
            (mantissa, exponent.parse::<i32>().map_err(|_| MoneyError::NotDecimal)?)
        }
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = || whole.bytes().chain(fraction.bytes());
    if digits().next().is_none() || !digits().all(|digit| digit.is_ascii_digit()) {
        return Err(MoneyError::NotDecimal);
    }
    let places = i32::try_from(fraction.len()).map_err(|_| MoneyError::NotDecimal)?;
    let scale = 12_i32
        .checked_add(shift)
        .and_then(|scale| scale.checked_add(exponent))
        .and_then(|scale| scale.checked_sub(places))
        .ok_or(MoneyError::TooLarge)?;
    let value = digits().try_fold(0_u128, |value, digit| {
        value.checked_mul(10)?.checked_add(u128::from(digit.wrapping_sub(b'0')))
    });
    let value = value.ok_or(MoneyError::TooLarge)?;
    let power = 10_u128.checked_pow(scale.unsigned_abs());
    if scale >= 0 {
        let pico = if value == 0 { Some(0) } else { power.and_then(|power| value.checked_mul(power)) };
        return Ok(Exact { pico: pico.ok_or(MoneyError::TooLarge)?, rounded: false });
    }
    let Some(power) = power else { return Ok(Exact { pico: 0, rounded: value != 0 }) };
    let (floor, rest) = (value.checked_div(power).unwrap_or(0), value.checked_rem(power).unwrap_or(0));
    let twice = rest.saturating_mul(2);
    let up = twice > power || (twice == power && floor % 2 == 1);
    Ok(Exact { pico: floor.saturating_add(u128::from(up)), rounded: rest != 0 })
}

fn write_decimal(f: &mut fmt::Formatter<'_>, pico: u128) -> fmt::Result {
    let (whole, mut fraction) = (pico / PICO_PER_USD, pico % PICO_PER_USD);
    let mut places = PLACES;
    while places > 0 && fraction % 10 == 0 {
        (fraction, places) = (fraction / 10, places.saturating_sub(1));
    }
    if places == 0 { write!(f, "{whole}") } else { write!(f, "{whole}.{fraction:0places$}") }
}

impl Serialize for PicoUsd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PicoUsd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests;
