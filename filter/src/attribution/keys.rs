//! The API key that came with a request, wherever the official clients put it.

use crate::{config::ApiKeys, head::Headers};
use protocol::ids::Name;

const HEADERS: [&str; 3] = ["x-api-key", "api-key", "x-goog-api-key"];
/// No provider's key is longer, and what is hashed has to have an end.
const KEY_BYTES_MAX: usize = 4_096;

/// Whose key the request has.
pub(super) fn owner<'a>(keys: &'a ApiKeys, headers: &Headers<'_>) -> Option<&'a Name> {
    let bearer = headers.value("authorization").and_then(bearer);
    let in_headers = HEADERS.into_iter().filter_map(|name| headers.value(name));
    let query = headers.text(":path").and_then(|path| path.split_once('?')).map(|(_, query)| query);
    let in_query =
        query.into_iter().flat_map(|query| query.split('&')).filter_map(|pair| pair.strip_prefix("key="));
    let all = bearer.into_iter().chain(in_headers).chain(in_query.map(str::as_bytes).take(1));
    all.filter(|key| key.len() <= KEY_BYTES_MAX).find_map(|key| keys.owner(key))
}

fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, key) = value.split_at_checked("bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| key.trim_ascii())
}
