//! A day of 2,000 tasks with known truth: what the providers served, by task, is what the ledger says, to the token and
//! the pico-dollar; with retries, fallbacks, lost attempts, broken JSON, clients that leave and an Envoy that is killed.

use harness::{
    call::Call,
    client::Client,
    provider::{Provider, Received, script::Script},
    rig::Rig,
    wait,
};
use protocol::money::PicoUsd;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tokio::task::JoinSet;

const TASKS: u64 = 2_000;
/// Of the last of them Envoy is killed in the middle.
const KILLED: u64 = 40;
const CLIENTS: u64 = 40;
/// The provider's log shows whose a request was; Bursar's own header does not get there.
const TAG: &str = "x-sim-task";

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Answered,
    Streamed,
    BrokenJson,
    /// The first try is answered with 503, and the other provider serves it.
    FallsBack,
    /// The first try is never answered.
    TimesOut,
    /// Refused with 400.
    Wrong,
    /// The client leaves in the middle of a stream.
    Left,
}

/// The calls of a task: most have one, some need a second.
fn kinds(task: u64) -> &'static [Kind] {
    // Each client has some of each.
    match (task + task / CLIENTS) % 20 {
        0..=6 => &[Kind::Answered],
        7..=10 => &[Kind::Streamed],
        11 | 12 => &[Kind::BrokenJson, Kind::Answered],
        13 | 14 => &[Kind::FallsBack],
        15 => &[Kind::FallsBack, Kind::Streamed],
        16 if task.is_multiple_of(3) => &[Kind::TimesOut],
        16 => &[Kind::Answered],
        17 => &[Kind::Wrong, Kind::Answered],
        18 => &[Kind::Left, Kind::Streamed],
        _ => &[Kind::Left],
    }
}

/// Four bytes a token, as text is estimated that nobody counted: so what was cut is known as exactly as the rest.
fn call(task: u64, number: usize, kind: Kind) -> Call {
    let tokens = 1 + (task * 7 + 3) % 40;
    let prompt = "abcd".repeat(usize::try_from(5 + task % 90).unwrap());
    let mut body = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": prompt}]});
    if matches!(kind, Kind::Streamed | Kind::Left) {
        body["stream"] = json!(true);
    }
    if kind == Kind::BrokenJson {
        body["response_format"] = json!({"type": "json_object"});
    }
    // To the byte, so that what is learned of it meanwhile says the same.
    let missing = (4 - body.to_string().len() % 4) % 4;
    body["messages"][0]["content"] = json!(prompt + &"d".repeat(missing));
    let prompt_tokens = body.to_string().len() / 4;
    let mut script = json!({"tokens": tokens, "token": " abc", "prompt_tokens": prompt_tokens});
    match kind {
        Kind::Answered | Kind::Streamed | Kind::BrokenJson => {}
        Kind::FallsBack => {
            script["fail_attempts"] = json!(1);
            script["served_model"] = json!("llama-3.3-70b-versatile");
        }
        Kind::TimesOut => {
            script["hang_before_head"] = json!(true);
            script["well_after_attempts"] = json!(1);
            script["served_model"] = json!("llama-3.3-70b-versatile");
        }
        Kind::Wrong => script["status"] = json!(400),
        // The role's chunk comes first.
        Kind::Left => {
            script["tokens"] = json!(1_000);
            script["hang_after"] = json!(1 + tokens);
        }
    }
    Call::post("/v1/chat/completions")
        .json(body)
        .customer(&format!("customer-{}", task % 7))
        .header("x-bursar-task", format!("task-{task}"))
        .header("x-bursar-feature", format!("feature-{number}"))
        .header(TAG, format!("task-{task}"))
        .script(&script)
}

async fn run(client: Client, task: u64) {
    for (number, kind) in kinds(task).iter().enumerate() {
        let call = call(task, number, *kind);
        match kind {
            Kind::Left => {
                let chunks = 1 + 1 + (task * 7 + 3) % 40;
                let mut opened = client.open(&call).await.unwrap();
                opened.events(usize::try_from(chunks).unwrap()).await;
            }
            Kind::Wrong => assert_eq!(client.send(&call).await.status, 400),
            _ => assert_eq!(client.send(&call).await.status, 200, "{kind:?} of task {task}"),
        }
    }
}

/// What was used and what that costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Truth {
    input: u64,
    output: u64,
    pico: u64,
}

/// What the providers served, by task.
fn served(providers: [(&Provider, [u64; 2]); 2]) -> BTreeMap<String, Truth> {
    let mut truth: BTreeMap<String, Truth> = BTreeMap::new();
    for (provider, [input_pico, output_pico]) in providers {
        for request in provider.received() {
            let (input, output) = used(&request);
            let of = truth.entry(request.header(TAG).unwrap()).or_default();
            of.input += input;
            of.output += output;
            of.pico += input * input_pico + output * output_pico;
        }
    }
    truth
}

