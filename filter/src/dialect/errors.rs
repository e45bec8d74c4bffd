//! What an error is called. Only types and codes are read: a message may quote the prompt.

use crate::{
    json_scan::Scanner,
    response::ResponseFacts,
    want::{Want, large, value},
};
use serde_json::Value;

/// No name of an error is longer.
const CHARS_MAX: usize = 64;

/// What matters in the body of an answer that is an error as a whole, whatever the dialect.
pub(crate) const WANTS: &[Want] = &[large("error", 64 * 1024), value("code"), value("type"), value("status")];

/// Reads the body of an answer that is an error as a whole.
pub(crate) fn read(body: &Scanner, facts: &mut ResponseFacts) {
    let inner = body.raw("error").and_then(name_in);
    let outer =
        || name([body.raw("code"), body.raw("status"), body.raw("type")].map(|raw| raw.and_then(word)));
    if let Some(name) = inner.or_else(outer) {
        facts.fail(&name);
    }
}

/// Reads an error inside an answer that is none as a whole.
pub(super) fn read_within(document: &Scanner, path: &str, facts: &mut ResponseFacts) {
    if let Some(error) = document.raw(path) {
        facts.fail(&name_in(error).unwrap_or_else(|| "error".to_owned()));
    }
}

fn name_in(error: &[u8]) -> Option<String> {
    let error: Value = serde_json::from_slice(error).ok()?;
    // OpenRouter and Google wrap what an upstream said; the outermost object speaks for the provider itself.
    name(["code", "status", "type"].map(|key| error.get(key).and_then(word_of)))
}

/// A code that is a word, else Google's status, else the type, else a code that is a number.
fn name([code, status, kind]: [Option<String>; 3]) -> Option<String> {
    let is_word = |text: &String| !text.bytes().all(|byte| byte.is_ascii_digit());
    let word = code.clone().filter(is_word).or(status.filter(is_word)).or(kind.filter(is_word));
    word.or(code).map(|name| name.chars().take(CHARS_MAX).collect())
}

fn word(raw: &[u8]) -> Option<String> {
    word_of(&serde_json::from_slice(raw).ok()?)
}

fn word_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_telling_word_of_each_dialect_is_taken_and_no_message() {
        for (body, expected) in [
            (
                r#"{"error":{"message":"secret","type":"invalid_request_error","param":null,"code":"model_not_found"}}"#,
                Some("model_not_found"),
            ),
            (
                r#"{"type":"error","error":{"type":"overloaded_error","message":"secret"}}"#,
                Some("overloaded_error"),
            ),
            (r#"{"error":{"code":404,"message":"secret","status":"NOT_FOUND"}}"#, Some("NOT_FOUND")),
            (r#"{"error":{"code":429,"message":"secret"}}"#, Some("429")),
            (
                r#"{"object":"error","message":"secret","type":"invalid_model","code":"1500"}"#,
                Some("invalid_model"),
            ),
            (r#"{"code":"invalid-argument","error":"secret"}"#, Some("invalid-argument")),
            (r#"{"error":"secret"}"#, None),
            (r#"{"message":"secret"}"#, None),
        ] {
            let mut scanner = Scanner::new(WANTS);
            scanner.feed(body.as_bytes(), |_, _| {});
            let mut facts = ResponseFacts::default();
            read(&scanner, &mut facts);
            assert_eq!(facts.error_type.as_deref(), expected, "{body}");
        }
    }
}
