mod cuts;
mod dialects;
mod overrun;

pub(crate) use super::end::blank_end;
use super::*;
use crate::counters::tests::InMemory;
use protocol::{
    attribution::{Attributed, Attribution, Dimension, Source},
    cap::{CapSpec, Facet, SubjectMatch, Unit, Window},
    event::{CallEnd, Ending, Outcome, Refusal},
    meters::{Meter, UsageSource},
    money::{PicoUsd, PicoUsdPerUnit},
    price::{ModelPrices, PriceBook, Rate},
    snapshot::UnpricedRule,
};

const NOW: UnixNanos = 1_795_491_000_000_000_000;

pub(crate) fn call_head(id: CallId) -> CallHead {
    let config = Config::parse(b"").unwrap();
    let headers: &[(&[u8], &[u8])] = &[(b":method", b"POST"), (b":path", b"/v1/chat/completions")];
    let exchange =
        Exchange::begin(&config, &Headers::new(headers), Surroundings::default(), id, NOW).unwrap();
    exchange.head.as_ref().clone()
}

/// gpt-4o at 2.50 and 10 USD per million, and a cap of `limit` pico-dollars a day on customer acme.
pub(crate) fn snapshot(limit: i64) -> Snapshot {
    let rate = |meter, pico| Rate::plain(1, meter, PicoUsdPerUnit::new(pico));
    let prices = ModelPrices {
        rates: vec![rate(Meter::Input, 2_500_000), rate(Meter::Output, 10_000_000)],
        output_tokens_max: Some(16_384),
    };
    let models = [("gpt-4o".into(), prices)].into();
    let cap = CapSpec {
        id: "acme-day/usd".into(),
        subject: [(Facet::Customer, SubjectMatch::Is("acme".parse().unwrap()))].into(),
        initial: limit,
        ..CapSpec::plain("acme-day", Unit::Usd, limit, Window::Day)
    };
    Snapshot {
        version: "1".into(),
        caps: vec![cap.into()],
        prices: PriceBook { exact: [("openai".into(), models)].into(), ..PriceBook::default() },
        ..Snapshot::default()
    }
}

pub(crate) fn acme() -> Attribution {
    let mut attribution = Attribution::default();
    attribution.set(Dimension::Customer, Attributed { value: "acme".parse().unwrap(), from: Source::Header });
    attribution
}

struct Script<'a> {
    method: &'a str,
    path: &'a str,
    request: &'a str,
    status: &'a str,
    content_type: &'a str,
    response: &'a str,
    /// How much of the response arrives.
    arrives: usize,
    end: StreamEnd,
}

impl Default for Script<'_> {
    fn default() -> Self {
        Self {
            method: "POST",
            path: "/v1/chat/completions",
            request: r#"{"model":"gpt-4o","messages":[],"max_tokens":100}"#,
            status: "200",
            content_type: "application/json",
            response: r#"{"model":"gpt-4o","choices":[{"finish_reason":"stop"}],"usage":{"prompt_tokens":1000,"completion_tokens":10}}"#,
            arrives: usize::MAX,
            end: StreamEnd::default(),
        }
    }
}

/// Plays a call of customer acme and gives its end, or the refusal, and what its cap has spent and held.
fn play(
    script: &Script<'_>,
    snapshot: &Snapshot,
    shared: &InMemory,
) -> (Option<CallEnd>, Option<LocalReply>, (i64, i64)) {
    let config = Config::parse(b"").unwrap();
    let pairs: &[(&[u8], &[u8])] = &[
        (b":method", script.method.as_bytes()),
        (b":path", script.path.as_bytes()),
        (b"x-bursar-customer", b"acme"),
    ];
    let id = CallId::new(1, [0; 10]);
    let mut exchange =
        Exchange::begin(&config, &Headers::new(pairs), Surroundings::default(), id, NOW).unwrap();
    exchange.read_request(script.request.as_bytes());
    let mut reply = None;
    match exchange.decide(snapshot, shared, true, Recourse::Unreachable, NOW).unwrap() {
        Step::Proceed(..) | Step::Pass => {
            let head: &[(&[u8], &[u8])] =
                &[(b":status", script.status.as_bytes()), (b"content-type", script.content_type.as_bytes())];
            if script.arrives > 0 {
                exchange.response_head(&Headers::new(head));
                let bytes = script.response.as_bytes();
                let arrived = script.arrives.min(bytes.len());
                exchange.response_body(&bytes[..arrived], arrived == bytes.len(), || NOW + 1);
            }
        }
        Step::Refuse(local_reply) => reply = Some(local_reply),
        Step::Ask(_) => panic!("cannot ask"),
    }
    let finished = exchange.finish(snapshot, shared, &script.end, NOW + 2);
    let end = finished.map(|finished| finished.end);
    let counter =
        crate::counters::update(shared, "acme-day/usd", "customer=acme", NOW, |counter| *counter).unwrap();
    (end, reply, (counter.spent, counter.held))
}

