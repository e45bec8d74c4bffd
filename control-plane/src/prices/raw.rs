//! JSON as it is written: numbers are taken as their text, and no float is made of them.

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;
use std::{borrow::Cow, fmt};

/// A JSON object in the order of its text, with keys that are written twice still twice.
pub(super) struct Pairs<'a>(pub(super) Vec<(String, &'a RawValue)>);

impl<'a> Pairs<'a> {
    /// The object that a text is.
    pub(super) fn of(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The value of a key, as it is written.
    pub(super) fn raw(&self, key: &str) -> Option<&'a str> {
        self.0.iter().find(|(known, _)| known == key).map(|(_, raw)| raw.get())
    }

    /// The text of a key, where it has one.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        string(self.raw(key)?)
    }

    /// The object under a key.
    pub(super) fn object(&self, key: &str) -> Option<Self> {
        Self::of(self.raw(key)?)
    }

    /// The items of the list under a key.
    pub(super) fn list(&self, key: &str) -> Option<Vec<&'a RawValue>> {
        serde_json::from_str(self.raw(key)?).ok()
    }

    /// The whole number under a key.
    pub(super) fn whole(&self, key: &str) -> Option<u64> {
        whole(self.raw(key)?)
    }
}

impl<'de> Deserialize<'de> for Pairs<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PairsVisitor;
        impl<'de> Visitor<'de> for PairsVisitor {
            type Value = Pairs<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(PairsVisitor)
    }
}

/// The text that a JSON value is, if it is one.
pub(super) fn string(raw: &str) -> Option<String> {
    serde_json::from_str(raw).ok()
}

/// A number that is written as one or as a text.
pub(super) fn number(raw: &str) -> Cow<'_, str> {
    string(raw).map_or(Cow::Borrowed(raw), Cow::Owned)
}

/// A whole number, also where it is written `256000.0`.
pub(super) fn whole(raw: &str) -> Option<u64> {
    let (digits, fraction) = raw.split_once('.').unwrap_or((raw, ""));
    if fraction.bytes().any(|digit| digit != b'0') {
        return None;
    }
    digits.parse().ok()
}

/// Whether a value is a number that says nothing: `0`, `0.0`.
pub(super) fn is_zero(raw: &str) -> bool {
    let number = number(raw);
    let digits = number.split(['e', 'E']).next().unwrap_or_default();
    digits.contains('0') && digits.bytes().all(|byte| matches!(byte, b'0' | b'.'))
}

/// A decimal text, so many places to the right: a price per thousand as one per unit is 3 to the left.
pub(super) fn shifted(text: &str, places: i32) -> Option<String> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let exponent: i32 = exponent.parse().ok()?;
    Some(format!("{mantissa}e{}", exponent.checked_add(places)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_the_text_they_are() {
        let pairs = Pairs::of(r#"{"a": 1e-7, "a": 2, "b": "0.000003", "c": 256000.0, "d": 2.5}"#).unwrap();
        assert_eq!((pairs.0.len(), pairs.raw("a")), (5, Some("1e-7")));
        assert_eq!(number(pairs.raw("b").unwrap()), "0.000003");
        assert_eq!((pairs.whole("c"), pairs.whole("d"), pairs.whole("b")), (Some(256_000), None, None));
        for (text, zero) in
            [("0", true), ("0.0", true), ("\"0\"", true), ("0e-9", true), ("1e-9", false), ("null", false)]
        {
            assert_eq!(is_zero(text), zero, "{text}");
        }
        assert_eq!(shifted("12", -3).unwrap(), "12e-3");
        assert_eq!(shifted("1.5e1", -3).unwrap(), "1.5e-2");
    }
}
