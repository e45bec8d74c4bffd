//! A running control plane, asked over HTTP.

use super::{Failure, target::Own};
use serde_json::Value;
use std::{
    io::{Read, Write},
    time::Duration,
};
use ureq::http::{HeaderMap, HeaderValue, StatusCode, header::AUTHORIZATION};

/// Long enough for an import of the largest catalogue; a control plane that needs longer is not well.
const TIMEOUT: Duration = Duration::from_secs(60);
/// No answer is larger: a list of all prices has 25,000 rows of 300 bytes.
const ANSWER_BYTES_MAX: u64 = 256 * 1024 * 1024;

#[derive(Debug)]
pub(super) struct Remote {
    agent: ureq::Agent,
    base: String,
    /// Runs as long as it is asked.
    _own: Option<Own>,
}

impl Remote {
    pub(super) fn new(url: &str, key: Option<&str>, own: Option<Own>) -> Result<Self, Failure> {
        if !url.starts_with("http://") && !url.starts_with("https://") {
            let failure = Failure::Usage(format!("--server: `{url}` is no address"));
            return Err(failure.hint("write one such as http://127.0.0.1:7700"));
        }
        let config = ureq::Agent::config_builder().timeout_global(Some(TIMEOUT)).http_status_as_error(false);
        let config = match key {
            Some(key) => config.middleware(showing(key)?).build(),
            None => config.build(),
        };
        Ok(Self { agent: config.into(), base: url.trim_end_matches('/').to_owned(), _own: own })
    }

    pub(super) fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<String, Failure> {
        let request = query
            .iter()
            .fold(self.agent.get(self.address(path)), |request, (key, value)| request.query(key, value));
        self.answer(path, request.call())
    }

    /// Writes an answer as it comes, of whatever size and however long it takes. Gives its headers.
    pub(super) fn download(
        &self,
        path: &str,
        query: &[(&str, &str)],
        out: &mut dyn Write,
    ) -> Result<HeaderMap, Failure> {
        let request = query
            .iter()
            .fold(self.agent.get(self.address(path)), |request, (key, value)| request.query(key, value));
        let request = request.config().timeout_global(None).timeout_per_read(Some(TIMEOUT)).build();
        let mut response = match request.call() {
            Ok(response) if response.status().is_success() => response,
            // Other answers are read as they always are.
            other => {
                return Err(self.answer(path, other).err().unwrap_or_else(|| self.cut(path, "no answer")));
            }
        };
        let mut body = response.body_mut().with_config().limit(u64::MAX).reader();
        let mut piece = vec![0; 64 * 1024];
        loop {
            let length = body.read(&mut piece).map_err(|error| self.cut(path, error))?;
            match piece.get(..length) {
                Some(read) if !read.is_empty() => out.write_all(read)?,
                _ => break,
            }
        }
        Ok(std::mem::take(response.headers_mut()))
    }

    fn cut(&self, path: &str, error: impl std::fmt::Display) -> Failure {
        Failure::Unreachable(format!("{}{path} broke off: {error}", self.base))
    }

