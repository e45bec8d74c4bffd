use super::*;

#[test]
fn an_empty_configuration_is_all_defaults() {
    let config = Config::parse(b"").unwrap();
    assert_eq!(config, Config::parse(b"{}").unwrap());
    assert_eq!(config.control_plane.cluster, "bursar");
    assert_eq!(config.outbox.flush_ms, 100);
    assert_eq!(config.identity[&Dimension::Task], [IdentitySource::Header("x-bursar-task".to_owned())]);
}

#[test]
fn the_contracts_example_is_read() {
    let json = br#"{
        "control_plane": {"cluster": "bursar", "authority": "bursar", "timeout_ms": 2000},
        "role": "call", "node": "", "admission": {"mode": "strict", "body_hold_bytes": 262144},
        "identity": {"customer": [{"header": "X-Org"}]},
        "providers": [{"host": "*.example.com", "provider": "openai", "dialect": "openai-chat"}],
        "outbox": {"max_events": 10000, "max_bytes": 8388608, "flush_ms": 100, "when_full": "refuse"}
    }"#;
    let config = Config::parse(json).unwrap();
    assert!(!config.admission.fast);
    assert_eq!(config.identity[&Dimension::Customer], [IdentitySource::Header("x-org".to_owned())]);
    assert_eq!(config.providers[0].dialect, Some(Dialect::OpenaiChat));
    assert_eq!(config.outbox.when_full, Allow::Refuse);
}

#[test]
fn every_fault_is_told_with_the_path_of_its_key() {
    let json = br#"{"role": "both", "outbox": {"max_evnts": 1, "flush_ms": "fast"}, "providers": [{"host": 1}], "node": null}"#;
    let faults = Config::parse(json).unwrap_err().join("\n");
    expect_test::expect![[r#"
        role: is `both`, not one of: call, attempt
        node: is null, not a text
        providers[0].host: is a number, not a text
        providers[0].provider: is missing
        outbox.flush_ms: is "fast", not a whole number from 10 to 10000
        outbox.max_evnts: is no key here; known are: max_events, max_bytes, flush_ms, when_full"#]]
    .assert_eq(&faults);
    assert!(Config::parse(b"{").unwrap_err()[0].starts_with("configuration is no JSON"));
}
