mod formats;
mod parts;
mod prices;

use super::*;
use jiff::tz::TimeZone;
use protocol::{
    meters::Meter,
    money::{PicoUsd, PicoUsdPerUnit},
};
use std::collections::BTreeMap;

/// 2026-11-20.
const DAY: Day = 20_777;

fn usd(text: &str) -> PicoUsd {
    text.parse().unwrap()
}

fn home() -> Place {
    Place::default()
}

fn tier(tier: &str) -> Place {
    Place { tier: Some(tier.into()), region: None }
}
