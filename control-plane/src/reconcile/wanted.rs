//! A reconciliation as somebody asks for it, in texts, and what is wrong with that.

use super::{
    answer::{Request, TextFile},
    formats::Provider,
    theirs::Fault,
};
use jiff::tz::TimeZone;
use protocol::money::PicoUsd;
use std::collections::BTreeMap;

/// The tolerance of whoever names none.
const TOLERANCE_PERCENT: &str = "1";

/// What somebody wrote.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Whose exports.
    pub provider: String,
    /// Their names and texts.
    pub files: Vec<(String, String)>,
    /// How much of their total may differ; absent: one percent.
    pub tolerance_percent: Option<String>,
    /// The IANA zone of their days; absent: UTC.
    pub time_zone: Option<String>,
    /// What descriptions of models mean.
    pub models: BTreeMap<Box<str>, Box<str>>,
}

impl Wanted {
    /// Reads it. On failure every fault in it.
    pub fn read(self) -> Result<Request, Vec<Fault>> {
        let mut faults = Vec::new();
        let mut fault = |path: &str, message: String| faults.push(Fault { path: path.to_owned(), message });
        let provider = self.provider.parse::<Provider>();
        let provider =
            provider.map_err(|error| fault("provider", format!("`{}` {error}", self.provider))).ok();
        let text = self.tolerance_percent.as_deref().unwrap_or(TOLERANCE_PERCENT);
        let tolerance = millionths(text);
        if tolerance.is_none() {
            fault("tolerance_percent", format!("`{text}` is no percentage from 0 to 100"));
        }
        let zone = self.time_zone.as_deref().filter(|zone| !zone.is_empty()).unwrap_or("UTC");
        let zone =
            TimeZone::get(zone).map_err(|_| fault("time_zone", format!("`{zone}` is no IANA zone"))).ok();
        match (provider, tolerance, zone) {
            (Some(provider), Some(tolerance), Some(zone)) => {
                let files = self.files.into_iter().map(|(name, text)| TextFile { name, text }).collect();
                Ok(Request { provider, files, zone, models: self.models, tolerance })
            }
            _ => Err(faults),
        }
    }
}

/// A percentage in millionths of the whole.
fn millionths(text: &str) -> Option<u64> {
    let number = text.strip_suffix('%').unwrap_or(text).trim();
    let pico = number.parse::<PicoUsd>().ok()?.pico();
    u64::try_from(pico.checked_div(100_000_000)?).ok().filter(|read| pico >= 0 && *read <= 1_000_000)
}
