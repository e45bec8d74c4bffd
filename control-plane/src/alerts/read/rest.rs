//! Caps, unpriced models and the age of prices.

use super::word;
use crate::{
    alerts::{
        evaluate::DAY_NS,
        observed::{CapCount, PriceAge, UnpricedModel},
    },
    prices::Query,
    rules::Rules,
    store::{StoreError, imports, instant, unix, word_id},
};
use protocol::{
    UnixNanos,
    cap::{CapSpec, Facet, SubjectMatch, Window},
};
use rusqlite::{Connection, params};
use std::collections::BTreeMap;

/// A provider is in use while calls went to it within so many days.
const IN_USE_DAYS: u64 = 7;
/// The longest window but a lifetime is a year, and a zone.
const WINDOW_MAX_NS: u64 = 368 * DAY_NS;

/// Caps whose passing somebody can act on. Minutes are rate limits, and a count per task or user is a fuse: both
/// refuse by design, and a message for each would be noise.
fn is_watched(cap: &CapSpec) -> bool {
    let each = |facet| cap.subject.get(&facet) == Some(&SubjectMatch::Each);
    cap.window != Window::Minute && !each(Facet::Task) && !each(Facet::User)
}

pub(super) fn caps(store: &Connection, rules: &Rules, now: UnixNanos) -> Result<Vec<CapCount>, StoreError> {
    let mut counts = Vec::new();
    for cap in rules.caps().iter().filter(|cap| is_watched(cap)) {
        let Some(id) = word_id(store, &cap.id)? else { continue };
        let since = match cap.window {
            Window::Lifetime => 0,
            _ => instant(now.saturating_sub(WINDOW_MAX_NS).max(since(cap.window, now))),
        };
        let mut statement = store.prepare_cached(
            "SELECT subject, window_start, settled, held FROM cap_usage WHERE cap = ?1 AND window_start >= ?2",
        )?;
        let mut rows = statement.query(params![id, since])?;
        let mut sums: BTreeMap<(i64, i64), (i64, i64)> = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let sum = sums.entry((row.get(0)?, row.get(1)?)).or_default();
            *sum = (sum.0.saturating_add(row.get(2)?), sum.1.saturating_add(row.get(3)?));
        }
        for ((subject, window_start), (spent, held)) in sums {
            let subject = word(store, subject)?.unwrap_or_default();
            let period = rules.window(cap, &subject, now);
            if instant(period.0) != window_start {
                continue;
            }
            counts.push(CapCount {
                name: cap.name.clone(),
                unit: cap.unit,
                limit: cap.limit_at(&subject, now),
                customer: customer(cap, &subject),
                subject,
                window: cap.window.as_str(),
                period,
                shadow: cap.shadow,
                spent,
                held,
            });
        }
    }
    Ok(counts)
}

/// No window that goes on began before then.
fn since(window: Window, now: UnixNanos) -> UnixNanos {
    let days = match window {
        Window::Minute | Window::Hour | Window::Day => 3,
        Window::Week => 9,
        Window::Month => 33,
        Window::BillingPeriod | Window::Lifetime => 368,
    };
    now.saturating_sub(DAY_NS.saturating_mul(days))
}

/// Whose cap it is. The key of a count begins with its customer; what is counted besides comes behind.
fn customer(cap: &CapSpec, subject: &str) -> Option<Box<str>> {
    match cap.subject.get(&Facet::Customer)? {
        SubjectMatch::Is(name) => Some(name.as_str().into()),
        SubjectMatch::Each => {
            let rest = subject.strip_prefix("customer=")?;
            let next = cap.subject.keys().find(|facet| **facet != Facet::Customer);
            let behind = next.and_then(|next| rest.split_once(&format!(" {}=", next.as_str())));
            Some(behind.map_or(rest, |(customer, _)| customer).into())
        }
        SubjectMatch::Absent => None,
    }
}

/// Models with unpriced calls, today and yesterday: a call that began before midnight ends after it.
pub(super) fn unpriced(
    store: &Connection,
    rules: &Rules,
    now: UnixNanos,
) -> Result<Vec<UnpricedModel>, StoreError> {
    let today = now / DAY_NS;
    let mut statement = store.prepare_cached(
        "SELECT day, provider, model, unpriced, calls FROM by_day_model WHERE day >= ?1 AND day <= ?2",
    )?;
    let mut rows = statement.query(params![instant(today.saturating_sub(1)), instant(today)])?;
    let mut sums: BTreeMap<(i64, i64, i64), (u64, u64)> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let sum = sums.entry((row.get(0)?, row.get(1)?, row.get(2)?)).or_default();
        *sum = (sum.0.saturating_add(unix(row.get(3)?)), sum.1.saturating_add(unix(row.get(4)?)));
    }
    let mut models = Vec::new();
    for ((day, provider, model), (unpriced, calls)) in sums {
        if unpriced == 0 {
            continue;
        }
        let start = unix(day).saturating_mul(DAY_NS);
        let (provider, model) = (word(store, provider)?, word(store, model)?);
        let query = Query {
            provider: provider.as_deref().unwrap_or_default(),
            served: model.as_deref(),
            requested: model.as_deref(),
            at: now,
            account: None,
        };
        models.push(UnpricedModel {
            has_price: rules.prices.find(&query).found().is_some(),
            provider: provider.unwrap_or_else(|| "unknown".into()),
            model: model.unwrap_or_else(|| "unknown".into()),
            day: (start, start.saturating_add(DAY_NS)),
            unpriced,
            calls,
        });
    }
    Ok(models)
}

/// When the prices of providers in use were last confirmed: what `bursar_price_age_seconds` counts from.
pub(super) fn prices(store: &Connection, now: UnixNanos) -> Result<Vec<PriceAge>, StoreError> {
    let mut statement = store.prepare_cached("SELECT DISTINCT provider FROM by_day_model WHERE day >= ?1")?;
    let first = instant((now / DAY_NS).saturating_sub(IN_USE_DAYS));
    let ids = statement.query_map([first], |row| row.get::<_, i64>(0))?.collect::<Result<Vec<_>, _>>()?;
    let confirmed = imports::confirmed(store, now)?;
    let mut ages = Vec::new();
    for id in ids {
        let Some(provider) = word(store, id)? else { continue };
        // One that nobody has priced is unpriced, not stale.
        if let Some(imported_at) = confirmed.get(&provider).copied() {
            ages.push(PriceAge { provider, imported_at });
        }
    }
    Ok(ages)
}
