//! Asking for another model than the client did: each `model` of the outermost object is replaced, and nothing else.

use super::{Body, RequestReader};
use crate::{dialect::Dialect, json_scan::Scanner};

/// Where the requests of most dialects name their model. Others name it in their path, and stay as they are.
const MODEL: &str = "model";

impl RequestReader {
    /// Whether the request was read whole and names its model where another one can be written.
    pub fn names_its_model(&self) -> bool {
        let names = |scanner: &Scanner| scanner.text(MODEL).is_some() && !scanner.lost_outermost();
        let Body::Json(scanner) = &self.body else { return false };
        self.is_whole() && !self.detected.signed && self.detected.model.is_none() && names(scanner)
    }
}

/// The request with another model.
pub fn with_model(dialect: Dialect, body: &[u8], model: &str) -> Option<Vec<u8>> {
    let mut scanner = Scanner::new(dialect.format().request);
    scanner.feed(body, |_, _| {});
    let written = serde_json::to_string(model).ok()?;
    let (mut altered, mut taken) = (Vec::with_capacity(body.len()), 0);
    for found in scanner.found().iter().filter(|found| found.path == MODEL) {
        let (start, end) = (usize::try_from(found.start).ok()?, usize::try_from(found.end).ok()?);
        altered.extend_from_slice(body.get(taken..start)?);
        altered.extend_from_slice(written.as_bytes());
        taken = end;
    }
    altered.extend_from_slice(body.get(taken..)?);
    (taken > 0).then_some(altered)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn altered(body: &str) -> Option<String> {
        with_model(Dialect::OpenaiChat, body.as_bytes(), "mini\"x")
            .map(|body| String::from_utf8(body).unwrap())
    }

    #[test]
    fn the_model_is_replaced_and_nothing_else() {
        let body = r#"{ "messages":[{"model":"a"}], "model" : "gpt-4o" ,"n":1}"#;
        let expected = r#"{ "messages":[{"model":"a"}], "model" : "mini\"x" ,"n":1}"#;
        assert_eq!(altered(body).as_deref(), Some(expected));
    }

    #[test]
    fn of_a_model_that_is_named_twice_both_are_replaced() {
        let expected = r#"{"model":"mini\"x","model":"mini\"x"}"#;
        assert_eq!(altered(r#"{"model":"a","model":"b"}"#).as_deref(), Some(expected));
    }

    #[test]
    fn a_request_without_one_stays() {
        assert_eq!(altered("{}"), None);
        assert_eq!(altered("nonsense"), None);
    }
}
