//! The reader of request bodies, of every dialect: what it tells, and what it makes of a body that is to ask for usage.

use super::input::Input;
use filter::{config::Config, dialect, head::Headers, request::RequestReader};
use serde_json::{Map, Value};

/// A path for each dialect, and for those that tell by the path that they stream.
const PATHS: [&str; 24] = [
    "/v1/chat/completions",
    "/v1/projects/p/locations/l/publishers/google/models/m:streamRawPredict",
    "/v1/completions",
    "/v1/audio/transcriptions",
    "/v1/responses",
    "/v1/embeddings",
    "/v1/audio/speech",
    "/v1/images/generations",
    "/v1/images/edits",
    "/v1/moderations",
    "/v1/messages",
    "/v1beta/models/m:generateContent",
    "/v1beta/models/m:streamGenerateContent",
    "/v1beta/models/m:embedContent",
    "/v1beta/interactions",
    "/model/m/converse",
    "/model/m/converse-stream",
    "/model/m/invoke",
    "/v2/chat",
    "/v2/embed",
    "/v2/rerank",
    "/api/chat",
    "/api/embed",
    "/v1/something/else",
];

pub fn request(data: &[u8]) {
    let Some(input) = Input::of(data) else { return };
    let body = &*input.body;
    let held = input.same_however_cut(body, |pieces| {
        let mut reader = reader(&input, false)?;
        for piece in pieces {
            reader.read(piece);
            if pieces.len() < 100 {
                reader.facts();
            }
        }
        Some((reader.facts(), reader.with_usage_asked(body)))
    });
    let asked = held.and_then(|(_, asked)| asked);
    if let Some(asked) = &asked {
        asks_and_is_else_the_same(body, asked);
    }
    for has_length in [false, true] {
        let asks = input.same_however_cut(body, |pieces| {
            let (out, asks) = passed(reader(&input, has_length)?, pieces);
            if asks {
                asks_and_is_else_the_same(body, &out);
            } else {
                is_padded(body, &out);
            }
            Some(asks)
        });
        assert!(asks != Some(true) || asked.is_some(), "asked for only where it passes");
    }
}

fn reader(input: &Input<'_>, has_length: bool) -> Option<RequestReader> {
    let length = input.body.len().to_string();
    let mut pairs: Vec<(&[u8], &[u8])> = vec![
        (b":method", b"POST"),
        (b":authority", b"api.openai.com"),
        (b":path", input.choose(0, &PATHS).as_bytes()),
    ];
    if has_length {
        pairs.push((b"content-length", length.as_bytes()));
    }
    if input.flag(1, 0) {
        pairs.push((b"content-type", b"multipart/form-data; boundary=b0"));
    }
    let headers = Headers::new(&pairs);
    let detected = dialect::detect(&Config::parse(b"").ok()?, &headers, None)?;
    Some(RequestReader::new(detected, &headers))
}

/// What goes on of a body that passes, and whether it asks.
fn passed(mut reader: RequestReader, pieces: &[&[u8]]) -> (Vec<u8>, bool) {
    let promised = reader.let_pass();
    let (mut out, mut asks) = (Vec::new(), false);
    for (position, piece) in pieces.iter().enumerate() {
        match reader.read_passing(piece, position + 1 == pieces.len()) {
            Some(late) => {
                asks |= late.asks;
                out.extend(late.bytes);
            }
            None => out.extend_from_slice(piece),
        }
    }
    // A body without a byte comes in no piece at all.
    if let Some(promised) = promised.filter(|_| !pieces.is_empty()) {
        assert_eq!(u64::try_from(out.len()), Ok(promised), "another length than promised");
    }
    (out, asks)
}

/// Whether nothing was added but white space in one place.
fn is_padded(before: &[u8], after: &[u8]) {
    let same = before.iter().zip(after).take_while(|(before, after)| before == after).count();
    let padding = after.len() - before.len();
    assert!(after[same..same + padding].iter().all(|byte| *byte == b' '), "more than white space was added");
    assert_eq!(after[same + padding..], before[same..]);
}

fn asks_and_is_else_the_same(before: &[u8], after: &[u8]) {
    // What is no JSON, or no number that can be held, cannot be compared.
    let Ok(mut before) = serde_json::from_slice::<Value>(before) else { return };
    let after: Value = serde_json::from_slice(after).expect("it was JSON before");
    let members = before.as_object_mut().expect("only an object has options");
    let options = members.entry("stream_options").or_insert(Value::Null);
    if options.is_null() {
        *options = Value::Object(Map::new());
    }
    options["include_usage"] = Value::Bool(true);
    assert_eq!(after, before);
}
