//! Calls as a product of a thousand customers makes them, drawn from a fixed seed: the same ledger every time.

use protocol::{
    UnixNanos,
    attempt::{Attempt, Fate},
    attribution::{Attributed, Attribution, Dimension, Source},
    event::{CallEnd, CallHead, CapAnswer, CapDecision, Ending, Outcome, Refusal, UsageEvent},
    ids::CallId,
    meters::{Meter, Usage},
    outcome::{TaskOutcome, TaskReport},
};

pub(crate) const CUSTOMERS: u64 = 1_000;
pub(crate) const DAYS: u64 = 90;
pub(crate) const DAY_NS: u64 = 86_400_000_000_000;
const SECOND_NS: u64 = 1_000_000_000;
/// Calls of a task, on the average.
const TASK_CALLS: u64 = 5;

pub(crate) const FEATURES: [&str; 6] = ["chat", "search", "summaries", "drafts", "agents", "tagging"];
const ROUTES: [&str; 3] = ["interactive", "background", "agents"];
const PLANS: [&str; 4] = ["free", "starter", "pro", "scale"];
pub(crate) const MODELS: [(&str, &str); 8] = [
    ("openai", "gpt-4o-mini"),
    ("anthropic", "claude-haiku-4-5"),
    ("openai", "gpt-4o"),
    ("anthropic", "claude-sonnet-4-5"),
    ("mistral", "mistral-small-latest"),
    ("openai", "gpt-4.1"),
    ("mistral", "mistral-large-latest"),
    ("openai", "gpt-4.1-mini"),
];
/// Nobody priced it.
pub(crate) const UNPRICED: &str = "in-house-1";
/// What a few calls of the first days alone name.
pub(crate) const RARE: &str = "retired";

/// What is in force: everybody is on a plan, under a cap of each month.
pub(crate) fn policy() -> String {
    let customers: String = (0..CUSTOMERS)
        .map(|number| format!("  {}: {{plan: {}}}\n", customer(number), plan(number)))
        .collect();
    format!(
        "version: 1
plans:
  free: {{price_usd: 0}}
  starter: {{price_usd: 29, expected_margin_percent: 70}}
  pro: {{price_usd: 199, expected_margin_percent: 75}}
  scale: {{price_usd: 1999, expected_margin_percent: 80}}
customers:\n{customers}caps:
  - {{name: month, each: customer, limit_usd: 5000, window: month}}
  - {{name: day, each: workspace, limit_usd: 500, window: day}}
"
    )
}

/// LiteLLM's form.
pub(crate) fn prices() -> String {
    let rates = ["1.5e-07", "1e-06", "2.5e-06", "3e-06", "1e-07", "2e-06", "2e-06", "4e-07"];
    let model = |((provider, model), rate): (&(&str, &str), &str)| {
        let key = if *provider == "mistral" { format!("mistral/{model}") } else { (*model).to_owned() };
        format!(
            "\"{key}\": {{\"litellm_provider\": \"{provider}\", \"mode\": \"chat\", \
             \"input_cost_per_token\": {rate}, \"output_cost_per_token\": {rate}, \
             \"cache_read_input_token_cost\": {rate}}}"
        )
    };
    let models: Vec<String> = MODELS.iter().zip(rates).map(model).collect();
    format!("{{{}}}", models.join(", "))
}

pub(crate) fn customer(number: u64) -> String {
    format!("customer-{number:04}")
}

fn plan(number: u64) -> &'static str {
    pick(&PLANS, number * 7)
}

fn pick<T: Copy>(from: &[T], number: u64) -> T {
    from[number as usize % from.len()]
}

/// The calls of a time, task by task in the order in which they begin.
pub(crate) struct Traffic {
    seed: u64,
    from: UnixNanos,
    tasks: u64,
    task: u64,
    calls: u64,
    /// Weights of customers, summed up: the first has half of what the second and third have together.
    weights: Vec<u64>,
}

impl Traffic {
    /// About `calls` of them in the days before an instant.
    pub(crate) fn new(calls: u64, until: UnixNanos) -> Self {
        let weights = (1..=CUSTOMERS).scan(0, |sum, rank| {
            *sum += 1_000_000 / rank;
            Some(*sum)
        });
        Self {
            seed: 0x2545_f491_4f6c_dd1d,
            from: until - DAYS * DAY_NS,
            tasks: calls.div_ceil(TASK_CALLS),
            task: 0,
            calls: 0,
            weights: weights.collect(),
        }
    }

