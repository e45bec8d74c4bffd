//! How full the caps are, by the ledger's own count of each cap's current window.

use super::CapState;
use crate::{
    rules::Rules,
    store::{NO_WORD, StoreError, word_id, word_text},
};
use protocol::{
    UnixNanos,
    cap::{Amount, CapSpec, Window},
};
use rusqlite::{Connection, params};

const DAY_NS: u64 = 86_400_000_000_000;

/// The state of every cap and subject whose current window has counted something.
pub fn cap_states(store: &Connection, rules: &Rules, now: UnixNanos) -> Result<Vec<CapState>, StoreError> {
    let mut states = Vec::new();
    for cap in rules.caps() {
        if let Some(id) = word_id(store, &cap.id)? {
            of_cap(store, rules, cap, id, now, &mut states)?;
        }
    }
    Ok(states)
}

fn of_cap(
    store: &Connection,
    rules: &Rules,
    cap: &CapSpec,
    id: i64,
    now: UnixNanos,
    states: &mut Vec<CapState>,
) -> Result<(), StoreError> {
    let mut statement = store.prepare_cached(
        "SELECT subject, window_start, settled, held FROM cap_usage
         WHERE cap = ?1 AND window_start >= ?2 ORDER BY subject, window_start",
    )?;
    let earliest = i64::try_from(now.saturating_sub(longest(cap.window))).unwrap_or(i64::MAX);
    let mut rows = statement.query(params![id, earliest])?;
    // One row per Envoy process; they come one after another.
    let mut current: Option<(i64, i64)> = None;
    while let Some(row) = rows.next()? {
        let key: (i64, i64) = (row.get(0)?, row.get(1)?);
        let (settled, held): (Amount, Amount) = (row.get(2)?, row.get(3)?);
        if current != Some(key) {
            current = Some(key);
            let subject = if key.0 == NO_WORD { None } else { word_text(store, key.0)? }.unwrap_or_default();
            let (start, end) = rules.window(cap, &subject, now);
            let is_current = u64::try_from(key.1) == Ok(start);
            let state = || CapState {
                name: cap.name.clone(),
                subject: subject.into(),
                unit: cap.unit,
                window: cap.window.as_str().into(),
                limit: cap.limit,
                spent: 0,
                held: 0,
                resets_at: end,
                shadow: cap.shadow,
            };
            if is_current {
                states.push(state());
            } else {
                current = None;
            }
        }
        if let Some(state) = states.last_mut().filter(|_| current == Some(key)) {
            state.spent = state.spent.saturating_add(settled);
            state.held = state.held.saturating_add(held);
        }
    }
    Ok(())
}

/// No window is longer than this, with a day for clocks that change.
fn longest(window: Window) -> u64 {
    let days: u64 = match window {
        Window::Minute | Window::Hour | Window::Day => 2,
        Window::Week => 8,
        Window::Month => 32,
        Window::BillingPeriod => 367,
        Window::Lifetime => return u64::MAX,
    };
    days.saturating_mul(DAY_NS)
}
