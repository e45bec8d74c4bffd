//! A cap without room that lets calls pass on a cheaper model.

use harness::{
    call::Call,
    client::{Answer, Client},
    rig::Rig,
};
use serde_json::{Value, json};

const POLICY: &str = "
version: 1
caps:
  - {name: soft, subject: {customer: acme}, limit_calls: 1, window: day, action: {downgrade: gpt-4o-mini}}
  - {name: hard, subject: {customer: acme}, limit_calls: 5, window: month}
";

fn chat() -> Call {
    Call::chat("gpt-4o").customer("acme").script(&json!({"tokens": 100, "prompt_tokens": 10}))
}

async fn passes(client: &Client, call: &Call) -> (Answer, Option<String>) {
    let answer = client.send(call).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let downgraded = answer.header("x-bursar-downgraded").map(str::to_owned);
    (answer, downgraded)
}

#[tokio::test]
async fn once_the_cap_is_reached_the_cheaper_model_serves_and_everybody_can_see_it() {
    let rig = Rig::start(POLICY).await;
    assert_eq!(passes(&rig.app, &chat()).await.1, None);
    let (answer, downgraded) = passes(&rig.app, &chat()).await;
    assert_eq!(downgraded.as_deref(), Some("gpt-4o-mini"));
    assert_eq!(answer.json()["model"], "gpt-4o-mini");
    // Nothing else of the request is another, whatever its length, on HTTP/2 and in streams whose usage is asked for.
    let body = |length, stream| {
        let prompt = "x".repeat(length);
        json!({"model": "gpt-4o", "stream": stream, "messages": [{"role": "user", "content": prompt}], "n": 1})
    };
    let http2 = Client::http2(rig.envoy.address());
    for (client, body) in
        [(&rig.app, body(100_000, false)), (&http2, body(9, false)), (&rig.app, body(9, true))]
    {
        let (_, downgraded) = passes(client, &chat().json(body.clone())).await;
        assert_eq!(downgraded.as_deref(), Some("gpt-4o-mini"));
        let received = rig.provider.received().pop().unwrap().json();
        let mut expected = body;
        expected["model"] = json!("gpt-4o-mini");
        if expected["stream"] == true {
            expected["stream_options"] = json!({"include_usage": true});
        }
        assert_eq!(received, expected);
    }
    // The cap behind it is as hard as it was.
    let refused = rig.app.send(&chat()).await;
    assert_eq!((refused.status, refused.header("x-bursar-downgraded")), (429, None));
    assert!(refused.text().contains("hard"), "{}", refused.text());
    let calls = rig.bursar.calls("acme", 6).await;
    let seen: Vec<Value> = calls
        .iter()
        .map(|call| {
            json!([call["request_model"], call["downgraded_model"], call["cap"]["decision"], call["state"]])
        })
        .collect();
    let of = |downgraded: Value, decision, state| json!(["gpt-4o", downgraded, decision, state]);
    let served = of(json!("gpt-4o-mini"), "downgraded", "finished");
    assert_eq!(seen.iter().filter(|call| **call == served).count(), 4, "{seen:#?}");
    assert!(seen.contains(&of(Value::Null, "held", "finished")), "{seen:#?}");
    assert!(seen.contains(&of(Value::Null, "refused", "refused")), "{seen:#?}");
    // 10 and 100 tokens at 0.15 and 0.60 USD per million, instead of 2.50 and 10.
    let costs: Vec<&Value> = calls.iter().map(|call| &call["cost_usd"]).collect();
    assert!(costs.contains(&&json!("0.001025")) && costs.contains(&&json!("0.0000615")), "{costs:?}");
    let caps = rig.bursar.items("/v1/caps").await;
    let spent: Vec<&Value> = caps.iter().map(|cap| &cap["spent"]).collect();
    assert_eq!(spent, [&json!(5), &json!(5)]);
    rig.bursar.is_consistent();
}

#[tokio::test]
async fn who_waits_for_an_allowance_gets_the_cheaper_model_too() {
    let rig = Rig::with(POLICY, |setup| {
        setup.configuration.push(("admission".to_owned(), json!({"mode": "strict"})));
    })
    .await;
    assert_eq!(passes(&rig.app, &chat()).await.1, None);
    assert_eq!(passes(&rig.app, &chat()).await.1.as_deref(), Some("gpt-4o-mini"));
    assert_eq!(rig.provider.received().pop().unwrap().json()["model"], "gpt-4o-mini");
}

#[tokio::test]
async fn a_request_that_may_not_be_altered_is_refused() {
    let rig = Rig::start(POLICY).await;
    let in_path = Call::post("/v1beta/models/gemini-2.5-pro:generateContent")
        .customer("acme")
        .header("host", "generativelanguage.googleapis.com")
        .json(json!({"contents": [{"role": "user", "parts": [{"text": "How many moons has Mars?"}]}]}));
    let digested = chat().header("content-digest", "sha-256=:AAAA:");
    assert_eq!(passes(&rig.app, &chat()).await.1, None);
    for call in [in_path, digested] {
        assert_eq!(rig.app.send(&call).await.status, 429);
    }
    assert_eq!(rig.provider.received().len(), 1);
}
