//! What the ledger says of a provider's days, in the words of its export: by day, model and meter, with what of it is
//! estimated, was cut off, has no price, or lies near a day's edge.

use super::theirs::{Day, Place, date_of, day_of};
use crate::{
    ledger::orphan_usage,
    store::{StoreError, instant, word_id, word_text},
};
use jiff::{Timestamp, tz::TimeZone};
use protocol::{
    UnixNanos,
    attempt::{self, Server},
    codec,
    event::{CallEnd, CallHead},
    meters::{Meter, Side, Usage},
    money::PicoUsd,
    price::tier_of,
    rating::Line,
};
use rusqlite::Connection;
use std::collections::{BTreeMap, BTreeSet};

/// More calls are not compared at once.
pub const CALLS_MAX: u64 = 1_000_000;
/// A provider dates a call by when it ended, or by its own clock: so near an edge it may stand on the other side.
pub(super) const EDGE_NS: u64 = 3_600_000_000_000;

/// What the ledger says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ours {
    /// By day and model.
    pub cells: BTreeMap<(Day, Box<str>), BTreeMap<Meter, OursCell>>,
    /// Calls that were counted.
    pub calls: u64,
    /// How a model that answered was asked for, last.
    pub asked: BTreeMap<Box<str>, Asked>,
}

/// What else prices are found by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The model that was asked for.
    pub model: Option<Box<str>>,
    /// Our account.
    pub account: Option<Box<str>>,
}

/// What it says of one meter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OursCell {
    /// What they cost, as corrected.
    pub cost: PicoUsd,
    /// Units of priced calls, by place.
    pub units: BTreeMap<Place, u64>,
    /// Units of calls without a known cost.
    pub unpriced: u64,
    /// Of all units, those that are estimates.
    pub estimated: u64,
    /// As many more may have been generated for calls that were cut off.
    pub unseen: u64,
    /// Of all units, those near an edge of the day.
    pub edge: u64,
    /// Units of the days around that are near an edge of this one.
    pub around: u64,
}

/// How meters are told apart.
fn folded(meter: Meter, is_by_side: bool) -> Meter {
    match (meter, meter.side()) {
        (_, Side::Prompt) if is_by_side => Meter::Input,
        (_, Side::Generated) if is_by_side => Meter::Output,
        // Hidden tokens are among the generated ones.
        (Meter::Reasoning, _) => Meter::Output,
        (meter, _) => meter,
    }
}

/// The first instant of a day.
pub(super) fn start_of(day: Day, zone: &TimeZone) -> UnixNanos {
    let at = date_of(day).to_zoned_datetime(zone.clone()).map(|day| day.timestamp().as_nanosecond());
    at.ok().and_then(|at| u64::try_from(at).ok()).unwrap_or(0)
}

fn day_at(at: UnixNanos, zone: &TimeZone) -> Day {
    let at = Timestamp::from_nanosecond(i128::from(at)).unwrap_or(Timestamp::MAX);
    day_of(at.to_zoned_datetime(zone.clone()).date())
}

/// Reads it. `None` where there are more calls than are compared at once.
pub fn ours(
    store: &Connection,
    provider: &str,
    days: &BTreeSet<Day>,
    zone: &TimeZone,
    is_by_side: bool,
) -> Result<Option<Ours>, StoreError> {
    let mut reader = Reader { days, zone, is_by_side, provider, ours: Ours::default() };
    let (Some(first), Some(last)) = (days.first(), days.last()) else { return Ok(Some(reader.ours)) };
    let from = start_of(*first, zone).saturating_sub(EDGE_NS);
    let to = start_of(last.saturating_add(1), zone).saturating_add(EDGE_NS);
    let Some(word) = word_id(store, provider)? else { return Ok(Some(reader.ours)) };
    let mut models: BTreeMap<i64, Box<str>> = BTreeMap::new();
    let mut statement = store.prepare_cached(
        "SELECT started_at, model, standing_pico, head, end, iif(rerated IS NULL, lines, standing_lines)
         FROM standing JOIN details USING (id)
         WHERE started_at >= ?1 AND started_at < ?2 AND provider = ?3 AND state IN (1, 2)",
    )?;
    let mut rows = statement.query((instant(from), instant(to), word))?;
    while let Some(row) = rows.next()? {
        reader.ours.calls = reader.ours.calls.saturating_add(1);
        if reader.ours.calls > CALLS_MAX {
            return Ok(None);
        }
        let id: i64 = row.get(1)?;
        let model = match models.get(&id) {
            Some(model) => model.clone(),
            None => {
                let text: Box<str> = word_text(store, id)?.unwrap_or_default().into();
                models.entry(id).or_insert(text).clone()
            }
        };
        let end: Option<Vec<u8>> = row.get(4)?;
        let lines: Option<Vec<u8>> = row.get(5)?;
        let call = Call {
            at: crate::store::unix(row.get(0)?),
            model,
            is_priced: row.get::<_, Option<i64>>(2)?.is_some(),
            head: decode(&row.get::<_, Vec<u8>>(3)?)?,
            end: end.as_deref().map(decode).transpose()?,
            lines: lines.as_deref().map(decode).transpose()?.unwrap_or_default(),
        };
        reader.add(&call).ok_or_else(|| StoreError::corrupt("a sum of calls", "is too large"))?;
    }
    Ok(Some(reader.ours))
}

