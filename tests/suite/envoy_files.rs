//! The files under `envoy/` that no test runs: they parse, and say the same as the one that every test runs.

use harness::places;
use serde_json::Value;

fn yaml(path: &str) -> Value {
    let text = std::fs::read_to_string(places::root().join(path)).unwrap();
    serde_saphyr::from_str(&text).unwrap()
}

fn at(value: &Value, pointer: &str) -> Value {
    value.pointer(pointer).unwrap().clone()
}

#[test]
fn istios_envoyfilter_mounts_what_the_standalone_file_mounts() {
    let standalone = yaml("envoy/standalone/envoy.yaml");
    let manager = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";
    let mut tested = at(&standalone, &format!("{manager}/http_filters/0/typed_config"));
    let istio = yaml("envoy/istio/envoyfilter.yaml");
    let mut offered = at(&istio, "/spec/configPatches/0/patch/value/typed_config");
    let plugin = |filter: &mut Value| -> Value {
        *filter.pointer_mut("/config/vm_config/code").unwrap() = Value::Null; // the path is the machine's
        let text = filter.pointer_mut("/config/configuration/value").unwrap().take();
        serde_json::from_str(text.as_str().unwrap()).unwrap()
    };
    let (mut tested_plugin, mut offered_plugin) = (plugin(&mut tested), plugin(&mut offered));
    assert_eq!(offered, tested);
    tested_plugin["control_plane"].take();
    assert_eq!(offered_plugin["control_plane"].take()["timeout_ms"], 2000);
    assert_eq!(offered_plugin, tested_plugin);
    let tags = at(&istio, "/spec/configPatches/1/patch/value/stats_config");
    assert_eq!(tags, at(&standalone, "/stats_config"));
}

#[test]
fn istios_wasmplugin_says_that_heads_cannot_be_held() {
    let plugin = yaml("envoy/istio/wasmplugin.yaml");
    assert_eq!(at(&plugin, "/kind"), "WasmPlugin");
    assert_eq!(at(&plugin, "/spec/pluginConfig/admission/hold_head"), false);
    assert_eq!(at(&plugin, "/spec/failStrategy"), "FAIL_RELOAD");
    // What the plugin configuration says is checked by the filter itself.
    let text = at(&plugin, "/spec/pluginConfig").to_string();
    filter::config::Config::parse(text.as_bytes()).unwrap();
}
