//! Price corrections: where a provider charges another rate than the table has, day after day the same, the table is what is
//! wrong. They are proposals; somebody approves them, or does not.

use super::{
    compare::{Compared, Seen},
    theirs::{Day, Place, date_of},
};
use protocol::{
    meters::Meter,
    money::{PicoUsd, PicoUsdPerUnit},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A rate is believed when so many days say it.
const DAYS_MIN: usize = 3;
/// Providers round their amounts: a thousandth of one, and a millionth of a USD, are no drift.
const SLACK_PARTS: i128 = 1_000;
const SLACK: i128 = 1_000_000;

/// A rate that explains what they charge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correction {
    /// Of which model.
    pub model: Box<str>,
    /// What is counted.
    pub meter: Meter,
    /// Where.
    pub place: Place,
    /// The first day that says it.
    pub from: Day,
    /// How many days do.
    pub days: usize,
    /// The table's rate.
    pub ours: Option<PicoUsdPerUnit>,
    /// Theirs.
    pub theirs: PicoUsdPerUnit,
}

type Days<'a> = Vec<(Day, &'a Seen)>;

/// Finds them.
pub fn corrections(compared: &Compared) -> Vec<Correction> {
    let mut seen: BTreeMap<(&str, Meter, &Place), Days<'_>> = BTreeMap::new();
    for group in &compared.groups {
        for one in &group.seen {
            seen.entry((&group.model, one.meter, &one.place)).or_default().push((group.day, one));
        }
    }
    let found = seen.into_iter().filter_map(|((model, meter, place), days)| {
        let first = days.iter().position(|(_, seen)| !seen.rate.is_some_and(|rate| explains(rate, seen)))?;
        // From the first day on that the table does not explain, one rate must explain all.
        let days = days.get(first..)?;
        let theirs = common_rate(days).filter(|_| days.len() >= DAYS_MIN)?;
        let (from, seen) = days.first()?;
        let (model, place) = (model.into(), place.clone());
        Some(Correction { model, meter, place, from: *from, days: days.len(), ours: seen.rate, theirs })
    });
    found.collect()
}

fn explains(rate: PicoUsdPerUnit, seen: &Seen) -> bool {
    let off = rate.cost(seen.units).and_then(|cost| cost.checked_sub(seen.cost));
    off.is_some_and(|off| off.pico().abs() <= (seen.cost.pico().abs() / SLACK_PARTS).saturating_add(SLACK))
}

/// The rate that explains every day: the roundest one, as rates are sold.
fn common_rate(days: &[(Day, &Seen)]) -> Option<PicoUsdPerUnit> {
    let cost = PicoUsd::total(days.iter().map(|(_, seen)| seen.cost))?;
    let units = days.iter().try_fold(0_u64, |sum, (_, seen)| sum.checked_add(seen.units))?;
    let exact = u64::try_from(crate::reports::quotient(cost.pico(), 1, i128::from(units))?).ok()?;
    let steps = [1_000_000, 100_000, 10_000, 1_000, 100, 10, 1_u64];
    let rounded = steps.into_iter().map(|step| {
        let half = exact.saturating_add(step / 2);
        PicoUsdPerUnit::new(half.saturating_sub(half % step))
    });
    let mut rounded = rounded.filter(|rate| days.iter().all(|(_, seen)| explains(*rate, seen)));
    rounded.next()
}

/// The corrections as a file of prices of one's own. YAML takes JSON.
pub fn yaml(provider: &str, corrections: &[Correction]) -> String {
    let prices = corrections.iter().map(|correction| {
        let rate = if correction.meter.is_tokens() {
            json!({"usd_per_mtok": correction.theirs.usd_per_mtok()})
        } else {
            json!({"usd_per_unit": correction.theirs.usd_per_unit()})
        };
        let mut price = json!({
            "provider": provider, "model": correction.model, "from": date_of(correction.from).to_string(),
            "rates": {correction.meter.as_str(): rate},
        });
        let place = [("tier", &correction.place.tier), ("region", &correction.place.region)];
        for (key, value) in place.into_iter().filter_map(|(key, value)| Some((key, value.as_deref()?))) {
            if let Some(price) = price.as_object_mut() {
                price.insert(key.to_owned(), value.into());
            }
        }
        price
    });
    json!({"version": 1, "prices": prices.collect::<Vec<Value>>()}).to_string()
}