    /// Every item of a list, page by page.
    pub(super) fn all(&self, path: &str, query: &[(&str, &str)]) -> Result<Vec<Value>, Failure> {
        let mut items = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let mut query = query.to_vec();
            query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
            let mut page = json(&self.get(path, &query)?)?;
            if let Some(Value::Array(more)) = page.get_mut("items").map(Value::take) {
                items.extend(more);
            }
            match page.get("next").and_then(Value::as_str) {
                Some(next) => cursor = Some(next.to_owned()),
                None => return Ok(items),
            }
        }
    }

    pub(super) fn post(&self, path: &str, query: &[(&str, &str)], body: &str) -> Result<String, Failure> {
        let request = query
            .iter()
            .fold(self.agent.post(self.address(path)), |request, (key, value)| request.query(key, value));
        self.answer(path, request.header("content-type", "application/json").send(body))
    }

    /// Posts what may take as long as it takes, and gives the answer's headers, too.
    pub(super) fn post_for_headers(
        &self,
        path: &str,
        query: &[(&str, &str)],
        body: &str,
    ) -> Result<(String, HeaderMap), Failure> {
        let request = query
            .iter()
            .fold(self.agent.post(self.address(path)), |request, (key, value)| request.query(key, value));
        let request = request.config().timeout_global(None).build();
        let sent = request.header("content-type", "application/json").send(body);
        let headers = sent.as_ref().map(|response| response.headers().clone()).unwrap_or_default();
        Ok((self.answer(path, sent)?, headers))
    }

    /// Posts what may take as long as it takes.
    pub(super) fn post_patiently(
        &self,
        path: &str,
        query: &[(&str, &str)],
        body: &str,
    ) -> Result<String, Failure> {
        let request = query
            .iter()
            .fold(self.agent.post(self.address(path)), |request, (key, value)| request.query(key, value));
        let request = request.config().timeout_global(None).build();
        self.answer(path, request.header("content-type", "application/json").send(body))
    }

    pub(super) fn put(&self, path: &str, query: &[(&str, &str)], body: &str) -> Result<String, Failure> {
        let request = query
            .iter()
            .fold(self.agent.put(self.address(path)), |request, (key, value)| request.query(key, value));
        self.answer(path, request.header("content-type", "application/json").send(body))
    }

    pub(super) fn delete(&self, path: &str) -> Result<String, Failure> {
        self.answer(path, self.agent.delete(self.address(path)).call())
    }

    fn address(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    fn answer(
        &self,
        path: &str,
        sent: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<String, Failure> {
        let unreachable = |error: ureq::Error| {
            Failure::Unreachable(format!("{}: {error}", self.base))
                .hint("is the control plane running? `bursar serve` starts it")
        };
        let mut response = sent.map_err(unreachable)?;
        let status = response.status();
        let limited = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_string();
        let body = limited.map_err(unreachable)?;
        if status.is_success() {
            return Ok(body);
        }
        let what = format!("{}{path} answers {status}", self.base);
        let failure = refusal(&what, status.is_server_error(), &body);
        Err(if status == StatusCode::UNAUTHORIZED {
            failure.hint("BURSAR_KEY or --key shows a key; `bursar keys create` makes one")
        } else {
            failure
        })
    }
}

/// Puts a key into every request.
fn showing(key: &str) -> Result<impl ureq::middleware::Middleware, Failure> {
    let shown = HeaderValue::try_from(format!("Bearer {key}"));
    let mut shown = shown.map_err(|_| Failure::Usage("--key: has characters that no key has".to_owned()))?;
    shown.set_sensitive(true);
    Ok(
        move |mut request: ureq::http::Request<ureq::SendBody<'_>>,
              next: ureq::middleware::MiddlewareNext<'_>| {
            request.headers_mut().insert(AUTHORIZATION, shown.clone());
            next.handle(request)
        },
    )
}

/// Makes a failure from a problem document.
fn refusal(what: &str, theirs: bool, body: &str) -> Failure {
    let problem: Value = serde_json::from_str(body).unwrap_or_default();
    let text = |key: &str| problem.get(key).and_then(Value::as_str);
    let mut message = what.to_owned();
    if let Some(detail) = text("detail").or_else(|| text("title")) {
        message = format!("{message}: {detail}");
    }
    for fault in problem.get("errors").and_then(Value::as_array).into_iter().flatten() {
        let part = |key: &str| fault.get(key).and_then(Value::as_str).unwrap_or_default();
        let number = |key: &str| fault.get(key).and_then(Value::as_u64);
        let place = number("line").zip(number("column")).map(|(line, column)| format!("{line}:{column}: "));
        let path = if part("path").is_empty() { String::new() } else { format!("{}: ", part("path")) };
        message = format!("{message}\n{}{path}{}", place.unwrap_or_default(), part("message"));
        if !part("hint").is_empty() {
            message = format!("{message}\n  hint: {}", part("hint"));
        }
    }
    if theirs { Failure::Unreachable(message) } else { Failure::Usage(message) }
}

/// Reads an answer that must be JSON.
pub(super) fn json(body: &str) -> Result<Value, Failure> {
    serde_json::from_str(body).map_err(|error| {
        Failure::Unreachable(format!("the answer is no JSON: {error}"))
            .hint("does --server name a Bursar control plane?")
    })
}
