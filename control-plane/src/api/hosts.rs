//! Under which names a browser may ask while there is no key. Then whoever reaches the port may do everything, and so
//! could any page that somebody on this network opens: its own name, pointed at this address, makes it a page of this
//! host (DNS rebinding). A name that it cannot have, or an address, which has no name, tells such pages from the console.

use super::Problem;
use crate::{app::App, console};
use axum::{
    extract::{Request, State},
    http::{HeaderMap, StatusCode, Uri, header, uri::Authority},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use std::{collections::BTreeSet, net::IpAddr};

/// Lets a browser ask under names that are known to be ours.
pub(super) async fn known_hosts_only(State(app): State<App>, request: Request, next: Next) -> Response {
    let is_probe = matches!(request.uri().path(), "/healthz" | "/readyz");
    if is_probe || !app.access.is_open() || !is_of_browser(&request) {
        return next.run(request).await;
    }
    let host = host(request.headers(), request.uri());
    if host.as_deref().is_some_and(|host| is_known(&app.access.hosts, host)) {
        return next.run(request).await;
    }
    let host = host.unwrap_or_default();
    let hint = "As long as there is no key, browsers may ask by address, as localhost, or by a name that bursar serve \
                --allowed-host has: any page could have another name lead here. With a key every name is taken.";
    if is_page(request.uri()) {
        return console::refused(&format!("The name {host} is not known"), hint).into_response();
    }
    Problem::new(StatusCode::FORBIDDEN, format!("the host `{host}` is not known. {hint}")).into_response()
}

/// Programs are let through: no page can make them ask. A browser says where a request comes from, but not with one that
/// reads from the page's own host without TLS; then what its user speaks gives it away. (Node.js says that, too, and how
/// it fetches; without TLS a browser does not say how.)
fn is_of_browser(request: &Request) -> bool {
    let has = |name: &str| request.headers().contains_key(name);
    is_page(request.uri())
        || has(header::ORIGIN.as_str())
        || has("sec-fetch-site")
        || (has(header::ACCEPT_LANGUAGE.as_str()) && !has("sec-fetch-mode"))
}

fn is_page(uri: &Uri) -> bool {
    uri.path() == "/" || uri.path().starts_with("/console")
}

/// As the client named it, without the port.
fn host(headers: &HeaderMap, uri: &Uri) -> Option<String> {
    let said = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let authority = said.map_or_else(|| uri.authority().cloned(), |host| host.parse::<Authority>().ok())?;
    Some(authority.host().trim_end_matches('.').to_ascii_lowercase())
}

fn is_known(allowed: &BTreeSet<String>, host: &str) -> bool {
    let is_address = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    let is_local = host == "localhost" || host.ends_with(".localhost");
    is_address || is_local || allowed.contains(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_localhost_and_allowed_names_are_known() {
        let allowed = BTreeSet::from(["bursar.example".to_owned()]);
        for (said, expected) in [
            ("127.0.0.1:7700", true),
            ("[::1]:7700", true),
            ("10.1.2.3", true),
            ("localhost:7700", true),
            ("LOCALHOST", true),
            ("bursar.localhost", true),
            ("Bursar.Example.:7700", true),
            ("bursar:7700", false),
            ("evil.example:7700", false),
            ("localhost.evil.example", false),
            ("127.0.0.1.evil.example", false),
            ("sub.bursar.example", false),
            ("", false),
        ] {
            let headers: HeaderMap = [(header::HOST, said.parse().unwrap())].into_iter().collect();
            let host = host(&headers, &Uri::from_static("/"));
            assert_eq!(host.is_some_and(|host| is_known(&allowed, &host)), expected, "{said}");
        }
    }
}
