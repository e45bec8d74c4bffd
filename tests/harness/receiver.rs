//! A receiver of webhooks: answers each request with the next status it was given, the last one for ever, and
//! remembers what came.

use http_body_util::{BodyExt, Empty};
use hyper::{
    HeaderMap, Request, Response,
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tokio::net::TcpListener;

/// A running receiver; it ends with the test's runtime.
#[derive(Clone, Debug)]
pub struct Receiver {
    address: SocketAddr,
    came: Arc<Mutex<Vec<Message>>>,
}

/// What came.
#[derive(Clone, Debug)]
pub struct Message {
    /// The path and query.
    pub path: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, as it is signed.
    pub body: String,
}

impl Message {
    /// A header as text; empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

impl Receiver {
    /// On a free port.
    pub async fn start(statuses: &[u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let receiver = Self { address: listener.local_addr().expect("an address"), came: Arc::default() };
        tokio::spawn(serve(listener, receiver.came.clone(), statuses.to_vec()));
        receiver
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// All that came, in order.
    pub fn messages(&self) -> Vec<Message> {
        self.came.lock().expect("no other test's panic").clone()
    }
}

async fn serve(listener: TcpListener, came: Arc<Mutex<Vec<Message>>>, statuses: Vec<u16>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let (came, statuses) = (came.clone(), statuses.clone());
        let service = service_fn(move |request| {
            let (came, statuses) = (came.clone(), statuses.clone());
            async move { answer(request, &came, &statuses).await }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn answer(
    request: Request<Incoming>,
    came: &Mutex<Vec<Message>>,
    statuses: &[u16],
) -> io::Result<Response<Empty<Bytes>>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let body = String::from_utf8(body.to_vec()).map_err(io::Error::other)?;
    let mut came = came.lock().map_err(|_| io::Error::other("a test panicked"))?;
    let status = statuses.get(came.len()).or(statuses.last()).copied().unwrap_or(200);
    came.push(Message { path: head.uri.to_string(), headers: head.headers, body });
    Response::builder().status(status).body(Empty::new()).map_err(io::Error::other)
}
