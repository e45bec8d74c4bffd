//! Bodies stay in Envoy: no prompt, no answer and no key in a log, in the store or in a metric.

use harness::{call::Call, rig::Rig};
use serde_json::json;
use std::{fs, path::Path};

const POLICY: &str = "
version: 1
plans: {pro: {price_usd: '49.00', period: month, expected_margin_percent: 80}}
customers: {acme: {plan: pro}}
";
const SECRETS: [&str; 4] =
    ["prompt-of-a-person", "answer-to-a-person", "sk-key-of-a-person", "message-about-a-person"];

fn files(place: &Path) -> Vec<(String, Vec<u8>)> {
    fs::read_dir(place)
        .unwrap()
        .flatten()
        .flat_map(|entry| {
            let path = entry.path();
            if path.is_dir() {
                files(&path)
            } else {
                vec![(path.display().to_string(), fs::read(&path).unwrap())]
            }
        })
        .collect()
}

#[tokio::test]
async fn no_prompt_no_answer_and_no_key_leaves_envoy() {
    let rig = Rig::start(POLICY).await;
    let [prompt, answer, key, message] = SECRETS;
    let call = Call::chat("gpt-4o").customer("acme").header("authorization", format!("Bearer {key}"));
    let call = call.set("messages", json!([{"role": "user", "content": prompt}]));
    let told = json!({"tokens": 30, "token": answer});
    let failing =
        json!({"status": 400, "error": "invalid_request_error", "html": format!("{message} {prompt}")});
    let cut = json!({"tokens": 30, "token": answer, "reset_after": 9});
    let broken =
        call.clone().raw("application/json", format!(r#"{{"model": "gpt-4o", "messages": "{prompt}"#));
    for call in [
        call.clone().script(&told),
        call.clone().streamed().script(&told),
        call.clone().script(&failing),
        call.clone().streamed().script(&cut),
        call.streamed().script(&json!({"token": answer, "error_after": 4})),
        broken,
    ] {
        rig.app.send(&call).await;
    }
    rig.bursar.calls("acme", 6).await;
    let log = rig.envoy.access_log().iter().map(ToString::to_string).collect::<String>();
    let mut places = vec![
        ("Envoy's log".to_owned(), rig.envoy.process.log().into_bytes()),
        ("the access log".to_owned(), log.into_bytes()),
        ("the filter's metrics".to_owned(), rig.envoy.admin("/stats/prometheus").await.into_bytes()),
        ("the control plane's log".to_owned(), rig.bursar.log().into_bytes()),
    ];
    places.extend(files(&rig.bursar.data()));
    assert!(places.iter().any(|(name, _)| name.contains("data")), "the store has files");
    for (place, bytes) in places {
        for secret in SECRETS {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{secret:?} is in {place}");
        }
    }
}
