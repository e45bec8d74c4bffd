//! What browsers are told, and when they are not let in.

use super::*;

#[tokio::test]
async fn nothing_is_kept_or_taken_for_another_type() {
    let api = Api::start().await;
    let wish = json!({"name": "ann", "role": "admin"});
    let made = api.post_json("/v1/keys", &wish).await;
    assert_eq!(made.status, 201);
    let answers = [
        made,
        api.show("/v1/keys").await,
        api.show("/v1/nothing").await,
        api.show("/readyz").await,
        api.show("/console/nothing").await,
        api.show("/console/sign-in").await,
    ];
    for answer in answers {
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{}", answer.head);
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{}", answer.head);
    }
    let stylesheet = api.show("/assets/console.css").await;
    assert_eq!(stylesheet.header("cache-control"), Some("public, max-age=300"));
}

/// A page of evil.example whose name leads here is a page of this host, and says so.
#[tokio::test]
async fn without_a_key_a_browser_asks_under_names_that_are_known() {
    let api = Api::with(|app| app.access.hosts = ["bursar.example".to_owned()].into()).await;
    let ask = async |method: &str, path: &str, host: &str, headers: &str| {
        let said = format!("host: {host}\r\n{headers}");
        api.send_as(method, path, &said, b"version: 1\n").await.status
    };
    let own = |host: &str| format!("origin: http://{host}\r\n");
    let local = format!("localhost:{}", api.address.port());
    let address = api.address.to_string();
    for host in [&*local, &*address, "[::1]:7700", "10.0.0.7", "bursar.example", "bursar.localhost"] {
        assert_eq!(ask("PUT", "/v1/policy", host, &own(host)).await, 200, "{host}");
        assert_eq!(ask("GET", "/v1/calls", host, "accept-language: en\r\n").await, 200, "{host}");
        assert_eq!(ask("GET", "/", host, "").await, 200, "{host}");
    }
    for host in ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:80", "bursar"] {
        assert_eq!(ask("PUT", "/v1/policy", host, &own(host)).await, 403, "{host}");
        assert_eq!(ask("PUT", "/v1/policy", host, "sec-fetch-site: same-origin\r\n").await, 403, "{host}");
        assert_eq!(ask("GET", "/v1/calls", host, "accept-language: en\r\n").await, 403, "{host}");
        for page in ["/", "/console/access", "/console/nothing"] {
            assert_eq!(ask("GET", page, host, "").await, 403, "{host} {page}");
        }
    }
    // Filters, curl, SDKs, Node.js, Prometheus and probes ask under whatever name the network gives.
    for (path, headers) in [
        ("/v1/snapshot", ""),
        ("/v1/calls", "user-agent: curl/8.5.0\r\naccept: */*\r\n"),
        ("/v1/calls", "user-agent: node\r\naccept-language: *\r\nsec-fetch-mode: cors\r\n"),
        ("/metrics", "user-agent: Prometheus/3.0\r\n"),
        ("/readyz", ""),
    ] {
        assert_eq!(ask("GET", path, "bursar.mesh.svc.cluster.local", headers).await, 200, "{path}");
    }
    let page = api.send_as("GET", "/", "host: evil.example\r\n", b"").await;
    assert!(page.text().contains("--allowed-host") && page.text().contains("<h1>"), "{}", page.text());
    // With a key nobody gets anything by the name alone, and every name will do.
    assert_eq!(api.post_json("/v1/keys", &json!({"name": "ann", "role": "admin"})).await.status, 201);
    assert_eq!(ask("GET", "/console/sign-in", "bursar", "").await, 200);
    assert_eq!(ask("GET", "/v1/calls", "evil.example", "accept-language: en\r\n").await, 401);
}
