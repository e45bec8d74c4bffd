//! Reads a response as it streams past, and remembers only what metering needs.

use crate::{
    dialect::Dialect,
    frame::{Event, Verdict},
    head::Headers,
    json_scan::Scanner,
    sse::Framer,
};
use protocol::meters::Usage;

/// What a response has told so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResponseFacts {
    /// The model that answers.
    pub model: Option<Box<str>>,
    /// The tier that is served.
    pub service_tier: Option<Box<str>>,
    /// The provider's own counts.
    pub usage: Option<Usage>,
    /// Why the model stopped, one per answer.
    pub finish_reasons: Vec<Box<str>>,
    /// The provider's error type, also of an error inside a 200.
    pub error_type: Option<Box<str>>,
    /// Whether the model refused.
    pub refused: bool,
    /// Bytes of generated text that went to the client.
    pub text_bytes: u64,
    /// Whether the stream's last event arrived.
    pub terminal: bool,
    /// Events that were no JSON of this dialect, or too large.
    pub unreadable_events: u32,
}

/// Reads one response.
#[derive(Debug)]
pub struct ResponseReader {
    dialect: Dialect,
    status: u16,
    body: Body,
    facts: ResponseFacts,
}

#[derive(Debug)]
enum Body {
    Unary(Box<Scanner>),
    Events(Box<Framer>),
    /// No format of an answer (an HTML error page), or an encoding that cannot be read.
    Opaque,
}

impl ResponseReader {
    /// Begins with the response's head. `usage_injected`: the client did not ask for usage in its stream, and is
    /// not to see it.
    pub fn new(dialect: Dialect, headers: &Headers<'_>, usage_injected: bool) -> Self {
        let status = headers.text(":status").and_then(|status| status.parse().ok()).unwrap_or(0);
        let encoded = headers
            .text("content-encoding")
            .is_some_and(|encoding| !encoding.eq_ignore_ascii_case("identity"));
        let body = if encoded {
            Body::Opaque
        } else if headers.has_media_type("text/event-stream") {
            let framer =
                if usage_injected { Framer::leaving_out(dialect.undecided()) } else { Framer::new() };
            Body::Events(Box::new(framer))
        } else if headers.has_media_type("application/json") {
            Body::Unary(Box::new(Scanner::new(dialect.response_wants())))
        } else {
            Body::Opaque
        };
        Self { dialect, status, body, facts: ResponseFacts::default() }
    }

    /// The status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Whether the response is a stream of events.
    pub fn is_stream(&self) -> bool {
        matches!(self.body, Body::Events(_))
    }

    /// Whether anything has to be seen of the body.
    pub fn reads_body(&self) -> bool {
        !matches!(self.body, Body::Opaque)
    }

    /// Takes the next piece of the body. Gives what goes on to the client where that is not the piece.
    pub fn read(&mut self, piece: &[u8], end: bool) -> Option<Vec<u8>> {
        match &mut self.body {
            Body::Unary(scanner) => {
                scanner.feed(piece);
                None
            }
            Body::Events(framer) => {
                let (dialect, facts) = (self.dialect, &mut self.facts);
                framer.feed(piece, end, &mut |event| match event {
                    Event::Whole(data) => dialect.read_event(data, facts),
                    // Too long to be parsed whole.
                    Event::PieceEnd => {
                        facts.unreadable_events = facts.unreadable_events.saturating_add(1);
                        Verdict::Keep
                    }
                    Event::Piece(_) | Event::Failed(_) => Verdict::Keep,
                })
            }
            Body::Opaque => None,
        }
    }

    /// Whether generated text has arrived.
    pub fn has_text(&self) -> bool {
        self.facts.text_bytes > 0
    }

    /// What the response told, now that nothing more comes.
    pub fn into_facts(self) -> ResponseFacts {
        let mut facts = self.facts;
        match self.body {
            Body::Unary(scanner) => {
                self.dialect.read_response(&scanner, &mut facts);
                facts.terminal = scanner.ended();
            }
            Body::Events(_) | Body::Opaque => {}
        }
        facts
    }
}
