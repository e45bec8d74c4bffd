//! A provider that speaks every API that Bursar meters, unary and streamed, as its script says, and remembers what it
//! was sent. As a library for tests and as the program `simulator`. It knows nothing of Bursar.

mod asked;
mod body;
mod dialects;
mod encoding;
mod framing;
mod plan;
mod received;
pub mod script;

pub use received::{Received, Taken};

use crate::wait;
use body::Planned;
use http_body_util::BodyExt;
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    header::{HeaderName, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use plan::{failure, plan, whole};
use received::Log;
use script::Script;
use serde_json::{Value, json};
use std::{convert::Infallible, io, net::SocketAddr, time::Duration};
use tokio::{
    net::TcpListener,
    task::{AbortHandle, JoinSet},
};

/// A running provider; it ends with the test's runtime.
#[derive(Clone, Debug)]
pub struct Provider {
    address: SocketAddr,
    log: Log,
    serving: AbortHandle,
}

impl Provider {
    /// On a free port.
    pub async fn start() -> Self {
        Self::listen((std::net::Ipv4Addr::LOCALHOST, 0).into()).await.expect("a free port")
    }

    /// On this address.
    pub async fn listen(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let (address, log) = (listener.local_addr()?, Log::default());
        let serving = tokio::spawn(serve(listener, log.clone())).abort_handle();
        Ok(Self { address, log, serving })
    }

    /// It is gone: what it answers breaks off, and nobody listens.
    pub fn lose(&self) {
        self.serving.abort();
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
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        while connections.try_join_next().is_some() {}
        if stream.set_nodelay(true).is_err() {
            continue; // gone already
        }
        let log = log.clone();
        let service = service_fn(move |request| {
            let log = log.clone();
            async move { answer(request, log).await }
        });
        connections.spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn answer(request: Request<Incoming>, log: Log) -> io::Result<Response<Planned>> {
    let (head, body) = request.into_parts();
    if head.uri.path() == "/_sim/requests" {
        let list: Vec<Value> = log.all().iter().map(listed).collect();
        // Looking is no request to the provider, so it is not in its log.
        return Ok(whole(200, "application/json", json!(list).to_string(), Log::default().add(&head)));
    }
    let (path, slot) = (head.uri.path(), log.add(&head));
    let Ok(body) = body.collect().await else {
        slot.body(Bytes::new(), false);
        return Err(io::Error::other("the request's body was cut"));
    };
    let body = body.to_bytes();
    slot.body(body.clone(), true);
    let script = match Script::parse(head.headers.get(script::HEADER).map(HeaderValue::as_bytes)) {
        Ok(script) => script,
        Err(fault) => return Ok(failure(path, 400, "bad_script", &fault, slot)),
    };
    let attempt =
        head.headers.get("x-envoy-attempt-count").and_then(|value| value.to_str().ok()?.parse().ok());
    let attempt: u32 = attempt.unwrap_or(1);
    let script = script.of_attempt(attempt);
    tokio::time::sleep(Duration::from_millis(script.head_delay_ms)).await;
    if script.hang_before_head {
        std::future::pending::<Infallible>().await;
    }
    if script.reset_before_head {
        return Err(io::Error::other("the script breaks the connection here"));
    }
    if attempt <= script.fail_attempts {
        return Ok(failure(path, 503, "overloaded", "this attempt fails", slot));
    }
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    if let Some(key) = script.refuses.as_deref().filter(|key| asked.get(key).is_some()) {
        return Ok(failure(path, 422, "extra_forbidden", &format!("{key} is not permitted"), slot));
    }
    let mut response = plan(&head, &body, &script, slot);
    for (name, value) in &script.headers {
        let name: HeaderName = name.parse().expect("a header's name");
        response.headers_mut().insert(name, value.parse().expect("a header's value"));
    }
    Ok(response)
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
