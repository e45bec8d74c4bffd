//! How full the caps are, in the words of reports.

use super::CapState;
use crate::{allowances, rules::Rules, store::StoreError};
use protocol::{UnixNanos, cap::Facet};
use rusqlite::Connection;

/// Whether a count is of one customer's calls, all or some.
pub fn is_about_customer(subject: &str, customer: &str) -> bool {
    let rest = subject.strip_prefix("customer=").and_then(|rest| rest.strip_prefix(customer));
    // A name may contain blanks: what follows must be another facet and its value.
    let is_facet = |rest: &str| {
        let facet = rest.split_once('=').map(|(facet, _)| facet);
        Facet::ALL.into_iter().any(|known| facet == Some(known.as_str()))
    };
    rest.is_some_and(|rest| rest.is_empty() || rest.strip_prefix(' ').is_some_and(is_facet))
}

/// The state of every cap and subject whose current window has counted something.
pub fn cap_states(store: &Connection, rules: &Rules, now: UnixNanos) -> Result<Vec<CapState>, StoreError> {
    let states = allowances::caps(store, rules.policy(), rules.caps(), now)?;
    let state = |state: allowances::CapState| CapState {
        unit: state.cap.unit,
        window: state.cap.window.as_str().into(),
        limit: state.limit,
        shadow: state.cap.shadow,
        name: state.cap.name,
        subject: state.subject,
        spent: state.spent,
        held: state.held,
        resets_at: state.window_end,
    };
    Ok(states.into_iter().map(state).collect())
}
