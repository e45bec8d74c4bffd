//! How full the caps are, in the words of reports.

use super::{CapState, ListFilters, behind};
use crate::{allowances, rules::Rules, store::StoreError};
use protocol::{UnixNanos, cap::Facet};
use rusqlite::Connection;

/// The subject as filters, and the window. Names of the subject are told apart by the facets between them.
fn filters(state: &allowances::CapState) -> ListFilters {
    let facets: Vec<&'static str> = state.cap.subject.keys().map(|facet| facet.as_str()).collect();
    let mut filters = vec![
        ("from", behind::instant(state.window_start).into()),
        // The store's integers end in 2262.
        ("to", behind::instant(state.window_end.min(i64::MAX.unsigned_abs())).into()),
    ];
    let mut rest = &*state.subject;
    for (place, facet) in facets.iter().enumerate() {
        let next = facets.get(place.saturating_add(1)).map(|next| format!(" {next}="));
        let end = next.and_then(|next| rest.find(&next)).unwrap_or(rest.len());
        let (part, left) = rest.split_at(end);
        let value = part.strip_prefix(facet).and_then(|part| part.strip_prefix('='));
        filters.push((*facet, value.unwrap_or(part).into()));
        rest = left.strip_prefix(' ').unwrap_or(left);
    }
    filters
}

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
        behind: filters(&state),
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
