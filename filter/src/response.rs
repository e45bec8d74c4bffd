//! Reads an answer as it streams past, and remembers only what metering needs: takes off the encoding, finds the
//! framing, and hands documents to the dialect.

mod documents;
mod facts;
mod framing;
mod head;
mod stop;

pub use facts::ResponseFacts;
pub(crate) use facts::named;

use crate::{
    dialect::{Dialect, errors},
    encoding::Decoder,
    head::Headers,
    json_scan::Scanner,
};
use documents::Documents;
use framing::Framing;

/// What the request says of the answer to come.
#[derive(Clone, Copy, Debug)]
pub struct Expected {
    /// The wire format.
    pub dialect: Dialect,
    /// Whether a stream was asked for.
    pub stream: bool,
    /// Whether the content is to be JSON.
    pub json: bool,
    /// Whether several answers were asked for, whose texts may come mixed.
    pub several: bool,
    /// The client did not ask for usage in its stream, and is not to see it.
    pub usage_injected: bool,
}

/// Reads one answer.
#[derive(Debug)]
pub struct ResponseReader {
    expected: Expected,
    status: u16,
    decoder: Option<Box<Decoder>>,
    framing: Framing,
    /// The one document of a unary answer.
    unary: Option<Box<Scanner>>,
    documents: Documents,
    /// What came out of a compressed body.
    decoded: usize,
    /// The encoding broke, and nothing more is read.
    broken: bool,
    /// Reading stopped behind so much of the last piece.
    stopped: Option<usize>,
}

/// A compressed body is read up to this size: a kilobyte may stand for thirty megabytes, and no answer is longer.
const DECODED_MAX: usize = 256 * 1024 * 1024;
/// So much of it at a time, between looks at that.
const DECODED_AT_ONCE: usize = 1024;

impl ResponseReader {
    /// Begins with the answer's head.
    pub fn new(expected: Expected, headers: &Headers<'_>) -> Self {
        let status = headers.text(":status").and_then(|status| status.parse().ok()).unwrap_or(0);
        let encoding = headers.text("content-encoding").filter(|name| !name.eq_ignore_ascii_case("identity"));
        let decoder = encoding.map(Decoder::of);
        let framing = match (&decoder, expected.dialect) {
            // An encoding that cannot be read, and a format that nobody knows.
            (Some(None), _) | (_, Dialect::Unknown) => Framing::Opaque,
            _ => Framing::of(headers, &expected, decoder.is_none()),
        };
        let mut documents = Documents::new(&expected);
        head::read(headers, status, documents.facts_mut());
        Self {
            expected,
            status,
            decoder: decoder.flatten().map(Box::new),
            framing,
            unary: None,
            documents,
            decoded: 0,
            broken: false,
            stopped: None,
        }
    }

    /// The status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Whether bytes of the answer may be left out.
    pub fn may_shorten(&self) -> bool {
        self.expected.usage_injected && self.decoder.is_none() && self.framing.may_shorten()
    }

    /// Whether anything has to be seen of the body.
    pub fn reads_body(&self) -> bool {
        !matches!(self.framing, Framing::Opaque)
    }

    /// Takes the next piece of the body. Gives what goes on to the client where that is not the piece.
    pub fn read(&mut self, piece: &[u8], end: bool) -> Option<Vec<u8>> {
        let Some(mut decoder) = self.decoder.take() else { return self.read_plain(piece, end) };
        let was_broken = self.broken;
        for piece in piece.chunks(DECODED_AT_ONCE) {
            if self.broken {
                break;
            }
            decoder.feed(piece, &mut |decoded| {
                self.decoded = self.decoded.saturating_add(decoded.len());
                self.read_plain(decoded, false);
            });
            self.broken |= decoder.broken() || self.decoded > DECODED_MAX;
        }
        if end {
            self.read_plain(&[], true);
        }
        if self.broken && !was_broken {
            self.documents.facts_mut().is_unreadable();
            self.framing = Framing::Opaque;
        }
        self.decoder = Some(decoder);
        None
    }

    fn read_plain(&mut self, piece: &[u8], end: bool) -> Option<Vec<u8>> {
        let Self { framing, documents, unary, expected, .. } = self;
        let (mut piece, whole) = (piece, piece.len());
        self.stopped = None;
        if let Framing::Undecided = framing {
            let is_before = |byte: &u8| byte.is_ascii_whitespace() || b"\xef\xbb\xbf".contains(byte);
            piece = piece.get(piece.iter().position(|byte| !is_before(byte))?..)?;
            *framing = Framing::of_first_byte(*piece.first()?, expected);
        }
        let before = whole.saturating_sub(piece.len());
        let mut replaced = None;
        let stopped = match framing {
            Framing::Events(framer) => {
                replaced = framer.feed(piece, end, documents);
                framer.stopped()
            }
            Framing::Lines(framer) => framer.feed(piece, end, documents),
            Framing::Array(framer) => framer.feed(piece, documents),
            Framing::Frames(framer) => framer.feed(piece, documents),
            Framing::Unary => {
                let wants = if self.status >= 400 { errors::WANTS } else { expected.dialect.format().answer };
                let scanner = unary.get_or_insert_with(|| Box::new(Scanner::new(wants)));
                let facts = documents.facts_mut();
                scanner.feed(piece, |kind, text| facts.text.add(kind, text));
                None
            }
            Framing::Undecided | Framing::Opaque => None,
        };
        self.stopped = stopped.map(|at| at.saturating_add(before));
        replaced
    }

    /// Whether generated text has arrived.
    pub fn has_text(&self) -> bool {
        self.documents.facts().text.bytes > 0
    }

    /// What the answer told, now that nothing more comes.
    pub fn into_facts(mut self) -> ResponseFacts {
        // Trailers hide the body's end; what was cut in the middle is no document, and tells nothing.
        self.read_plain(&[], true);
        if let Framing::Frames(framer) = &self.framing
            && framer.broken()
        {
            self.documents.facts_mut().is_unreadable();
        }
        let format = self.expected.dialect.format();
        let mut facts = self.documents.into_facts();
        match self.unary {
            Some(body) if self.status >= 400 => errors::read(&body, &mut facts),
            Some(body) => {
                (format.read_answer)(&body, &mut facts);
                facts.terminal = body.ended();
            }
            None => {}
        }
        if self.status < 400 {
            facts.lacks_its_end = self.broken || (format.tells_its_end && !facts.terminal);
            (format.count)(&mut facts);
        }
        facts.settle_on_counts();
        facts
    }
}

#[cfg(test)]
pub(crate) mod tests;
