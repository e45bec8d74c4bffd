use super::*;
use crate::{
    attempt::{Attempt, Fate, RateLimit},
    event::{CallEnd, CallHead, Ending, Outcome},
    ids::CallId,
    meters::{Meter, Usage},
};

fn head() -> CallHead {
    CallHead {
        id: CallId::new(1, [7; 10]),
        request_id: Some("r-1".into()),
        attribution: Default::default(),
        provider: "openai".into(),
        account: None,
        dialect: "openai-chat".into(),
        operation: "chat".into(),
        route: None,
        original_route: None,
        request_model: Some("gpt-4o".into()),
        downgraded_to: None,
        routed_to: None,
        request_tier: None,
        stream: true,
        output_tokens_max: Some(100),
        input_tokens_estimate: 12,
        request_text_bytes: None,
        region: None,
        started_at: 1_700_000_000_000_000_000,
        hold: "0.001".parse().ok(),
        hold_input: None,
        caps: vec![],
        loop_guard: None,
    }
}

fn lost() -> Attempt {
    Attempt {
        number: 1,
        decides: false,
        fate: Fate::Lost,
        reason: None,
        provider: Some("groq".into()),
        account: None,
        region: None,
        model: None,
        cluster: Some("spare".into()),
        upstream: Some("10.0.0.1:443".into()),
        started_at: 1_700_000_000_000_000_001,
        answered_at: None,
        ended_at: 1_700_000_000_500_000_000,
        status: 0,
        rate_limit: Some(RateLimit { requests_left: Some(1), tokens_left: None, retry_after_s: None }),
        usage: Some(Usage {
            units: [(Meter::Input, 3)].into(),
            estimated: [Meter::Input].into(),
            complete: false,
        }),
    }
}

fn finished() -> UsageEvent {
    let usage = Usage {
        units: [(Meter::Input, 3), (Meter::CacheWrite5m, 4)].into(),
        estimated: [].into(),
        complete: true,
    };
    let end = CallEnd {
        finished_at: 1_700_000_001_000_000_000,
        first_token_at: None,
        response_model: None,
        service_tier: None,
        usage,
        provider_cost: None,
        region: None,
        text_bytes: 0,
        status: 200,
        response_flags: "".into(),
        ending: Ending::Complete,
        outcome: Outcome::Ok,
        refused: None,
        finish_reasons: vec!["stop".into()],
        error_type: None,
        cluster: None,
        upstream: None,
        attempts: 1,
        tried: vec![],
        settled: None,
        stopped_by: None,
    };
    UsageEvent::Finished { head: head(), end: Box::new(end) }
}

#[test]
fn events_read_back_from_messagepack_and_from_json() {
    let mut retried = finished();
    if let UsageEvent::Finished { end, .. } = &mut retried {
        end.tried.push(lost());
    }
    for event in [UsageEvent::Started { head: head() }, finished(), retried] {
        assert_eq!(decode(&encode(&event).unwrap()), Ok(event.clone()));
        let json = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<UsageEvent>(&json).unwrap(), event);
    }
}

#[test]
fn joined_events_are_a_batch() {
    let events = vec![UsageEvent::Started { head: head() }, finished()];
    let encoded: Vec<_> = events.iter().map(|event| encode(event).unwrap()).collect();
    let batch = join_batch("n", "b", encoded.iter().map(Vec::as_slice)).unwrap();
    assert_eq!(decode(&batch), Ok(Batch { version: VERSION, node: "n".into(), boot: "b".into(), events }));
}

#[test]
fn a_field_that_this_version_does_not_know_is_skipped() {
    let mut value = serde_json::to_value(finished()).unwrap();
    value["from_the_future"] = true.into();
    value["end"]["from_the_future"] = true.into();
    assert_eq!(decode(&encode(&value).unwrap()), Ok(finished()));
}

#[test]
fn the_encoding_of_version_1_is_frozen() {
    // Read by every released filter and control plane: change it only with VERSION.
    expect_test::expect![[r#"{"kind":"finished","head":{"id":"00000000-0001-7707-8707-070707070707","request_id":"r-1","attribution":{},"provider":"openai","dialect":"openai-chat","operation":"chat","request_model":"gpt-4o","stream":true,"output_tokens_max":100,"input_tokens_estimate":12,"started_at":1700000000000000000,"hold":"0.001"},"end":{"finished_at":1700000001000000000,"usage":{"units":{"input":3,"cache_write_5m":4},"complete":true},"status":200,"ending":"complete","outcome":"ok","finish_reasons":["stop"],"attempts":1}}"#]]
    .assert_eq(&serde_json::to_string(&finished()).unwrap());
}
