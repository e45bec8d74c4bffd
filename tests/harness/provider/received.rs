//! What the provider was sent, and whether the other side took the answer to its end.

use hyper::body::Bytes;
use serde::Serialize;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// So many are kept, so that a benchmark does not fill the memory.
const KEPT: usize = 4096;

/// One request.
#[derive(Clone, Debug)]
pub struct Received {
    /// Counts from 0.
    pub number: usize,
    /// Its method.
    pub method: String,
    /// Its path and query.
    pub path: String,
    /// Its headers, in order of arrival.
    pub headers: Vec<(String, Bytes)>,
    /// Its body, to the byte.
    pub body: Bytes,
    /// Whether its body arrived whole.
    pub body_whole: bool,
    /// What became of the answer.
    pub answer: Taken,
}

/// What became of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Taken {
    /// It is still being sent.
    Open,
    /// It was handed over whole.
    Complete,
    /// The other side went away first, or the script broke the connection.
    Aborted,
}

impl Received {
    /// A header as text.
    pub fn header(&self, name: &str) -> Option<String> {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| String::from_utf8_lossy(value).into_owned())
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        let read = serde_json::from_slice(&self.body);
        read.unwrap_or_else(|error| panic!("{error}: {:?}", String::from_utf8_lossy(&self.body)))
    }
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Log(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    next: usize,
    kept: VecDeque<Received>,
}

impl Log {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn all(&self) -> Vec<Received> {
        self.lock().kept.iter().cloned().collect()
    }

    /// Adds a request, whose head has come.
    pub(super) fn add(&self, head: &hyper::http::request::Parts) -> Slot {
        let mut inner = self.lock();
        let number = inner.next;
        inner.next += 1;
        if inner.kept.len() == KEPT {
            inner.kept.pop_front();
        }
        let header = |(name, value): (&hyper::header::HeaderName, &hyper::header::HeaderValue)| {
            (name.as_str().to_owned(), Bytes::copy_from_slice(value.as_bytes()))
        };
        inner.kept.push_back(Received {
            number,
            method: head.method.to_string(),
            path: head.uri.path_and_query().map_or_else(String::new, ToString::to_string),
            headers: head.headers.iter().map(header).collect(),
            body: Bytes::new(),
            body_whole: false,
            answer: Taken::Open,
        });
        Slot { log: self.clone(), number }
    }
}

/// One request's place in the log. When it is dropped before the answer was complete, the answer was aborted.
#[derive(Debug)]
pub(super) struct Slot {
    log: Log,
    number: usize,
}

impl Slot {
    pub(super) fn body(&self, body: Bytes, whole: bool) {
        self.change(|received| (received.body, received.body_whole) = (body, whole));
    }

    pub(super) fn complete(&self) {
        self.change(|received| received.answer = Taken::Complete);
    }

    fn change(&self, change: impl FnOnce(&mut Received)) {
        let mut inner = self.log.lock();
        if let Some(received) = inner.kept.iter_mut().rev().find(|received| received.number == self.number) {
            change(received);
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.change(|received| {
            if received.answer == Taken::Open {
                received.answer = Taken::Aborted;
            }
        });
    }
}