const CUT: StreamEnd = StreamEnd { flags: 0x4000, details: None, cluster: None, upstream: None, attempts: 1 };
const STREAM: &str = "data: {\"model\":\"gpt-4o\",\"choices\":[{\"delta\":{\"content\":\"12345678\"},\"finish_reason\":null}]}\n\ndata: [DONE]\n\n";

#[test]
fn a_call_is_settled_with_what_it_cost() {
    let (end, _, counter) = play(&Script::default(), &snapshot(1_000_000_000_000), &InMemory::default());
    let end = end.unwrap();
    assert_eq!((end.outcome, end.ending, end.usage.complete), (Outcome::Ok, Ending::Complete, true));
    assert_eq!(end.settled.unwrap().to_string(), "0.0026");
    assert_eq!(counter, (2_600_000_000, 0));
}

#[test]
fn a_cut_stream_keeps_the_input_and_what_was_delivered_estimated() {
    let script = Script {
        content_type: "text/event-stream",
        response: STREAM,
        arrives: STREAM.len() - 5,
        end: CUT,
        ..Script::default()
    };
    let (end, _, counter) = play(&script, &snapshot(1_000_000_000_000), &InMemory::default());
    let end = end.unwrap();
    assert_eq!(
        (end.outcome, end.usage.source(), end.usage.complete),
        (Outcome::ClientAborted, UsageSource::Estimated, false)
    );
    assert_eq!(end.usage.units, [(Meter::Input, 13), (Meter::Output, 2)].into());
    assert_eq!(end.first_token_at, Some(NOW + 1));
    assert_eq!(counter, (13 * 2_500_000 + 2 * 10_000_000, 0));
}

#[test]
fn nothing_stays_held_however_a_call_ends() {
    for flags in [0, 0x4, 0x20, 0x40, 0x4000, 0x8000, 0x80_0000] {
        for arrives in [0, 1, 60, usize::MAX] {
            for status in ["200", "429", "502"] {
                let shared = InMemory::default();
                let end = StreamEnd { flags, ..CUT };
                let script = Script { status, arrives, end, ..Script::default() };
                let (end, _, counter) = play(&script, &snapshot(1_000_000_000_000), &shared);
                assert_eq!(counter.1, 0, "{flags:x} {arrives} {status}: {end:?}");
                assert!(end.is_some());
            }
        }
    }
}

#[test]
fn a_providers_error_costs_nothing_and_a_connection_that_failed_neither() {
    let snapshot = snapshot(1_000_000_000_000);
    let response = r#"{"error":{"message":"m","type":"server_error","code":"overloaded"}}"#;
    let script = Script { status: "500", response, ..Script::default() };
    let (end, _, counter) = play(&script, &snapshot, &InMemory::default());
    let end = end.unwrap();
    assert_eq!(
        (end.outcome, end.error_type.as_deref(), end.settled),
        (Outcome::Error, Some("overloaded"), Some(PicoUsd::ZERO))
    );
    assert_eq!((end.usage.units.len(), end.usage.complete, counter), (0, true, (0, 0)));
    let script = Script {
        status: "503",
        response: "no healthy upstream",
        content_type: "text/plain",
        end: StreamEnd { flags: 0x20, ..CUT },
        ..Script::default()
    };
    let end = play(&script, &snapshot, &InMemory::default()).0.unwrap();
    assert_eq!(
        (end.outcome, end.ending, end.settled),
        (Outcome::Error, Ending::LocalReply, Some(PicoUsd::ZERO))
    );
}

#[test]
fn an_answer_that_cannot_be_read_has_no_cost_rather_than_none() {
    let script = Script { content_type: "audio/mpeg", ..Script::default() };
    let end = play(&script, &snapshot(1_000_000_000_000), &InMemory::default()).0.unwrap();
    assert_eq!((end.usage.source(), end.usage.complete, end.settled), (UsageSource::None, false, None));
}