fn decode<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    codec::decode(bytes).map_err(|error| StoreError::corrupt("a call's detail", error))
}

struct Call {
    at: UnixNanos,
    model: Box<str>,
    is_priced: bool,
    head: CallHead,
    end: Option<CallEnd>,
    lines: Vec<Line>,
}

struct Reader<'a> {
    days: &'a BTreeSet<Day>,
    zone: &'a TimeZone,
    is_by_side: bool,
    provider: &'a str,
    ours: Ours,
}

impl Reader<'_> {
    fn add(&mut self, call: &Call) -> Option<()> {
        let day = day_at(call.at, self.zone);
        let before = day_at(call.at.saturating_sub(EDGE_NS), self.zone);
        let after = day_at(call.at.saturating_add(EDGE_NS), self.zone);
        let end = call.end.as_ref();
        let own = end.map_or_else(|| orphan_usage(&call.head), |end| end.usage.clone());
        let tier = end.and_then(|end| end.service_tier.as_deref()).or(call.head.request_tier.as_deref());
        let server = Server::of(&call.head, end.and_then(CallEnd::deciding));
        let region = end.and_then(|end| end.region.as_deref()).or(server.region);
        let asked = Asked { model: server.model.map(Into::into), account: server.account.map(Into::into) };
        self.ours.asked.insert(call.model.clone(), asked);
        let place = Place { tier: tier_of(tier).map(Into::into), region: region.map(Into::into) };
        let wasted = end.map(|end| &*end.tried).unwrap_or_default();
        // An attempt at another provider is in that one's export.
        let here: Vec<u32> = attempt::wasted(wasted)
            .filter(|(attempt, _)| Server::of(&call.head, Some(attempt)).provider == self.provider)
            .map(|(attempt, _)| attempt.number)
            .collect();
        let usages = std::iter::once(&own).chain(
            attempt::wasted(wasted).filter(|(it, _)| here.contains(&it.number)).map(|(_, usage)| usage),
        );
        for usage in usages {
            if self.days.contains(&day) {
                self.used(day, call, usage, &place, before != day || after != day)?;
            }
            for other in [before, after].into_iter().filter(|other| *other != day) {
                self.near(other, call, usage)?;
            }
        }
        if self.days.contains(&day) {
            self.ours.cells.entry((day, call.model.clone())).or_default();
            for line in
                call.lines.iter().filter(|line| line.attempt.is_none_or(|number| here.contains(&number)))
            {
                let cell = self.cell(day, &call.model, line.meter);
                cell.cost = cell.cost.checked_add(line.cost)?;
            }
        }
        Some(())
    }

    fn used(&mut self, day: Day, call: &Call, usage: &Usage, place: &Place, is_edge: bool) -> Option<()> {
        let output_max = call.head.output_tokens_max.unwrap_or(0);
        let mut generated = false;
        for (meter, units) in &usage.units {
            let is_estimated = usage.estimated.contains(meter);
            let cell = self.cell(day, &call.model, *meter);
            if call.is_priced {
                let sum = cell.units.entry(place.clone()).or_default();
                *sum = sum.checked_add(*units)?;
            } else {
                cell.unpriced = cell.unpriced.checked_add(*units)?;
            }
            if is_estimated {
                cell.estimated = cell.estimated.checked_add(*units)?;
            }
            if is_edge {
                cell.edge = cell.edge.checked_add(*units)?;
            }
            if !usage.complete && *meter == Meter::Output {
                generated = true;
                cell.unseen = cell.unseen.checked_add(output_max.saturating_sub(*units).max(*units))?;
            }
        }
        // A stream that was cut before anything was counted may have been generated to its limit.
        if !usage.complete && !generated {
            let cell = self.cell(day, &call.model, Meter::Output);
            cell.unseen = cell.unseen.checked_add(output_max)?;
        }
        Some(())
    }

    fn near(&mut self, day: Day, call: &Call, usage: &Usage) -> Option<()> {
        if !self.days.contains(&day) {
            return Some(());
        }
        for (meter, units) in &usage.units {
            let cell = self.cell(day, &call.model, *meter);
            cell.around = cell.around.checked_add(*units)?;
        }
        Some(())
    }

    fn cell(&mut self, day: Day, model: &str, meter: Meter) -> &mut OursCell {
        let meter = folded(meter, self.is_by_side);
        self.ours.cells.entry((day, model.into())).or_default().entry(meter).or_default()
    }
}
