//! The formats of catalogues: which one a text is in, and reading it. What each means is in a file of its own.

use super::{Import, genai_prices, litellm, models_dev, openrouter, own, raw::Pairs};
use crate::policy::{CatalogueFormat, Fault};
use protocol::UnixNanos;

/// Counts up whenever a reader takes more from the same text, so that a catalogue that was read before is read again.
pub const READER: u32 = 2;

/// The source of rows that somebody wrote without a name for the file.
const OWN: &str = "own";
/// What the sources of people's own files begin with.
const FILE: &str = "file:";

/// Why a text is no catalogue.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is not what its format says.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// It is in no format that is known.
    #[error("is in none of the known formats: litellm, openrouter, models-dev, genai-prices, yaml, csv")]
    Unknown,
    /// It may be one, and there is no price in it.
    #[error("has no price that could be taken")]
    NoPrice,
    /// It is an own file with mistakes in it.
    #[error("has {} {}", .0.len(), if .0.len() == 1 { "fault" } else { "faults" })]
    Faulty(Vec<Fault>),
    /// Its name belongs to others.
    #[error("`{0}` is a name for files of one's own, which are YAML or CSV")]
    NotOwn(String),
}

/// Whether a source is a file that somebody here wrote, and so wins over catalogues.
pub fn is_own(source: &str) -> bool {
    source == OWN || source.starts_with(FILE)
}

/// The name under which a text's rows are kept: the one that is given, in the form that its format allows.
pub fn source_name(format: CatalogueFormat, given: Option<&str>) -> Result<Box<str>, ReadError> {
    let given = given.filter(|name| !name.is_empty());
    let is_file = format.is_own();
    match given {
        Some(name) if is_file && !is_own(name) => Ok(format!("{FILE}{name}").into()),
        Some(name) if !is_file && is_own(name) => Err(ReadError::NotOwn(name.to_owned())),
        Some(name) => Ok(name.into()),
        None if is_file => Ok(OWN.into()),
        None => Ok(format.as_str().into()),
    }
}

/// The format that a text looks like.
pub fn detect(text: &str) -> Option<CatalogueFormat> {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    if text.starts_with('[') {
        let list: Vec<&serde_json::value::RawValue> = serde_json::from_str(text).ok()?;
        let first = list.first().and_then(|raw| Pairs::of(raw.get()));
        return first.filter(|it| it.raw("models").is_some()).map(|_| CatalogueFormat::GenaiPrices);
    }
    if text.starts_with('{') {
        return detect_object(&Pairs::of(text)?);
    }
    let first = text.lines().find(|line| !line.trim().is_empty())?;
    let columns: Vec<&str> = first.split(',').map(str::trim).collect();
    if columns.len() > 2 && columns.contains(&"provider") && columns.contains(&"meter") {
        return Some(CatalogueFormat::Csv);
    }
    let has_prices = text.lines().any(|line| line.starts_with("prices:"));
    has_prices.then_some(CatalogueFormat::Yaml)
}

fn detect_object(pairs: &Pairs<'_>) -> Option<CatalogueFormat> {
    if pairs.list("data").is_some() {
        return Some(CatalogueFormat::Openrouter);
    }
    if pairs.list("prices").is_some() {
        // JSON is YAML.
        return Some(CatalogueFormat::Yaml);
    }
    let mut entries = pairs.0.iter().filter_map(|(_, raw)| Pairs::of(raw.get()));
    entries.find_map(|entry| {
        if entry.object("models").is_some() {
            return Some(CatalogueFormat::ModelsDev);
        }
        entry.raw("litellm_provider").map(|_| CatalogueFormat::Litellm)
    })
}

/// Reads a catalogue. Its rows hold from `at` on, where it does not say otherwise.
pub fn read(text: &str, format: CatalogueFormat, source: &str, at: UnixNanos) -> Result<Import, ReadError> {
    let text = text.trim_start_matches('\u{feff}');
    match format {
        CatalogueFormat::Litellm => Ok(litellm::read(text, source, at)?),
        CatalogueFormat::Openrouter => Ok(openrouter::import(text, source, at)?),
        CatalogueFormat::ModelsDev => Ok(models_dev::import(text, source, at)?),
        CatalogueFormat::GenaiPrices => Ok(genai_prices::import(text, source, at)?),
        CatalogueFormat::Yaml => own::import_yaml(text, source, at).map_err(ReadError::Faulty),
        CatalogueFormat::Csv => own::import_csv(text, source, at).map_err(ReadError::Faulty),
    }
}

/// Providers by the names that the filter gives them; other catalogues have others.
const PROVIDERS: [(&str, &str); 18] = [
    ("google", "gemini"),
    ("google-vertex", "vertex_ai"),
    ("google-vertex-anthropic", "vertex_ai"),
    ("amazon-bedrock", "bedrock"),
    ("aws", "bedrock"),
    ("x-ai", "xai"),
    ("together", "together_ai"),
    ("togetherai", "together_ai"),
    ("fireworks", "fireworks_ai"),
    ("fireworks-ai", "fireworks_ai"),
    ("moonshotai", "moonshot"),
    ("novita-ai", "novita"),
    ("voyageai", "voyage"),
    ("alibaba", "dashscope"),
    ("cloudflare-workers-ai", "cloudflare"),
    ("nvidia", "nvidia_nim"),
    ("jina", "jina_ai"),
    ("azure-cognitive-services", "azure_ai"),
];

/// A catalogue's provider as the filter names it.
pub(super) fn provider_name(name: &str) -> &str {
    PROVIDERS.iter().find(|(theirs, _)| *theirs == name).map_or(name, |(_, ours)| ours)
}

#[cfg(test)]
mod tests;
