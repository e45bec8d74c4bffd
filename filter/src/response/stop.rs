//! An answer that may have to end early: it is read event by event up to a limit, and its end is made in its own words.

use super::{ResponseFacts, ResponseReader, framing::Framing};
use crate::farewell::{self, Farewell, Told, Wire};

impl ResponseReader {
    /// Whether it is a stream whose delivered text can be counted, and it can end early.
    pub fn can_stop(&self) -> bool {
        let streams = !matches!(self.framing, Framing::Unary | Framing::Opaque);
        self.expected.stream && streams && self.status < 300
    }

    /// Stops reading behind the event with which more text than this was delivered. What is compressed cannot be taken
    /// apart, and is read on.
    pub fn limit_text(&mut self, bytes: u64) {
        if self.decoder.is_none() {
            self.documents.limit_text(bytes);
        }
    }

    /// Whether events can be told apart in what the client gets.
    pub fn is_plain(&self) -> bool {
        self.decoder.is_none()
    }

    /// How far the last piece was read, where reading stopped there; what is behind has to be read again.
    pub fn stopped(&self) -> Option<usize> {
        self.stopped
    }

    /// What was told so far, counted.
    pub fn facts_so_far(&self) -> ResponseFacts {
        let mut facts = self.documents.facts().clone();
        (self.expected.dialect.format().count)(&mut facts);
        facts
    }

    /// Bytes of generated text that were delivered.
    pub fn text_bytes(&self) -> u64 {
        self.documents.facts().text.bytes
    }

    /// How the answer ends in the words of its dialect, where it stopped behind an event.
    pub fn farewell(&self, input_tokens: u64, output_tokens: u64) -> Option<Farewell> {
        let facts = self.documents.facts();
        let wire = match &self.framing {
            Framing::Events(_) => Wire::Events,
            Framing::Lines(_) => Wire::Lines,
            Framing::Array(_) => Wire::Array,
            Framing::Frames(_) => Wire::Frames,
            Framing::Unary | Framing::Undecided | Framing::Opaque => return None,
        };
        let told = Told {
            last: serde_json::from_slice(self.documents.last()).unwrap_or_default(),
            id: facts.id.as_deref(),
            model: facts.model.as_deref(),
            input_tokens,
            output_tokens,
        };
        farewell::of(self.expected.dialect, wire, &told)
    }
}
