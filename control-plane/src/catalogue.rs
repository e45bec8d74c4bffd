//! Taking a catalogue of prices into the table: reads it, compares it with what is in force, writes what changes and
//! holds back what looks wrong until somebody approves it. What looks wrong is decided in `prices`.

use crate::{
    app::App,
    prices::{self, Diff, Status},
    store::{
        StoreError, digest,
        prices::{self as table, ImportRecord},
    },
};
use protocol::UnixNanos;
use serde_json::{Value, json};

/// What to import.
#[derive(Clone, Debug)]
pub struct Request {
    /// LiteLLM's JSON.
    pub text: String,
    /// From when on rows hold that nothing was in force for. Absent: from now on; or, when the table has no row of
    /// this catalogue yet, since ever, because an older price is not known and calls that are reported late were
    /// not free.
    pub effective_from: Option<UnixNanos>,
    /// Compares and writes nothing.
    pub dry_run: bool,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Done {
    /// The import's key; absent after a dry run.
    pub id: Option<i64>,
    /// Counts, and what was not taken.
    pub summary: Value,
    /// In full.
    pub diff: Diff,
}

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The text is no catalogue.
    #[error("the catalogue cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// The store says no.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Imports a catalogue, or says what an import would do.
pub async fn import(app: &App, request: Request) -> Result<Done, ImportError> {
    let now = app.clock.now();
    let read = prices::litellm::import(&request.text, now)?;
    let sum = digest(request.text.as_bytes());
    let Request { effective_from, dry_run, .. } = request;
    let work = move |rows: Vec<prices::PriceRow>| {
        let first = !rows.iter().any(|row| row.source.name == read.source);
        let from = effective_from.unwrap_or(if first { 0 } else { now });
        let source = read.source.clone();
        let facts = json!({
            "source": source,
            "entries": read.entries,
            "unmapped": read.unmapped,
            "unreadable": read.unreadable,
        });
        let mut diff = prices::compare(&rows, read, now);
        for row in diff.added.iter_mut().filter(|row| row.status == Status::Active) {
            row.effective_from = from;
        }
        let record = ImportRecord { source, digest: sum, summary: String::new() };
        (diff, facts, record)
    };
    if dry_run {
        let rows = app.rules().prices.rows().cloned().collect();
        let (diff, facts, _) = work(rows);
        return Ok(Done { id: None, summary: summary(&facts, &diff), diff });
    }
    let done = app.change(move |write| {
        let (diff, facts, mut record) = work(table::rows(write.connection())?);
        let summary = summary(&facts, &diff);
        record.summary = summary.to_string();
        let id = table::apply(write, &diff, &record, now)?;
        Ok(Done { id: Some(id), summary, diff })
    });
    Ok(done.await?)
}

fn summary(facts: &Value, diff: &Diff) -> Value {
    let mut summary = facts.clone();
    if let Value::Object(summary) = &mut summary {
        let counts = [
            ("added", diff.added.len()),
            ("changed", diff.changed.len()),
            ("removed", diff.removed.len()),
            ("held", diff.held.len()),
            ("withdrawn", diff.withdrawn.len()),
        ];
        for (name, count) in counts {
            summary.insert(name.to_owned(), count.into());
        }
        summary.insert("unchanged".to_owned(), diff.unchanged.into());
    }
    summary
}

/// Puts the proposals of an import in force. Says how many; `None` when there is no such import.
pub async fn approve(app: &App, import: i64) -> Result<Option<usize>, StoreError> {
    let now = app.clock.now();
    let approved = app.change(move |write| {
        if table::import(write.connection(), import)?.is_none() {
            return Ok(None);
        }
        let rows = table::rows(write.connection())?;
        let proposals = table::proposals(write.connection(), import)?;
        let mut count: usize = 0;
        for proposal in &proposals {
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
