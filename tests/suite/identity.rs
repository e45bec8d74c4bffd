//! Who a call is for, by each source that is configured: what is verified wins over what a client writes, and what is
//! required and not named is refused.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use harness::{call::Call, client::Answer, places, rig::Rig};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

const POLICY: &str = "version: 1\n";
const ISSUER_KEY: &[u8] = b"a symmetric key that the test alone has";
const DIGEST_KEY: &str = "0123456789abcdef0123456789abcdef";

async fn rig(identity: Value, filters_before: Vec<Value>) -> Rig {
    Rig::with(POLICY, |setup| {
        setup.filters_before = filters_before;
        setup.configuration.push(("identity".to_owned(), identity));
    })
    .await
}

fn filter(name: &str, kind: &str, config: Value) -> Value {
    let mut typed = config;
    typed["@type"] = json!(format!("type.googleapis.com/envoy.extensions.filters.http.{kind}"));
    json!({"name": format!("envoy.filters.http.{name}"), "typed_config": typed})
}

/// What the ledger says: value and source of each dimension.
async fn booked(rig: &Rig, answer: &Answer) -> (Value, Value) {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let id = answer.header("x-bursar-call").unwrap();
    let call = rig.bursar.call(id).await;
    let names = ["customer", "workspace", "user", "feature", "task"];
    let values = names
        .into_iter()
        .filter(|name| !call[name].is_null())
        .map(|name| (name.to_owned(), call[name].clone()));
    (Value::Object(values.collect()), call["attribution"].clone())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn hmac(key: &[u8], bytes: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(bytes);
    mac.finalize().into_bytes().to_vec()
}

fn token(key: &[u8], claims: &Value) -> String {
    let header = json!({"alg": "HS256", "kid": "test", "typ": "JWT"});
    let signed = format!("{}.{}", BASE64.encode(header.to_string()), BASE64.encode(claims.to_string()));
    let signature = BASE64.encode(hmac(key, signed.as_bytes()));
    format!("Bearer {signed}.{signature}")
}

/// `envoy/standalone/jwt_authn.yaml` with the test's issuer: its filter, and its part of the plugin configuration.
fn jwt_authn() -> (Value, Value) {
    let text = std::fs::read_to_string(places::root().join("envoy/standalone/jwt_authn.yaml")).unwrap();
    let mut example: Value = serde_saphyr::from_str(&text).unwrap();
    let key = json!({"kty": "oct", "alg": "HS256", "kid": "test", "k": BASE64.encode(ISSUER_KEY)});
    let issuer =
        example.pointer_mut("/filter/typed_config/providers/issuer").unwrap().as_object_mut().unwrap();
    issuer.remove("remote_jwks").unwrap();
    issuer.insert("local_jwks".to_owned(), json!({"inline_string": json!({"keys": [key]}).to_string()}));
    (example["filter"].take(), example["identity"].take())
}

#[tokio::test]
async fn a_verified_claim_wins_over_what_the_client_writes() {
    let (filter, mut identity) = jwt_authn();
    identity["feature"] = json!([{"jwt": "beta"}]);
    identity["task"] = json!([{"jwt": "groups"}]);
    let rig = rig(identity, vec![filter]).await;
    let claims = json!({
        "iss": "https://issuer.example.com/", "exp": 4_102_444_800_u64, "sub": "jane", "org": {"id": "acme"}, "team": 4711, "beta": true,
        "groups": ["a", "b"],
    });
    let call = Call::chat("gpt-4o")
        .customer("globex")
        .header("x-bursar-workspace", "w")
        .header("x-bursar-task", "t");
    let unsigned = rig.app.send(&call).await;
    let forged = rig.app.send(&call.clone().header("authorization", token(b"another key", &claims))).await;
    assert_eq!((unsigned.status, forged.status), (401, 401));
    assert!(rig.provider.received().is_empty());

    let answer = rig.app.send(&call.header("authorization", token(ISSUER_KEY, &claims))).await;
    let (names, sources) = booked(&rig, &answer).await;
    assert_eq!(names, json!({"customer": "acme", "workspace": "4711", "user": "jane", "feature": "true"}));
    assert_eq!(sources, json!({"customer": "jwt", "workspace": "jwt", "user": "jwt", "feature": "jwt"}));
    let seen = rig.provider.received().pop().unwrap();
    assert!(seen.headers.iter().all(|(name, _)| !name.starts_with("x-bursar")), "{:?}", seen.headers);
}

#[tokio::test]
async fn metadata_and_filter_state_of_earlier_filters_name_a_call() {
    let rule = json!({
        "header": "x-tenant",
        "on_header_present": {"metadata_namespace": "app.identity", "key": "tenant", "type": "STRING"},
    });
    let count = json!({
        "header": "x-number",
        "on_header_present": {"metadata_namespace": "app.identity", "key": "number", "type": "NUMBER"},
    });
    let metadata =
        filter("header_to_metadata", "header_to_metadata.v3.Config", json!({"request_rules": [rule, count]}));
    let value = json!({
        "object_key": "app.user", "factory_key": "envoy.string",
        "format_string": {"text_format_source": {"inline_string": "%REQ(x-person)%"}},
    });
    let state =
        filter("set_filter_state", "set_filter_state.v3.Config", json!({"on_request_headers": [value]}));
    let identity = json!({
        "customer": [{"metadata": "app.identity", "path": "tenant"}],
        "workspace": [{"metadata": "app.identity", "path": "number"}],
        "user": [{"filter_state": "app.user"}],
    });
    let rig = rig(identity, vec![metadata, state]).await;
    let call =
        Call::chat("gpt-4o").header("x-tenant", "acme").header("x-number", "42").header("x-person", "jane");
    let answer = rig.app.send(&call).await;
    let (names, sources) = booked(&rig, &answer).await;
    assert_eq!(names, json!({"customer": "acme", "workspace": "42", "user": "jane"}));
    assert_eq!(sources, json!({"customer": "metadata", "workspace": "metadata", "user": "filter_state"}));
}

#[tokio::test]
async fn host_path_key_baggage_and_trace_name_a_call() {
    let digest = format!("sha256:{}", hex(&Sha256::digest(b"sk-of-acme")));
    let identity = json!({
        "customer": [{"api_key": {digest: "acme"}}], "workspace": [{"host": "{workspace}.api.example.com"}],
        "user": [{"baggage": "person"}], "feature": [{"path": "/f/{feature}/"}], "task": [{"traceparent": true}],
    });
    let rig = rig(identity, Vec::new()).await;
    let body =
        json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "How many moons has Mars?"}]});
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let call = Call::post("/f/search/v1/chat/completions")
        .json(body)
        .header("host", "w1.api.example.com:8443")
        .header("authorization", "Bearer sk-of-acme")
        .header("baggage", "a=b,person=Zo%C3%AB")
        .header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01"));
    let answer = rig.app.send(&call).await;
    let (names, sources) = booked(&rig, &answer).await;
    let expected =
        json!({"customer": "acme", "workspace": "w1", "user": "Zoë", "feature": "search", "task": trace});
    assert_eq!(names, expected);
    let expected = json!({
        "customer": "api_key", "workspace": "pattern", "user": "baggage", "feature": "pattern", "task": "traceparent",
    });
    assert_eq!(sources, expected);
}

