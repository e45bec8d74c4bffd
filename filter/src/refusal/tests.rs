use super::*;
use protocol::cap::Window;

const NOW: UnixNanos = 1_795_491_000_500_000_000;

fn cap(change: impl FnOnce(&mut RefusingCap)) -> Refused {
    let mut cap = RefusingCap {
        name: "acme-month".into(),
        unit: Unit::Usd,
        limit: 30_000_000_000_000,
        window: Window::Month,
        resets_at: Some(NOW + 59_500_000_000),
        larger_than_cap: false,
        waiting_helps: false,
        fullness_percent: 101,
    };
    change(&mut cap);
    Refused { cap: Some(cap), ..Refused::because(Refusal::Cap) }
}

fn worded(refused: &Refused) -> (u16, String, Vec<String>) {
    let reply = reply(Dialect::OpenaiChat, refused, CallId::new(1, [0; 10]), NOW);
    let body: Value = serde_json::from_str(&reply.body).unwrap();
    let headers = reply.headers.iter().skip(3).map(|(name, value)| format!("{name}: {value}")).collect();
    (reply.status, body["error"]["message"].as_str().unwrap().to_owned(), headers)
}

#[test]
fn a_reached_cap_is_named_with_its_window_and_reset_and_is_not_worth_a_retry() {
    let (status, message, headers) = worded(&cap(|_| {}));
    assert_eq!(status, 429);
    assert_eq!(
        message,
        "The cap \"acme-month\" of 30 USD per month is reached; it resets at 2026-11-24T03:31:00Z (call 00000000-0001-7000-8000-000000000000)"
    );
    assert_eq!(headers, ["x-bursar-budget: 1.01", "retry-after: 60", "x-should-retry: false"]);
}

#[test]
fn a_cap_held_by_open_calls_is_worth_a_retry_soon() {
    let (_, message, headers) = worded(&cap(|cap| cap.waiting_helps = true));
    assert!(message.contains("is held by calls that are still open"), "{message}");
    assert_eq!(headers, ["x-bursar-budget: 1.01", "retry-after: 1"]);
}

#[test]
fn a_call_larger_than_its_cap_gets_its_own_error() {
    let (_, message, headers) = worded(&cap(|cap| cap.larger_than_cap = true));
    assert!(message.contains("This call alone needs more than the cap"), "{message}");
    assert_eq!(headers, ["x-bursar-budget: 1.01", "x-should-retry: false"]);
}

#[test]
fn the_reply_has_openais_shape() {
    let reply = reply(Dialect::OpenaiChat, &cap(|_| {}), CallId::new(1, [0; 10]), NOW);
    let body: Value = serde_json::from_str(&reply.body).unwrap();
    assert_eq!(
        (&body["error"]["type"], &body["error"]["code"]),
        (&"insufficient_quota".into(), &"bursar_cap_reached".into())
    );
    assert!(reply.headers.contains(&("x-bursar-refused", "cap".to_owned())));
}

#[test]
fn instants_are_civil_dates() {
    for (seconds, text) in [
        (0, "1970-01-01T00:00:00Z"),
        (951_782_399, "2000-02-28T23:59:59Z"),
        (951_868_800, "2000-03-01T00:00:00Z"),
        (1_709_164_800, "2024-02-29T00:00:00Z"),
    ] {
        assert_eq!(rfc_3339(seconds * 1_000_000_000), text);
    }
}
