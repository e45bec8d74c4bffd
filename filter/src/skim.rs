//! Skims over events that are like the one before. A stream is hundreds of events that differ in a few words of
//! text; parsing each costs four times what the rest of Envoy does. So an event that was read and told nothing new
//! becomes a template: its bytes, with holes where strings and numbers that nobody wants may differ. What fits the
//! template, byte for byte around the holes, can tell nothing new either, since a reader sees wanted values alone.

use crate::{
    json_scan::{Role, Span},
    want::TextKind,
};
use memchr::memchr2;

/// An event with more is read, not skimmed.
const HOLES_MAX: usize = 8;
/// A longer event is no template: it would cost more memory than it saves time.
const TEMPLATE_BYTES_MAX: usize = 4 * 1024;

/// What the last events had in common.
#[derive(Debug, Default)]
pub struct Skim {
    template: Option<Template>,
}

#[derive(Debug)]
struct Template {
    event: Vec<u8>,
    spans: Vec<Span>,
    /// Which of the spans are holes, in order.
    holes: Vec<usize>,
    has_latest: bool,
}

/// How an event fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// It tells nothing but text.
    Plain,
    /// It also tells a value of which only the last one counts.
    Latest,
    /// It must be read.
    None,
}

impl Skim {
    /// Tries an event, and hands on its text where it fits. `latest`: also one that tells more than text.
    pub fn pass(&self, event: &[u8], latest: bool, text: impl FnMut(TextKind, &[u8])) -> Fit {
        self.pass_first(event, &[], latest, text).map_or(Fit::None, |(fit, _)| fit)
    }

    /// Tries the event that these bytes begin with, if these others follow it. Gives its length, too.
    pub fn pass_first(
        &self,
        bytes: &[u8],
        suffix: &[u8],
        latest: bool,
        mut text: impl FnMut(TextKind, &[u8]),
    ) -> Option<(Fit, usize)> {
        let template = self.template.as_ref().filter(|template| latest || !template.has_latest)?;
        let (filled, length) = template.fill(bytes)?;
        let (event, after) = bytes.split_at_checked(length)?;
        let follows = if suffix.is_empty() { after.is_empty() } else { after.starts_with(suffix) };
        if !follows {
            return None;
        }
        for (hole, (start, end)) in template.holes.iter().zip(filled) {
            if let Some(Span { role: Role::Text(kind), .. }) = template.spans.get(*hole) {
                text(*kind, event.get(start..end).unwrap_or_default());
            }
        }
        Some((if template.has_latest { Fit::Latest } else { Fit::Plain }, length))
    }

    /// Takes the template away: an event told something that the template's repetition may tell otherwise.
    pub fn forget(&mut self) {
        self.template = None;
    }

    /// Takes an event that was read and told nothing new as the template of those to come. Beside its text it has
    /// holes where it differs from the last one, if that was built alike.
    pub fn learn(&mut self, event: &[u8], spans: &[Span]) {
        let before = self.template.take().filter(|before| before.is_built_like(event, spans));
        let is_hole = |(position, span): &(usize, &Span)| {
            let differs = |before: &Template| {
                before.holes.contains(position) || before.value(*position) != event.get(span.start..span.end)
            };
            // A null tells nothing, and stays one in the template.
            let is_null =
                span.role == Role::Latest && event.get(span.start..span.end) == Some(b"null".as_slice());
            matches!(span.role, Role::Text(_)) || (!is_null && before.as_ref().is_some_and(differs))
        };
        let holes: Vec<usize> =
            spans.iter().enumerate().filter(is_hole).map(|(position, _)| position).collect();
        if holes.is_empty() || holes.len() > HOLES_MAX || event.len() > TEMPLATE_BYTES_MAX {
            return;
        }
        let is_latest = |hole: &usize| spans.get(*hole).is_some_and(|span| span.role == Role::Latest);
        let has_latest = holes.iter().any(is_latest);
        self.template = Some(Template { event: event.to_vec(), spans: spans.to_vec(), holes, has_latest });
    }
}

impl Template {
    /// Where the bytes are that fill the holes, if all the others are the same, and where the event ends.
    fn fill(&self, event: &[u8]) -> Option<([(usize, usize); HOLES_MAX], usize)> {
        let mut filled = [(0, 0); HOLES_MAX];
        let (mut ours, mut theirs) = (0_usize, 0_usize);
        for (hole, place) in self.holes.iter().zip(&mut filled) {
            let span = self.spans.get(*hole)?;
            let literal = self.event.get(ours..span.start)?;
            let start = theirs.checked_add(literal.len())?;
            if !is_same(event.get(theirs..start)?, literal) {
                return None;
            }
            let rest = event.get(start..)?;
            let length = if span.is_string { string_length(rest)? } else { scalar_length(rest) };
            theirs = start.checked_add(length)?;
            // A null does not take the place of what an earlier event told.
            if span.role == Role::Latest && event.get(start..theirs) == Some(b"null") {
                return None;
            }
            *place = (start, theirs);
            ours = span.end;
        }
        let literal = self.event.get(ours..)?;
        let end = theirs.checked_add(literal.len())?;
        is_same(literal, event.get(theirs..end)?).then_some((filled, end))
    }

