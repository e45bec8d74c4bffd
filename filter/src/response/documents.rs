//! The documents of one answer, whatever lay around them: skimmed where they are like the one before, scanned where
//! they are not, and read by the dialect.

use super::{
    Expected, ResponseFacts,
    framing::{is_usage_only, may_be_usage_only},
};
use crate::{
    base64,
    dialect::Format,
    frame::{EVENT_HELD_MAX, Event, Reader, Verdict},
    json_scan::{Role, Scanner, Span},
    skim::{Fit, Skim},
    text::Text,
    want::{TextKind, Want, text},
};

/// Bedrock wraps a model's own documents.
const WRAPPER: &[Want] = &[text("bytes", TextKind::Base64)];

/// The reader of documents.
#[derive(Debug)]
pub(super) struct Documents {
    format: &'static Format,
    facts: ResponseFacts,
    skim: Skim,
    /// The last event that was skimmed over and told a value of which only the last one counts.
    latest: Vec<u8>,
    /// The document that comes in pieces.
    long: Option<Box<Pieces>>,
    wraps: bool,
    usage_injected: bool,
    /// The stream may have to end when more text than this was delivered,
    limit: u64,
    /// and this event was the last one then.
    last: Vec<u8>,
    /// Text whose kind only the rest of its document tells.
    by_type: Vec<u8>,
}

/// A document that comes in pieces, and the wrapper around it, if there is one.
#[derive(Debug)]
struct Pieces {
    wrapper: Option<(Scanner, base64::Decoder)>,
    document: Scanner,
}

impl Pieces {
    fn new(format: &Format, wraps: bool) -> Self {
        let wrapper = wraps.then(|| (Scanner::new(WRAPPER), base64::Decoder::new()));
        Self { wrapper, document: Scanner::new(format.answer) }
    }

    fn feed(&mut self, piece: &[u8], facts: &mut ResponseFacts) {
        let kind_of_delta = facts.delta_kind();
        let mut texts = |kind, text: &[u8]| {
            add(&mut facts.text, if kind == TextKind::ByType { kind_of_delta } else { kind }, text);
        };
        match &mut self.wrapper {
            None => self.document.feed(piece, texts),
            Some((wrapper, decoder)) => {
                let document = &mut self.document;
                wrapper.feed(piece, |_, coded| {
                    decoder.feed(coded, &mut |bytes| document.feed(bytes, &mut texts));
                });
            }
        }
    }
}

impl Reader for Documents {
    fn take(&mut self, event: Event<'_>) -> Verdict {
        let verdict = self.take_event(event);
        if let Event::Whole(document) = event {
            self.note_last(document);
        }
        verdict
    }

    fn stops(&self) -> bool {
        self.facts.text.bytes > self.limit && !self.facts.is_over()
    }

    fn skim(&mut self, bytes: &[u8], suffix: &[u8]) -> Option<usize> {
        if self.wraps {
            return None;
        }
        let (text, latest) = (&mut self.facts.text, !self.usage_injected);
        let (fit, length) =
            self.skim.pass_first(bytes, suffix, latest, |kind, piece| add(text, kind, piece))?;
        if fit == Fit::Latest {
            self.remember(bytes.get(..length).unwrap_or_default());
        }
        self.note_last(bytes.get(..length).unwrap_or_default());
        Some(length)
    }
}

impl Documents {
    pub(super) fn new(expected: &Expected) -> Self {
        let text = Text::new(expected.json, expected.several);
        Self {
            format: expected.dialect.format(),
            facts: ResponseFacts::new(text, expected.several),
            skim: Skim::default(),
            latest: Vec::new(),
            long: None,
            wraps: expected.dialect.wraps_documents(),
            usage_injected: expected.usage_injected,
            limit: u64::MAX,
            last: Vec::new(),
            by_type: Vec::new(),
        }
    }

    pub(super) fn facts(&self) -> &ResponseFacts {
        &self.facts
    }

    pub(super) fn facts_mut(&mut self) -> &mut ResponseFacts {
        &mut self.facts
    }

    pub(super) fn into_facts(mut self) -> ResponseFacts {
        self.read_latest();
        self.facts
    }

    /// Stops once more text than this was delivered.
    pub(super) fn limit_text(&mut self, bytes: u64) {
        self.limit = bytes;
    }

    /// The event behind which it stops.
    pub(super) fn last(&self) -> &[u8] {
        &self.last
    }

