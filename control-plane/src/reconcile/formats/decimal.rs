//! Decimal numbers of exports, taken as they are written: in JSON a number or a text. No float is made of them.

use protocol::money::PicoUsd;
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::value::RawValue;

/// A number as it is written.
#[derive(Clone, Debug)]
pub(super) struct Decimal(String);

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let text = raw.get().trim();
        let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
        match money(text, 0) {
            Some(_) => Ok(Self(text.to_owned())),
            None => Err(D::Error::custom(format!("`{text}` is no decimal number"))),
        }
    }
}

impl Decimal {
    /// As USD, shifted by so many decimal places; and whether it had to be rounded.
    pub(super) fn usd(&self, shift: i32) -> Option<(PicoUsd, bool)> {
        money(&self.0, shift)
    }
}

/// A decimal text as USD, shifted by so many decimal places; and whether it was finer than a pico-dollar.
pub(super) fn money(text: &str, shift: i32) -> Option<(PicoUsd, bool)> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = digits.split_once(['e', 'E']).unwrap_or((digits, "0"));
    let exponent = exponent.strip_prefix('+').unwrap_or(exponent).parse::<i32>().ok()?.checked_add(shift)?;
    let shifted = format!("{mantissa}e{exponent}");
    let amount = PicoUsd::parse_rounded(&shifted).ok()?;
    let is_exact = shifted.parse::<PicoUsd>().is_ok();
    let pico = if negative { amount.pico().checked_neg()? } else { amount.pico() };
    Some((PicoUsd::new(pico), !is_exact))
}

/// A quantity times 10^shift in whole units, half to even where it is none; `None` where it is negative or no number.
pub(super) fn units(text: &str, shift: i32) -> Option<u64> {
    // Pico-dollars are a decimal with twelve places: shifted by so many they are whole units.
    u64::try_from(money(text, shift.checked_sub(12)?)?.0.pico()).ok()
}
