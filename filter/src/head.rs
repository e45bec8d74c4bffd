//! A request's or response's headers as the host gives them: bytes that nobody vouches for. Header values may hold
//! any byte, so nothing here is text until somebody asks for it.

/// Headers in the order of the wire.
#[derive(Clone, Copy, Debug)]
pub struct Headers<'a>(&'a [(&'a [u8], &'a [u8])]);

impl<'a> Headers<'a> {
    /// Wraps what the host gave.
    pub fn new(pairs: &'a [(&'a [u8], &'a [u8])]) -> Self {
        Self(pairs)
    }

    /// The first value of a header, by its lower-case name.
    pub fn value(&self, name: &str) -> Option<&'a [u8]> {
        self.0.iter().find(|(key, _)| *key == name.as_bytes()).map(|(_, value)| *value)
    }

    /// The first value, if it is UTF-8.
    pub fn text(&self, name: &str) -> Option<&'a str> {
        std::str::from_utf8(self.value(name)?).ok()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        self.0.iter().copied()
    }

    /// Whether the media type is this one, whatever its parameters.
    pub fn has_media_type(&self, media_type: &str) -> bool {
        self.text("content-type")
            .and_then(|value| value.split(';').next())
            .is_some_and(|value| value.trim().eq_ignore_ascii_case(media_type))
    }

    /// The path without its query, and without a doubled slash at its head.
    pub fn path(&self) -> &'a str {
        let path = self.text(":path").unwrap_or_default();
        let path = path.split_once('?').map_or(path, |(path, _)| path);
        match path.strip_prefix("//") {
            Some(_) => path.get(1..).unwrap_or_default(),
            None => path,
        }
    }
}

/// Splits the serialised form in which the host hands over a header map: a count, the sizes of names and values,
/// then each name and value with a zero byte behind it, all numbers little-endian 32-bit. What is malformed ends it.
pub fn split_pairs(bytes: &[u8]) -> Vec<(&[u8], &[u8])> {
    fn number(bytes: &[u8], at: usize) -> Option<usize> {
        let bytes = bytes.get(at..at.checked_add(4)?)?;
        usize::try_from(u32::from_le_bytes(bytes.try_into().ok()?)).ok()
    }
    /// Requests and answers rarely have more headers.
    const USUAL: usize = 32;
    let Some(count) = number(bytes, 0) else { return Vec::new() };
    let mut pairs = Vec::with_capacity(count.min(USUAL));
    let Some(mut at) = count.checked_mul(8).and_then(|sizes| sizes.checked_add(4)) else { return pairs };
    let mut piece = |size_at: usize| {
        let end = at.checked_add(number(bytes, size_at)?)?;
        let piece = bytes.get(at..end)?;
        at = end.checked_add(1)?;
        Some(piece)
    };
    for position in 0..count {
        let Some(size_at) = position.checked_mul(8).and_then(|sizes| sizes.checked_add(4)) else { break };
        let (Some(name), Some(value)) = (piece(size_at), piece(size_at.saturating_add(4))) else { break };
        pairs.push((name, value));
    }
    pairs
}

/// The inverse of [`split_pairs`].
pub fn join_pairs(pairs: &[(&[u8], &[u8])]) -> Vec<u8> {
    let number = |length: usize| u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
    let mut bytes = number(pairs.len()).to_vec();
    for (name, value) in pairs {
        bytes.extend(number(name.len()));
        bytes.extend(number(value.len()));
    }
    for piece in pairs.iter().flat_map(|(name, value)| [name, value]) {
        bytes.extend_from_slice(piece);
        bytes.push(0);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_survive_the_hosts_form_and_its_damage() {
        let pairs: &[(&[u8], &[u8])] = &[(b":path", b"/v1"), (b"x-bad", b"\xff"), (b"empty", b"")];
        let bytes = join_pairs(pairs);
        assert_eq!(split_pairs(&bytes), pairs);
        for cut in 0..bytes.len() {
            assert!(split_pairs(&bytes[..cut]).len() <= pairs.len(), "cut at {cut}");
        }
        assert_eq!(split_pairs(&[0xff; 16]), []);
    }

    #[test]
    fn paths_lose_their_query_and_a_doubled_slash() {
        for (written, path) in [("/v1/x?a=/b", "/v1/x"), ("//openai/x", "/openai/x"), ("/", "/"), ("", "")] {
            assert_eq!(Headers::new(&[(b":path", written.as_bytes())]).path(), path);
        }
    }

    #[test]
    fn a_header_that_is_no_text_is_no_text_and_no_panic() {
        let headers = [(b"content-type".as_slice(), b"\xff".as_slice())];
        assert!(!Headers::new(&headers).has_media_type("application/json"));
        assert_eq!(Headers::new(&headers).value("content-type"), Some(b"\xff".as_slice()));
    }
}
