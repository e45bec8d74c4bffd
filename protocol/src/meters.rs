//! Meters: the kinds of unit that a call is counted in. They are disjoint: a token is in exactly one of them.

use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

/// One kind of counted unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Meter {
    /// Prompt tokens that were neither read from nor written to a cache, text.
    Input,
    /// Prompt tokens read from a cache.
    CacheRead,
    /// Prompt tokens written to a cache that lives five minutes (or for the provider's only lifetime).
    #[serde(rename = "cache_write_5m")]
    CacheWrite5m,
    /// Prompt tokens written to a cache that lives an hour.
    #[serde(rename = "cache_write_1h")]
    CacheWrite1h,
    /// Generated tokens that the client sees, text.
    Output,
    /// Generated tokens that the client does not see.
    Reasoning,
    /// Prompt tokens of audio.
    AudioIn,
    /// Generated tokens of audio.
    AudioOut,
    /// Prompt tokens of images.
    ImageIn,
    /// Generated tokens of images.
    ImageOut,
    /// Searches the provider made.
    WebSearch,
    /// Tokens of sources that were read and are billed beside the prompt.
    Citation,
    /// Seconds of audio.
    AudioSeconds,
    /// Characters of text to be spoken.
    Characters,
    /// Images made, where they are not billed by tokens.
    Images,
    /// Searches through given documents, as rerankers bill them.
    SearchUnits,
    /// Pages of documents that were read.
    Pages,
    /// The call itself, where the provider bills each: one per call that used anything, without anybody counting it.
    Requests,
    /// A cost that is told as money, in pico-dollars: by the provider, where the policy lets its word bill, or by the
    /// filter's hold, where a call never ended.
    ReportedCost,
}

/// Which side of the call a meter is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Tokens that the application sent.
    Prompt,
    /// Tokens that the model generated.
    Generated,
    /// What providers bill beside the tokens of prompt and answer.
    Service,
}

impl Meter {
    /// Every meter, in the order reports show them.
    pub const ALL: [Self; 19] = [
        Self::Input,
        Self::CacheRead,
        Self::CacheWrite5m,
        Self::CacheWrite1h,
        Self::Output,
        Self::Reasoning,
        Self::AudioIn,
        Self::AudioOut,
        Self::ImageIn,
        Self::ImageOut,
        Self::WebSearch,
        Self::Citation,
        Self::AudioSeconds,
        Self::Characters,
        Self::Images,
        Self::SearchUnits,
        Self::Pages,
        Self::Requests,
        Self::ReportedCost,
    ];

    /// The word used in JSON, YAML and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::CacheRead => "cache_read",
            Self::CacheWrite5m => "cache_write_5m",
            Self::CacheWrite1h => "cache_write_1h",
            Self::Output => "output",
            Self::Reasoning => "reasoning",
            Self::AudioIn => "audio_in",
            Self::AudioOut => "audio_out",
            Self::ImageIn => "image_in",
            Self::ImageOut => "image_out",
            Self::WebSearch => "web_search",
            Self::Citation => "citation",
            Self::AudioSeconds => "audio_seconds",
            Self::Characters => "characters",
            Self::Images => "images",
            Self::SearchUnits => "search_units",
            Self::Pages => "pages",
            Self::Requests => "requests",
            Self::ReportedCost => "reported_cost",
        }
    }

    /// Prompt, generated or service.
    pub fn side(self) -> Side {
        match self {
            Self::Input
            | Self::CacheRead
            | Self::CacheWrite5m
            | Self::CacheWrite1h
            | Self::AudioIn
            | Self::ImageIn => Side::Prompt,
            Self::Output | Self::Reasoning | Self::AudioOut | Self::ImageOut => Side::Generated,
            Self::WebSearch
            | Self::Citation
            | Self::AudioSeconds
            | Self::Characters
            | Self::Images
            | Self::SearchUnits
            | Self::Pages
            | Self::Requests
            | Self::ReportedCost => Side::Service,
        }
    }

    /// What one unit is, in the singular.
    pub fn unit(self) -> &'static str {
        match self {
            Self::WebSearch | Self::SearchUnits => "search",
            Self::AudioSeconds => "second",
            Self::Characters => "character",
            Self::Images => "image",
            Self::Pages => "page",
            Self::Requests => "request",
            Self::ReportedCost => "pico-dollar",
            _ => "token",
        }
    }

    /// Whether it counts tokens, of whichever side.
    pub fn is_tokens(self) -> bool {
        self.unit() == "token"
    }
}

impl fmt::Display for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Meter {
    type Err = UnknownMeter;

    fn from_str(text: &str) -> Result<Self, UnknownMeter> {
        Self::ALL.into_iter().find(|meter| meter.as_str() == text).ok_or(UnknownMeter)
    }
}

/// No meter of that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a meter")]
pub struct UnknownMeter;

/// Units per meter. An absent meter was not counted; zero was counted and is zero.
pub type Units = BTreeMap<Meter, u64>;

/// Where the units of a call come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsageSource {
    /// The provider said so.
    Reported,
    /// Bursar estimated all of them.
    Estimated,
    /// Some of each.
    Mixed,
    /// Nothing is known.
    None,
}

/// What one call or attempt used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Units per meter.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub units: Units,
    /// Which of the meters are estimates.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub estimated: BTreeSet<Meter>,
    /// Whether this is all there is: the response's last metering event arrived, or it is known that nothing was used.
    #[serde(default)]
    pub complete: bool,
}

impl Usage {
    /// Reported, estimated, mixed or none.
    pub fn source(&self) -> UsageSource {
        let estimated = self.units.keys().filter(|meter| self.estimated.contains(meter)).count();
        match (self.units.len(), estimated) {
            (0, _) => UsageSource::None,
            (_, 0) => UsageSource::Reported,
            (all, some) if all == some => UsageSource::Estimated,
            _ => UsageSource::Mixed,
        }
    }

    /// Tokens of one side, as OpenTelemetry's `gen_ai.usage.input_tokens` and `output_tokens` count them.
    pub fn tokens(&self, side: Side) -> u64 {
        tokens(&self.units, side)
    }
}

/// Tokens of one side of some units.
pub fn tokens(units: &Units, side: Side) -> u64 {
    units
        .iter()
        .filter(|(meter, _)| meter.side() == side)
        .fold(0, |total: u64, (_, units)| total.saturating_add(*units))
}
