//! One call: who it was for and how that is known, what it cost line by line, what the caps said, how long it took.

mod lines;
mod refusal;
mod words;

pub use lines::LineRow;

use super::{
    attempts::{AttemptRow, reason_words},
    meter::subject,
    overview::badge,
    page::{Page, duration, usd, written},
    prices::address,
};
use crate::{ledger::view::Attempt, reports::CapState, rules::Rules};
use askama::Template;
use axum::http::StatusCode;
use protocol::{
    UnixNanos,
    attempt::{Fallback, Server},
    attribution::{Attributed, Dimension, Source},
    event::{CallEnd, CallHead, CapAnswer, CapDecision},
    meters::Usage,
    money::PicoUsd,
    rating::{self, Line},
};

use refusal::Reason;
use words::{advice, correction, rule};

/// The cause of a correction that rated a call by other prices; what came of it is what the call costs since.
const RERATE: &str = "rerate";

/// Everything the page shows.
#[derive(Debug)]
pub struct CallPage<'a> {
    /// What is known since it began.
    pub head: &'a CallHead,
    /// What is known since it ended.
    pub end: Option<&'a CallEnd>,
    /// open, finished, orphaned, refused.
    pub state: &'a str,
    /// What its customer paid for when it was booked.
    pub plan: Option<&'a str>,
    /// Its price arithmetic.
    pub lines: &'a [Line],
    /// The sum of the lines; `None`: unpriced or open.
    pub cost: Option<PicoUsd>,
    /// Why it has no cost: `no_model`, `no_rate:output`, …
    pub unpriced: Option<&'a str>,
    /// What money caps were charged.
    pub settled: Option<PicoUsd>,
    /// Times it was booked otherwise than before.
    pub corrections: &'a [Correction],
    /// Which rule found its prices: `served_model`, …
    pub matched: Option<&'a str>,
    /// Its tries at upstreams.
    pub attempts: &'a [Attempt],
    /// For the price rows that its lines name, and the caps that refused it.
    pub rules: &'a Rules,
    /// How full caps are
    pub caps: &'a [CapState],
    /// now.
    pub now: UnixNanos,
}

/// A call that was booked otherwise than it was first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correction {
    /// When.
    pub at: u64,
    /// Why.
    pub cause: String,
    /// What it cost before,
    pub before: Option<PicoUsd>,
    /// and after.
    pub after: Option<PicoUsd>,
}

#[derive(Template)]
#[template(path = "call.html")]
struct CallTemplate {
    section: &'static str,
    id: String,
    started: String,
    badge: &'static str,
    word: String,
    cost: Option<String>,
    exact: String,
    /// What it would cost without contracts, where that is something else.
    list: Option<String>,
    /// What it was booked at first, where that was something else.
    first: Option<String>,
    open: bool,
    /// The reason, and what to do.
    unpriced: Option<(String, Vec<String>)>,
    /// What it is the price of that is missing, and the page of what there is.
    priced_as: Option<(String, String)>,
    estimated: Vec<String>,
    who: Vec<Fact>,
    what: Vec<Fact>,
    how: Vec<Fact>,
    lines: Vec<LineRow>,
    money: Vec<Fact>,
    decisions: Vec<Decision>,
    phases: Vec<Phase>,
    attempts: Vec<AttemptRow>,
    fallback: String,
    refusal: Vec<Reason>,
    task: String,
    customer: String,
    corrections: Vec<CorrectionRow>,
}

/// A correction, in words.
struct CorrectionRow {
    at: String,
    cause: String,
    before: String,
    after: String,
}

/// One answer on the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// The question.
    pub name: &'static str,
    /// The answer; empty: nobody said.
    pub value: String,
    /// How it is known.
    pub source: String,
}

/// What one cap said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The cap's id.
    pub cap: String,
    /// Whose count.
    pub subject: String,
    /// What it said, in words.
    pub word: &'static str,
    /// The class of the word.
    pub class: &'static str,
    /// How much was held.
    pub held: String,
}

/// A part of the time that the call took, as a bar.
struct Phase {
    name: &'static str,
    x: u64,
    width: u64,
    class: &'static str,
    length: String,
}

