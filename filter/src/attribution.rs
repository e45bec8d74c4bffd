//! Who a call is for: the first trusted source that names a dimension wins. What no source names stays unnamed.

use crate::{
    config::{Config, IdentitySource},
    head::Headers,
};
use protocol::{
    attribution::{Attributed, Attribution, Source},
    ids::Name,
};

/// Headers of ours that a provider must never see, whatever the policy takes identity from.
const PREFIX: &[u8] = b"x-bursar-";

/// Reads the attribution of a request. A value that is no name (empty, too long, not UTF-8) counts as absent.
pub fn attribute(config: &Config, headers: &Headers<'_>) -> Attribution {
    let mut attribution = Attribution::default();
    for (dimension, sources) in &config.identity {
        let found = sources.iter().find_map(|source| match source {
            IdentitySource::Header(name) => {
                let value = Name::parse(headers.value(name)?).ok()?;
                Some(Attributed { value, from: Source::Header })
            }
        });
        if let Some(attributed) = found {
            attribution.set(*dimension, attributed);
        }
    }
    attribution
}

/// Whether a request header must not leave Envoy: ours, or one that the policy takes identity from.
pub fn is_internal(config: &Config, name: &[u8]) -> bool {
    let is_source = |source: &IdentitySource| match source {
        IdentitySource::Header(header) => header.as_bytes() == name,
    };
    name.starts_with(PREFIX) || config.identity.values().flatten().any(is_source)
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::attribution::Dimension;

    #[test]
    fn headers_name_the_dimensions_and_what_is_no_name_is_absent() {
        let config =
            Config::parse(br#"{"identity": {"user": [{"header": "x-a"}, {"header": "x-b"}]}}"#).unwrap();
        let headers: &[(&[u8], &[u8])] = &[
            (b"x-bursar-customer", b"acme"),
            (b"x-bursar-task", b"\xff"),
            (b"x-a", b" "),
            (b"x-b", b"jane"),
        ];
        let attribution = attribute(&config, &Headers::new(headers));
        let name = |dimension| attribution.name(dimension).map(Name::as_str);
        assert_eq!(name(Dimension::Customer), Some("acme"));
        assert_eq!(name(Dimension::User), Some("jane"));
        assert_eq!(name(Dimension::Task), None);
        assert_eq!(name(Dimension::Workspace), None);
    }

    #[test]
    fn our_headers_and_the_identity_headers_stay_inside() {
        let config = Config::parse(br#"{"identity": {"user": [{"header": "x-user"}]}}"#).unwrap();
        for (name, internal) in [("x-bursar-anything", true), ("x-user", true), ("authorization", false)] {
            assert_eq!(is_internal(&config, name.as_bytes()), internal, "{name}");
        }
    }
}
