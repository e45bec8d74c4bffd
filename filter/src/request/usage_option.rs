//! Asking for usage in a stream: `stream_options.include_usage` is merged into the request, over an explicit false,
//! also where the body is too long to be held and goes on as it comes.

use super::{Body, RequestReader};
use crate::json_scan::Scanner;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Room at the end of a body for the longest options that are merged into one that is not held.
const RESERVED_BYTES: usize = 256;

/// What is put in front of the members of a request that has no such options.
const ASKED: &[u8] = br#""stream_options":{"include_usage":true},"#;

/// The request without the option that was put into it; what it had by itself stays.
pub fn without_usage_asked(body: &[u8]) -> Option<Vec<u8>> {
    let brace = body.iter().position(|byte| *byte == b'{')?.checked_add(1)?;
    let (before, members) = body.split_at_checked(brace)?;
    Some([before, members.strip_prefix(ASKED)?].concat())
}

/// Room that the content-length of a body promises, to be filled at its end: with the option, and with spaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reserve {
    /// None are promised where the body has no length.
    bytes: Option<usize>,
}

/// A piece of a body as it has to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LatePiece {
    /// The piece.
    pub bytes: Vec<u8>,
    /// Whether it now asks for usage.
    pub asks: bool,
}

impl RequestReader {
    /// Whether such a request, if it streams, is made to ask for usage.
    pub fn may_ask_for_usage(&self) -> bool {
        self.detected.asks_for_usage && matches!(&self.body, Body::Json(_))
    }

    /// Whether the whole body has to be rewritten for that.
    pub fn has_to_ask_for_usage(&self) -> bool {
        matches!(&self.body, Body::Json(scanner) if scanner.is_true("stream") && self.merged_options(scanner).is_some())
    }

    /// The whole body with usage asked for, where it streams and does not ask by itself. `None`: it stays as it is.
    pub fn with_usage_asked(&self, body: &[u8]) -> Option<Vec<u8>> {
        let Body::Json(scanner) = &self.body else { return None };
        let merged = self.merged_options(scanner)?;
        let (before, written, after) = match scanner.last("stream_options") {
            Some(found) => {
                let (start, end) = (usize::try_from(found.start).ok()?, usize::try_from(found.end).ok()?);
                (body.get(..start)?, merged, body.get(end..)?)
            }
            None => {
                let brace = body.iter().position(|byte| *byte == b'{')?.checked_add(1)?;
                (body.get(..brace)?, format!("\"stream_options\":{merged},"), body.get(brace..)?)
            }
        };
        Some([before, written.as_bytes(), after].concat())
    }

    /// Begins to let a body pass that is too long to be held. Gives the content-length it has to have, where it has
    /// one.
    pub fn let_pass(&mut self) -> Option<u64> {
        if !self.may_ask_for_usage() {
            return None;
        }
        let length = self.content_length;
        self.reserve = Some(Reserve { bytes: length.map(|_| RESERVED_BYTES) });
        length?.checked_add(u64::try_from(RESERVED_BYTES).ok()?)
    }

    /// Takes back the promise of another length.
    pub fn keep_length(&mut self) {
        self.reserve = None;
    }

    /// Takes the next piece of a body that passes. Where something goes on that is not the piece, gives that.
    pub fn read_passing(&mut self, piece: &[u8], end: bool) -> Option<LatePiece> {
        let before = self.bytes;
        let was_whole = self.is_whole();
        self.read(piece);
        let reserve = self.reserve?;
        let Body::Json(scanner) = &self.body else { return None };
        let whole_now = scanner.ended() && !was_whole;
        // What the scanner has given up has no end that could be seen.
        if !whole_now && !end && !scanner.is_over() {
            return None;
        }
        self.reserve = None;
        let options = if whole_now { self.merged_options(scanner) } else { None };
        let option = options.map(|merged| format!(",\"stream_options\":{merged}"));
        let option = option.filter(|option| reserve.bytes.is_none_or(|room| option.len() <= room));
        let asks = option.is_some();
        let option = option.unwrap_or_default();
        // The last brace is the last byte that the scanner took.
        let brace = scanner.offset().checked_sub(before).and_then(|taken| usize::try_from(taken).ok());
        let brace = if whole_now { brace?.checked_sub(1)? } else { piece.len() };
        let (head, tail) = piece.split_at_checked(brace)?;
        let padding = reserve.bytes.unwrap_or(0).saturating_sub(option.len());
        let bytes = [head, option.as_bytes(), tail, " ".repeat(padding).as_bytes()].concat();
        Some(LatePiece { bytes, asks })
    }

    /// The options as they have to be, where the request streams and does not ask by itself. Of a key that is there
    /// twice, the last counts.
    fn merged_options(&self, scanner: &Scanner) -> Option<String> {
        // A member can be added where there are some, and asks only if no other one that is not known asks otherwise.
        if !scanner.has_members() || scanner.lost_outermost() {
            return None;
        }
        if !scanner.ended() || !self.may_ask_for_usage() {
            return None;
        }
        // What is no object the provider will refuse; that is between the two. All other options stay as written.
        let mut merged: BTreeMap<String, &RawValue> = match scanner.raw("stream_options") {
            None => BTreeMap::new(),
            Some(options) => serde_json::from_slice(options).ok()?,
        };
        let asked: &RawValue = serde_json::from_str("true").ok()?;
        let before = merged.insert("include_usage".to_owned(), asked);
        if before.is_some_and(|before| before.get() == asked.get()) {
            return None;
        }
        // Last, since many clients ask by themselves, and all facts of a request are more than is needed here.
        let facts = self.facts();
        if !facts.stream || facts.refuses_usage_option {
            return None;
        }
        serde_json::to_string(&merged).ok()
    }
}
