//! Reading catalogues again and again, as `prices.refresh` of the policy says. What was good stays until something better
//! has been read whole.

use super::{ImportError, Manner, Request, import_as, named};
use crate::{
    app::App,
    policy::{Refresh, masked_catalogue},
    prices::{self, ReadError},
    store::{
        StoreError, digest,
        imports::{self, Check},
    },
};
use protocol::UnixNanos;
use std::{borrow::Cow, fs, io::Read as _, time::Duration};

/// The largest catalogue there is has 3 MB.
const TEXT_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// From asking to the last byte.
const TIMEOUT: Duration = Duration::from_secs(60);
const HOUR_NS: u64 = 3_600_000_000_000;

/// What came of reading a catalogue again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It says something else than before, which was imported.
    Imported,
    /// It says what it said before.
    Unchanged,
}

/// Why a catalogue was not read again.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// It cannot be reached, or is too long.
    #[error("{0}")]
    Unreachable(String),
    /// It is no catalogue, or the store says no.
    #[error(transparent)]
    Import(#[from] ImportError),
}

impl From<StoreError> for RefreshError {
    fn from(error: StoreError) -> Self {
        Self::Import(ImportError::Store(error))
    }
}

/// When each entry was last read, or tried: one that fails is tried again at its next time, not all the time.
#[derive(Debug, Default)]
pub struct Schedule {
    tried: Vec<(Refresh, UnixNanos)>,
}

impl Schedule {
    /// Reads every entry whose time has come. Counts and logs what came of each.
    pub async fn run(&mut self, app: &App) {
        let now = app.clock.now();
        let entries = app.rules().policy().prices.refresh.clone();
        self.tried.retain(|(entry, _)| entries.contains(entry));
        for entry in entries {
            let tried = self.tried.iter().find(|(known, _)| *known == entry).map(|(_, at)| *at);
            match is_due(app, &entry, tried, now).await {
                Ok(false) => continue,
                Ok(true) => {}
                Err(error) => {
                    tracing::error!(%error, "whether prices are to be read again is not known");
                    continue;
                }
            }
            self.tried.retain(|(known, _)| *known != entry);
            self.tried.push((entry.clone(), now));
            let place = &*shown(&entry);
            match refresh(app, &entry).await {
                Ok(Outcome::Imported) => app.metrics.price_refresh("imported"),
                Ok(Outcome::Unchanged) => {
                    app.metrics.price_refresh("unchanged");
                    tracing::info!(place, "prices are what they were");
                }
                Err(error) => {
                    app.metrics.price_refresh("failed");
                    tracing::error!(place, %error, "prices were not read again; the last good ones stay");
                }
            }
        }
    }
}

async fn is_due(
    app: &App,
    entry: &Refresh,
    tried: Option<UnixNanos>,
    now: UnixNanos,
) -> Result<bool, StoreError> {
    let place = location(entry).to_owned();
    let checked = app.store.read(move |connection| imports::checked_at(connection, &place)).await?;
    let last = checked.max(tried);
    let period = u64::from(entry.every_hours).saturating_mul(HOUR_NS);
    Ok(last.is_none_or(|last| now.saturating_sub(last) >= period))
}