impl CallPage<'_> {
    /// Renders it.
    pub fn page(&self) -> Page {
        let (badge, word) = badge(self.state, self.end.map(outcome).as_deref());
        let template = CallTemplate {
            section: "",
            id: self.head.id.to_string(),
            started: written(self.head.started_at, "%A, %-d %B %Y, %H:%M:%S.%3f"),
            badge,
            word,
            cost: self.cost.map(usd),
            exact: self.cost.map(|cost| cost.to_string()).unwrap_or_default(),
            list: self.list(),
            first: self.first(),
            open: self.end.is_none() && self.state == "open",
            unpriced: self.unpriced.map(|reason| (reason.to_owned(), advice(reason, self.head))),
            priced_as: self.unpriced.and_then(|_| self.priced_as()),
            estimated: self.estimated(),
            who: self.who(),
            what: self.what(),
            how: self.how(),
            lines: self
                .lines
                .iter()
                .map(|line| LineRow::new(line, &self.rules.prices, self.usage()))
                .collect(),
            money: self.money(),
            decisions: self.head.caps.iter().map(|said| decision(said, self.end)).collect(),
            phases: self.phases(),
            attempts: self.attempts.iter().map(AttemptRow::new).collect(),
            fallback: self.fallback(),
            refusal: refusal::reasons(self.head, self.end, self.rules, self.caps, self.now),
            task: self.name(Dimension::Task).map(super::tasks::address).unwrap_or_default(),
            customer: self.name(Dimension::Customer).map(super::customer::address).unwrap_or_default(),
            corrections: self.corrections.iter().map(correction).collect(),
        };
        Page::of(StatusCode::OK, &template)
    }

    fn name(&self, dimension: Dimension) -> Option<&str> {
        self.head.attribution.name(dimension).map(protocol::ids::Name::as_str)
    }

    /// Where it was to be served and where it was, in a sentence; empty where that is the same.
    fn fallback(&self) -> String {
        let Some(fallback) = Fallback::of(self.head, self.end) else { return String::new() };
        let server = Server::of(self.head, self.end.and_then(CallEnd::deciding));
        let place = |server: Server<'_>| match server.model {
            Some(model) => format!("{} ({model})", server.provider),
            None => server.provider.to_owned(),
        };
        let first = match (fallback.original, self.head.original_route.as_deref()) {
            (Some(original), _) => place(original),
            (None, Some(route)) => format!("route {route}"),
            (None, None) => return String::new(),
        };
        format!(
            "Fallback: first sent to {first}, decided at {}, because {}.",
            place(server),
            reason_words(fallback.reason)
        )
    }

    fn priced_as(&self) -> Option<(String, String)> {
        let served = self.end.and_then(|end| end.response_model.as_deref());
        let model = served.or(self.head.model())?;
        Some((format!("{model} at {}", self.head.provider), address(&self.head.provider, model)))
    }

    fn list(&self) -> Option<String> {
        let list = rating::list_cost(self.lines)?;
        // Money that was held and never rated has no lines.
        (!self.lines.is_empty() && self.cost.is_some_and(|cost| cost != list)).then(|| list.to_string())
    }

    fn first(&self) -> Option<String> {
        // An end that came late took back what had been said before.
        let since = self.corrections.iter().rev().take_while(|correction| correction.cause == RERATE);
        let first = since.last()?;
        let words = first.before.map_or_else(|| "unpriced".to_owned(), usd);
        (first.before != self.cost).then_some(words)
    }

    fn usage(&self) -> Option<&Usage> {
        self.end.map(|end| &end.usage)
    }

    fn estimated(&self) -> Vec<String> {
        self.usage().into_iter().flat_map(|usage| &usage.estimated).map(ToString::to_string).collect()
    }

    fn who(&self) -> Vec<Fact> {
        let mut facts: Vec<Fact> = Dimension::ALL
            .into_iter()
            .map(|dimension| attributed(dimension.as_str(), self.head.attribution.slot(dimension)))
            .collect();
        facts.insert(1, fact("plan", self.plan));
        facts
    }

    fn what(&self) -> Vec<Fact> {
        let head = self.head;
        let served = self.end.and_then(|end| end.response_model.as_deref());
        let tier = self.end.and_then(|end| end.service_tier.as_deref());
        let mut facts = vec![
            fact("provider", Some(&head.provider)),
            fact("dialect", Some(&head.dialect)),
            fact("operation", Some(&head.operation)),
            fact("model asked for", head.request_model.as_deref()),
            fact("downgraded to", head.downgraded_to.as_deref()),
            fact("model that answered", served),
            fact("service tier", tier.or(head.request_tier.as_deref())),
            fact("route", head.route.as_deref()),
            fact("streamed", Some(if head.stream { "yes" } else { "no" })),
        ];
        let region = self.end.and_then(|end| end.region.as_deref()).or(head.region.as_deref());
        if region.is_some() {
            facts.push(fact("region", region));
        }
        if head.original_route.is_some() {
            facts.push(fact("fallback from", head.original_route.as_deref()));
        }
        facts
    }

    fn how(&self) -> Vec<Fact> {
        let mut facts = vec![fact("request id", self.head.request_id.as_deref())];
        let Some(end) = self.end else { return facts };
        let status = match end.status {
            0 => "the client saw none".to_owned(),
            status => status.to_string(),
        };
        let took = duration(end.finished_at.saturating_sub(self.head.started_at));
        facts.push(fact("took", Some(&took)));
        facts.push(fact("status", Some(&status)));
        facts.push(fact("ending", word_of(&end.ending).as_deref()));
        facts.push(fact("finish reasons", Some(&end.finish_reasons.join(", "))));
        facts.push(fact("error type", end.error_type.as_deref()));
        facts.push(fact("upstream", end.upstream.as_deref().or(end.cluster.as_deref())));
        facts.push(fact("attempts", Some(end.attempts.to_string()).filter(|_| end.attempts > 0).as_deref()));
        facts.push(fact("response flags", Some(&end.response_flags)));
        facts.retain(|fact| !fact.value.is_empty());
        facts
    }

    fn money(&self) -> Vec<Fact> {
        let amount = |amount: Option<PicoUsd>| amount.map(|amount| format!("{amount} USD"));
        let mut facts = vec![
            fact("held when it began", amount(self.head.hold).as_deref()),
            fact("charged to money caps", amount(self.settled).as_deref()),
        ];
        let provider = self.end.and_then(|end| end.provider_cost);
        facts.push(fact("cost the provider states", amount(provider).as_deref()));
        facts.push(fact("price found by", self.matched.map(rule)));
        facts.retain(|fact| !fact.value.is_empty());
        facts
    }

    fn phases(&self) -> Vec<Phase> {
        let Some(end) = self.end else { return Vec::new() };
        let total = end.finished_at.saturating_sub(self.head.started_at).max(1);
        let until = |at: u64| at.saturating_sub(self.head.started_at).min(total);
        let scale = |nanos: u64| {
            let scaled = u128::from(nanos).saturating_mul(1_000).checked_div(u128::from(total)).unwrap_or(0);
            u64::try_from(scaled).unwrap_or(0)
        };
        let phase = |name, class, from: u64, to: u64| Phase {
            name,
            x: scale(from),
            width: scale(to).saturating_sub(scale(from)).max(2),
            class,
            length: duration(to.saturating_sub(from)),
        };
        match end.first_token_at.map(until) {
            Some(first) => {
                vec![
                    phase("to the first token", "s2", 0, first),
                    phase("then to the end", "s1", first, total),
                ]
            }
            None => vec![phase("from start to end", "s1", 0, total)],
        }
    }
}

