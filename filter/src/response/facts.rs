//! What an answer has told so far.

use crate::{json_scan::Scanner, text::Text, want::TextKind};
use protocol::{
    ids::NAME_BYTES_MAX,
    meters::{Meter, Units, Usage},
    money::PicoUsd,
};

/// More answers than that are not asked for; a stream could repeat its end for ever.
const FINISH_REASONS_MAX: usize = 64;

/// What an answer has told so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResponseFacts {
    /// The model that answers.
    pub model: Option<Box<str>>,
    /// The tier that is served.
    pub service_tier: Option<Box<str>>,
    /// The region that serves.
    pub region: Option<Box<str>>,
    /// The provider's own counts.
    pub usage: Option<Usage>,
    /// The answer's own id, where only the first event has it.
    pub id: Option<Box<str>>,
    /// What the provider says the call costs.
    pub provider_cost: Option<PicoUsd>,
    /// Why the model stopped, one per answer.
    pub finish_reasons: Vec<Box<str>>,
    /// What made an answer stop, where its finish reason does not say.
    pub stopped_by: Option<Box<str>>,
    /// The provider's error type, also of an error inside a 200.
    pub error_type: Option<Box<str>>,
    /// The text that went to the client.
    pub text: Text,
    /// Whether the stream's last event arrived.
    pub terminal: bool,
    /// Whether the answer is over and its last event did not come, though the dialect always sends one.
    pub lacks_its_end: bool,
    /// Whether such an answer is free, and tells no usage for that reason.
    pub free: bool,
    /// Events that were no JSON of this dialect, or damaged on the way.
    pub unreadable_events: u32,
    /// Counts of a body that has no usage object.
    pub units_of_body: Units,
    /// Counts that came as headers, for answers that have none in their body.
    pub units_of_head: Units,
    /// The model as the head names it, for bodies that do not.
    pub model_of_head: Option<Box<str>>,
    /// What a text is that only its event's type tells.
    delta_kind: Option<TextKind>,
    /// The id of an answer that is made in the background, and fetched by it as often as somebody likes.
    pub background: Option<Box<str>>,
    /// Values whose meaning is worked out at the end, the last of each path.
    kept: Vec<(&'static str, Vec<u8>)>,
    /// Whether several answers were asked for.
    several: bool,
    /// How often something was told of which not only the last counts.
    news: u32,
}

impl ResponseFacts {
    /// Nothing so far.
    pub(super) fn new(text: Text, several: bool) -> Self {
        Self { text, several, ..Self::default() }
    }

    /// The model, unless an earlier event named it. Azure's first event has an empty one.
    pub(crate) fn take_model(&mut self, document: &Scanner, path: &str) {
        if self.model.is_none() {
            self.model = document.text(path).as_deref().and_then(named);
        }
    }

    /// The answer's own id.
    pub(crate) fn take_id(&mut self, document: &Scanner, path: &str) {
        if self.id.is_none() {
            self.id = document.text(path).as_deref().and_then(named);
        }
    }

    /// The id of an answer that is made in the background.
    pub(crate) fn take_background(&mut self, document: &Scanner, path: &str) {
        if self.background.is_none() {
            self.background = document.text(path).as_deref().and_then(named);
        }
    }

    /// The tier.
    pub(crate) fn take_tier(&mut self, document: &Scanner, path: &str) {
        let tier = document.text(path);
        self.service_tier = tier.as_deref().and_then(named).or(self.service_tier.take());
    }

    /// Why the model stopped.
    pub(crate) fn take_finish_reasons(&mut self, document: &Scanner, path: &str) {
        for reason in document.all(path) {
            let reason: Option<String> = serde_json::from_slice(reason).unwrap_or_default();
            if let Some(reason) = reason {
                self.finish(&reason);
            }
        }
    }

    /// One answer is over.
    pub(crate) fn finish(&mut self, reason: &str) {
        self.news = self.news.saturating_add(1);
        if !self.several {
            // OpenRouter says it twice.
            self.finish_reasons.clear();
        }
        if self.finish_reasons.len() < FINISH_REASONS_MAX {
            self.finish_reasons.extend(word(reason));
        }
    }

    /// What made an answer stop that says no more of it than that it is not complete.
    pub(crate) fn stopped_by(&mut self, cause: &str) {
        self.news = self.news.saturating_add(1);
        self.stopped_by = named(cause);
    }

    /// An error.
    pub(crate) fn fail(&mut self, error_type: &str) {
        self.news = self.news.saturating_add(1);
        self.error_type = word(error_type).filter(|word| **word != *OTHER).or_else(|| Some("error".into()));
    }

    /// An event was no document of this dialect, or damaged on the way.
    pub(super) fn is_unreadable(&mut self) {
        self.unreadable_events = self.unreadable_events.saturating_add(1);
    }

    /// Whether the model has stopped or failed, as far as was told.
    pub(crate) fn is_over(&self) -> bool {
        self.terminal || !self.finish_reasons.is_empty() || self.error_type.is_some()
    }

    /// The last event has come.
    pub(crate) fn end(&mut self) {
        self.news = self.news.saturating_add(1);
        self.terminal = true;
    }

    /// Keeps a value as written, in place of an earlier one. A later null does not erase what was told.
    pub(crate) fn keep(&mut self, document: &Scanner, path: &'static str) {
        if let Some(raw) = document.raw(path) {
            match self.kept.iter_mut().find(|(kept, _)| *kept == path) {
                Some((_, value)) => {
                    value.clear();
                    value.extend_from_slice(raw);
                }
                None => self.kept.push((path, raw.to_vec())),
            }
        }
    }

    /// A value that was kept.
    pub(crate) fn kept(&self, path: &str) -> Option<&[u8]> {
        self.kept.iter().find(|(kept, _)| *kept == path).map(|(_, value)| value.as_slice())
    }

    /// How often something was told of which not only the last counts.
    pub(crate) fn news(&self) -> u32 {
        self.news
    }

    /// Falls back on counts and names that came beside the usual ones.
    pub(super) fn settle_on_counts(&mut self) {
        self.model = self.model.take().or_else(|| self.model_of_head.take());
        if self.usage.is_none() {
            let units =
                [&self.units_of_body, &self.units_of_head].into_iter().find(|units| !units.is_empty());
            self.usage =
                units.map(|units| Usage { units: units.clone(), complete: true, ..Usage::default() });
        }
    }

    /// A count of a body that has no usage object.
    pub(crate) fn count_of_body(&mut self, meter: Meter, count: u64) {
        self.units_of_body.insert(meter, count);
    }

    /// What the text of the event that was just read is.
    pub(crate) fn delta_is(&mut self, kind: TextKind) {
        self.delta_kind = Some(kind);
    }

    /// Likewise.
    pub(crate) fn delta_kind(&self) -> TextKind {
        self.delta_kind.unwrap_or(TextKind::Reasoning)
    }
}

/// What stands for a reason that is no word.
const OTHER: &str = "other";
/// No provider's word is longer.
const WORD_BYTES_MAX: usize = 64;

/// A word of a provider's own. What holds anything else may be somebody's text, and stays in Envoy.
fn word(text: &str) -> Option<Box<str>> {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:/-".contains(&byte);
    if text.bytes().all(is_word) && text.len() <= WORD_BYTES_MAX { named(text) } else { Some(OTHER.into()) }
}

/// A name that a provider gave, unless it is none or longer than any name may be.
pub(crate) fn named(text: &str) -> Option<Box<str>> {
    (!text.is_empty() && text.len() <= NAME_BYTES_MAX).then(|| text.into())
}