    fn value(&self, position: usize) -> Option<&[u8]> {
        let span = self.spans.get(position)?;
        self.event.get(span.start..span.end)
    }

    /// Whether an event has the same bytes between all its scalars.
    fn is_built_like(&self, event: &[u8], spans: &[Span]) -> bool {
        let (mut ours, mut theirs) = (0, 0);
        for (our, their) in self.spans.iter().zip(spans) {
            let same = our.role == their.role
                && our.is_string == their.is_string
                && self.event.get(ours..our.start) == event.get(theirs..their.start);
            if !same {
                return false;
            }
            (ours, theirs) = (our.end, their.end);
        }
        self.spans.len() == spans.len() && self.event.get(ours..) == event.get(theirs..)
    }
}

/// Whether bytes are the same: sixteen at a time, since the comparison that wasm32 has goes byte by byte.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    let ((ones, one_rest), (others, other_rest)) = (one.as_chunks::<16>(), other.as_chunks::<16>());
    one.len() == other.len()
        && ones
            .iter()
            .zip(others)
            .all(|(one, other)| u128::from_le_bytes(*one) == u128::from_le_bytes(*other))
        && one_rest.iter().zip(other_rest).all(|(one, other)| one == other)
}

/// Bytes up to the quote that ends a JSON string.
fn string_length(text: &[u8]) -> Option<usize> {
    let mut at = 0_usize;
    loop {
        at = at.checked_add(memchr2(b'"', b'\\', text.get(at..)?)?)?;
        if text.get(at) == Some(&b'"') {
            return Some(at);
        }
        at = at.checked_add(2)?;
    }
}

/// Bytes of a number or word.
fn scalar_length(text: &[u8]) -> usize {
    let ends =
        |byte: &u8| matches!(byte, b',' | b'}' | b']' | b'{' | b'[' | b' ' | b'\n' | b'\r' | b'\t' | b'"');
    text.iter().position(ends).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        json_scan::Scanner,
        want::{Want, latest, text, value},
    };

    const WANTS: &[Want] =
        &[text("d.text", TextKind::Content), value("finish"), latest("usage", 64), value("type")];

    fn learn(skim: &mut Skim, event: &str) {
        let mut scanner = Scanner::with_spans(WANTS);
        scanner.feed(event.as_bytes(), |_, _| {});
        skim.learn(event.as_bytes(), scanner.spans().unwrap());
    }

    fn pass(skim: &Skim, event: &str) -> (Fit, String) {
        let mut seen = String::new();
        let fit =
            skim.pass(event.as_bytes(), true, |_, piece| seen.push_str(std::str::from_utf8(piece).unwrap()));
        (fit, seen)
    }

    #[test]
    fn an_event_that_differs_in_its_text_alone_is_skimmed() {
        let mut skim = Skim::default();
        assert_eq!(pass(&skim, r#"{"d":{"text":"a"}}"#).0, Fit::None);
        learn(&mut skim, r#"{"id":7,"d":{"text":"a"},"finish":null}"#);
        assert_eq!(
            pass(&skim, r#"{"id":7,"d":{"text":"b\"}c"},"finish":null}"#),
            (Fit::Plain, r#"b\"}c"#.to_owned())
        );
        for other in [
            r#"{"id":8,"d":{"text":"b"},"finish":null}"#,
            r#"{"id":7,"d":{"text":"b"},"finish":"stop"}"#,
            r#"{"id":7,"d":{"text":null},"finish":null}"#,
            r#"{"id":7,"d":{"text":"b"},"finish":null,"usage":{}}"#,
            r#"{"id":7,"d":{"text":"b"#,
        ] {
            assert_eq!(pass(&skim, other), (Fit::None, String::new()), "{other}");
        }
    }

    #[test]
    fn what_differs_from_event_to_event_and_is_not_wanted_becomes_a_hole() {
        let mut skim = Skim::default();
        learn(&mut skim, r#"{"n":1,"type":"t","d":{"text":"a"},"pad":"x"}"#);
        learn(&mut skim, r#"{"n":2,"type":"t","d":{"text":"b"},"pad":"yy"}"#);
        assert_eq!(
            pass(&skim, r#"{"n":10,"type":"t","d":{"text":"c"},"pad":""}"#),
            (Fit::Plain, "c".to_owned())
        );
        assert_eq!(pass(&skim, r#"{"n":10,"type":"u","d":{"text":"c"},"pad":""}"#).0, Fit::None);
    }

    #[test]
    fn numbers_of_a_value_of_which_the_last_counts_may_differ_and_are_told() {
        let mut skim = Skim::default();
        learn(&mut skim, r#"{"d":{"text":"a"},"usage":{"out":1}}"#);
        learn(&mut skim, r#"{"d":{"text":"b"},"usage":{"out":2}}"#);
        assert_eq!(pass(&skim, r#"{"d":{"text":"c"},"usage":{"out":31}}"#), (Fit::Latest, "c".to_owned()));
        assert_eq!(pass(&skim, r#"{"d":{"text":"c"},"usage":{"in":31}}"#).0, Fit::None);
        let null = r#"{"d":{"text":"c"},"usage":{"out":null}}"#;
        assert_eq!(pass(&skim, null).0, Fit::None);
        learn(&mut skim, null);
        assert_eq!(pass(&skim, null), (Fit::Plain, "c".to_owned()));
    }
}
