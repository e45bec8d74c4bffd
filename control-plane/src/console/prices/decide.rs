//! Deciding on proposals. The one place of the console that changes anything.

use crate::{
    app::App,
    catalogue,
    prices::{self, Status},
    store::{StoreError, instant, prices as table},
};
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
    match decision {
        Decision::ApproveAll => catalogue::approve(app, import).await,
        Decision::Approve(rows) => approve(app, import, rows).await,
        Decision::Reject(rows) => reject(app, import, rows).await,
    }
}

async fn approve(app: &App, import: i64, chosen: BTreeSet<PriceId>) -> Result<Option<usize>, StoreError> {
    let now = app.clock.now();
    let approved = app.change(move |write| {
        if table::import(write.connection(), import)?.is_none() {
            return Ok(None);
        }
        let rows = table::rows(write.connection())?;
        let proposals = table::proposals(write.connection(), import)?;
        let mut count: usize = 0;
        for proposal in proposals.iter().filter(|row| chosen.contains(&row.id)) {
            let Some(approval) = prices::approve(proposal, &rows, now) else { continue };
            for id in approval.closed {
                table::close(write, id, now)?;
            }
            table::activate(write, approval.opened.id, now)?;
            count = count.saturating_add(1);
        }
        Ok(Some(count))
    });
    approved.await
}

async fn reject(app: &App, import: i64, chosen: BTreeSet<PriceId>) -> Result<Option<usize>, StoreError> {
    let rejected = app.change(move |write| {
        if table::import(write.connection(), import)?.is_none() {
            return Ok(None);
        }
        let mut count: usize = 0;
        for id in chosen {
            let sql = "UPDATE prices SET status = ?3 WHERE id = ?1 AND import = ?2 AND status = ?4";
            let statuses = (Status::Retired.as_str(), Status::Proposed.as_str());
            let changed = write.execute(sql, (instant(id), import, statuses.0, statuses.1))?;
            count = count.saturating_add(changed);
        }
        Ok(Some(count))
    });
    rejected.await
}
