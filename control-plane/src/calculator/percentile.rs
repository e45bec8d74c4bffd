//! A distribution of calls over customers, by percentile.

use super::fields::{Fields, count};
use serde_json::Value;
use std::{collections::BTreeMap, fmt};

/// More calls than anybody makes; the arithmetic is bounded by them.
const CALLS_MAX: u64 = 1_000_000_000;
/// So many percentiles a distribution has at most.
const PERCENTILES_MAX: usize = 20;

/// A percentile in tenths: 500 is the median.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percentile(pub u16);

impl fmt::Display for Percentile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 / 10, self.0 % 10) {
            (whole, 0) => write!(f, "p{whole}"),
            (whole, tenth) => write!(f, "p{whole}.{tenth}"),
        }
    }
}

impl Percentile {
    /// `p50`, `50` or `p99.9`.
    fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix(['p', 'P']).unwrap_or(text);
        let (whole, tenth) = text.split_once('.').unwrap_or((text, "0"));
        let tenth: u16 = Some(tenth).filter(|it| it.len() == 1)?.parse().ok()?;
        let tenths = whole.parse::<u16>().ok()?.checked_mul(10)?.checked_add(tenth)?;
        (1..=1_000).contains(&tenths).then_some(Self(tenths))
    }
}

/// `{"p50": 100, "p99": 5000}`, or the same as `p50=100,p99=5000`.
pub(super) fn calls(fields: &mut Fields<'_>) -> Option<Vec<(Percentile, u64)>> {
    let before = fields.faults.len();
    let pairs: Vec<(String, String)> = match fields.value("calls") {
        None => {
            fields.fault("calls", "is needed, by percentile of the customers: p50=100,p90=500,p99=3000");
            return None;
        }
        Some(Value::Object(map)) => map
            .iter()
            .map(|(key, value)| {
                (key.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned))
            })
            .collect(),
        Some(Value::String(text)) => text
            .split(',')
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()))
            .collect(),
        Some(_) => {
            fields.fault("calls", "is no object of percentiles, nor a text such as p50=100,p90=500");
            return None;
        }
    };
    if pairs.len() > PERCENTILES_MAX {
        fields.fault("calls", format!("has more than {PERCENTILES_MAX} percentiles"));
        return None;
    }
    let mut read: BTreeMap<Percentile, u64> = BTreeMap::new();
    for (key, value) in pairs {
        let path = format!("calls.{key}");
        let Some(percentile) = Percentile::parse(&key) else {
            fields.fault(&path, "is no percentile such as p50 or p99.9");
            continue;
        };
        match count(&value, CALLS_MAX) {
            Ok(calls) if read.insert(percentile, calls).is_some() => fields.fault(&path, "is there twice"),
            Ok(_) => {}
            Err(message) => fields.fault(&path, message),
        }
    }
    let mut highest = 0;
    for (percentile, calls) in &read {
        if *calls < highest {
            fields.fault(&format!("calls.{percentile}"), "is less than at a lower percentile");
        }
        highest = *calls;
    }
    if read.is_empty() && fields.faults.len() == before {
        fields.fault("calls", "has no percentile");
    }
    (fields.faults.len() == before).then(|| read.into_iter().collect())
}
