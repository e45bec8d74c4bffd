//! Agents that run away are stopped within a stated number of calls, and those that work are not.

use harness::{call::Call, rig::Rig, wait};
use serde_json::{Value, json};

const POLICY: &str = "
version: 1
loop_guard:
  identical_requests: 8
  identical_tool_calls: 5
  within_s: 600
  calls_per_task_per_minute: 400
  calls_per_task: 300
  cost_per_task_usd: '0.05'
  consecutive_failures: 6
";

fn chat(task: &str, messages: Value) -> Call {
    Call::chat("gpt-4o-mini")
        .customer("acme")
        .header("x-bursar-task", task)
        .set("messages", messages)
        .script(&json!({"tokens": 3, "prompt_tokens": 5}))
}

fn says(text: impl std::fmt::Display) -> Value {
    json!([{"role": "system", "content": "You help."}, {"role": "user", "content": text.to_string()}])
}

/// Sends what the agent sends until it is stopped, a hundred calls at most: how many were made, and what stopped it.
async fn runs(rig: &Rig, agent: impl Fn(usize) -> Call) -> (usize, String) {
    for made in 0..100 {
        let answer = rig.app.send(&agent(made)).await;
        if answer.header("x-bursar-refused") == Some("loop_guard") {
            assert_eq!((answer.status, answer.header("x-should-retry")), (429, Some("false")));
            assert!(answer.header("retry-after").unwrap().parse::<u64>().unwrap() <= 600);
            let id = answer.header("x-bursar-call").unwrap();
            let booked = wait::until("the refusal is booked", async || {
                let found = rig.bursar.client().send(&Call::get(&format!("/v1/calls/{id}"))).await;
                (found.status == 200).then(|| found.json())
            });
            let booked = booked.await;
            assert_eq!(
                (&booked["outcome"], &booked["cost_usd"]),
                (&json!("refused_by_loop_guard"), &json!("0"))
            );
            return (made, booked["loop_guard"]["rule"].as_str().unwrap().to_owned());
        }
    }
    (100, String::new())
}

#[tokio::test]
async fn a_runaway_agent_is_stopped_within_the_stated_number_of_calls() {
    let rig = Rig::start(POLICY).await;
    let identical = "identical_requests".to_owned();
    // The same prompt again and again, unary, streamed, and in another dialect.
    assert_eq!(runs(&rig, |_| chat("same", says("go"))).await, (8, identical.clone()));
    assert_eq!(runs(&rig, |_| chat("stream", says("go")).streamed()).await, (8, identical.clone()));
    let claude = |_| {
        Call::post("/v1/messages")
            .customer("acme")
            .header("x-bursar-task", "claude")
            .json(json!({"model": "claude-haiku-4-5", "max_tokens": 9, "messages": says("go")}))
            .script(&json!({"recording": "anthropic-messages/stream-plain"}))
    };
    assert_eq!(runs(&rig, claude).await, (8, identical.clone()));
    // Its context grows, and what it says last is the same.
    let growing = |made| {
        let mut messages = vec![json!({"role": "user", "content": "start"}); made];
        messages.push(json!({"role": "tool", "tool_call_id": "c1", "content": "no such file"}));
        chat("growing", messages.into())
    };
    assert_eq!(runs(&rig, growing).await, (8, identical.clone()));
    // Two results take turns.
    let turns = |made: usize| chat("turns", says(["first tool failed", "second tool failed"][made % 2]));
    assert_eq!(runs(&rig, turns).await, (16, identical.clone()));
    // Two models take turns.
    let models = |made: usize| chat("models", says("go")).set("model", ["gpt-4o", "gpt-4o-mini"][made % 2]);
    assert_eq!(runs(&rig, models).await, (16, identical));
    // Its prompts differ, and the model asks for the same tool call each time.
    let tools = |made| chat("tools", says(made)).script(&json!({"recording": "openai-chat/unary-tools"}));
    assert_eq!(runs(&rig, tools).await, (5, "identical_tool_calls".to_owned()));
    let streamed = |made| {
        chat("streamed-tools", says(made))
            .streamed()
            .script(&json!({"recording": "openai-chat/stream-tools"}))
    };
    assert_eq!(runs(&rig, streamed).await, (5, "identical_tool_calls".to_owned()));
    // Each call fails.
    let failing = |made| chat("failing", says(made)).script(&json!({"status": 500, "error": "server_error"}));
    assert_eq!(runs(&rig, failing).await, (6, "consecutive_failures".to_owned()));
    // It asked for JSON, and gets none.
    let broken = |made| chat("broken", says(made)).set("response_format", json!({"type": "json_object"}));
    assert_eq!(runs(&rig, broken).await, (6, "consecutive_failures".to_owned()));
    // Each call is another, and dear.
    let dear = |made| chat("dear", says(made)).script(&json!({"tokens": 3, "prompt_tokens": 50_000}));
    assert_eq!(runs(&rig, dear).await, (7, "cost".to_owned()));
    rig.bursar.is_consistent();
}

#[tokio::test]
async fn an_agent_that_works_is_not_stopped_and_one_that_was_can_be_released() {
    let rig = Rig::start(POLICY).await;
    for made in 0..200 {
        let call = match made % 4 {
            0 => chat("session", says(made)).script(&json!({"status": 500, "error": "server_error"})),
            1 => chat("session", says(made)).streamed(),
            _ => chat("session", says(format!("step {made}"))),
        };
        let answer = rig.app.send(&call).await;
        assert_eq!(answer.header("x-bursar-refused"), None, "call {made}");
    }
    let stuck = |_| chat("stuck", says("go"));
    assert_eq!(runs(&rig, stuck).await.0, 8);
    assert_eq!(runs(&rig, stuck).await.0, 0, "asking again does not help");
    let server = format!("http://{}", rig.bursar.address());
    let released = rig.bursar.run(&["loop", "release", "stuck", "--server", &server]);
    assert!(released.status.success(), "{released:?}");
    let freed = wait::until("the release is known to Envoy", async || {
        let answer = rig.app.send(&stuck(0)).await;
        (answer.header("x-bursar-refused").is_none()).then_some(())
    });
    freed.await;
}

#[tokio::test]
async fn a_guard_that_only_warns_says_so_and_one_that_throttles_says_for_how_long() {
    let policy = |action: &str| {
        format!("version: 1\nloop_guard: {{identical_requests: 2, within_s: 60, action: {action}}}\n")
    };
    let warns = Rig::start(&policy("warn")).await;
    let mut warnings = Vec::new();
    for _ in 0..4 {
        let answer = warns.app.send(&chat("t", says("go"))).await;
        assert_eq!(answer.status, 200);
        warnings.push(answer.header("x-bursar-loop").map(str::to_owned));
    }
    let warned = Some("identical_requests".to_owned());
    assert_eq!(warnings, [None, None, warned.clone(), warned]);
    let throttles = Rig::start(&policy("throttle")).await;
    let mut third = None;
    for _ in 0..3 {
        third = Some(throttles.app.send(&chat("t", says("go"))).await);
    }
    let third = third.unwrap();
    assert_eq!((third.status, third.header("x-should-retry")), (429, None));
    assert!((1..=60).contains(&third.header("retry-after").unwrap().parse::<u64>().unwrap()));
    assert_eq!(throttles.app.send(&chat("t", says("other"))).await.status, 200, "only the repetition waits");
}
