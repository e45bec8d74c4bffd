//! A call as an application would send it, built step by step.

use http_body_util::Full;
use hyper::{
    HeaderMap, Method, Request, Uri,
    body::Bytes,
    header::{CONTENT_TYPE, HOST, HeaderName, HeaderValue},
};
use serde_json::{Value, json};
use std::net::SocketAddr;

/// One request to be sent.
#[derive(Clone, Debug)]
pub struct Call {
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Body,
}

#[derive(Clone, Debug)]
enum Body {
    Json(Value),
    Raw(Bytes),
}

impl Call {
    /// An openai-chat call of this model with a short prompt.
    pub fn chat(model: &str) -> Self {
        let prompt = json!([{"role": "user", "content": "How many moons has Mars?"}]);
        Self::post("/v1/chat/completions").json(json!({"model": model, "messages": prompt}))
    }

    /// A POST with an empty body.
    pub fn post(path: &str) -> Self {
        Self::new(Method::POST, path)
    }

    /// A GET.
    pub fn get(path: &str) -> Self {
        Self::new(Method::GET, path)
    }

    /// Any method, with an empty body.
    pub fn new(method: Method, path: &str) -> Self {
        Self { method, path: path.to_owned(), headers: HeaderMap::new(), body: Body::Raw(Bytes::new()) }
    }

    /// Sets a header; any bytes that HTTP can carry.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a header name");
        self.headers.insert(name, HeaderValue::from_bytes(value.as_ref()).expect("a header value"));
        self
    }

    /// Replaces the body by JSON.
    #[must_use]
    pub fn json(mut self, body: Value) -> Self {
        self.body = Body::Json(body);
        self.header(CONTENT_TYPE.as_str(), "application/json")
    }

    /// Replaces the body by bytes of some type.
    #[must_use]
    pub fn raw(mut self, content_type: &str, body: impl Into<Bytes>) -> Self {
        self.body = Body::Raw(body.into());
        self.header(CONTENT_TYPE.as_str(), content_type)
    }

    /// Sets one key of the JSON body.
    #[must_use]
    pub fn set(mut self, key: &str, value: impl Into<Value>) -> Self {
        let Body::Json(Value::Object(body)) = &mut self.body else {
            panic!("{key} is set in a JSON body only")
        };
        body.insert(key.to_owned(), value.into());
        self
    }

    /// Asks for a stream.
    #[must_use]
    pub fn streamed(self) -> Self {
        self.set("stream", true)
    }

    /// Says who it is for.
    #[must_use]
    pub fn customer(self, name: &str) -> Self {
        self.header("x-bursar-customer", name)
    }

    /// Tells the simulated provider what to do; see [`crate::provider::script`].
    #[must_use]
    pub fn script(self, script: &Value) -> Self {
        self.header(crate::provider::script::HEADER, script.to_string())
    }

    /// As a request to that address.
    pub fn request(&self, address: SocketAddr) -> Request<Full<Bytes>> {
        let body = match &self.body {
            Body::Json(body) => Bytes::from(body.to_string()),
            Body::Raw(body) => body.clone(),
        };
        let uri = Uri::builder().scheme("http").authority(address.to_string()).path_and_query(&*self.path);
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = uri.build().expect("a path");
        *request.headers_mut() = self.headers.clone();
        let host = HeaderValue::from_str(&address.to_string()).expect("an address");
        request.headers_mut().entry(HOST).or_insert(host);
        request
    }
}
