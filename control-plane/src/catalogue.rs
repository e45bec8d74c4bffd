//! Taking a catalogue of prices into the table: reads it, compares it with what is known, writes what changes and holds
//! back what has to wait until somebody approves it. What has to wait is decided in `prices`.

pub mod refresh;
mod review;

pub use review::{Reviewed, approve, reject};

use crate::{
    app::App,
    policy::{Apply, CatalogueFormat, Fault},
    prices::{self, Diff, ReadError, Taking},
    store::{
        StoreError, digest,
        imports::{self, Check, ImportRecord},
        prices as table,
    },
};
use protocol::UnixNanos;
use serde_json::{Value, json};

/// What to import.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The catalogue's text.
    pub text: String,
    /// From when on rows hold that say nothing of it and that nothing was in force for. Absent: from now on; or, when
    /// nobody has priced what they price before, since ever, because no older price is known and calls that are
    /// reported late were not free.
    pub effective_from: Option<UnixNanos>,
    /// Compares and writes nothing.
    pub dry_run: bool,
}

/// What a catalogue is and how it is taken.
#[derive(Clone, Debug)]
pub struct Manner {
    /// What it is; absent: what it looks like.
    pub format: Option<CatalogueFormat>,
    /// The name under which its rows are kept; absent: the format's.
    pub source: Option<String>,
    /// Where it was read; empty: somebody handed it over.
    pub location: String,
    /// What is put in force without anybody's approval.
    pub apply: Apply,
    /// Rows that begin in the past hold from their beginning, whatever held then.
    pub backdate: bool,
}

impl Default for Manner {
    /// As somebody takes it by hand.
    fn default() -> Self {
        let (format, source, location) = (None, None, String::new());
        Self { format, source, location, apply: Apply::Guarded, backdate: false }
    }
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
    #[error("the catalogue {0}")]
    Unreadable(ReadError),
    /// Its own file has faults.
    #[error("{}", lines(.0))]
    Faulty(Vec<Fault>),
    /// The store says no.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<ReadError> for ImportError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Faulty(faults) => Self::Faulty(faults),
            error @ (ReadError::Json(_) | ReadError::Unknown | ReadError::NoPrice | ReadError::NotOwn(_)) => {
                Self::Unreadable(error)
            }
        }
    }
}

fn lines(faults: &[Fault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// What a text is and under which name its rows are kept.
fn named(text: &str, manner: &Manner) -> Result<(CatalogueFormat, Box<str>), ReadError> {
    let format = manner.format.or_else(|| prices::detect(text)).ok_or(ReadError::Unknown)?;
    Ok((format, prices::source_name(format, manner.source.as_deref())?))
}

/// Imports a catalogue as somebody does by hand, or says what that would do.
pub async fn import(app: &App, request: Request) -> Result<Done, ImportError> {
    import_as(app, request, Manner::default()).await
}

/// Imports a catalogue, or says what an import would do.
pub async fn import_as(app: &App, request: Request, manner: Manner) -> Result<Done, ImportError> {
    let now = app.clock.now();
    let (format, source) = named(&request.text, &manner)?;
    let read = prices::read(&request.text, format, &source, now)?;
    // A catalogue without prices is an answer that was none: an error's body, a file that is being written.
    if read.rows.is_empty() && !format.is_own() {
        return Err(ReadError::NoPrice.into());
    }
    let sum = digest(request.text.as_bytes());
    let (Request { effective_from, dry_run, .. }, Manner { apply, backdate, location, .. }) =
        (request, manner);
    let facts = facts(&read, format);
    let compare = move |rows: &[prices::PriceRow]| {
        let taking = Taking { at: now, since: effective_from, apply, backdate };
        let diff = prices::compare_as(rows, read, &taking);
        let summary = summary(facts, &diff);
        (diff, summary)
    };
    if dry_run {
        let rows: Vec<prices::PriceRow> = app.rules().prices.rows().cloned().collect();
        let (diff, summary) = compare(&rows);
        return Ok(Done { id: None, summary, diff });
    }
    let done = app.change(move |write| {
        let (diff, summary) = compare(&table::rows(write.connection())?);
        let reader = Some(prices::READER);
        let format = Some(format.as_str().to_owned());
        let record = ImportRecord { source, digest: sum, reader, format, summary: summary.to_string() };
        let id = imports::apply(write, &diff, &record, now)?;
        let check = Check { digest: record.digest, reader: prices::READER, at: now };
        imports::checked(write, &record.source, &location, &check)?;
        Ok(Done { id: Some(id), summary, diff })
    });
    Ok(done.await?)
}

fn facts(read: &prices::Import, format: CatalogueFormat) -> Value {
    let mut facts = json!({
        "source": read.source,
        "format": format,
        "entries": read.entries,
        "unmapped": read.unmapped,
        "unreadable": read.unreadable,
    });
    if let Some(facts) = facts.as_object_mut().filter(|_| format == CatalogueFormat::Litellm) {
        facts.insert("chat_entries".to_owned(), read.chat_entries.into());
        facts.insert("chat_entries_covered".to_owned(), read.chat_entries_covered.into());
        facts.insert("not_covered".to_owned(), json!(read.not_covered));
    }
    facts
}

fn summary(mut summary: Value, diff: &Diff) -> Value {
    if let Value::Object(summary) = &mut summary {
        let counts = [
            ("added", diff.added.len()),
            ("changed", diff.changed.len()),
            ("removed", diff.removed.len()),
            ("leaving", diff.leaving.len()),
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

/// A summary without its lists, for a line of a log.
pub fn counts(summary: &Value) -> Value {
    let mut counts = summary.clone();
    if let Some(counts) = counts.as_object_mut() {
        counts.retain(|_, value| !value.is_array() && !value.is_object());
    }
    counts
}

/// Imports a catalogue at the start of a service, unless the same text was taken before by a reader that takes as much.
pub async fn import_once(app: &App, text: String, manner: Manner) -> Result<Option<Done>, ImportError> {
    let (_, source) = named(&text, &manner)?;
    let sum = digest(text.as_bytes());
    let known =
        app.store.read(move |connection| imports::import_of(connection, &sum, &source, prices::READER));
    if known.await?.is_some() {
        return Ok(None);
    }
    import_as(app, Request { text, ..Request::default() }, manner).await.map(Some)
}

#[cfg(test)]
mod tests;
