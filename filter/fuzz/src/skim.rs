//! Skimming tells what reading tells: a stream of events that are alike gives the same facts as the same stream where
//! white space makes each event unlike all others, so that none is skimmed.

use super::{coding::in_base64, input::Input, response::expected};
use filter::{
    dialect::Dialect,
    head::Headers,
    response::{Expected, ResponseFacts, ResponseReader},
};

pub fn skim(data: &[u8]) {
    let Some(input) = Input::of(data) else { return };
    let expected = expected(&input);
    let documents = documents(&input.body);
    let alike = stream(expected, documents.iter().cloned());
    let unlike =
        documents.iter().enumerate().map(|(position, document)| [&*distinct(position), document].concat());
    assert_eq!(facts(expected, &alike), facts(expected, &stream(expected, unlike)));
}

/// A line is a document, or says what is changed in the one before: `~`, which of its scalars, and what takes its place.
fn documents(body: &[u8]) -> Vec<Vec<u8>> {
    let mut documents: Vec<Vec<u8>> = Vec::new();
    for line in body.split(|byte| matches!(byte, b'\n' | b'\r')).take(200) {
        let document = match (line, documents.last()) {
            ([b'~', which, new @ ..], Some(last)) => with_scalar(last, usize::from(*which), new),
            _ => line.to_vec(),
        };
        // That word is no document, and a very long one is not held.
        if !document.is_empty() && document != b"[DONE]" && document.len() < 60_000 {
            documents.push(document);
        }
    }
    documents
}

/// The document with another scalar.
fn with_scalar(document: &[u8], which: usize, new: &[u8]) -> Vec<u8> {
    let scalars = scalars(document);
    let Some((start, end)) = scalars.get(which % scalars.len().max(1)) else { return document.to_vec() };
    [&document[..*start], new, &document[*end..]].concat()
}

/// Where strings (without their quotes), numbers and words are.
fn scalars(document: &[u8]) -> Vec<(usize, usize)> {
    let (mut scalars, mut at) = (Vec::new(), 0);
    while at < document.len() {
        let start = at + usize::from(document[at] == b'"');
        if document[at] == b'"' {
            at = start;
            while at < document.len() && document[at] != b'"' {
                at += if document[at] == b'\\' { 2 } else { 1 };
            }
            scalars.push((start, at.min(document.len())));
        } else if document[at].is_ascii_alphanumeric() {
            at += document[at..].iter().take_while(|byte| !b",]} ".contains(byte)).count().max(1) - 1;
            scalars.push((start, at + 1));
        }
        at += 1;
    }
    scalars
}

/// White space that no other event begins with.
fn distinct(position: usize) -> Vec<u8> {
    (0..8).map(|bit| if position >> bit & 1 == 0 { b' ' } else { b'\t' }).collect()
}

fn stream(expected: Expected, documents: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut stream = Vec::new();
    for document in documents {
        stream.extend_from_slice(b"data:");
        // Its wrapper is undone before events are compared.
        if expected.dialect == Dialect::BedrockInvoke {
            stream.extend_from_slice(format!("{{\"bytes\":\"{}\"}}", in_base64(&document)).as_bytes());
        } else {
            stream.push(b' ');
            stream.extend_from_slice(&document);
        }
        stream.extend_from_slice(b"\n\n");
    }
    stream
}

fn facts(expected: Expected, stream: &[u8]) -> ResponseFacts {
    let pairs: &[(&[u8], &[u8])] = &[(b":status", b"200"), (b"content-type", b"text/event-stream")];
    let mut reader = ResponseReader::new(expected, &Headers::new(pairs));
    reader.read(stream, true);
    reader.into_facts()
}
