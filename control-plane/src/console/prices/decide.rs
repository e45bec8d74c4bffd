//! Deciding on proposals. The one place of the console that changes prices.

use crate::{app::App, catalogue, store::StoreError};
use protocol::price::PriceId;
use std::collections::BTreeSet;

/// What somebody decided on the rows that wait of an import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::console) enum Decision {
    /// All of them hold from now on.
    ApproveAll,
    /// These do.
    Approve(BTreeSet<PriceId>),
    /// These never will.
    Reject(BTreeSet<PriceId>),
}

/// Does it. Says of how many rows; those that no longer wait, or wait because of another import, are left as they
/// are. `None` when there is no such import.
pub(in crate::console) async fn decide(
    app: &App,
    import: i64,
    decision: Decision,
) -> Result<Option<usize>, StoreError> {
    let reviewed = match decision {
        Decision::ApproveAll => catalogue::approve(app, import, None).await?,
        Decision::Approve(rows) => catalogue::approve(app, import, Some(rows)).await?,
        Decision::Reject(rows) => catalogue::reject(app, import, Some(rows)).await?,
    };
    Ok(reviewed.map(|reviewed| reviewed.rows))
}