#[tokio::test]
async fn a_field_of_the_body_names_a_call_and_may_be_digested() {
    let identity = json!({
        "digest_key": DIGEST_KEY,
        "customer": [{"header": "x-org"}, {"body": "metadata.customer"}],
        "user": {"from": [{"body": "safety_identifier"}, {"body": "user"}], "digest": true},
    });
    let rig = rig(identity, Vec::new()).await;
    let call = Call::chat("gpt-4o").set("metadata", json!({"a": {"customer": "no"}, "customer": "ac\"me"}));
    let answer = rig.app.send(&call.set("user", "jane@example.com")).await;
    let (names, sources) = booked(&rig, &answer).await;
    let digest = hex(&hmac(DIGEST_KEY.as_bytes(), b"jane@example.com"));
    let user = format!("hmac:{}", digest.get(..32).unwrap());
    assert_eq!(names, json!({"customer": "ac\"me", "user": user}));
    assert_eq!(sources, json!({"customer": "body", "user": "body"}));
}

#[tokio::test]
async fn what_is_required_and_missing_is_refused_by_its_name() {
    let identity =
        json!({"customer": {"required": true}, "task": {"from": [{"body": "task"}], "required": true}});
    let rig = rig(identity, Vec::new()).await;
    let nobody = Call::chat("gpt-4o");
    let no_task = nobody.clone().customer("acme");
    for (call, missing) in [(&nobody, "customer"), (&no_task, "task")] {
        let refused = rig.app.send(call).await;
        assert_eq!((refused.status, refused.header("x-bursar-refused")), (403, Some("unattributed")));
        let message = refused.json()["error"]["message"].to_string();
        assert!(message.contains(&format!("names no {missing}")), "{message}");
    }
    assert!(rig.provider.received().is_empty());
    let answer = rig.app.send(&no_task.set("task", "t1")).await;
    let (names, _) = booked(&rig, &answer).await;
    assert_eq!(names, json!({"customer": "acme", "task": "t1"}));
}

#[tokio::test]
async fn calls_without_a_customer_have_a_cap_of_their_own() {
    let policy = "version: 1\nunattributed: {rule: allow, limit_usd: '0.01', window: day}\n";
    let rig = Rig::start(policy).await;
    let call = Call::chat("gpt-4o").set("max_tokens", 2_000);
    let refused = rig.app.send(&call).await;
    assert_eq!((refused.status, refused.header("x-bursar-refused")), (429, Some("cap")));
    assert!(refused.text().contains("unattributed"), "{}", refused.text());
    assert_eq!(rig.app.send(&call.customer("acme")).await.status, 200);
}
