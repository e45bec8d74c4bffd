//! The application's side of HTTP. A failure on the way is part of the answer, because that is what tests are about.

use crate::{call::Call, wait::PATIENCE};
use http_body_util::{BodyExt, Full};
use hyper::{
    HeaderMap, Request, Response,
    body::{Bytes, Incoming},
    client::conn::http1,
};
use hyper_util::{
    client::legacy,
    rt::{TokioExecutor, TokioIo},
};
use std::net::SocketAddr;
use tokio::{net::TcpStream, time::timeout};

/// What came back.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// 0 when no head came.
    pub status: u16,
    /// The response's headers.
    pub headers: HeaderMap,
    /// All of the body that arrived.
    pub body: Bytes,
    /// Why the answer is not whole, where it is not.
    pub cut: Option<String>,
}

impl Answer {
    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; panics with the body where it is none.
    pub fn json(&self) -> serde_json::Value {
        let read = serde_json::from_slice(&self.body);
        read.unwrap_or_else(|error| panic!("{} {error} in the body {:?}", self.status, self.text()))
    }

    /// The `data:` of each event of the stream.
    pub fn events(&self) -> Vec<String> {
        self.text().lines().filter_map(|line| Some(line.strip_prefix("data:")?.trim().to_owned())).collect()
    }
}

/// A client with a pool of connections.
#[derive(Clone, Debug)]
pub struct Client {
    address: SocketAddr,
    pool: legacy::Client<legacy::connect::HttpConnector, Full<Bytes>>,
}

impl Client {
    /// Of one server, by HTTP/1.1.
    pub fn new(address: SocketAddr) -> Self {
        Self::speaking(address, false)
    }

    /// Of one server, by HTTP/2 without TLS.
    pub fn http2(address: SocketAddr) -> Self {
        Self::speaking(address, true)
    }

    fn speaking(address: SocketAddr, http2: bool) -> Self {
        let mut connector = legacy::connect::HttpConnector::new();
        connector.set_nodelay(true);
        let mut builder = legacy::Client::builder(TokioExecutor::new());
        Self { address, pool: builder.http2_only(http2).build(connector) }
    }

    /// Sends a call and reads the whole answer.
    pub async fn send(&self, call: &Call) -> Answer {
        match self.open(call).await {
            Ok(opened) => opened.rest().await,
            Err(cut) => Answer { cut: Some(cut), ..Answer::default() },
        }
    }

    /// Sends a call and returns when the head is there.
    pub async fn open(&self, call: &Call) -> Result<Opened, String> {
        let answer = timeout(PATIENCE, self.pool.request(call.request(self.address))).await;
        let response = answer.map_err(|_| "no head in time".to_owned())?.map_err(|error| chain(&error))?;
        Ok(Opened::new(response))
    }
}

/// One connection, for tests in which it matters which.
#[derive(Debug)]
pub struct Connection {
    address: SocketAddr,
    sender: http1::SendRequest<Full<Bytes>>,
}

impl Connection {
    /// Connects.
    pub async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("a connection");
        stream.set_nodelay(true).expect("TCP_NODELAY");
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("a handshake");
        tokio::spawn(connection);
        Self { address, sender }
    }

    /// Sends a call and reads the whole answer.
    pub async fn send(&mut self, call: &Call) -> Answer {
        let mut request = call.request(self.address);
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
        *request.uri_mut() = path.parse().expect("a path");
        match self.exchange(request).await {
            Ok(opened) => opened.rest().await,
            Err(cut) => Answer { cut: Some(cut), ..Answer::default() },
        }
    }

    async fn exchange(&mut self, request: Request<Full<Bytes>>) -> Result<Opened, String> {
        self.sender.ready().await.map_err(|error| chain(&error))?;
        let answer = timeout(PATIENCE, self.sender.send_request(request)).await;
        let response = answer.map_err(|_| "no head in time".to_owned())?.map_err(|error| chain(&error))?;
        Ok(Opened::new(response))
    }
}

/// An answer whose body still comes. Dropping it closes the connection: the client went away.
#[derive(Debug)]
pub struct Opened {
    answer: Answer,
    body: Incoming,
}

impl Opened {
    fn new(response: Response<Incoming>) -> Self {
        let (head, body) = response.into_parts();
        let answer = Answer { status: head.status.as_u16(), headers: head.headers, ..Answer::default() };
        Self { answer, body }
    }

    /// What has arrived so far.
    pub fn so_far(&self) -> &Answer {
        &self.answer
    }

    /// The next piece of the body; `None` at its end, regular or not.
    pub async fn next(&mut self) -> Option<Bytes> {
        loop {
            match timeout(PATIENCE, self.body.frame()).await {
                Err(_) => self.answer.cut = Some("the body stopped coming".to_owned()),
                Ok(Some(Err(error))) => self.answer.cut = Some(chain(&error)),
                Ok(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => {
                        self.answer.body = [&self.answer.body[..], &data].concat().into();
                        return Some(data);
                    }
                    Err(_trailers) => continue,
                },
                Ok(None) => {}
            }
            return None;
        }
    }

    /// Reads on until so many `data:` lines have arrived.
    pub async fn events(&mut self, count: usize) {
        while self.answer.events().len() < count {
            let Some(_) = self.next().await else { panic!("the stream ended early: {:?}", self.answer) };
        }
    }

    /// Reads to the end.
    pub async fn rest(mut self) -> Answer {
        let mut body = self.answer.body.to_vec();
        loop {
            match timeout(PATIENCE, self.body.frame()).await {
                Err(_) => self.answer.cut = Some("the body stopped coming".to_owned()),
                Ok(Some(Err(error))) => self.answer.cut = Some(chain(&error)),
                Ok(Some(Ok(frame))) => {
                    body.extend_from_slice(&frame.into_data().unwrap_or_default());
                    continue;
                }
                Ok(None) => {}
            }
            self.answer.body = body.into();
            return self.answer;
        }
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}