/// Reads an entry's catalogue and takes it, unless it is the text that was taken last.
pub async fn refresh(app: &App, entry: &Refresh) -> Result<Outcome, RefreshError> {
    let place = entry.clone();
    let fetched = tokio::task::spawn_blocking(move || fetch(&place)).await;
    let text = fetched.map_err(|error| RefreshError::Unreachable(error.to_string()))??;
    let format = entry.format.or_else(|| prices::detect(&text)).ok_or(ReadError::Unknown);
    let format = format.map_err(ImportError::from)?;
    let manner = Manner {
        format: Some(format),
        // A catalogue keeps its own name; only people's files are called by their files.
        source: file_name(path(entry)).filter(|_| format.is_own()),
        location: location(entry).to_owned(),
        apply: entry.apply,
        backdate: false,
    };
    let (_, source) = named(&text, &manner).map_err(ImportError::from)?;
    let check = Check { digest: digest(text.as_bytes()), reader: prices::READER, at: app.clock.now() };
    let (place, now) = (manner.location.clone(), check);
    let is_known = app.store.write(move |write| {
        let newest = imports::newest(write.connection(), &source)?;
        let known = newest.is_some_and(|newest| {
            newest.record.digest == now.digest && newest.record.reader == Some(now.reader)
        });
        if known {
            imports::checked(write, &source, &place, &now)?;
        }
        Ok(known)
    });
    if is_known.await? {
        return Ok(Outcome::Unchanged);
    }
    let place = shown(entry);
    let done = import_as(app, Request { text, ..Request::default() }, manner).await?;
    tracing::info!(%place, import = done.id, summary = %super::counts(&done.summary), "prices read again");
    Ok(Outcome::Imported)
}

/// The last part of a path.
pub fn file_name(path: &str) -> Option<String> {
    std::path::Path::new(path).file_name().map(|name| name.to_string_lossy().into_owned())
}

fn location(entry: &Refresh) -> &str {
    entry.url.as_deref().or(entry.file.as_deref()).unwrap_or_default()
}

/// Where it is, without what follows a file's name in an address: that may be a key.
fn path(entry: &Refresh) -> &str {
    let place = location(entry);
    let is_url = entry.url.is_some();
    if is_url { place.split(['?', '#']).next().unwrap_or_default() } else { place }
}

/// As logs may have it.
fn shown(entry: &Refresh) -> Cow<'_, str> {
    match &entry.url {
        Some(url) => masked_catalogue(url),
        None => location(entry).into(),
    }
}

fn fetch(entry: &Refresh) -> Result<String, RefreshError> {
    let failed = |error: &dyn std::fmt::Display| RefreshError::Unreachable(error.to_string());
    let text = match (&entry.url, &entry.file) {
        (Some(url), _) => {
            let config = ureq::Agent::config_builder().timeout_global(Some(TIMEOUT)).build();
            let agent: ureq::Agent = config.into();
            let mut response = agent.get(&**url).call().map_err(|error| failed(&error))?;
            let body = response.body_mut().with_config().limit(TEXT_BYTES_MAX);
            body.read_to_string().map_err(|error| failed(&error))?
        }
        (None, Some(file)) => {
            let mut text = String::new();
            let file = fs::File::open(&**file).map_err(|error| failed(&error))?;
            let limit = TEXT_BYTES_MAX.saturating_add(1);
            file.take(limit).read_to_string(&mut text).map_err(|error| failed(&error))?;
            text
        }
        (None, None) => return Err(RefreshError::Unreachable("names neither a url nor a file".to_owned())),
    };
    if u64::try_from(text.len()).is_ok_and(|length| length > TEXT_BYTES_MAX) {
        return Err(RefreshError::Unreachable(format!("is longer than {TEXT_BYTES_MAX} bytes")));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::parse;

    #[test]
    fn what_may_be_a_key_names_no_source_and_stands_in_no_log() {
        for (entry, name, shown) in [
            ("file: /etc/p?x/prices.yaml", "prices.yaml", "/etc/p?x/prices.yaml"),
            ("url: 'https://a.example/prices.yaml'", "prices.yaml", "https://a.example/prices.yaml"),
            (
                "url: 'https://me:pass@a.example/prices.yaml?key=secret#secret'",
                "prices.yaml",
                "https://a.example/prices.yaml/…",
            ),
        ] {
            let policy = parse(&format!("version: 1\nprices: {{refresh: [{{{entry}}}]}}\n"), "p").unwrap();
            let [entry] = &*policy.prices.refresh else { panic!("one entry") };
            assert_eq!(file_name(path(entry)).as_deref(), Some(name));
            let seen = super::shown(entry);
            assert!(seen.starts_with(shown) && !seen.contains("pass") && !seen.contains("secret"), "{seen}");
        }
    }
}
