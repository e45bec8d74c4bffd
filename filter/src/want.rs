//! What is looked for in a JSON document, and by which path.

/// A value to find. Of the path, the outermost key, the last one and the one around it are compared; what else lies
/// between is counted. A star stands for any: `choices[].*.refusal` is in `choices[].delta` and `choices[].message`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Want {
    /// As written.
    pub path: &'static str,
    /// What becomes of it.
    pub take: Take,
    /// The key of the outermost object below which it lies.
    pub(crate) top: &'static str,
    /// How many objects and arrays are open around it; 0: any number.
    pub(crate) depth: u16,
    /// The key of what it lies in, where that matters and is not the outermost.
    pub(crate) parent: Option<KeyHash>,
    /// Its key.
    pub(crate) key: &'static str,
}

/// A key, as far as it has to be told from others around it.
pub(crate) type KeyHash = u32;

/// FNV-1a.
pub(crate) const fn key_hash(key: &[u8]) -> KeyHash {
    let (mut hash, mut rest) = (0x811c_9dc5_u32, key);
    while let Some((byte, after)) = rest.split_first() {
        // Lossless, and `from` is not for constants.
        #[expect(clippy::as_conversions, reason = "a byte fits")]
        let byte = *byte as u32;
        hash = (hash ^ byte).wrapping_mul(0x0100_0193);
        rest = after;
    }
    hash
}

/// What becomes of a value that is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Take {
    /// It is kept, as written; more bytes than that are not, and the value counts as not found.
    Value {
        /// The bound.
        bytes_max: usize,
    },
    /// Likewise, and of many only the last one counts.
    Latest {
        /// The bound.
        bytes_max: usize,
    },
    /// Likewise, and the last one takes the place of those before, also where it is too long.
    Last {
        /// The bound.
        bytes_max: usize,
    },
    /// It is a number, and the sum of all of them counts.
    Sum,
    /// It is text that goes past: handed on as it comes, and not kept.
    Text(TextKind),
}

/// What a piece of text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextKind {
    /// The answer.
    Content,
    /// The answer of a document that is all of it; in an event of a stream it repeats what has come already.
    Whole,
    /// A tool call's arguments, which are to be JSON.
    Arguments,
    /// Visible thinking.
    Reasoning,
    /// What is generated and has no other use: a tool's name, arguments that are no text.
    Counted,
    /// A refusal.
    Refusal,
    /// One of these, as the document's type says.
    ByType,
    /// Something inside that is written in base64: a document of its own.
    Base64,
    /// Text of a request that is billed by its characters.
    Spoken,
}

/// A value, kept up to a kilobyte.
pub const fn value(path: &'static str) -> Want {
    large(path, 1024)
}

/// A value, kept up to a bound of its own.
pub const fn large(path: &'static str, bytes_max: usize) -> Want {
    parsed(path, Take::Value { bytes_max })
}

/// A value of which only the last one counts, kept up to a bound of its own.
pub const fn latest(path: &'static str, bytes_max: usize) -> Want {
    parsed(path, Take::Latest { bytes_max })
}

/// A value of which the last one takes the place of those before, kept up to a bound of its own.
pub const fn last(path: &'static str, bytes_max: usize) -> Want {
    parsed(path, Take::Last { bytes_max })
}

/// Numbers of which the sum counts, a fraction cut off.
pub const fn sum(path: &'static str) -> Want {
    parsed(path, Take::Sum)
}

/// A text.
pub const fn text(path: &'static str, kind: TextKind) -> Want {
    parsed(path, Take::Text(kind))
}

/// A value under a key at whatever place, kept up to a kilobyte.
pub const fn anywhere(key: &'static str) -> Want {
    Want { path: key, take: Take::Value { bytes_max: 1024 }, top: "", depth: 0, parent: None, key }
}

const fn parsed(path: &'static str, take: Take) -> Want {
    let bytes = path.as_bytes();
    let (mut depth, mut top_end, mut key_start, mut at) = (1_u16, bytes.len(), 0_usize, 0_usize);
    let mut parent: &[u8] = &[];
    while let Some((head, _)) = bytes.split_at(at).1.split_first() {
        if matches!(*head, b'.' | b'[') {
            depth = depth.saturating_add(1);
            if top_end == bytes.len() {
                top_end = at;
            }
        }
        if *head == b'.' {
            parent = bytes.split_at(at).0.split_at(key_start).1;
            key_start = at.saturating_add(1);
        }
        at = at.saturating_add(1);
    }
    while let Some((b'[' | b']', before)) = parent.split_last() {
        parent = before;
    }
    let matters = !matches!(parent, [] | [b'*']) && depth > 2;
    let parent = if matters { Some(key_hash(parent)) } else { None };
    Want { path, take, top: path.split_at(top_end).0, depth, parent, key: path.split_at(key_start).1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_tells_top_depth_and_key() {
        let parts = |path| {
            let Want { top, depth, key, .. } = value(path);
            (top, depth, key)
        };
        assert_eq!(parts("usage"), ("usage", 1, "usage"));
        assert_eq!(parts("response.usage"), ("response", 2, "usage"));
        assert_eq!(parts("choices[].*.content"), ("choices", 4, "content"));
        assert_eq!(parts("message.content[].text"), ("message", 4, "text"));
        assert_eq!(value("choices[].delta.content").parent, Some(key_hash(b"delta")));
        assert_eq!(value("message.content[].text").parent, Some(key_hash(b"content")));
        assert_eq!(value("choices[].*.content").parent, None);
    }
}
