//! Deciding on what waits: a whole import, or single rows of it.

use crate::{
    app::App,
    prices::{self, PriceKey, PriceRow},
    store::{StoreError, imports, prices as table},
};
use protocol::price::PriceId;
use std::collections::{BTreeMap, BTreeSet};

/// What came of a decision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reviewed {
    /// Rows that were decided on, proposed ones and such as were to end.
    pub rows: usize,
    /// Rows of the import that still wait.
    pub waiting: usize,
}

/// Puts proposals of an import in force and ends the rows that it does without: all of them, or the rows named. `None`
/// when there is no such import.
pub async fn approve(
    app: &App,
    import: i64,
    only: Option<BTreeSet<PriceId>>,
) -> Result<Option<Reviewed>, StoreError> {
    let now = app.clock.now();
    let approved = app.change(move |write| {
        let Some(waiting) = Waiting::of(write.connection(), import, only.as_ref())? else { return Ok(None) };
        let rows = table::rows(write.connection())?;
        // A first import may be thirty thousand proposals.
        let mut by_key: BTreeMap<&PriceKey, Vec<&PriceRow>> = BTreeMap::new();
        for row in &rows {
            by_key.entry(&row.key).or_default().push(row);
        }
        for proposal in &waiting.proposals {
            let of_key = by_key.get(&proposal.key).into_iter().flatten().copied();
            let Some(approval) = prices::approve(proposal, of_key, now) else { continue };
            for (id, at) in approval.closed {
                table::close(write, id, at)?;
            }
            table::activate(write, approval.opened.id, approval.opened.effective_from)?;
        }
        for row in &waiting.leaving {
            table::close(write, row.id, row.effective_from.max(now))?;
            imports::forget_removal(write, row.id)?;
        }
        Ok(Some(waiting.reviewed()))
    });
    approved.await
}

/// Puts proposals of an import aside and lets rows hold that it does without. A catalogue that says so again proposes it
/// again.
pub async fn reject(
    app: &App,
    import: i64,
    only: Option<BTreeSet<PriceId>>,
) -> Result<Option<Reviewed>, StoreError> {
    let rejected = app.change(move |write| {
        let Some(waiting) = Waiting::of(write.connection(), import, only.as_ref())? else { return Ok(None) };
        for proposal in &waiting.proposals {
            table::retire(write, proposal.id)?;
        }
        for row in &waiting.leaving {
            imports::forget_removal(write, row.id)?;
        }
        Ok(Some(waiting.reviewed()))
    });
    rejected.await
}

/// The rows of an import that wait, as far as they are meant.
struct Waiting {
    proposals: Vec<PriceRow>,
    leaving: Vec<PriceRow>,
    others: usize,
}

impl Waiting {
    fn of(
        connection: &rusqlite::Connection,
        import: i64,
        only: Option<&BTreeSet<PriceId>>,
    ) -> Result<Option<Self>, StoreError> {
        if imports::import(connection, import)?.is_none() {
            return Ok(None);
        }
        let is_meant = |row: &PriceRow| only.is_none_or(|only| only.contains(&row.id));
        let proposals = table::proposals(connection, import)?.into_iter().map(|(row, _)| row);
        let (proposals, mut others): (Vec<_>, Vec<_>) = proposals.partition(is_meant);
        let (leaving, stay): (Vec<_>, Vec<_>) =
            table::leaving(connection, import)?.into_iter().partition(is_meant);
        others.extend(stay);
        Ok(Some(Self { proposals, leaving, others: others.len() }))
    }

    fn reviewed(&self) -> Reviewed {
        let rows = self.proposals.len().saturating_add(self.leaving.len());
        Reviewed { rows, waiting: self.others }
    }
}
