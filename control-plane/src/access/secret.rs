//! Texts that nobody can guess.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// As many as a SHA-256 has: more would not make guessing harder.
const BYTES: usize = 32;

/// A new one, after a word by which it is known for what it is, to people and to scanners for leaked secrets.
pub(super) fn new(word: &str) -> Result<String, getrandom::Error> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(format!("{word}_{}", URL_SAFE_NO_PAD.encode(bytes)))
}
