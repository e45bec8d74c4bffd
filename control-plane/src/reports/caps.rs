//! How full the caps are, in the words of reports.

use super::CapState;
use crate::{allowances, rules::Rules, store::StoreError};
use protocol::UnixNanos;
use rusqlite::Connection;

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
