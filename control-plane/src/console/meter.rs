//! How full a cap is: a bar of what is spent and what is held, and the words beside it.

use super::{
    filter::page_of,
    page::{count, duration, usd},
};
use crate::reports::{Behind, CapState, ListFilters};
use protocol::{UnixNanos, cap::Unit, money::PicoUsd};

/// The bar's length on its canvas.
const WIDTH: i128 = 1_000;

/// One cap, ready for its template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Meter {
    /// The cap's name.
    pub(super) name: String,
    /// Whom it is about.
    pub(super) subject: String,
    /// The length of the spent part,
    pub(super) spent: i128,
    /// and of the held part after it.
    pub(super) held: i128,
    /// `ok`, `near`, `full`.
    pub(super) class: &'static str,
    /// `$1.20 of $30.00`
    pub(super) used: String,
    /// `$0.10 held`, when something is.
    pub(super) held_words: String,
    /// `62 %`
    pub(super) percent: String,
    /// `per month, resets in 6 days`
    pub(super) window: String,
    /// The calls that it counted; empty where none ended.
    pub(super) link: String,
    /// Records what it would refuse, and refuses nothing.
    pub(super) shadow: bool,
}

impl Meter {
    pub(super) fn new(cap: &CapState, now: UnixNanos) -> Self {
        let limit = i128::from(cap.limit).max(1);
        let part = |amount: i64| (i128::from(amount).max(0).saturating_mul(WIDTH) / limit).min(WIDTH);
        let spent = part(cap.spent);
        let held = part(cap.used()).saturating_sub(spent).max(0);
        let used = i128::from(cap.used()).saturating_mul(100) / limit;
        let class = match used {
            _ if cap.limit == 0 => "full",
            100.. => "full",
            80..100 => "near",
            _ => "ok",
        };
        let amount = |amount: i64| match cap.unit {
            Unit::Usd => usd(PicoUsd::new(i128::from(amount))),
            Unit::Calls | Unit::Tokens => count(u64::try_from(amount).unwrap_or(0)),
        };
        let unit = match cap.unit {
            Unit::Usd => "",
            Unit::Calls => " calls",
            Unit::Tokens => " tokens",
        };
        let resets = match cap.resets_at.saturating_sub(now) {
            _ if &*cap.window == "lifetime" => "never resets".to_owned(),
            0 => "resets now".to_owned(),
            left => format!("resets in {}", duration(left)),
        };
        Self {
            name: cap.name.to_string(),
            subject: subject(&cap.subject),
            spent,
            held,
            class,
            used: format!("{} of {}{unit}", amount(cap.spent), amount(cap.limit)),
            held_words: if cap.held > 0 { format!("{} held", amount(cap.held)) } else { String::new() },
            percent: format!("{used} %"),
            window: format!("{}, {resets}", cap.window.replace('_', " ")),
            link: if cap.spent == 0 { String::new() } else { link(&cap.behind) },
            shadow: cap.shadow,
        }
    }
}

fn link(behind: &ListFilters) -> String {
    let filters = behind.iter().cloned().chain(Behind::CALLS.filters());
    page_of("/calls", &filters.map(|(name, text)| (name, text.into())).collect::<Vec<_>>())
}

/// The subject's key as a person would say it.
pub(super) fn subject(key: &str) -> String {
    match key {
        "" => "all traffic".to_owned(),
        "customer=" => "calls without a customer".to_owned(),
        key => key.replace('=', " "),
    }
}
