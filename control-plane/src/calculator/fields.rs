//! The fields of a calculation as somebody wrote them: in JSON, in a form or on a command line. Each is read once; what is
//! wrong is noted with its name, and reading goes on, so that all faults are told at once.

use protocol::money::PicoUsd;
use serde::Serialize;
use serde_json::{Map, Value};

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Its name.
    pub path: String,
    /// What is wrong.
    pub message: String,
}

/// A document of flat fields.
pub(super) struct Fields<'a> {
    map: &'a Map<String, Value>,
    pub(super) faults: Vec<Fault>,
}

/// So many millionths are a whole.
pub(super) const WHOLE: u64 = 1_000_000;

impl<'a> Fields<'a> {
    /// Of a document that has none but these keys.
    pub(super) fn new(map: &'a Map<String, Value>, keys: &[&str]) -> Self {
        let mut fields = Self { map, faults: Vec::new() };
        for key in map.keys().filter(|key| !keys.contains(&key.as_str())) {
            fields.fault(key, format!("is no field of a calculation; there are: {}", keys.join(", ")));
        }
        fields
    }

    pub(super) fn fault(&mut self, path: &str, message: impl Into<String>) {
        self.faults.push(Fault { path: path.to_owned(), message: message.into() });
    }

    /// The value; null and an empty text are absence.
    pub(super) fn value(&self, key: &str) -> Option<&'a Value> {
        self.map
            .get(key)
            .filter(|value| !value.is_null() && value.as_str().is_none_or(|it| !it.trim().is_empty()))
    }

    /// Whether somebody wrote something there.
    pub(super) fn has(&self, key: &str) -> bool {
        self.value(key).is_some()
    }

    /// A text, or a number as it is written.
    pub(super) fn text(&mut self, key: &str) -> Option<String> {
        match self.value(key)? {
            Value::String(text) => Some(text.trim().to_owned()),
            Value::Number(number) => Some(number.to_string()),
            _ => {
                self.fault(key, "is neither a text nor a number");
                None
            }
        }
    }

    /// A whole number.
    pub(super) fn count(&mut self, key: &str, max: u64) -> Option<u64> {
        let text = self.text(key)?;
        let read = count(&text, max);
        read.map_err(|message| self.fault(key, message)).ok()
    }

    /// A decimal with up to six places, in millionths.
    pub(super) fn millionths(&mut self, key: &str, max: u64) -> Option<u64> {
        const PICO: i128 = 1_000_000;
        let text = self.text(key)?;
        let read = text.parse::<PicoUsd>().ok().map(PicoUsd::pico);
        let read = read.filter(|pico| *pico >= 0 && pico.rem_euclid(PICO) == 0);
        let read = read.and_then(|pico| u64::try_from(pico.div_euclid(PICO)).ok());
        match read.filter(|read| *read <= max.saturating_mul(WHOLE)) {
            Some(read) => Some(read),
            None => {
                self.fault(
                    key,
                    format!("`{text}` is no number from 0 to {max} with at most six decimal places"),
                );
                None
            }
        }
    }

    /// A percentage with up to four places, in millionths of the whole. A percent sign may stand behind it.
    pub(super) fn share(&mut self, key: &str) -> Option<u64> {
        let text = self.text(key)?;
        let number = text.strip_suffix('%').unwrap_or(&text).trim_end();
        const PICO: i128 = 100_000_000;
        let read = number.parse::<PicoUsd>().ok().map(PicoUsd::pico);
        let read = read.filter(|pico| *pico >= 0 && pico.rem_euclid(PICO) == 0);
        match read.and_then(|pico| u64::try_from(pico.div_euclid(PICO)).ok()).filter(|read| *read <= WHOLE) {
            Some(read) => Some(read),
            None => {
                self.fault(
                    key,
                    format!("`{text}` is no percentage from 0 to 100 with at most four decimal places"),
                );
                None
            }
        }
    }
}

/// A whole number up to a bound.
pub(super) fn count(text: &str, max: u64) -> Result<u64, String> {
    let read = text.parse::<u64>().ok().filter(|read| *read <= max);
    read.ok_or_else(|| format!("`{text}` is no whole number from 0 to {max}"))
}