fn used(request: &Received) -> (u64, u64) {
    let script = request.header("x-sim-script").unwrap();
    let script = Script::parse(Some(script.as_bytes())).unwrap();
    let attempt: u32 = request.header("x-envoy-attempt-count").unwrap().parse().unwrap();
    let input = script.prompt_tokens.unwrap();
    let is_well = script.well_after_attempts.is_some_and(|last| attempt > last);
    if script.status >= 400 || attempt <= script.fail_attempts {
        (0, 0)
    } else if script.hang_before_head && !is_well {
        // It had the prompt; the policy says that it bills that.
        (input, 0)
    } else {
        let cut = script.hang_after.map(|chunks| u64::try_from(chunks - 1).unwrap());
        (input, cut.unwrap_or(script.tokens.unwrap()))
    }
}

fn task_of(number: u64) -> String {
    format!("task-{number}")
}

#[tokio::test]
async fn a_day_of_two_thousand_tasks_is_booked_as_it_was_served() {
    let spare = Provider::start().await;
    let address = spare.address();
    let mut rig = Rig::with("version: 1\nprices: {bills_on_abort: {openai: input}}\n", |setup| {
        setup.attempts = Some(json!([{"cluster": "spare", "provider": "groq"}]));
        let policy = json!({
            "retry_on": "5xx,reset,connect-failure",
            "num_retries": 1,
            "per_try_timeout": "2s",
        });
        setup.route.push(("retry_policy".to_owned(), policy));
        setup.falls_back(&[("spare", address)]);
    })
    .await;
    let mut clients = JoinSet::new();
    for first in 0..CLIENTS {
        let client = Client::new(rig.envoy.address());
        clients.spawn(async move {
            for task in (first..TASKS - KILLED).step_by(usize::try_from(CLIENTS).unwrap()) {
                run(client.clone(), task).await;
            }
        });
    }
    clients.join_all().await;
    let mut streams = Vec::new();
    for task in TASKS - KILLED..TASKS {
        let mut opened = Client::new(rig.envoy.address()).open(&call(task, 0, Kind::Left)).await.unwrap();
        opened.events(2).await;
        streams.push(opened);
    }
    let open = async || {
        let calls = rig.bursar.items("/v1/calls?limit=1000&state=open").await;
        (u64::try_from(calls.len()).unwrap() == KILLED).then_some(())
    };
    wait::until("only the last ones are open", open).await;
    rig.envoy.process.kill();
    drop(streams);
    rig.bursar.kill();
    rig.bursar.resume_with(&["--orphan-after-minutes", "0"]).await;

    let mut truth = served([
        (&rig.provider, [2_500_000, 10_000_000]), // gpt-4o
        (&spare, [590_000, 790_000]),             // llama
    ]);
    // Of what a killed Envoy had delivered nobody knows: its calls are booked at their prompt.
    for task in TASKS - KILLED..TASKS {
        let of = truth.get_mut(&task_of(task)).unwrap();
        *of = Truth { input: of.input, output: 0, pico: of.input * 2_500_000 };
    }
    let booked = wait::until("nothing is open", async || {
        let tasks = tasks(&rig).await;
        // A task without a call that has ended is none yet.
        let all_are_there = tasks.len() == truth.len();
        (all_are_there && tasks.values().all(|task| task["open"] == 0)).then_some(tasks)
    })
    .await;
    assert_eq!((truth.len(), booked.len()), (2_000, 2_000));
    for (name, of) in &truth {
        let task = &booked[name];
        let said = Truth {
            input: task["tokens_in"].as_u64().unwrap(),
            output: task["tokens_out"].as_u64().unwrap(),
            pico: u64::try_from(task["cost_usd"].as_str().unwrap().parse::<PicoUsd>().unwrap().pico())
                .unwrap(),
        };
        assert_eq!(said, *of, "{name}: {task:#}");
    }
    adds_up(&booked);
    rig.bursar.is_consistent();
}

/// Each task's parts are its cost, and the parts are where they belong.
fn adds_up(booked: &BTreeMap<String, Value>) {
    let pico = |value: &Value| value.as_str().unwrap().parse::<PicoUsd>().unwrap().pico();
    let mut by_kind: BTreeMap<&str, i128> = BTreeMap::new();
    for task in booked.values() {
        let split = task["split"].as_object().unwrap();
        assert_eq!(split.values().map(pico).sum::<i128>(), pico(&task["cost_usd"]), "{task:#}");
        for (part, cost) in split {
            *by_kind.entry(part).or_default() += pico(cost);
        }
    }
    for part in ["useful_usd", "retries_usd", "invalid_output_usd", "aborted_usd"] {
        assert!(by_kind[part] > 0, "{part}: {by_kind:?}");
    }
    // Groq is the cheaper one.
    assert!(by_kind["fallback_premium_usd"] < 0, "{by_kind:?}");
}

async fn tasks(rig: &Rig) -> BTreeMap<String, Value> {
    let (mut tasks, mut cursor) = (BTreeMap::new(), String::new());
    loop {
        let page = rig.bursar.json(&format!("/v1/tasks?limit=1000{cursor}")).await;
        for task in page["items"].as_array().unwrap() {
            tasks.insert(task["id"].as_str().unwrap().to_owned(), task.clone());
        }
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return tasks,
        }
    }
}
