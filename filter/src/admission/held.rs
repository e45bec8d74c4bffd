//! What a call holds: settled when it ends, given back where it may not happen.

use crate::counters::{self, SharedData};
use protocol::{
    UnixNanos,
    allowance::Counter,
    cap::{Amount, CapSpec, Unit, counted, counts},
    meters::{Meter, Side, Units},
    money::PicoUsd,
};
use std::sync::Arc;

/// A hold to settle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    pub(crate) cap: Arc<CapSpec>,
    pub(crate) subject: Box<str>,
    pub(crate) amount: Amount,
    /// The counter's revision; none where the call could hold nothing.
    pub(crate) held_at: Option<u64>,
    /// How a stream comes to cost more than it holds, where that ends it.
    pub(crate) pace: Option<Pace>,
}

/// How the cost of a stream grows, in the unit of a cap that ends streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// The prompt.
    pub(crate) input: Amount,
    /// Each generated token.
    pub(crate) per_token: Amount,
    /// So much above its hold it may come to.
    pub(crate) grace_percent: u8,
}

impl Pace {
    /// Of a cap that ends streams, where it is known what a generated token costs.
    pub(super) fn of(cap: &CapSpec, input: Amount, output_rate: Option<u64>) -> Option<Self> {
        let grace_percent = cap.overrun_grace_percent.filter(|_| !cap.shadow)?;
        let per_token = match cap.unit {
            Unit::Calls => return None,
            Unit::Usd => Amount::try_from(output_rate?).ok()?,
            Unit::Tokens => {
                let generated = |meter: &Meter| meter.side() == Side::Generated;
                Meter::ALL.iter().any(|meter| generated(meter) && counts(&cap.meters, *meter)).into()
            }
        };
        Some(Self { input, per_token, grace_percent })
    }
}

/// Replaces holds by what the call cost.
pub fn settle(shared: &impl SharedData, held: &[Held], units: &Units, cost: Option<PicoUsd>, now: UnixNanos) {
    for hold in held {
        let cost = match hold.cap.unit {
            Unit::Usd => cost.map_or(0, |cost| Amount::try_from(cost.pico()).unwrap_or(Amount::MAX)),
            Unit::Calls => 1,
            Unit::Tokens => counted(&hold.cap.meters, units),
        };
        release(shared, hold, cost, now);
    }
}

pub(super) fn void(shared: &impl SharedData, held: &[Held], now: UnixNanos) {
    held.iter().for_each(|hold| release(shared, hold, 0, now));
}

fn release(shared: &impl SharedData, hold: &Held, cost: Amount, now: UnixNanos) {
    let settle = |counter: &mut Counter| counter.settle(hold.held_at, hold.amount, cost, now);
    // What cannot be settled here stays held until the window ends; the ledger books the call all the same.
    counters::update(shared, &hold.cap.id, &hold.subject, now, settle).unwrap_or_default();
}
