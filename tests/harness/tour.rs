//! The little traffic of `./build.sh up`: three customers, unary and streamed, one that runs into its cap, one that
//! hangs up in the middle of a stream, one failed upstream. Says what happened, a line a call.

use crate::{call::Call, client::Client};
use serde_json::json;

/// What the application sends with each call, beyond what the tour is about.
#[derive(Clone, Debug)]
pub struct Tour {
    /// The application.
    pub app: Client,
    /// A model that the provider serves; `gpt-4o` at the simulated one.
    pub model: String,
    /// The provider's API key.
    pub key: Option<String>,
    /// Whether the provider is the simulated one, which fails when it is told to.
    pub simulated: bool,
}

/// How many calls of which customer the ledger must show afterwards.
pub type Sent = Vec<(&'static str, usize)>;

impl Tour {
    /// Sends all of it; prints a line per call through `say`.
    pub async fn send(&self, mut say: impl FnMut(String)) -> Sent {
        let question = |customer, feature, task| self.call(customer, feature, task);
        for (task, tokens) in [("contract-17", 120), ("contract-17", 80), ("contract-18", 150)] {
            let call = question("acme", "summaries", task).set("max_tokens", tokens);
            say(self.line("acme", "unary", &call).await);
        }
        let stream = question("acme", "chat", "chat-4").set("max_tokens", 60).streamed();
        say(self.line("acme", "stream", &stream).await);
        let stream = question("globex", "chat", "chat-9").set("max_tokens", 90).streamed();
        say(self.line("globex", "stream", &stream).await);
        say(self.hang_up(question("globex", "chat", "chat-9").set("max_tokens", 200).streamed()).await);
        let mut globex = 2;
        if self.simulated {
            let failing = question("globex", "search", "find-2").script(&json!({"status": 500}));
            say(self.line("globex", "unary", &failing).await);
            globex += 1;
        }
        let mut initech = 0;
        loop {
            initech += 1;
            let call = question("initech", "chat", "chat-1").set("max_tokens", 200);
            let line = self.line("initech", "unary", &call).await;
            let over = line.contains(" 429 ") || initech == 6;
            say(line);
            if over {
                return vec![("acme", 4), ("globex", globex), ("initech", initech)];
            }
        }
    }

    fn call(&self, customer: &str, feature: &str, task: &str) -> Call {
        let mut call = Call::chat(&self.model).customer(customer).header("x-bursar-feature", feature);
        call = call.header("x-bursar-task", task).header("x-bursar-workspace", format!("{customer}-main"));
        if let Some(key) = &self.key {
            call = call.header("authorization", format!("Bearer {key}"));
        }
        // The simulated model says as much as it may, so that the little traffic costs something.
        if self.simulated { call.script(&json!({"tokens": 150, "prompt_tokens": 400})) } else { call }
    }

    async fn line(&self, customer: &str, kind: &str, call: &Call) -> String {
        let answer = self.app.send(call).await;
        let said = match (answer.status, answer.header("x-bursar-refused")) {
            (0, _) => answer.cut.clone().unwrap_or_default(),
            (_, Some(reason)) => {
                format!("refused: {reason}; retry after {} s", answer.header("retry-after").unwrap_or("?"))
            }
            (200, None) => format!("call {}", answer.header("x-bursar-call").unwrap_or("?")),
            (_, None) => "failed upstream".to_owned(),
        };
        format!("{customer:<8} {kind:<7} {} {said}", answer.status)
    }

    async fn hang_up(&self, call: Call) -> String {
        let call = if self.simulated {
            call.script(&json!({"tokens": 200, "prompt_tokens": 400, "delay_ms": 5}))
        } else {
            call
        };
        match self.app.open(&call).await {
            Ok(mut opened) => {
                // A provider of one's own may as well answer with an error.
                while opened.so_far().events().len() < 3 && opened.next().await.is_some() {}
                let events = opened.so_far().events().len();
                format!("globex   stream  {} hung up after {events} events", opened.so_far().status)
            }
            Err(cut) => format!("globex   stream  0 {cut}"),
        }
    }
}
