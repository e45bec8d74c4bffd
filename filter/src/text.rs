//! Generated text as it goes past: how much of it was delivered, and whether it is what the request asked for.
//! Nothing of it is kept.

pub(crate) mod unescape;

use crate::{fingerprint::Fingerprint, json_check::JsonCheck, want::TextKind};
use unescape::Unescape;

/// The text of one answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// Bytes of it, in UTF-8, of all kinds.
    pub bytes: u64,
    /// Whether some of it was a refusal.
    pub refused: bool,
    content_bytes: u64,
    content: Option<Checked>,
    /// Several answers' pieces may come mixed, and then nothing can be said of what they make.
    mixed: bool,
    arguments: Checked,
    /// Of the names and arguments of tool calls.
    tool_calls: Fingerprint,
    unescape: Unescape,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Checked {
    unescape: Unescape,
    check: JsonCheck,
}

impl Checked {
    fn feed(&mut self, piece: &[u8]) {
        let check = &mut self.check;
        self.unescape.feed(piece, |bytes| check.feed(bytes));
    }
}

impl Text {
    /// `asked_for_json`: the whole content is to be JSON. `mixed`: of several answers, whose pieces may come mixed.
    pub fn new(asked_for_json: bool, mixed: bool) -> Self {
        Self { content: asked_for_json.then(Checked::default), mixed, ..Self::default() }
    }

    /// Takes a piece of a JSON string, as written between its quotes.
    pub fn add(&mut self, kind: TextKind, piece: &[u8]) {
        if kind == TextKind::Base64 {
            return;
        }
        let bytes = self.unescape.length(piece);
        self.bytes = self.bytes.saturating_add(bytes);
        match kind {
            TextKind::Content | TextKind::Whole => {
                self.content_bytes = self.content_bytes.saturating_add(bytes);
                if let Some(content) = &mut self.content {
                    content.feed(piece);
                }
            }
            TextKind::Arguments => {
                self.arguments.feed(piece);
                self.tool_calls.feed(piece);
            }
            TextKind::Counted => self.tool_calls.feed(piece),
            TextKind::Refusal => self.refused |= !piece.is_empty(),
            TextKind::Reasoning | TextKind::Spoken | TextKind::ByType | TextKind::Base64 => {}
        }
    }

    /// What tells these tool calls from others; `None` where none was asked for.
    pub fn tool_calls(&self) -> Option<u64> {
        self.tool_calls.value()
    }

    /// Whether JSON was asked for and did not come. Only of an answer that is whole.
    pub fn is_invalid_json(&self) -> bool {
        if self.mixed {
            return false;
        }
        let content = match &self.content {
            // An answer that only calls tools has no content to be JSON.
            Some(content) if self.content_bytes > 0 => content.check.whole_documents() != Some(1),
            Some(_) | None => false,
        };
        // Several calls' arguments follow one another.
        content || self.arguments.check.whole_documents().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(asked_for_json: bool, pieces: &[(TextKind, &str)]) -> Text {
        let mut text = Text::new(asked_for_json, false);
        pieces.iter().for_each(|(kind, piece)| text.add(*kind, piece.as_bytes()));
        text
    }

    #[test]
    fn content_that_was_to_be_json_is_checked_across_its_pieces() {
        use TextKind::{Arguments, Content, Reasoning};
        let json = [(Content, "{\\\"a"), (Content, "\\\":\\u007"), (Content, "b}"), (Reasoning, "hm")];
        assert!(text(true, &json).is_invalid_json(), "{{\"a\":{{}} is open");
        assert!(!text(true, &[json.as_slice(), &[(Content, "}")]].concat()).is_invalid_json());
        assert!(text(true, &[(Content, "Sure! {}")]).is_invalid_json());
        assert!(!text(false, &[(Content, "Sure! {}")]).is_invalid_json());
        assert!(!text(true, &[(Arguments, "{}"), (Arguments, "{\\\"b\\\":1}")]).is_invalid_json());
        assert!(text(false, &[(Arguments, "{\\\"b\\\":")]).is_invalid_json());
    }

    #[test]
    fn bytes_are_those_of_utf_8_however_they_are_written_and_cut() {
        for (written, bytes) in
            [("abc", 3), ("\\n\\\"", 2), ("é", 2), ("\\u00e9", 2), ("\\u4f60", 3), ("\\ud83d\\ude00", 4)]
        {
            assert_eq!(text(false, &[(TextKind::Content, written)]).bytes, bytes, "{written}");
            let mut cut = Text::new(false, false);
            written.as_bytes().chunks(1).for_each(|byte| cut.add(TextKind::Content, byte));
            assert_eq!(cut.bytes, bytes, "byte by byte: {written}");
        }
    }
}
