//! A cap that ends streams which come to cost more than it has room for.

use harness::{
    call::Call,
    client::{Answer, Client},
    official::{self, Official},
    provider::Taken,
    rig::Rig,
    wait,
};
use serde_json::{Value, json};

/// 0.004 USD are 400 generated tokens of gpt-4o, 1,600 bytes of text and 320 of the simulator's events.
const POLICY: &str = "
version: 1
caps:
  - {name: small, subject: {customer: acme}, limit_usd: '0.004', window: day, overrun: stop}
  - {name: roomy, subject: {customer: globex}, limit_usd: '1.00', window: day, overrun: stop}
  - {name: words, subject: {customer: hooli}, limit_tokens: 400, window: day, overrun: stop}
  - {name: lenient, subject: {customer: initech}, limit_usd: '0.004', window: day}
";

fn long(tokens: u64) -> Value {
    json!({"tokens": tokens, "prompt_tokens": 10, "delay_ms": 1})
}

fn chat(customer: &str) -> Call {
    Call::chat("gpt-4o").customer(customer).streamed().script(&long(1_000))
}

async fn is_broken_off(rig: &Rig) {
    let aborted = async || rig.provider.received().last().is_some_and(|it| it.answer == Taken::Aborted);
    wait::until("the provider's connection is closed", async || aborted().await.then_some(())).await;
}

/// A cap of which nothing is held any more, as the Envoy's next report tells it.
async fn settled(rig: &Rig, name: &str) -> Value {
    let nothing_held = async || {
        let caps = rig.bursar.items("/v1/caps").await;
        caps.into_iter().find(|cap| cap["name"] == name && cap["held"] == "0")
    };
    wait::until("nothing is held", nothing_held).await
}

fn text(answer: &Answer) -> String {
    let parts = answer.events().into_iter().filter_map(|event| {
        let chunk: Value = serde_json::from_str(&event).ok()?;
        Some(chunk["choices"][0]["delta"]["content"].as_str()?.to_owned())
    });
    parts.collect()
}

