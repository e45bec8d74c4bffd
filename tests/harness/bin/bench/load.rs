//! What is sent: so many calls, so many at a time, and how long each took.

use harness::{call::Call, client::Client};
use serde_json::{Value, json};
use tokio::{task::JoinSet, time::Instant};

/// One kind of load. Enough calls a round that what the filter does by the clock, whatever the load (it asks for policy,
/// it tells totals), is not counted as the calls'.
#[derive(Debug)]
pub(super) struct Load {
    pub(super) name: &'static str,
    /// What the latency is of.
    pub(super) latency_of: &'static str,
    /// The API, if it is not openai-chat.
    path: Option<&'static str>,
    stream: bool,
    delay_ms: u64,
    at_once: u32,
    each: u32,
}

/// The usual ones.
pub(super) const ALL: [Load; 3] = [
    Load {
        name: "unary",
        latency_of: "answer",
        path: None,
        stream: false,
        delay_ms: 0,
        at_once: 4,
        each: 300,
    },
    Load {
        name: "paced stream",
        latency_of: "first chunk",
        path: None,
        stream: true,
        delay_ms: 5,
        at_once: 64,
        each: 1,
    },
    Load {
        name: "burst stream",
        latency_of: "first chunk",
        path: None,
        stream: true,
        delay_ms: 0,
        at_once: 4,
        each: 75,
    },
];

const fn burst(name: &'static str, path: &'static str) -> Load {
    Load {
        name,
        latency_of: "first chunk",
        path: Some(path),
        stream: true,
        delay_ms: 0,
        at_once: 4,
        each: 40,
    }
}

/// The burst stream of each dialect.
pub(super) const DIALECTS: [Load; 10] = [
    burst("openai-chat", "/v1/chat/completions"),
    burst("openai-completions", "/v1/completions"),
    burst("openai-responses", "/v1/responses"),
    burst("anthropic-messages", "/v1/messages"),
    burst("gemini, events", "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse"),
    burst("gemini, array", "/v1beta/models/gemini-2.5-flash:streamGenerateContent"),
    burst("bedrock-converse", "/model/amazon.nova-lite-v1%3A0/converse-stream"),
    burst("bedrock-invoke", "/model/anthropic.claude-3-haiku-20240307-v1%3A0/invoke-with-response-stream"),
    burst("cohere-chat", "/v2/chat"),
    burst("ollama", "/api/chat"),
];

/// Chunks of a stream, beside the role, the finish and the usage.
const CHUNKS: u64 = 200;

/// One load through one Envoy in one round.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Measured {
    pub(super) cpu_us: f64,
    pub(super) latency_ms: f64,
}

impl Load {
    pub(super) fn calls(&self) -> u32 {
        self.at_once * self.each
    }

    fn call(&self, number: u32) -> Call {
        let prompt = "Which of these contracts ends first? ".repeat(28); // about 1 KB
        let script = if self.stream {
            json!({"tokens": CHUNKS, "delay_ms": self.delay_ms, "prompt_tokens": 256})
        } else {
            json!({"tokens": 80, "token": " lorem", "prompt_tokens": 256}) // about 1 KB with its frame
        };
        let body = json!({
            "model": "gpt-4o",
            "messages": [{"role": "user", "content": prompt}],
            "max_tokens": 400,
        });
        let call = Call::post(self.path.unwrap_or("/v1/chat/completions"))
            .json(body)
            .customer("acme")
            .header("x-bursar-workspace", format!("w{}", number % 4))
            .header("x-bursar-user", "u1")
            .header("x-bursar-feature", "summaries")
            .header("x-bursar-task", format!("t{}", number % 32))
            .header("authorization", "Bearer sk-not-a-key")
            .script(&script);
        // The clients of a benchmark ask for usage, so that every Envoy forwards the same bytes.
        let asking = json!({"include_usage": true});
        match self.path {
            None if self.stream => call.streamed().set("stream_options", asking),
            Some(path) if path.ends_with("/completions") => call.streamed().set("stream_options", asking),
            Some(_) => call.streamed(),
            None => call,
        }
    }

    /// Sends it all; the latencies in milliseconds.
    pub(super) async fn run(&self, client: &Client) -> Vec<f64> {
        let mut senders = JoinSet::new();
        for sender in 0..self.at_once {
            let (client, calls) = (client.clone(), (0..self.each).map(|number| self.call(sender + number)));
            senders.spawn(send(client, calls.collect(), self.stream, self.path.is_none()));
        }
        senders.join_all().await.into_iter().flatten().collect()
    }
}

async fn send(client: Client, calls: Vec<Call>, stream: bool, chat: bool) -> Vec<f64> {
    let mut latencies = Vec::new();
    for call in calls {
        let begun = Instant::now();
        let mut opened = client.open(&call).await.expect("an answer");
        if stream {
            opened.next().await;
            latencies.push(begun.elapsed().as_secs_f64() * 1e3);
        }
        let answer = opened.rest().await;
        if !stream {
            latencies.push(begun.elapsed().as_secs_f64() * 1e3);
        }
        assert_eq!((answer.status, &answer.cut), (200, &None), "{}", answer.text());
        if chat {
            check(&answer, stream);
        }
    }
    latencies
}

/// A benchmark of wrong answers would be worth nothing.
fn check(answer: &harness::client::Answer, stream: bool) {
    let usage = if stream {
        let events = answer.events();
        let last: Option<Value> = events.iter().rev().find_map(|event| serde_json::from_str(event).ok());
        last.and_then(|event| event.get("usage").cloned())
    } else {
        answer.json().get("usage").cloned()
    };
    assert!(usage.is_some_and(|usage| usage.is_object()), "no usage: {}", answer.text());
}
