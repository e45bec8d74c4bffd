//! What a request asks for, as far as it could be read.

use crate::{json_scan::Scanner, response::named};
use protocol::{
    meters::{Meter, Units, Usage},
    ratio::TextRatios,
};

/// No model reads or generates as many tokens. A larger number is a client's mistake, and must not make an event
/// that the control plane cannot believe.
const TOKENS_MAX: u64 = 1 << 40;
/// An image costs about 260 (Gemini) to 1,600 (Claude) tokens, whatever its size in bytes; a document of several
/// pages costs more, and is longer.
const TOKENS_PER_MEDIA_PART: u64 = 1_500;
const BYTES_PER_MEDIA_TOKEN: u64 = 256;

/// How long what a request asks to be cached is to live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CacheHint {
    /// Five minutes, or as long as the provider likes.
    Short,
    /// An hour.
    Long,
}

/// What a request asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestFacts {
    /// The model.
    pub model: Option<Box<str>>,
    /// Whether the answer is to be streamed.
    pub stream: bool,
    /// The tier.
    pub tier: Option<Box<str>>,
    /// How many answers, where it says.
    pub answers: Option<u64>,
    /// The output limit over all answers.
    pub output_tokens_max: Option<u64>,
    /// Whether the content of the answer is to be JSON.
    pub asks_for_json: bool,
    /// Whether the answer may be audio.
    pub makes_audio: bool,
    /// Whether the answer may be images.
    pub makes_images: bool,
    /// Whether parts of the prompt are to be cached.
    pub cache_hint: Option<CacheHint>,
    /// Whether the provider is known to refuse such a request when it also asks for usage.
    pub refuses_usage_option: bool,
    /// Whether such a request is free.
    pub free: bool,
    /// Whether an answer is asked for that was made in the background, and not a new one.
    pub retrieves: bool,
    /// Whether its text is billed by characters.
    pub bills_characters: bool,
    /// How many these are.
    pub characters: Option<u64>,
    /// How many images are made, for models that are billed by image.
    pub images: Option<u64>,
    /// Bytes that are no media.
    pub text_bytes: u64,
    /// Images, audio and documents in it.
    pub media_parts: u64,
    /// Their bytes, as written.
    pub media_bytes: u64,
    /// The fingerprint of its last message.
    pub last_message: Option<u64>,
    /// Whether the whole body was read.
    pub whole: bool,
}

impl RequestFacts {
    /// Takes model and tier.
    pub(crate) fn take_names(&mut self, request: &Scanner, model: &str, tier: &str) {
        self.model = request.text(model).as_deref().and_then(named);
        self.tier = request.text(tier).as_deref().and_then(named);
    }

    /// Takes a wish to cache, as Anthropic and Bedrock write it.
    pub(crate) fn take_cache_hint(&mut self, request: &Scanner, path: &str) {
        for hint in request.all(path).filter(|hint| *hint != b"null") {
            let long = memchr::memmem::find(hint, b"\"1h\"").is_some();
            self.cache_hint =
                self.cache_hint.max(Some(if long { CacheHint::Long } else { CacheHint::Short }));
        }
    }

    /// The prompt's size in tokens, estimated from its bytes.
    pub fn input_tokens_estimate(&self, provider: &str, ratios: &TextRatios) -> u64 {
        let text = ratios.prompt_tokens(provider, &[self.model.as_deref()], self.text_bytes);
        let media = self.media_parts.saturating_mul(TOKENS_PER_MEDIA_PART);
        let media = media.saturating_add(self.media_bytes / BYTES_PER_MEDIA_TOKEN);
        text.saturating_add(media).min(TOKENS_MAX)
    }

    /// What can be known of the usage without the provider's saying so: counted here, and so an estimate.
    pub fn usage(&self) -> Option<Usage> {
        let units: Units = [(Meter::Characters, self.characters), (Meter::Images, self.images)]
            .into_iter()
            .filter_map(|(meter, units)| Some((meter, units?.min(TOKENS_MAX))))
            .collect();
        let estimated = units.keys().copied().collect();
        (!units.is_empty()).then_some(Usage { units, estimated, complete: true })
    }

    pub(super) fn clamped(mut self) -> Self {
        self.output_tokens_max = self.output_tokens_max.map(|max| max.min(TOKENS_MAX));
        self
    }
}
