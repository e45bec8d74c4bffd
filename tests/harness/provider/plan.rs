//! What is answered to a request, piece by piece, with the waits, cuts and breaks of its script.

use super::{
    asked::Asked,
    body::{Planned, Step},
    dialects, framing,
    received::Slot,
    script::Script,
};
use crate::recording::Recording;
use hyper::{
    Response,
    body::Bytes,
    header::{HeaderName, HeaderValue},
    http::request::Parts,
};
use serde_json::Value;
use std::time::Duration;

/// The answer to a request.
pub(super) fn plan(head: &Parts, body: &[u8], script: &Script, slot: Slot) -> Response<Planned> {
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    if let Some(name) = &script.recording {
        return replay(&Recording::read(name), script, slot);
    }
    if let Some(html) = &script.html {
        return whole(script.status, "text/html", html.clone(), slot);
    }
    if script.status >= 400 {
        return failure(path, script.status, &script.error, "the script says so", slot);
    }
    let Some(api) = dialects::at(path) else {
        return failure(path, 404, "not_found", "nothing is served at this path", slot);
    };
    let content_type = head.headers.get("content-type").map(HeaderValue::as_bytes).unwrap_or_default();
    let form = content_type.starts_with(b"multipart/form-data");
    let asked = match Asked::read(path, form, body, script) {
        Ok(asked) => asked,
        Err(fault) => return failure(path, 400, "invalid_request_error", &fault, slot),
    };
    let mut answer = (api.answer)(&asked, script);
    if let (true, Some(after)) = (answer.streamed, script.error_after) {
        answer.pieces.truncate(after);
        answer.pieces.push((api.error_in_stream)(&script.error, "the model is overloaded"));
    }
    let length: usize = answer.pieces.iter().map(Bytes::len).sum();
    let breaks = script.reset_after.is_some() || script.hang_after.is_some() || script.split_bytes < length;
    if let (false, true, [whole]) = (answer.streamed, breaks, &answer.pieces[..]) {
        answer.pieces = halves(whole);
    }
    let mut response =
        respond(script.status, answer.content_type, answer.pieces, answer.streamed, script, slot);
    if !answer.streamed && script.encoding.is_none() {
        response.headers_mut().insert("content-length", HeaderValue::from(length));
    }
    response
}

fn replay(recording: &Recording, script: &Script, slot: Slot) -> Response<Planned> {
    let events = framing::pieces(recording);
    let streamed = events.is_some();
    let pieces = events.unwrap_or_else(|| halves(&recording.body));
    let mut response = respond(recording.status, &recording.content_type, pieces, streamed, script, slot);
    for (name, value) in &recording.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a header name");
        response.headers_mut().insert(name, HeaderValue::from_str(value).expect("a header value"));
    }
    response
}

fn respond(
    status: u16,
    content_type: &str,
    mut pieces: Vec<Bytes>,
    streamed: bool,
    script: &Script,
    slot: Slot,
) -> Response<Planned> {
    if let Some(encoding) = script.encoding {
        pieces = encoding.encode(&pieces);
    }
    let mut response = Response::new(Planned::new(steps(pieces, streamed, script), slot));
    *response.status_mut() = status.try_into().expect("a status from 100 to 999");
    let headers = response.headers_mut();
    headers.insert("content-type", HeaderValue::from_str(content_type).expect("a content type"));
    headers.insert("x-request-id", HeaderValue::from_static("req_simulated"));
    headers.insert("openai-processing-ms", HeaderValue::from_static("7"));
    if let Some(encoding) = script.encoding {
        headers.insert("content-encoding", HeaderValue::from_static(encoding.as_str()));
    }
    response
}

/// An answer that no script has cut or compressed.
pub(super) fn whole(
    status: u16,
    content_type: &str,
    body: impl Into<Bytes>,
    slot: Slot,
) -> Response<Planned> {
    respond(status, content_type, vec![body.into()], false, &Script::default(), slot)
}

/// An error as the API at this path has it.
pub(super) fn failure(path: &str, status: u16, kind: &str, message: &str, slot: Slot) -> Response<Planned> {
    let body: Value = match dialects::at(path) {
        Some(api) => (api.error)(status, kind, message),
        None => dialects::error(status, kind, message),
    };
    let mut response = whole(status, "application/json", body.to_string(), slot);
    if let (true, Ok(kind)) = (path.starts_with("/model/"), HeaderValue::from_str(kind)) {
        response.headers_mut().insert("x-amzn-errortype", kind); // AWS tells it here and nowhere else
    }
    response
}

/// The pieces with what the script puts between them.
fn steps(pieces: Vec<Bytes>, streamed: bool, script: &Script) -> Vec<Step> {
    let wait = Duration::from_millis(if streamed { script.delay_ms } else { 0 });
    let mut steps = Vec::new();
    for (position, mut piece) in pieces.into_iter().enumerate() {
        let at =
            |place: Option<usize>| place.is_some_and(|place| position == if streamed { place } else { 1 });
        if at(script.reset_after) || at(script.hang_after) {
            // What was sent before must leave before the connection breaks.
            steps.push(Step::Wait(Duration::from_millis(20)));
            steps.push(if script.reset_after.is_some() { Step::Reset } else { Step::Hang });
            return steps;
        }
        if !wait.is_zero() {
            steps.push(Step::Wait(wait));
        }
        while piece.len() > script.split_bytes {
            steps.push(Step::Send(piece.split_to(script.split_bytes)));
            steps.push(Step::Flush);
        }
        steps.push(Step::Send(piece));
    }
    steps
}

fn halves(whole: &Bytes) -> Vec<Bytes> {
    let middle = whole.len() / 2;
    vec![whole.slice(..middle), whole.slice(middle..)]
}
