use super::*;
use protocol::attribution::Dimension;

#[test]
fn an_empty_configuration_is_all_defaults() {
    let config = Config::parse(b"").unwrap();
    assert_eq!(config, Config::parse(b"{}").unwrap());
    assert_eq!(config.control_plane.cluster, "bursar");
    assert_eq!(config.outbox.flush_ms, 100);
    assert_eq!(
        config.identity.dimensions[&Dimension::Task].sources,
        [IdentitySource::Header("x-bursar-task".to_owned())]
    );
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
    assert_eq!(
        config.identity.dimensions[&Dimension::Customer].sources,
        [IdentitySource::Header("x-org".to_owned())]
    );
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

#[test]
fn the_key_for_the_control_plane_is_shown_to_it_and_to_nobody_else() {
    let config = |key: &str| Config::parse(format!(r#"{{"control_plane": {{"key": "{key}"}}}}"#).as_bytes());
    let shown = config("bursar_a-B_9").unwrap();
    assert_eq!(shown.control_plane.authorization.as_ref().unwrap().bytes(), b"Bearer bursar_a-B_9");
    assert!(!format!("{shown:?}").contains("bursar_a-B_9"));
    for key in ["", "bursar_a b", "bursar_a\\nx-other: 1", "schlüssel-9"] {
        let faults = config(key).unwrap_err().join("\n");
        assert!(faults.starts_with("control_plane.key: is no key"), "{faults}");
        assert!(key.is_empty() || !faults.contains(key), "{faults}");
    }
}

#[test]
fn identity_takes_a_list_or_an_object() {
    let json = br#"{"identity": {"customer": {"from": [{"jwt": "org.id"}], "required": true}, "task": {"required": true}, "feature": []}}"#;
    let identity = Config::parse(json).unwrap().identity;
    let naming = |dimension| &identity.dimensions[&dimension];
    assert!(naming(Dimension::Customer).required && !naming(Dimension::User).required);
    assert!(matches!(naming(Dimension::Customer).sources[..], [IdentitySource::Jwt(_)]));
    assert_eq!(naming(Dimension::Task).sources, [IdentitySource::Header("x-bursar-task".to_owned())]);
    assert_eq!(naming(Dimension::Feature).sources, []);
}

#[test]
fn each_fault_of_identity_has_the_path_of_its_key() {
    let json = br#"{"identity": {
        "digest_key": "short",
        "customer": [
            {"jwt": ""}, {"jwt": "a", "payloads": "b"}, {"metadata": "a"}, {"filter_state": 1}, {"header": ""},
            {"host": "{tenant}.example.com"}, {"host": "{customer}"}, {"host": "{customer}.{customer}.com"},
            {"path": "t/{customer}"}, {"path": "/t-{customer}/"}, {"path": "/{customer}x"},
            {"api_key": {}}, {"api_key": {"sk-secret": "acme"}}, {"traceparent": true}, {"baggage": ""},
            {"body": "a.b.c.d"}, {"cookie": "x"}, {}
        ],
        "task": [{"traceparent": false}],
        "user": {"from": {}, "digest": "yes"}
    }}"#;
    let faults = Config::parse(json).unwrap_err().join("\n");
    assert!(!faults.contains("sk-secret") && !faults.contains("short"), "{faults}");
    expect_test::expect![[r#"
        identity.digest_key: has 5 bytes, less than 32
        identity.customer[0].jwt: is no path of one to 8 keys
        identity.customer[1].payloads: is no key here; known are: payload, jwt
        identity.customer[2].path: is missing
        identity.customer[3].filter_state: is a number, not a text
        identity.customer[4].header: is empty, or has control characters
        identity.customer[5].host: is `{tenant}.example.com`, which does not have exactly one placeholder, `{customer}`
        identity.customer[6].host: is `{customer}`, which every host without dots matches
        identity.customer[7].host: is `{customer}.{customer}.com`, which does not have exactly one placeholder, `{customer}`
        identity.customer[8].path: is `t/{customer}`, where the placeholder is no segment behind a `/`
        identity.customer[9].path: is `/t-{customer}/`, where the placeholder is no segment behind a `/`
        identity.customer[10].path: is `/{customer}x`, where the placeholder is not a whole segment
        identity.customer[11].api_key: has 0 keys, not 1 to 10000
        identity.customer[12].api_key: has a key that is not `sha256:` and 64 lower-case hexadecimal digits
        identity.customer[13].traceparent: names a task, not a customer
        identity.customer[14].baggage: is empty, or has control characters
        identity.customer[15].body: is no path of one to 3 keys
        identity.customer[16]: names no source; known are: jwt, metadata, filter_state, header, host, path, api_key, baggage, traceparent, body
        identity.customer[17]: names no source; known are: jwt, metadata, filter_state, header, host, path, api_key, baggage, traceparent, body
        identity.user.from: is an object, not a list
        identity.user.digest: is a text, not true or false
        identity.task[0].traceparent: is false: leave the source out instead"#]].assert_eq(&faults);
    let fault =
        |json: &str| Config::parse(format!(r#"{{"identity": {json}}}"#).as_bytes()).unwrap_err().join("\n");
    let keyless = fault(r#"{"user": {"digest": true}, "customer": {"digest": true}}"#);
    assert_eq!(keyless, "identity.digest_key: is missing, and customer is to be digested with it");
    let nested = fault(r#"{"user": [{"body": "metadata"}], "customer": [{"body": "metadata.org"}]}"#);
    assert_eq!(nested, "identity: asks for the body's field `metadata`, and for `metadata.org` inside it");
}
