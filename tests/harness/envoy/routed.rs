//! `envoy/standalone/routes.yaml` with the addresses and paths of one run put in: providers without TLS, keys in files of
//! the run.

use super::{
    Setup,
    config::{CLUSTERS, MANAGER, put, read},
};
use crate::places;
use serde_json::{Value, json};
use std::{fs, path::Path};

/// The key of a provider, as its SDS file has it.
pub fn key(provider: &str) -> String {
    format!("Bearer key-of-{provider}")
}

/// The whole configuration. Writes the keys' files.
pub(super) fn bootstrap(setup: &Setup, listen: u16, admin: u16, place: &Path) -> Value {
    let mut envoy = read("envoy/standalone/routes.yaml");
    put(&mut envoy, "/admin/address/socket_address/port_value", json!(admin));
    put(&mut envoy, "/static_resources/listeners/0/address/socket_address/port_value", json!(listen));
    put(&mut envoy, &format!("{MANAGER}/access_log/0/typed_config/path"), json!(place.join("access.log")));
    let control_plane = setup.control_plane.map_or(9, |address| address.port());
    let clusters = envoy.pointer_mut(CLUSTERS).and_then(Value::as_array_mut).expect("clusters");
    for cluster in clusters {
        let name = cluster["name"].as_str().unwrap_or_default().to_owned();
        let member = setup.members.iter().find(|(member, _)| *member == name);
        let port = match member {
            Some((_, address)) => address.port(),
            None if name == "bursar" => control_plane,
            None => continue,
        };
        let address = "/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address/socket_address";
        put(cluster, address, json!({"address": "127.0.0.1", "port_value": port}));
        if let Some(cluster) = cluster.as_object_mut() {
            cluster.remove("transport_socket");
        }
    }
    let secrets = place.join("secrets");
    fs::create_dir_all(&secrets).expect("a directory for keys");
    for (provider, _) in &setup.members {
        let secret = json!({"resources": [{
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
            "name": provider,
            "generic_secret": {"secret": {"inline_string": key(provider)}},
        }]});
        let file = secrets.join(format!("{provider}.yaml"));
        fs::write(file, secret.to_string()).expect("a key's file");
    }
    replace(&mut envoy, &|text| match text {
        "/etc/envoy/bursar-filter.wasm" => Some(places::wasm_or(&setup.wasm).display().to_string()),
        text => Some(
            place.join(text.strip_prefix("secrets/").map(|file| secrets.join(file))?).display().to_string(),
        ),
    });
    envoy
}

/// Replaces texts, wherever they are.
fn replace(value: &mut Value, by: &dyn Fn(&str) -> Option<String>) {
    match value {
        Value::String(text) => {
            if let Some(new) = by(text) {
                *text = new;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, by)),
        Value::Object(entries) => entries.values_mut().for_each(|item| replace(item, by)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
