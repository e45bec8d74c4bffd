//! Tokens where the provider told none. What comes from here is always marked estimated.

/// Bytes of text per token. English prose in OpenAI's vocabularies has 4 to 4.5; JSON and code fewer.
const BYTES_PER_TOKEN: u64 = 4;

/// Tokens of so many bytes of text or of a request's JSON, rounded up.
pub fn tokens_of_bytes(bytes: u64) -> u64 {
    bytes.div_ceil(BYTES_PER_TOKEN)
}
