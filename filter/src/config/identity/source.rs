//! One place to look for a dimension.

use super::{ApiKeys, Pattern, body};
use crate::{config::fields::Fields, want::Want};
use protocol::attribution::Dimension;

/// What `payload_in_metadata` of `jwt_authn` is where nothing else is said.
const PAYLOAD: &str = "jwt_payload";
const JWT_FILTER: &str = "envoy.filters.http.jwt_authn";
/// A claim lies no deeper.
const PATH_PARTS_MAX: usize = 8;
/// The scanner compares no more than the outermost key, the last one and the one around it.
const BODY_PARTS_MAX: usize = 3;

/// One place to look for a dimension. A property is named by its path, with a zero byte between the parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdentitySource {
    /// A claim of a token that `jwt_authn` verified: a property.
    Jwt(Box<str>),
    /// Dynamic metadata of an earlier filter: a property.
    Metadata(Box<str>),
    /// Filter state of an earlier filter: a property.
    FilterState(Box<str>),
    /// A request header, lower-case.
    Header(String),
    /// A part of the host.
    Host(Pattern),
    /// A part of the path.
    Path(Pattern),
    /// The API key.
    ApiKey(ApiKeys),
    /// A member of W3C baggage.
    Baggage(Box<str>),
    /// The trace id of W3C trace context.
    Traceparent,
    /// A field of the request's body.
    Body(Want),
}

impl IdentitySource {
    /// The property that it reads, if it reads one.
    pub fn property(&self) -> Option<&str> {
        match self {
            Self::Jwt(path) | Self::Metadata(path) | Self::FilterState(path) => Some(path),
            _ => None,
        }
    }
}

const KINDS: [&str; 10] = [
    "jwt",
    "metadata",
    "filter_state",
    "header",
    "host",
    "path",
    "api_key",
    "baggage",
    "traceparent",
    "body",
];

/// Reads one; `None` where it is at fault, which is told.
pub(super) fn read(mut source: Fields<'_>, dimension: Dimension) -> Option<IdentitySource> {
    let mut kinds = KINDS.into_iter().filter(|kind| source.has(kind));
    // `path` is also what a source of metadata says beside its namespace.
    let kind = kinds.find(|kind| *kind != "path" || !source.has("metadata"));
    match kind {
        Some("jwt") => {
            let payload = source.text("payload", PAYLOAD);
            let claim = path(&mut source, "jwt", PATH_PARTS_MAX)?;
            let prefix = format!("metadata\0filter_metadata\0{JWT_FILTER}\0{payload}");
            Some(IdentitySource::Jwt(property(&prefix, &claim)))
        }
        Some("metadata") => {
            let namespace = text(&mut source, "metadata")?;
            let key = path(&mut source, "path", PATH_PARTS_MAX)?;
            let prefix = format!("metadata\0filter_metadata\0{namespace}");
            Some(IdentitySource::Metadata(property(&prefix, &key)))
        }
        Some("filter_state") => {
            let key = text(&mut source, "filter_state")?;
            Some(IdentitySource::FilterState(format!("filter_state\0{key}").into()))
        }
        Some("header") => Some(IdentitySource::Header(text(&mut source, "header")?.to_lowercase())),
        Some("host") => pattern(&mut source, "host", dimension).map(IdentitySource::Host),
        Some("path") => pattern(&mut source, "path", dimension).map(IdentitySource::Path),
        Some("api_key") => ApiKeys::read(source.object("api_key")).map(IdentitySource::ApiKey),
        Some("baggage") => Some(IdentitySource::Baggage(text(&mut source, "baggage")?.into())),
        Some("traceparent") => {
            let is_wanted = source.flag("traceparent", true);
            if dimension != Dimension::Task {
                source.fault("traceparent", format!("names a task, not a {dimension}"));
            } else if !is_wanted {
                source.fault("traceparent", "is false: leave the source out instead".to_owned());
            }
            Some(IdentitySource::Traceparent)
        }
        Some("body") => {
            let parts = path(&mut source, "body", BODY_PARTS_MAX)?;
            Some(IdentitySource::Body(body::want(&parts.join("."))))
        }
        _ => {
            source.fault_here(format!("names no source; known are: {}", KINDS.join(", ")));
            None
        }
    }
}

fn text(source: &mut Fields<'_>, key: &'static str) -> Option<String> {
    let text = source.required(key);
    if text.is_empty() || text.chars().any(char::is_control) {
        source.fault_unless_told(key, "is empty, or has control characters".to_owned());
        return None;
    }
    Some(text)
}

/// Keys with dots between them, or a list of keys where a key has dots itself.
fn path(source: &mut Fields<'_>, key: &'static str, parts_max: usize) -> Option<Vec<String>> {
    let parts: Vec<String> = match source.is_list(key) {
        true => source.texts(key),
        false => source.required(key).split('.').map(str::to_owned).collect(),
    };
    let is_key = |part: &String| !part.is_empty() && !part.chars().any(char::is_control);
    if parts.is_empty() || parts.len() > parts_max || !parts.iter().all(is_key) {
        source.fault_unless_told(key, format!("is no path of one to {parts_max} keys"));
        return None;
    }
    Some(parts)
}

fn property(prefix: &str, parts: &[String]) -> Box<str> {
    format!("{prefix}\0{}", parts.join("\0")).into()
}

fn pattern(source: &mut Fields<'_>, key: &'static str, dimension: Dimension) -> Option<Pattern> {
    let text = source.required(key);
    let pattern = match key {
        "host" => Pattern::of_host(&text, dimension),
        _ => Pattern::of_path(&text, dimension),
    };
    match pattern {
        Ok(pattern) => Some(pattern),
        Err(what) => {
            source.fault(key, what);
            None
        }
    }
}
