//! Texts that others wrote, as they may be stored and shown: without what moves a terminal's cursor, ends a line, or
//! turns the direction of what stands after it.

use std::borrow::Cow;

/// Controls, ends of lines, and the marks of Unicode that turn the direction of text.
pub(crate) fn is_printable(text: &str) -> bool {
    !text.contains(is_unprintable)
}

fn is_unprintable(character: char) -> bool {
    let turns = matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    character.is_control() || turns || matches!(character, '\u{2028}' | '\u{2029}')
}

/// The same text with `U+FFFD` where nothing can be printed.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    if is_printable(text) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.replace(is_unprintable, "\u{fffd}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_printed_leaves_a_mark() {
        for (text, expected) in [
            ("gpt-4o", "gpt-4o"),
            ("Größe 漢字 \u{a0}🦀", "Größe 漢字 \u{a0}🦀"),
            ("a\u{1b}[2Jb", "a\u{fffd}[2Jb"),
            ("a\r\nb\0\u{7f}\u{9b}", "a\u{fffd}\u{fffd}b\u{fffd}\u{fffd}\u{fffd}"),
            ("evil\u{202e}gpj", "evil\u{fffd}gpj"),
            ("\u{2066}a\u{2069}", "\u{fffd}a\u{fffd}"),
        ] {
            assert_eq!(printable(text), expected);
            assert_eq!(is_printable(text), text == expected);
        }
    }
}
