//! `envoy/standalone/envoy.yaml` with the addresses, paths and variants of one run put in. Pure, but for reading that
//! file: what users are given is what the tests run.

use super::{Filter, Setup, Upstream};
use crate::places;
use serde_json::{Value, json};
use std::{fs, net::SocketAddr, path::Path};

pub(super) const MANAGER: &str = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";
const FILTERS: &str = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters";
const ROUTE: &str = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config\
                     /route_config/virtual_hosts/0/routes/0/route";
/// The cluster of the provider.
const PROVIDER: &str = "provider";
pub(super) const CLUSTERS: &str = "/static_resources/clusters";
/// Where Debian, Alpine and most others keep the certificate authorities.
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// The whole configuration.
pub(super) fn bootstrap(setup: &Setup, listen: u16, admin: u16, place: &Path) -> Value {
    let mut envoy = standalone();
    put(&mut envoy, "/node/id", json!(setup.node));
    put(&mut envoy, "/admin/address/socket_address/port_value", json!(admin));
    put(&mut envoy, "/static_resources/listeners/0/address/socket_address/port_value", json!(listen));
    let log = place.join("access.log");
    put(&mut envoy, &format!("{MANAGER}/access_log/0/typed_config/path"), json!(log));
    let cluster = provider(&envoy, &setup.provider);
    put(&mut envoy, &format!("{CLUSTERS}/0"), cluster);
    if let Upstream { tls: true, .. } = setup.provider {
        insert(&mut envoy, ROUTE, "auto_host_rewrite", json!(true));
    }
    if let Some(prefix) = &setup.provider.path {
        insert(&mut envoy, ROUTE, "prefix_rewrite", json!(prefix));
    }
    for (key, value) in &setup.route {
        insert(&mut envoy, ROUTE, key, value.clone());
    }
    let endpoint = format!("{CLUSTERS}/1/load_assignment/endpoints/0/lb_endpoints/0/endpoint");
    let port = setup.control_plane.map_or(9, |address| address.port());
    put(&mut envoy, &format!("{endpoint}/address/socket_address/port_value"), json!(port));
    match &setup.filter {
        Filter::Absent => drop(filters(&mut envoy).remove(0)),
        Filter::Noop => {
            let mut wasm = wasm(setup);
            put(&mut wasm, "/config/vm_config/code/local/filename", json!(places::noop_wasm()));
            filters(&mut envoy)[0]["typed_config"] = wasm;
        }
        Filter::Bursar => filters(&mut envoy)[0]["typed_config"] = wasm(setup),
        Filter::Discovered => {
            filters(&mut envoy)[0] = json!({
                "name": "bursar",
                "config_discovery": {
                    "config_source": {"path_config_source": {"path": place.join("ecds.json")}},
                    "type_urls": [wasm(setup)["@type"]],
                },
            });
        }
    }
    if let Some(providers) = &setup.attempts {
        let router = format!("{FILTERS}/1/typed_config");
        insert(&mut envoy, &router, "upstream_http_filters", attempt_filters(setup, providers));
    }
    if let Some(clusters) = envoy.pointer_mut(CLUSTERS).and_then(Value::as_array_mut) {
        clusters.extend(setup.clusters.iter().cloned());
    }
    // Last: what was put in above is found by its place.
    filters(&mut envoy).splice(..0, setup.filters_before.iter().cloned());
    envoy
}

/// The attempt instance, and what sends its requests.
fn attempt_filters(setup: &Setup, providers: &Value) -> Value {
    let codec = "type.googleapis.com/envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec";
    let mut wasm = wasm(setup);
    let plugin = json!({"role": "attempt", "providers": providers});
    put(&mut wasm, "/config/name", json!("bursar-attempt"));
    put(&mut wasm, "/config/configuration/value", json!(plugin.to_string()));
    json!([
        {"name": "bursar", "typed_config": wasm},
        {"name": "envoy.filters.http.upstream_codec", "typed_config": {"@type": codec}},
    ])
}

/// What `path_config_source` reads: the filter alone, as it would come from a management server.
pub(super) fn discovered(setup: &Setup, version: u32) -> Value {
    let resource = "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig";
    json!({
        "version_info": version.to_string(),
        "resources": [{"@type": resource, "name": "bursar", "typed_config": wasm(setup)}],
    })
}

