//! Who a call is for: the first trusted source that names a dimension wins. What no source names stays unnamed.
//! Most is known with the head; what a body names, once that was read.

mod digest;
mod keys;
mod propagated;
mod property;
#[cfg(test)]
mod tests;

use crate::{
    config::{Config, Identity, IdentitySource},
    head::Headers,
};
use protocol::{
    attribution::{Attributed, Attribution, Dimension, Source},
    ids::Name,
};
use std::{borrow::Cow, collections::BTreeMap, rc::Rc};

/// Headers of ours that a provider must never see, whatever the policy takes identity from.
const PREFIX: &[u8] = b"x-bursar-";

/// What the host says of a stream, by the paths that the configuration names.
pub type Properties = BTreeMap<Box<str>, Vec<u8>>;

/// What is left to ask once the request was read.
#[derive(Clone, Debug)]
pub struct Unasked {
    identity: Rc<Identity>,
    /// Fields of the body that stand before what has named their dimension, in order.
    fields: Vec<(Dimension, &'static str)>,
}

impl Unasked {
    /// Adds what fields of the body name.
    pub fn complete(&self, attribution: &mut Attribution, field: impl Fn(&'static str) -> Option<String>) {
        // Backwards, so that the first one has the last word.
        for (dimension, path) in self.fields.iter().rev() {
            let value = field(path).and_then(|value| Name::parse(value.as_bytes()).ok());
            if let Some(value) = value {
                set(attribution, &self.identity, *dimension, value, Source::Body);
            }
        }
    }

    /// What has to be named and is not.
    pub fn missing(&self, attribution: &Attribution) -> Option<Dimension> {
        let required = self.identity.dimensions.iter().filter(|(_, naming)| naming.required);
        required.map(|(dimension, _)| *dimension).find(|dimension| attribution.name(*dimension).is_none())
    }
}

/// Reads the attribution of a request's head. A value that is no name (empty, too long, not UTF-8) counts as absent.
pub fn attribute(
    config: &Config,
    headers: &Headers<'_>,
    properties: &Properties,
) -> (Attribution, Option<Box<Unasked>>) {
    let identity = &config.identity;
    let mut attribution = Attribution::default();
    let mut fields = Vec::new();
    for (dimension, naming) in &identity.dimensions {
        for source in &naming.sources {
            if let IdentitySource::Body(want) = source {
                fields.push((*dimension, want.path));
            } else if let Some(value) = value(source, headers, properties) {
                set(&mut attribution, identity, *dimension, value, kind(source));
                break;
            }
        }
    }
    let is_open = !fields.is_empty() || identity.dimensions.values().any(|naming| naming.required);
    let unasked = is_open.then(|| Box::new(Unasked { identity: Rc::clone(identity), fields }));
    (attribution, unasked)
}

fn set(attribution: &mut Attribution, identity: &Identity, dimension: Dimension, value: Name, from: Source) {
    let digested = identity.dimensions.get(&dimension).is_some_and(|naming| naming.digest);
    let value = if digested { digest::of(identity, &value) } else { Some(value) };
    if let Some(value) = value {
        attribution.set(dimension, Attributed { value, from });
    }
}

/// What one source names, where the head tells.
fn value(source: &IdentitySource, headers: &Headers<'_>, properties: &Properties) -> Option<Name> {
    let bytes: Cow<'_, [u8]> = match source {
        IdentitySource::Jwt(path) | IdentitySource::Metadata(path) | IdentitySource::FilterState(path) => {
            property::text(properties.get(path)?)?
        }
        IdentitySource::Header(name) => only(headers, name)?.into(),
        IdentitySource::Host(pattern) => {
            let authority = headers.text(":authority")?.to_lowercase();
            let host = authority.rsplit_once(':').map_or(&*authority, |(host, _)| host);
            return Name::parse(pattern.in_host(host)?.as_bytes()).ok();
        }
        IdentitySource::Path(pattern) => propagated::decoded(pattern.in_path(headers.path())?)?.into(),
        IdentitySource::ApiKey(keys) => return keys::owner(keys, headers).cloned(),
        IdentitySource::Baggage(key) => propagated::baggage(headers, key)?.into(),
        IdentitySource::Traceparent => propagated::trace_id(only(headers, "traceparent")?)?.into(),
        IdentitySource::Body(_) => return None,
    };
    Name::parse(&bytes).ok()
}

/// The value of a header, if it has one. Of two, nobody can say which the one before us wrote, and which the client.
fn only<'a>(headers: &Headers<'a>, name: &str) -> Option<&'a [u8]> {
    let mut values = headers.iter().filter(|(key, _)| *key == name.as_bytes()).map(|(_, value)| value);
    let first = values.next()?;
    values.all(|value| value == first).then_some(first)
}

fn kind(source: &IdentitySource) -> Source {
    match source {
        IdentitySource::Jwt(_) => Source::Jwt,
        IdentitySource::Metadata(_) => Source::Metadata,
        IdentitySource::FilterState(_) => Source::FilterState,
        IdentitySource::Header(_) => Source::Header,
        IdentitySource::Host(_) | IdentitySource::Path(_) => Source::Pattern,
        IdentitySource::ApiKey(_) => Source::ApiKey,
        IdentitySource::Baggage(_) => Source::Baggage,
        IdentitySource::Traceparent => Source::Traceparent,
        IdentitySource::Body(_) => Source::Body,
    }
}

/// Whether a request header must not leave Envoy: ours, or one that the policy takes identity from.
pub fn is_internal(config: &Config, name: &[u8]) -> bool {
    let is_source = |source: &IdentitySource| match source {
        IdentitySource::Header(header) => header.as_bytes() == name,
        _ => false,
    };
    name.starts_with(PREFIX) || config.identity.sources().any(is_source)
}