    fn note_last(&mut self, document: &[u8]) {
        if self.facts.text.bytes > self.limit {
            self.last.clear();
            self.last.extend_from_slice(document);
        }
    }

    fn take_event(&mut self, event: Event<'_>) -> Verdict {
        match event {
            Event::Whole(b"[DONE]") => self.facts.end(),
            Event::Whole(wrapped) if self.wraps => {
                let document = unwrapped(wrapped);
                if !document.is_empty() {
                    return self.document(&document);
                }
            }
            Event::Whole(document) => return self.document(document),
            Event::Piece(piece) => {
                self.read_latest();
                let (format, wraps) = (self.format, self.wraps);
                let long = self.long.get_or_insert_with(|| Box::new(Pieces::new(format, wraps)));
                long.feed(piece, &mut self.facts);
            }
            Event::PieceEnd => {
                if let Some(long) = self.long.take() {
                    self.skim.forget();
                    (self.format.read_answer)(&long.document, &mut self.facts);
                }
            }
            Event::Failed(kind) => self.facts.fail(kind),
        }
        Verdict::Keep
    }

    fn document(&mut self, document: &[u8]) -> Verdict {
        // A usage that the client did not ask for must be seen at once.
        let (text, latest) = (&mut self.facts.text, !self.usage_injected);
        match self.skim.pass(document, latest, |kind, piece| add(text, kind, piece)) {
            Fit::None => {
                self.read_latest();
                return self.read(document);
            }
            Fit::Latest => self.remember(document),
            Fit::Plain => {}
        }
        Verdict::Keep
    }

    /// Puts off reading an event that was skimmed over and told more than text.
    fn remember(&mut self, document: &[u8]) {
        self.latest.clear();
        self.latest.extend_from_slice(document);
    }

    fn read(&mut self, document: &[u8]) -> Verdict {
        let mut scanner = Scanner::with_spans(self.format.answer);
        let Self { facts, by_type, .. } = self;
        by_type.clear();
        scanner.feed(document, |kind, piece| match kind {
            TextKind::ByType if by_type.len().saturating_add(piece.len()) <= EVENT_HELD_MAX => {
                by_type.extend_from_slice(piece);
            }
            kind => add(&mut facts.text, kind, piece),
        });
        let news = facts.news();
        if scanner.ended() {
            (self.format.read_answer)(&scanner, facts);
        } else {
            // It is no document, or was cut: its text was delivered, and what its values mean is not known.
            facts.is_unreadable();
        }
        let kind_of_delta = facts.delta_kind();
        if !by_type.is_empty() {
            facts.text.add(kind_of_delta, by_type);
        }
        if self.usage_injected && may_be_usage_only(document) && is_usage_only(document) {
            return Verdict::Drop;
        }
        if let (true, true, Some(spans)) = (scanner.ended(), facts.news() == news, scanner.spans()) {
            let spans: Vec<Span> = spans.iter().map(|span| resolved(*span, kind_of_delta)).collect();
            self.skim.learn(document, &spans);
        } else {
            self.skim.forget();
        }
        Verdict::Keep
    }

    /// Reads what was skimmed over; its text is counted already.
    fn read_latest(&mut self) {
        if self.latest.is_empty() {
            return;
        }
        let mut scanner = Scanner::new(self.format.answer);
        scanner.feed(&self.latest, |_, _| {});
        (self.format.read_answer)(&scanner, &mut self.facts);
        self.latest.clear();
    }
}

/// The document inside a wrapper.
fn unwrapped(wrapped: &[u8]) -> Vec<u8> {
    let (mut wrapper, mut decoder) = (Scanner::new(WRAPPER), base64::Decoder::new());
    let mut document = Vec::new();
    wrapper.feed(wrapped, |_, coded| {
        decoder.feed(coded, &mut |bytes| document.extend_from_slice(bytes));
    });
    document
}

/// Adds to the text of a stream.
fn add(text: &mut Text, kind: TextKind, piece: &[u8]) {
    if kind != TextKind::Whole {
        text.add(kind, piece);
    }
}

fn resolved(span: Span, kind_of_delta: TextKind) -> Span {
    match span.role {
        Role::Text(TextKind::ByType) => Span { role: Role::Text(kind_of_delta), ..span },
        Role::Text(_) | Role::Latest | Role::Unwanted => span,
    }
}