/// The filter's part, with this run's module and plugin configuration.
fn wasm(setup: &Setup) -> Value {
    let mut wasm = filters(&mut standalone())[0]["typed_config"].take();
    put(&mut wasm, "/config/vm_config/code/local/filename", json!(places::wasm_or(&setup.wasm)));
    put(&mut wasm, "/config/allow_on_headers_stop_iteration", json!(setup.hold_head));
    let text = wasm.pointer("/config/configuration/value").and_then(Value::as_str).unwrap_or_default();
    let mut plugin: Value =
        serde_json::from_str(text).expect("JSON in the plugin configuration of envoy.yaml");
    for (key, value) in &setup.configuration {
        insert(&mut plugin, "", key, value.clone());
    }
    put(&mut wasm, "/config/configuration/value", json!(plugin.to_string()));
    wasm
}

/// An aggregate cluster of the provider and these, and a route that tries one after the other.
pub(super) fn fallback(route: &mut Vec<(String, Value)>, to: &[(&str, SocketAddr)]) -> Vec<Value> {
    let previous = "type.googleapis.com/envoy.extensions.retry.priority.previous_priorities.v3\
                    .PreviousPrioritiesConfig";
    route.push(("cluster".to_owned(), json!("fallback")));
    for (_, policy) in route.iter_mut().filter(|(key, _)| key == "retry_policy") {
        let priority = json!({
            "name": "envoy.retry_priorities.previous_priorities",
            "typed_config": {"@type": previous, "update_frequency": 1},
        });
        insert(policy, "", "retry_priority", priority);
    }
    let members: Vec<&str> = [PROVIDER].into_iter().chain(to.iter().map(|(name, _)| *name)).collect();
    let aggregate = json!({
        "name": "fallback",
        "connect_timeout": "1s",
        "lb_policy": "CLUSTER_PROVIDED",
        // Envoy allows three retries at a time by default.
        "circuit_breakers": {"thresholds": [{"max_retries": 1024}]},
        "cluster_type": {
            "name": "envoy.clusters.aggregate",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.clusters.aggregate.v3.ClusterConfig",
                "clusters": members,
            },
        },
    });
    to.iter().map(|(name, address)| member(name, *address)).chain([aggregate]).collect()
}

/// A cluster of one endpoint, which says what it is: of an aggregate's members nothing else is seen.
fn member(name: &str, address: SocketAddr) -> Value {
    let address = json!({"socket_address": {"address": address.ip(), "port_value": address.port()}});
    let metadata = json!({"filter_metadata": {"bursar": {"target": name}}});
    json!({
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}, "metadata": metadata}]}],
        },
    })
}

fn standalone() -> Value {
    read("envoy/standalone/envoy.yaml")
}

/// A file of the repository.
pub(super) fn read(path: &str) -> Value {
    let path = places::root().join(path);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn filters(envoy: &mut Value) -> &mut Vec<Value> {
    envoy.pointer_mut(FILTERS).and_then(Value::as_array_mut).expect("http_filters in envoy.yaml")
}

fn provider(envoy: &Value, upstream: &Upstream) -> Value {
    let mut cluster = envoy.pointer(&format!("{CLUSTERS}/0")).cloned().unwrap_or_default();
    let address = "/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address/socket_address";
    put(&mut cluster, &format!("{address}/address"), json!(upstream.host));
    put(&mut cluster, &format!("{address}/port_value"), json!(upstream.port));
    if upstream.tls {
        let socket = json!({
            "name": "envoy.transport_sockets.tls",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
                "sni": upstream.host,
                "common_tls_context": {"validation_context": {
                    "trusted_ca": {"filename": AUTHORITIES},
                    "match_typed_subject_alt_names":
                        [{"san_type": "DNS", "matcher": {"exact": upstream.host}}],
                }},
            },
        });
        insert(&mut cluster, "", "transport_socket", socket);
        insert(&mut cluster, "", "dns_lookup_family", json!("V4_PREFERRED"));
    }
    cluster
}

pub(super) fn put(into: &mut Value, pointer: &str, value: Value) {
    *into.pointer_mut(pointer).unwrap_or_else(|| panic!("envoy.yaml has no {pointer}")) = value;
}

fn insert(into: &mut Value, pointer: &str, key: &str, value: Value) {
    let object = into.pointer_mut(pointer).and_then(Value::as_object_mut);
    object.unwrap_or_else(|| panic!("envoy.yaml has no object at {pointer}")).insert(key.to_owned(), value);
}