#[tokio::test]
async fn a_long_stream_at_a_small_cap_ends_well_formed_and_the_provider_is_broken_off() {
    for http2 in [false, true] {
        let rig = Rig::start(POLICY).await;
        let app = if http2 { Client::http2(rig.envoy.address()) } else { rig.app.clone() };
        let answer = app.send(&chat("acme")).await;
        assert_eq!(answer.status, 200);
        let events = answer.events();
        let last: Value = serde_json::from_str(&events[events.len() - 2]).unwrap();
        assert_eq!(
            (&*events[events.len() - 1], &last["choices"][0]["finish_reason"]),
            ("[DONE]", &json!("length"))
        );
        let first: Value = serde_json::from_str(&events[0]).unwrap();
        assert_eq!((&last["id"], &last["model"]), (&first["id"], &first["model"]));
        assert!(answer.text().ends_with("data: [DONE]\n\n"), "nothing comes behind the end");
        is_broken_off(&rig).await;
        let call = rig.bursar.calls("acme", 1).await.remove(0);
        let told = json!([
            call["state"],
            call["outcome"],
            call["ending"],
            call["error_type"],
            call["finish_reasons"],
            call["cap"]["name"],
            call["cap"]["decision"],
            call["usage_source"],
            call["usage_complete"],
        ]);
        let expected = json!([
            "finished",
            "refused_by_cap",
            "local_reply",
            "cap_overrun",
            ["length"],
            "small",
            "stopped",
            "estimated",
            false,
        ]);
        assert_eq!(told, expected, "{call:#}");
        let delivered = u64::try_from(text(&answer).len()).unwrap().div_ceil(4);
        assert_eq!(call["tokens"]["output"], delivered, "what was delivered is what is charged");
        let cost: f64 = call["cost_usd"].as_str().unwrap().parse().unwrap();
        assert!((0.003..0.0044 + 0.00002).contains(&cost), "{cost}");
        assert_eq!(settled(&rig, "small").await["spent"], call["cost_usd"]);
        assert_eq!(rig.envoy.metric(r#"bursar_calls_total{outcome="refused_by_cap"}"#).await, Some(1));
        assert_eq!(rig.envoy.metric(r#"bursar_refused_total{reason="cap"}"#).await, Some(1));
        rig.bursar.is_consistent();
    }
}

#[tokio::test]
async fn with_room_in_the_cap_the_hold_grows_and_the_stream_finishes() {
    let rig = Rig::start(POLICY).await;
    // Its hold is for 100 tokens, and the provider does not keep to that.
    let call = chat("globex").set("max_tokens", 100);
    let answer = rig.app.send(&call).await;
    assert_eq!((answer.cut.as_deref(), text(&answer).len()), (None, 1_000 * " moon".len()));
    let told = rig.bursar.calls("globex", 1).await.remove(0);
    assert_eq!((&told["outcome"], &told["cap"]["decision"]), (&json!("ok"), &json!("held")));
    assert_eq!(settled(&rig, "roomy").await["spent"], told["cost_usd"]);
    // And where a cap lets a stream finish, it does, whatever it costs.
    let answer = rig.app.send(&chat("initech")).await;
    assert_eq!((answer.cut.as_deref(), text(&answer).len()), (None, 1_000 * " moon".len()));
    rig.bursar.is_consistent();
}

#[tokio::test]
async fn a_stream_that_hangs_behind_its_end_is_broken_off_too() {
    let rig = Rig::start(POLICY).await;
    // 450 events are 2,250 bytes, well above the cap; nothing comes any more behind them.
    let script = json!({"tokens": 1_000, "prompt_tokens": 10, "delay_ms": 1, "hang_after": 450});
    let answer = rig.app.send(&chat("acme").script(&script)).await;
    assert!(answer.text().ends_with("data: [DONE]\n\n"), "{:?}", answer.cut);
    is_broken_off(&rig).await;
    assert_eq!(rig.bursar.calls("acme", 1).await[0]["outcome"], "refused_by_cap");
}

#[tokio::test]
async fn openai_s_client_reads_an_answer_that_is_too_short() {
    let rig = Rig::start(POLICY).await;
    let messages = json!([{"role": "user", "content": "How many moons has Jupiter?"}]);
    let openai = Official::chat(json!({"model": "gpt-4o", "messages": messages})).customer("acme");
    let call = openai.streamed().once().script(&long(1_000)).to(rig.envoy.address());
    let seen = official::make([call]).await.remove(0);
    let text = seen.to_string();
    assert!(seen["error"].is_null() && text.contains(r#""finish_reason":"length""#), "{seen:#}");
}

/// Envoy cannot end a response whose provider goes on. Who reads on behind the last event, as Anthropic's client does, has the
/// whole message by then, and sees the connection break.
#[tokio::test]
async fn an_anthropic_stream_has_its_whole_end_before_it_is_broken_off() {
    let rig = Rig::start(POLICY).await;
    let messages = json!([{"role": "user", "content": "How many moons has Jupiter?"}]);
    let body = json!({"model": "claude-sonnet-4-6", "max_tokens": 100, "stream": true, "messages": messages});
    let call = Call::post("/v1/messages").json(body).customer("hooli").script(&long(1_000));
    let answer = rig.app.send(&call).await;
    let events = answer.events();
    let last: Vec<Value> =
        events.iter().rev().take(2).map(|event| serde_json::from_str(event).unwrap()).collect();
    assert_eq!(
        (&last[0]["type"], &last[1]["delta"]["stop_reason"]),
        (&json!("message_stop"), &json!("max_tokens"))
    );
    is_broken_off(&rig).await;
    let call = rig.bursar.calls("hooli", 1).await.remove(0);
    assert_eq!((&call["outcome"], &call["cap"]["decision"]), (&json!("refused_by_cap"), &json!("stopped")));
}