    fn draw(&mut self, below: u64) -> u64 {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        self.seed % below
    }

    fn customer(&mut self) -> u64 {
        let at = self.draw(*self.weights.last().expect("there are customers"));
        self.weights.partition_point(|sum| *sum <= at) as u64
    }

    /// Adds the events of the next task. False at the end.
    pub(crate) fn next(&mut self, events: &mut Vec<UsageEvent>) -> bool {
        if self.task == self.tasks {
            return false;
        }
        let customer = self.customer();
        // The last task began an hour ago, so that none is in the future.
        let at = self.from + (DAYS * DAY_NS - 3_600 * SECOND_NS) / self.tasks * self.task;
        let is_rare = self.task.is_multiple_of(997) && self.task < self.tasks / 30;
        let feature = self.draw(FEATURES.len() as u64);
        let who = Who {
            customer: (self.draw(50) > 0).then_some(customer),
            workspace: self.draw(5),
            user: self.draw(20),
            feature: if is_rare { RARE } else { pick(&FEATURES, feature) },
            route: if is_rare { RARE } else { pick(&ROUTES, feature) },
            task: self.task,
        };
        self.task += 1;
        let calls = 1 + self.draw(2 * TASK_CALLS - 1);
        for number in 0..calls {
            // Each feature has a model of its own, and now and then another serves.
            let model = match self.draw(100) {
                0 => ("openai", UNPRICED),
                1..10 => pick(&MODELS, feature + 1 + number),
                _ if is_rare => ("openai", RARE),
                _ => pick(&MODELS, feature),
            };
            let call = self.call(&who, model, at + number * 15 * SECOND_NS);
            events.push(call);
        }
        if who.customer.is_some() && self.draw(3) == 0 {
            let outcome = match self.draw(10) {
                0 => TaskOutcome::Failed,
                1 => TaskOutcome::Abandoned,
                _ => TaskOutcome::Succeeded,
            };
            let task = who.task_name().parse().expect("a name");
            let report = TaskReport { task, outcome, reason: None, at: at + calls * 15 * SECOND_NS };
            events.push(UsageEvent::Outcome { report });
        }
        true
    }

    fn call(&mut self, who: &Who, (provider, model): (&str, &str), at: UnixNanos) -> UsageEvent {
        self.calls += 1;
        let random = [self.draw(u64::MAX), self.draw(u64::MAX)].map(u64::to_be_bytes).concat();
        let id = CallId::new(at / 1_000_000, random[..10].try_into().expect("ten bytes"));
        let refused = (self.draw(50) == 0).then_some(Refusal::Cap);
        let head = who.head(id, self.calls, (provider, model), at, refused.is_some());
        let finished_at = at + (1 + self.draw(12)) * SECOND_NS;
        let (input, output) = (200 + self.draw(4_000), 20 + self.draw(800));
        let (status, outcome) = match self.draw(1_000) {
            _ if refused.is_some() => (429, Outcome::RefusedByCap),
            0..20 => (500, Outcome::Error),
            20..25 => (0, Outcome::TimedOut),
            25..30 => (200, Outcome::InvalidJson),
            30..40 => (0, Outcome::ClientAborted),
            _ => (200, Outcome::Ok),
        };
        let is_estimated = outcome == Outcome::ClientAborted || self.draw(50) == 0;
        let estimated = if is_estimated { [Meter::Input, Meter::Output].into() } else { [].into() };
        let units = match outcome {
            Outcome::RefusedByCap | Outcome::Error => [].into(),
            _ => [(Meter::Input, input), (Meter::CacheRead, input / 3), (Meter::Output, output)].into(),
        };
        let tried = if refused.is_none() && self.draw(25) == 0 {
            let elsewhere = (self.draw(2) == 0).then(|| pick(&MODELS, self.calls));
            vec![attempt(1, at, None), attempt(2, at + SECOND_NS, Some(elsewhere))]
        } else {
            Vec::new()
        };
        let end = CallEnd {
            finished_at,
            first_token_at: (status == 200).then_some(at + SECOND_NS),
            response_model: (status == 200 && tried.is_empty()).then(|| model.into()),
            service_tier: None,
            region: None,
            usage: Usage { units, estimated, complete: !is_estimated },
            text_bytes: output * 4,
            // One provider says what calls cost.
            provider_cost: (provider == "mistral" && status == 200)
                .then(|| format!("0.{:08}", input + output).parse().expect("an amount")),
            status,
            response_flags: "".into(),
            ending: match outcome {
                Outcome::ClientAborted => Ending::ClientAbort,
                Outcome::TimedOut => Ending::Timeout,
                Outcome::RefusedByCap => Ending::LocalReply,
                _ => Ending::Complete,
            },
            outcome,
            refused,
            finish_reasons: vec!["stop".into()],
            error_type: None,
            cluster: Some("llm".into()),
            upstream: None,
            attempts: if refused.is_some() { 0 } else { 1.max(tried.len() as u32) },
            tried,
            settled: None,
            stopped_by: None,
        };
        UsageEvent::Finished { head, end: Box::new(end) }
    }
}

