//! A provider that speaks openai-chat, unary and streamed, as its script says, and remembers what it was sent. As a
//! library for tests and as the program `simulator`. It knows nothing of Bursar.

mod body;
mod openai;
mod received;
pub mod script;

pub use received::{Received, Taken};

use crate::{recording::Recording, wait};
use body::{Planned, Step};
use http_body_util::BodyExt;
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    header::HeaderValue,
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use openai::Asked;
use received::{Log, Slot};
use script::Script;
use serde_json::{Value, json};
use std::{
    convert::Infallible,
    io::{self, Write},
    net::SocketAddr,
    time::Duration,
};
use tokio::net::TcpListener;

const JSON: &str = "application/json";

/// A running provider; it ends with the test's runtime.
#[derive(Clone, Debug)]
pub struct Provider {
    address: SocketAddr,
    log: Log,
}

impl Provider {
    /// On a free port.
    pub async fn start() -> Self {
        Self::listen((std::net::Ipv4Addr::LOCALHOST, 0).into()).await.expect("a free port")
    }

    /// On this address.
    pub async fn listen(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let provider = Self { address: listener.local_addr()?, log: Log::default() };
        tokio::spawn(serve(listener, provider.log.clone()));
        Ok(provider)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it was sent so far.
    pub fn received(&self) -> Vec<Received> {
        self.log.all()
    }

    /// Waits until one of the requests is as wanted, and returns it.
    pub async fn until(&self, what: &str, wanted: impl Fn(&Received) -> bool) -> Received {
        wait::until(what, async || self.received().into_iter().find(&wanted)).await
    }
}

async fn serve(listener: TcpListener, log: Log) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        if stream.set_nodelay(true).is_err() {
            continue; // gone already
        }
        let log = log.clone();
        let service = service_fn(move |request| {
            let log = log.clone();
            async move { answer(request, log).await }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn answer(request: Request<Incoming>, log: Log) -> io::Result<Response<Planned>> {
    let (head, body) = request.into_parts();
    if head.uri.path() == "/_sim/requests" {
        let list: Vec<Value> = log.all().iter().map(listed).collect();
        // Looking is no request to the provider, so it is not in its log.
        return Ok(respond(
            200,
            JSON,
            vec![Step::Send(json!(list).to_string().into())],
            Log::default().add(&head),
        ));
    }
    let slot = log.add(&head);
    let Ok(body) = body.collect().await else {
        slot.body(Bytes::new(), false);
        return Err(io::Error::other("the request's body was cut"));
    };
    let body = body.to_bytes();
    slot.body(body.clone(), true);
    let script = match Script::parse(head.headers.get(script::HEADER).map(HeaderValue::as_bytes)) {
        Ok(script) => script,
        Err(fault) => return Ok(failure(400, "bad_script", &fault, slot)),
    };
    tokio::time::sleep(Duration::from_millis(script.head_delay_ms)).await;
    if script.hang_before_head {
        std::future::pending::<Infallible>().await;
    }
    if script.reset_before_head {
        return Err(io::Error::other("the script breaks the connection here"));
    }
    let attempt =
        head.headers.get("x-envoy-attempt-count").and_then(|value| value.to_str().ok()?.parse().ok());
    if attempt.unwrap_or(1) <= script.fail_attempts {
        return Ok(failure(503, "overloaded", "this attempt fails", slot));
    }
    Ok(plan(head.uri.path(), &body, &script, slot))
}

fn plan(path: &str, body: &[u8], script: &Script, slot: Slot) -> Response<Planned> {
    if let Some(name) = &script.recording {
        let recording = Recording::read(name);
        let streamed = recording.is_stream();
        let pieces = if streamed { events(&recording.body) } else { halves(&recording.body) };
        return respond(recording.status, &recording.content_type, steps(pieces, streamed, script), slot);
    }
    if let Some(html) = &script.html {
        return respond(script.status, "text/html", vec![Step::Send(html.clone().into())], slot);
    }
    if script.status >= 400 {
        return failure(script.status, &script.error, "the script says so", slot);
    }
    if !path.ends_with("/chat/completions") {
        return failure(404, "not_found", "nothing is served at this path", slot);
    }
    let asked = match Asked::read(body, script) {
        Ok(asked) => asked,
        Err(fault) => return failure(400, "invalid_request_error", &fault, slot),
    };
    if asked.stream {
        let steps = steps(asked.chunks(script), true, script);
        return respond(script.status, "text/event-stream; charset=utf-8", steps, slot);
    }
    let whole = asked.completion(script);
    if script.gzip {
        let mut response = respond(script.status, JSON, steps(halves(&gzip(&whole)), false, script), slot);
        response.headers_mut().insert("content-encoding", HeaderValue::from_static("gzip"));
        return response;
    }
    let breaks =
        script.reset_after.is_some() || script.hang_after.is_some() || script.split_bytes < whole.len();
    let pieces = if breaks { halves(&whole) } else { vec![whole.clone()] };
    let mut response = respond(script.status, JSON, steps(pieces, false, script), slot);
    response.headers_mut().insert("content-length", HeaderValue::from(whole.len()));
    response
}

/// The pieces with the waits, cuts and breaks of the script between them.
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

fn respond(status: u16, content_type: &str, steps: Vec<Step>, slot: Slot) -> Response<Planned> {
    let mut response = Response::new(Planned::new(steps, slot));
    *response.status_mut() = status.try_into().expect("a status from 100 to 999");
    let headers = response.headers_mut();
    headers.insert("content-type", HeaderValue::from_str(content_type).expect("a content type"));
    headers.insert("x-request-id", HeaderValue::from_static("req_simulated"));
    headers.insert("openai-processing-ms", HeaderValue::from_static("7"));
    response
}

fn failure(status: u16, kind: &str, message: &str, slot: Slot) -> Response<Planned> {
    let body = openai::error_object(kind, message).to_string();
    respond(status, JSON, vec![Step::Send(body.into())], slot)
}

fn halves(whole: &Bytes) -> Vec<Bytes> {
    let middle = whole.len() / 2;
    vec![whole.slice(..middle), whole.slice(middle..)]
}

/// The events of a recorded stream, each with the blank line that ends it.
fn events(whole: &Bytes) -> Vec<Bytes> {
    let mut rest = whole.clone();
    let mut events = Vec::new();
    while let Some(end) = [&b"\n\n"[..], b"\r\n\r\n"].iter().filter_map(|blank| end_of(&rest, blank)).min() {
        events.push(rest.split_to(end));
    }
    if !rest.is_empty() {
        events.push(rest);
    }
    events
}

fn end_of(bytes: &[u8], blank: &[u8]) -> Option<usize> {
    Some(bytes.windows(blank.len()).position(|window| window == blank)? + blank.len())
}

fn gzip(plain: &[u8]) -> Bytes {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(plain).and_then(|()| encoder.finish()).expect("memory is writable").into()
}

fn listed(received: &Received) -> Value {
    let header = |(name, value): &(String, Bytes)| json!([name, String::from_utf8_lossy(value)]);
    json!({
        "number": received.number,
        "method": received.method,
        "path": received.path,
        "headers": received.headers.iter().map(header).collect::<Vec<Value>>(),
        "body": String::from_utf8_lossy(&received.body),
        "body_bytes": received.body.len(),
        "body_whole": received.body_whole,
        "answer": received.answer,
    })
}
