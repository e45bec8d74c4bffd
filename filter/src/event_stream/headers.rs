//! A frame's headers: what kind of frame it is. All other headers are stepped over.

/// What a frame is.
#[derive(Debug, Default)]
pub(super) enum Kind {
    #[default]
    Event,
    /// The provider says that it failed, and how it names that.
    Failed(String),
}

/// What the headers say, unless they are malformed.
pub(super) fn kind(headers: &[u8]) -> Option<Kind> {
    let (mut message, mut exception, mut error) = (None, None, None);
    let mut rest = headers;
    while !rest.is_empty() {
        let (name, value, after) = header(rest)?;
        match name {
            b":message-type" => message = value,
            b":exception-type" => exception = value,
            b":error-code" => error = value,
            _ => {}
        }
        rest = after;
    }
    let named = |name: Option<&[u8]>, otherwise: &str| {
        let name = name.and_then(|name| std::str::from_utf8(name).ok());
        Kind::Failed(name.unwrap_or(otherwise).to_owned())
    };
    Some(match message {
        Some(b"exception") => named(exception, "exception"),
        Some(b"error") => named(error, "error"),
        _ => Kind::Event,
    })
}

/// A header's name, its value if that is a string, and what follows.
type Header<'a> = (&'a [u8], Option<&'a [u8]>, &'a [u8]);

fn header(bytes: &[u8]) -> Option<Header<'_>> {
    let (length, rest) = bytes.split_first()?;
    let (name, rest) = rest.split_at_checked(usize::from(*length))?;
    let (kind, rest) = rest.split_first()?;
    let (length, rest) = match kind {
        // true and false
        0 | 1 => (0, rest),
        // a byte, a short, an integer, a long
        2 => (1, rest),
        3 => (2, rest),
        4 => (4, rest),
        5 => (8, rest),
        // bytes and a string
        6 | 7 => {
            let (length, rest) = rest.split_first_chunk()?;
            (usize::from(u16::from_be_bytes(*length)), rest)
        }
        // a timestamp and a UUID
        8 => (8, rest),
        9 => (16, rest),
        _ => return None,
    };
    let (value, rest) = rest.split_at_checked(length)?;
    Some((name, (*kind == 7).then_some(value), rest))
}
