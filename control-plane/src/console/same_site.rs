//! Whether a form was sent from a page of this console. Whoever is signed in may decide, but no other site may make
//! somebody's browser decide for it.

use axum::http::{HeaderMap, Uri, header};

/// By what only a browser can say of itself, and no page can make it say: `sec-fetch-site`, else `origin`, which must be
/// the host that was asked. Nothing said is not enough.
pub(super) fn is_own(headers: &HeaderMap, uri: &Uri) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text(header::HOST.as_str()).or_else(|| uri.authority().map(|authority| authority.as_str()));
    let authority = |origin: &str| origin.split_once("://").map(|(_, authority)| authority.to_owned());
    let origin = headers.get(header::ORIGIN).map(|_| text(header::ORIGIN.as_str()).and_then(authority));
    let is_host = |origin: Option<String>| {
        origin.zip(host).is_some_and(|(origin, host)| origin.eq_ignore_ascii_case(host))
    };
    match (headers.get("sec-fetch-site").map(|_| text("sec-fetch-site")), origin) {
        // A proxy may give us another host than the browser asked; it knows where its page came from.
        (Some(site), _) => site == Some("same-origin"),
        (None, Some(origin)) => is_host(origin),
        (None, None) => false,
    }
}

/// Whether a browser says that a page of another site sent a request. Programs say nothing of the kind.
pub(crate) fn is_foreign(headers: &HeaderMap, uri: &Uri) -> bool {
    let of_browser = headers.contains_key("sec-fetch-site") || headers.contains_key(header::ORIGIN);
    of_browser && !is_own(headers, uri)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(said: &[(&'static str, &'static str)]) -> bool {
        let headers = said.iter().map(|(name, value)| {
            (header::HeaderName::from_static(name), header::HeaderValue::from_static(value))
        });
        is_own(&headers.collect(), &Uri::from_static("/console/prices/proposals"))
    }

    #[test]
    fn a_program_is_no_foreign_page() {
        let is_foreign = |said: &[(&'static str, &'static str)]| {
            let headers = said.iter().map(|(name, value)| {
                (header::HeaderName::from_static(name), header::HeaderValue::from_static(value))
            });
            is_foreign(&headers.collect(), &Uri::from_static("/v1/policy"))
        };
        assert!(!is_foreign(&[("host", "bursar:7700")]));
        assert!(!is_foreign(&[("host", "bursar:7700"), ("origin", "http://bursar:7700")]));
        assert!(is_foreign(&[("host", "bursar:7700"), ("origin", "http://evil.example")]));
        assert!(is_foreign(&[("host", "bursar:7700"), ("sec-fetch-site", "cross-site")]));
    }

    #[test]
    fn only_a_form_of_this_console_is_taken() {
        let host = ("host", "bursar.example:7700");
        assert!(check(&[host, ("sec-fetch-site", "same-origin")]));
        assert!(check(&[host, ("sec-fetch-site", "same-origin"), ("origin", "https://proxy.example")]));
        assert!(check(&[host, ("origin", "http://bursar.example:7700")]));
        assert!(check(&[host, ("origin", "http://BURSAR.example:7700")]));
        for refused in [
            &[host][..],
            &[host, ("sec-fetch-site", "cross-site"), ("origin", "http://bursar.example:7700")],
            &[host, ("sec-fetch-site", "same-site")],
            &[host, ("sec-fetch-site", "none")],
            &[host, ("sec-fetch-site", "")],
            &[host, ("origin", "null")],
            &[host, ("origin", "http://bursar.example")],
            &[host, ("origin", "http://bursar.example:7700.evil.example")],
            &[host, ("origin", "http://evil.example")],
            &[("origin", "http://bursar.example:7700")],
        ] {
            assert!(!check(refused), "{refused:?}");
        }
    }
}
