//! Reads a request body as it arrives, as far as admission needs it, and rewrites what must be rewritten.

mod facts;
mod form;
mod last_message;
mod model;
mod usage_option;

pub use facts::{CacheHint, RequestFacts};
pub use model::with_model;
pub use usage_option::{LatePiece, without_usage_asked};

use crate::{
    dialect::Detected,
    head::Headers,
    json_scan::Scanner,
    text::unescape::Unescape,
    want::{TextKind, Want},
};
use form::Form;
use last_message::LastMessage;
use usage_option::Reserve;

/// Reads one request body.
#[derive(Debug)]
pub struct RequestReader {
    detected: Detected,
    body: Body,
    bytes: u64,
    content_length: Option<u64>,
    /// The text of it that is billed by its characters.
    characters: u64,
    /// Its escapes.
    spoken: Unescape,
    /// What tells the request from the one before; only where somebody asks.
    last_message: Option<LastMessage>,
    /// Fields that somebody else asks for; only where somebody does.
    fields: Option<Box<Scanner>>,
    /// Room that was promised at the end of a body that is not held.
    reserve: Option<Reserve>,
}

#[derive(Debug)]
enum Body {
    Json(Box<Scanner>),
    Form(Box<Form>),
}

impl RequestReader {
    /// Begins with what the head says of the body.
    pub fn new(detected: Detected, headers: &Headers<'_>) -> Self {
        let content_length = headers.text("content-length").and_then(|length| length.parse().ok());
        let form = headers.text("content-type").and_then(Form::of);
        let body = match form {
            Some(form) => Body::Form(Box::new(form)),
            None => Body::Json(Box::new(Scanner::new(detected.dialect.format().request))),
        };
        Self {
            detected,
            body,
            bytes: 0,
            content_length,
            characters: 0,
            spoken: Unescape::default(),
            last_message: None,
            fields: None,
            reserve: None,
        }
    }

    /// Takes the next piece.
    pub fn read(&mut self, piece: &[u8]) {
        self.bytes = self.bytes.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        if let Some(last_message) = &mut self.last_message {
            last_message.feed(piece);
        }
        if let Some(fields) = &mut self.fields {
            fields.feed(piece, |_, _| {});
        }
        let (characters, spoken) = (&mut self.characters, &mut self.spoken);
        match &mut self.body {
            Body::Json(scanner) => scanner.feed(piece, |kind, text| {
                if kind == TextKind::Spoken {
                    spoken.feed(text, |plain| {
                        let begins = plain.iter().filter(|byte| **byte & 0xc0 != 0x80).count();
                        *characters = characters.saturating_add(u64::try_from(begins).unwrap_or(u64::MAX));
                    });
                }
            }),
            Body::Form(form) => form.feed(piece),
        }
    }

    /// Asks what tells the request from the one before. Before the first piece.
    pub fn fingerprint(&mut self) {
        self.last_message = Some(LastMessage::default());
    }

    /// Asks for fields that the dialect does not need. Before the first piece. They have a scanner of their own: one
    /// of them may lie inside a value that the dialect keeps whole.
    pub fn look_for(&mut self, wants: &'static [Want]) {
        self.fields = (!wants.is_empty()).then(|| Box::new(Scanner::new(wants)));
    }

    /// A text or a whole number among these.
    pub fn found(&self, path: &'static str) -> Option<String> {
        let value = |scanner: &Scanner| {
            scanner.text(path).or_else(|| scanner.count(path).map(|count| count.to_string()))
        };
        let fields = self.fields.as_ref()?;
        match &self.body {
            Body::Json(_) => value(fields),
            Body::Form(form) => form.text(path),
        }
    }

    /// How long the body is, where the head says.
    pub fn content_length(&self) -> Option<u64> {
        self.content_length
    }

    /// Whether the head says that the body is longer than that.
    pub fn is_longer_than(&self, bytes: usize) -> bool {
        self.content_length.is_some_and(|length| usize::try_from(length).is_ok_and(|length| length > bytes))
    }

    /// What is known so far.
    pub fn facts(&self) -> RequestFacts {
        let mut facts = RequestFacts { whole: self.is_whole(), ..RequestFacts::default() };
        let format = self.detected.dialect.format();
        // A body that is not whole yet is at least as long as its head says.
        let bytes = self.bytes.max(self.content_length.unwrap_or(0));
        match &self.body {
            Body::Json(scanner) => {
                (format.read_request)(scanner, &mut facts);
                facts.media_parts = scanner.media().parts;
                facts.media_bytes = scanner.media().bytes_so_far();
                facts.text_bytes = bytes.saturating_sub(facts.media_bytes);
            }
            Body::Form(form) => {
                let mut scanner = Scanner::new(format.request);
                scanner.feed(form.as_json().as_bytes(), |_, _| {});
                (format.read_request)(&scanner, &mut facts);
                // The file is no text.
                facts.media_parts = 1;
                facts.media_bytes = bytes;
            }
        }
        facts.model = facts.model.take().or_else(|| self.detected.model.clone());
        facts.stream |= self.detected.streams;
        facts.last_message = self.last_message.as_ref().and_then(LastMessage::fingerprint);
        facts.retrieves = self.detected.retrieves;
        if facts.bills_characters {
            facts.characters = Some(self.characters);
        }
        facts.clamped()
    }

    /// Whether the request was read to its end.
    pub fn is_whole(&self) -> bool {
        match &self.body {
            Body::Json(scanner) => scanner.ended(),
            Body::Form(form) => form.ended(),
        }
    }
}

#[cfg(test)]
mod tests;