#[test]
fn a_full_cap_refuses_and_the_refusal_is_recorded_at_no_cost() {
    let shared = InMemory::default();
    // Each call holds 100 output tokens and 13 input tokens: 0.0010325 USD of 0.002.
    let limit = 2_000_000_000;
    let (_, reply, counter) = play(&Script::default(), &snapshot(limit), &shared);
    assert!(reply.is_none());
    assert_eq!(counter, (2_600_000_000, 0), "what it cost above its hold is kept as debt");
    let mut refusing = snapshot(limit);
    refusing.when_unreachable = protocol::snapshot::Allow::Refuse;
    let (end, reply, counter) = play(&Script::default(), &refusing, &shared);
    assert_eq!(reply.map(|reply| reply.status), Some(503));
    let end = end.unwrap();
    assert_eq!((end.outcome, end.settled, end.status), (Outcome::RefusedByPolicy, Some(PicoUsd::ZERO), 503));
    assert_eq!(counter, (2_600_000_000, 0));
}

fn unattributed() -> Exchange {
    let head: &[(&[u8], &[u8])] = &[(b":method", b"POST"), (b":path", b"/v1/chat/completions")];
    let config = Config::parse(b"").unwrap();
    let id = CallId::new(1, [0; 10]);
    Exchange::begin(&config, &Headers::new(head), Surroundings::default(), id, NOW).unwrap()
}

#[test]
fn a_call_that_no_cap_is_about_holds_nothing() {
    let mut exchange = unattributed();
    let step = exchange.decide(&snapshot(1), &InMemory::default(), true, Recourse::Ask, NOW);
    assert!(matches!(step, Some(Step::Proceed(..))));
    assert_eq!(exchange.fullness_percent(), None);
}

#[test]
fn what_the_client_sees_of_an_abandoned_request_is_no_event() {
    let exchange = unattributed();
    assert!(exchange.finish(&snapshot(1), &InMemory::default(), &CUT, NOW).is_none());
}

#[test]
fn a_request_too_long_to_hold_still_tells_its_model_when_its_end_comes() {
    let mut exchange = unattributed();
    exchange.read_request(br#"{"messages":["#);
    let mut snapshot = snapshot(1);
    snapshot.unpriced = UnpricedRule::Refuse;
    let step = exchange.decide(&snapshot, &InMemory::default(), true, Recourse::CannotWait, NOW);
    assert!(matches!(step, Some(Step::Proceed(..))), "not read yet is not unpriced");
    assert!(exchange.reads_on());
    exchange.read_passing(br#"],"model":"gpt-4o","stream":true}"#, true);
    let finished = exchange.finish(&snapshot, &InMemory::default(), &CUT, NOW).unwrap();
    let head = finished.head;
    assert_eq!((head.request_model.as_deref(), head.stream), (Some("gpt-4o"), true));
}

/// A call of acme under a cap that allows nothing before its first grant.
fn must_ask() -> (Exchange, Snapshot) {
    let mut exchange = unattributed();
    Rc::make_mut(&mut exchange.head).attribution = acme();
    exchange.read_request(br#"{"model":"gpt-4o","max_tokens":1}"#);
    let mut snapshot = snapshot(1_000_000_000_000);
    snapshot.caps =
        snapshot.caps.iter().map(|cap| CapSpec { initial: 0, ..(**cap).clone() }.into()).collect();
    (exchange, snapshot)
}

#[test]
fn a_full_queue_also_refuses_a_call_that_waits_for_an_allowance() {
    let (mut exchange, snapshot) = must_ask();
    let step = exchange.decide(&snapshot, &InMemory::default(), true, Recourse::Ask, NOW);
    assert!(matches!(step, Some(Step::Ask(_))), "{step:?}");
    assert!(matches!(exchange.refuse(Refusal::Unreachable, NOW), Some(Step::Refuse(_))));
    assert!(exchange.finish(&snapshot, &InMemory::default(), &CUT, NOW).is_some());
}

#[test]
fn a_cap_that_is_gone_stops_no_call_that_waits_for_it() {
    let (mut exchange, mut snapshot) = must_ask();
    snapshot.when_unreachable = protocol::snapshot::Allow::Refuse;
    exchange.decide(&snapshot, &InMemory::default(), true, Recourse::Ask, NOW);
    exchange.forget_caps(&["acme-day/usd".into()]);
    let step = exchange.decide(&snapshot, &InMemory::default(), true, Recourse::Asked, NOW);
    assert!(matches!(step, Some(Step::Proceed(..))), "{step:?}");
}