fn outcome(end: &CallEnd) -> String {
    let reason = end.refused.map(|refusal| format!("refused_{}", refusal.as_str()));
    reason.or_else(|| word_of(&end.outcome)).unwrap_or_default()
}

/// The word that a value has on the wire, for a person.
fn word_of(value: &impl serde::Serialize) -> Option<String> {
    serde_json::to_value(value).ok()?.as_str().map(|word| word.replace('_', " "))
}

fn fact(name: &'static str, value: Option<&str>) -> Fact {
    Fact { name, value: value.unwrap_or_default().to_owned(), source: String::new() }
}

fn attributed(name: &'static str, slot: &Option<Attributed>) -> Fact {
    let Some(Attributed { value, from }) = slot else { return fact(name, None) };
    let source = match from {
        Source::Jwt => "from a verified token",
        Source::Metadata => "from metadata",
        Source::FilterState => "from filter state",
        Source::Header => "from a trusted header",
        Source::Pattern => "from host or path",
        Source::ApiKey => "from the API key",
        Source::Baggage => "from baggage",
        Source::Traceparent => "from the trace",
        Source::Body => "from the request's body",
    };
    Fact { name, value: value.to_string(), source: source.to_owned() }
}

fn decision(decision: &CapDecision, end: Option<&CallEnd>) -> Decision {
    let stopped = end.and_then(|end| end.stopped_by.as_ref()) == Some(&decision.cap);
    let (word, class) = match if stopped { CapAnswer::Stopped } else { decision.decision } {
        CapAnswer::Held => ("held", "good"),
        CapAnswer::Refused => ("refused", "refused"),
        CapAnswer::Stopped => ("stopped in mid-stream", "refused"),
        CapAnswer::ShadowRefused => ("would have refused", "plain"),
        CapAnswer::Downgraded => ("no room, a cheaper model served", "plain"),
        CapAnswer::AllowedUnreachable => ("let through, control plane away", "bad"),
    };
    let held = match decision.cap.rsplit_once('/') {
        Some((_, "usd")) => format!("{} USD", PicoUsd::new(i128::from(decision.held))),
        Some((_, unit)) => format!("{} {unit}", decision.held),
        None => decision.held.to_string(),
    };
    Decision { cap: decision.cap.to_string(), subject: subject(&decision.subject), word, class, held }
}