/// Whom the calls of a task are for.
struct Who {
    customer: Option<u64>,
    workspace: u64,
    user: u64,
    feature: &'static str,
    route: &'static str,
    task: u64,
}

impl Who {
    fn task_name(&self) -> String {
        format!("task-{}", self.task)
    }

    fn head(
        &self,
        id: CallId,
        number: u64,
        (provider, model): (&str, &str),
        at: UnixNanos,
        is_refused: bool,
    ) -> CallHead {
        let mut attribution = Attribution::default();
        let mut set = |dimension, value: String| {
            let value = value.parse().expect("a name");
            attribution.set(dimension, Attributed { value, from: Source::Header });
        };
        set(Dimension::Feature, self.feature.to_owned());
        set(Dimension::Task, self.task_name());
        let mut caps = Vec::new();
        if let Some(customer) = self.customer.map(customer) {
            let decision = if is_refused { CapAnswer::Refused } else { CapAnswer::Held };
            let subject = format!("customer={customer}").into();
            caps.push(CapDecision { cap: "month/usd".into(), subject, held: 2_000_000_000, decision });
            set(Dimension::Workspace, format!("workspace-{}", self.workspace));
            set(Dimension::User, format!("{customer}-user-{}", self.user));
            set(Dimension::Customer, customer);
        }
        CallHead {
            id,
            request_id: Some(request_id(number).into()),
            attribution,
            provider: provider.into(),
            account: None,
            dialect: "openai-chat".into(),
            operation: "chat".into(),
            route: Some(self.route.into()),
            original_route: None,
            request_model: Some(model.into()),
            downgraded_to: None,
            routed_to: None,
            request_tier: None,
            stream: true,
            output_tokens_max: Some(1_024),
            input_tokens_estimate: 1_000,
            request_text_bytes: None,
            region: None,
            started_at: at,
            hold: "0.002".parse().ok(),
            hold_input: "0.001".parse().ok(),
            caps,
            loop_guard: None,
        }
    }
}

/// The request id of the so manieth call.
pub(crate) fn request_id(number: u64) -> String {
    format!("{number:08x}-6c1f-4a55-9d1e-2f7d1c9a7b10")
}

/// The first try, which was lost, or the second, which decides: at the same place or elsewhere.
fn attempt(number: u32, at: UnixNanos, decides: Option<Option<(&str, &str)>>) -> Attempt {
    let elsewhere = decides.flatten();
    Attempt {
        number,
        decides: decides.is_some(),
        fate: if decides.is_some() { Fate::Answered } else { Fate::Lost },
        reason: decides.map(|_| "status_503".into()),
        provider: elsewhere.map(|(provider, _)| provider.into()),
        account: None,
        region: None,
        model: elsewhere.map(|(_, model)| model.into()),
        cluster: Some("llm".into()),
        upstream: None,
        started_at: at,
        answered_at: decides.map(|_| at + SECOND_NS),
        ended_at: at + SECOND_NS,
        status: if decides.is_some() { 200 } else { 503 },
        rate_limit: None,
        usage: decides.is_none().then(|| Usage {
            units: [(Meter::Input, 800)].into(),
            estimated: [Meter::Input].into(),
            complete: false,
        }),
    }
}
