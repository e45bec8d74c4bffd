//! Streams that a cap ends: the same event whatever pieces they come in, and an end that the dialect's own reader takes
//! for an answer that is too short.

use super::*;
use crate::{
    exchange::{Piece, Watched},
    response::{Expected, ResponseReader},
};
use protocol::allowance::Grant;
use serde_json::json;

/// One API's stream: so many events of " moon" and no end.
struct Stream {
    dialect: Dialect,
    host: &'static str,
    path: &'static str,
    content_type: &'static str,
    reason: &'static str,
    body: Vec<u8>,
}

const EVENTS: usize = 60;

fn sse(name: bool, first: &str, event: impl Fn(usize) -> String) -> Vec<u8> {
    let documents =
        [first.to_owned()].into_iter().filter(|first| !first.is_empty()).chain((0..EVENTS).map(event));
    let named = |document: String| {
        let kind = serde_json::from_str::<serde_json::Value>(&document).unwrap()["type"].clone();
        let name = if name { format!("event: {}\n", kind.as_str().unwrap()) } else { String::new() };
        format!("{name}data: {document}\n\n")
    };
    documents.map(named).collect::<String>().into_bytes()
}

fn frame(kind: &str, payload: &str) -> Vec<u8> {
    let mut headers = vec![11];
    headers.extend(b":event-type\x07");
    headers.extend(u16::try_from(kind.len()).unwrap().to_be_bytes());
    headers.extend(kind.as_bytes());
    let long = |length: usize| u32::try_from(length).unwrap().to_be_bytes();
    let mut frame = [long(16 + headers.len() + payload.len()), long(headers.len())].concat();
    frame.extend(crc32fast::hash(&frame).to_be_bytes());
    frame.extend(headers);
    frame.extend(payload.as_bytes());
    frame.extend(crc32fast::hash(&frame).to_be_bytes());
    frame
}

#[expect(clippy::too_many_lines, reason = "a stream of each dialect")]
fn streams() -> Vec<Stream> {
    let of = |dialect, host, path, content_type, reason, body| Stream {
        dialect,
        host,
        path,
        content_type,
        reason,
        body,
    };
    let events = "text/event-stream";
    let gemini = |_| {
        r#"{"candidates":[{"content":{"parts":[{"text":" moon"}],"role":"model"},"index":0}],"responseId":"r1","modelVersion":"gemini-2.5-flash"}"#.to_owned()
    };
    let array = format!("[{}", (0..EVENTS).map(gemini).collect::<Vec<_>>().join("\n,\r\n"));
    let lines: String = (0..EVENTS).map(|_| "{\"model\":\"llama\",\"created_at\":\"2026-11-25T00:00:00Z\",\"message\":{\"role\":\"assistant\",\"content\":\" moon\"},\"done\":false}\n").collect();
    let generated: String = (0..EVENTS).map(|_| "{\"model\":\"llama\",\"created_at\":\"2026-11-25T00:00:00Z\",\"response\":\" moon\",\"done\":false}\r\n").collect();
    let frames = (0..EVENTS)
        .flat_map(|_| frame("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":" moon"}}"#));
    vec![
        of(
            Dialect::OpenaiChat,
            "api.openai.com",
            "/v1/chat/completions",
            events,
            "length",
            sse(false, "", |_| {
                r#"{"id":"c1","object":"chat.completion.chunk","created":7,"model":"gpt-4o","choices":[{"index":0,"delta":{"content":" moon"},"finish_reason":null}]}"#.to_owned()
            }),
        ),
        of(
            Dialect::OpenaiCompletions,
            "api.openai.com",
            "/v1/completions",
            events,
            "length",
            sse(false, "", |_| {
                r#"{"id":"c1","object":"text_completion","created":7,"model":"gpt-4o","choices":[{"index":0,"text":" moon","finish_reason":null}]}"#.to_owned()
            }),
        ),
        of(
            Dialect::OpenaiResponses,
            "api.openai.com",
            "/v1/responses",
            events,
            "incomplete",
            sse(
                true,
                r#"{"type":"response.created","sequence_number":0,"response":{"id":"resp_1","model":"gpt-4o","status":"in_progress"}}"#,
                |n| {
                    format!(
                        r#"{{"type":"response.output_text.delta","sequence_number":{},"item_id":"m","output_index":0,"content_index":0,"delta":" moon"}}"#,
                        n + 1
                    )
                },
            ),
        ),
        of(
            Dialect::AnthropicMessages,
            "api.anthropic.com",
            "/v1/messages",
            events,
            "max_tokens",
            sse(
                true,
                r#"{"type":"message_start","message":{"model":"claude-sonnet-4-6","usage":{"input_tokens":3,"output_tokens":1}}}"#,
                |_| {
                    r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" moon"}}"#
                        .to_owned()
                },
            ),
        ),
        of(
            Dialect::Gemini,
            "generativelanguage.googleapis.com",
            "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
            events,
            "MAX_TOKENS",
            sse(false, "", gemini),
        ),
        of(
            Dialect::Gemini,
            "generativelanguage.googleapis.com",
            "/v1beta/models/gemini-2.5-flash:streamGenerateContent",
            "application/json",
            "MAX_TOKENS",
            array.into_bytes(),
        ),
        of(
            Dialect::Ollama,
            "localhost:11434",
            "/api/chat",
            "application/x-ndjson",
            "length",
            lines.into_bytes(),
        ),
        of(
            Dialect::Ollama,
            "localhost:11434",
            "/api/generate",
            "application/x-ndjson",
            "length",
            generated.into_bytes(),
        ),
        of(
            Dialect::CohereChat,
            "api.cohere.com",
            "/v2/chat",
            events,
            "MAX_TOKENS",
            sse(true, "", |_| {
                r#"{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":" moon"}}}}"#
                    .to_owned()
            }),
        ),
        of(
            Dialect::BedrockConverse,
            "bedrock-runtime.us-east-1.amazonaws.com",
            "/model/m/converse-stream",
            "application/vnd.amazon.eventstream",
            "max_tokens",
            frames.collect(),
        ),
    ]
}

/// A cap of so many tokens, of which an unlimited request holds a tenth.
fn capped(limit: i64, grace: u8, shadow: bool) -> Snapshot {
    let cap = CapSpec {
        initial: limit,
        overrun_grace_percent: Some(grace),
        shadow,
        ..CapSpec::plain("small", Unit::Tokens, limit, Window::Day)
    };
    Snapshot { version: "1".into(), caps: vec![cap.into()], ..Snapshot::default() }
}

struct Played {
    seen: Vec<u8>,
    end: CallEnd,
    counter: protocol::allowance::Counter,
    asks: usize,
}

/// What becomes of a stream in these pieces. `grant`: what the control plane has granted when it begins. `answers`: it
/// does, when it is asked, and grants no more.
fn play_pieces<'a>(
    stream: &Stream,
    pieces: impl IntoIterator<Item = &'a [u8]>,
    snapshot: &Snapshot,
    grant: Option<i64>,
    answers: bool,
) -> Played {
    let config = Config::parse(b"").unwrap();
    let pairs: &[(&[u8], &[u8])] = &[
        (b":method", b"POST"),
        (b":authority", stream.host.as_bytes()),
        (b":path", stream.path.as_bytes()),
        (b"x-bursar-customer", b"acme"),
    ];
    let shared = InMemory::default();
    let around = Surroundings::default();
    let mut exchange =
        Exchange::begin(&config, &Headers::new(pairs), around, CallId::new(1, [0; 10]), NOW).unwrap();
    assert_eq!(exchange.dialect(), stream.dialect);
    exchange.read_request(json!({"model": "gpt-4o", "stream": true}).to_string().as_bytes());
    let step = exchange.decide(snapshot, &shared, true, Recourse::Ask, NOW).unwrap();
    assert!(matches!(step, Step::Proceed(..)), "{step:?}");
    let head: &[(&[u8], &[u8])] = &[(b":status", b"200"), (b"content-type", stream.content_type.as_bytes())];
    exchange.response_head(&Headers::new(head));
    assert_eq!(exchange.is_watched(), !snapshot.caps[0].shadow);
    if let Some(allowance) = grant {
        granted(&shared, allowance);
    }
    let watched = Watched { snapshot, shared: &shared, fast: true, away: false };
    let (mut seen, mut asks) = (Vec::new(), 0);
    for piece in pieces {
        if exchange.is_stopped() {
            break;
        }
        let Piece { replaced, ask, .. } = exchange.watched_body(piece, false, &watched, NOW + 1);
        seen.extend_from_slice(replaced.as_deref().unwrap_or(piece));
        if ask.is_some() {
            asks += 1;
            exchange.overrun_answered(answers);
        }
    }
    let end = StreamEnd { details: Some("via_upstream".to_owned()), ..StreamEnd::default() };
    let end = exchange.finish(snapshot, &shared, &end, NOW + 2).unwrap().end;
    let counter = crate::counters::update(&shared, "small", "", NOW, |counter| *counter).unwrap();
    Played { seen, end, counter, asks }
}

/// The control plane has said that there is no more than this.
fn granted(shared: &InMemory, allowance: i64) {
    let grant = Grant {
        cap: "small".into(),
        subject: "".into(),
        window_start: 1,
        window_end: u64::MAX,
        allowance,
        ttl_ms: 30_000,
        limit: allowance,
        others: 0,
        carried: 0,
        since: 0,
        denied_need: Some(1),
    };
    crate::counters::update(shared, "small", "", NOW, |counter| counter.apply(&grant, NOW)).unwrap();
}

fn facts_of(stream: &Stream, seen: &[u8]) -> crate::response::ResponseFacts {
    let head: &[(&[u8], &[u8])] = &[(b":status", b"200"), (b"content-type", stream.content_type.as_bytes())];
    let expected = Expected {
        dialect: stream.dialect,
        stream: true,
        json: false,
        several: false,
        usage_injected: false,
    };
    let mut reader = ResponseReader::new(expected, &Headers::new(head));
    reader.read(seen, true);
    reader.into_facts()
}

#[test]
fn a_stream_ends_behind_the_same_event_in_whatever_pieces_it_comes_and_its_end_can_be_read() {
    for stream in streams() {
        let place = format!("{} {}", stream.dialect.as_str(), stream.content_type);
        // All 40 tokens of the cap are what one answer may come to: 160 bytes of text, 32 events.
        let snapshot = capped(40, 0, false);
        let whole = play_pieces(&stream, [&*stream.body], &snapshot, Some(40), true);
        let facts = facts_of(&stream, &whole.seen);
        assert_eq!(
            facts.finish_reasons,
            [stream.reason.into()],
            "{place} {}",
            String::from_utf8_lossy(&whole.seen)
        );
        assert!(
            !facts.lacks_its_end && facts.unreadable_events == 0 && facts.error_type.is_none(),
            "{place}"
        );
        assert!((100..=170).contains(&facts.text.bytes), "{place}: {}", facts.text.bytes);
        assert!(whole.counter.spent <= 40 + 2 && whole.counter.held == 0, "{place}: {:?}", whole.counter);
        let CallEnd { outcome, ending, stopped_by, error_type, usage, finish_reasons, .. } = &whole.end;
        assert_eq!(
            (*outcome, *ending, &**stopped_by.as_ref().unwrap()),
            (Outcome::RefusedByCap, Ending::LocalReply, "small"),
            "{place}"
        );
        assert_eq!(error_type.as_deref(), Some("cap_overrun"), "{place}");
        assert!(!usage.complete && usage.tokens(protocol::meters::Side::Generated) > 20, "{place} {usage:?}");
        assert_eq!(finish_reasons.len(), 1, "{place}");
        for size in [1, 2, 3, 7, 64, 111] {
            let cut = play_pieces(&stream, stream.body.chunks(size), &snapshot, Some(40), true);
            assert_eq!(
                String::from_utf8_lossy(&cut.seen),
                String::from_utf8_lossy(&whole.seen),
                "{place} by {size}"
            );
            assert_eq!(cut.end, whole.end, "{place} by {size}");
        }
        for at in (0..stream.body.len()).step_by(13) {
            let (one, other) = stream.body.split_at(at);
            let cut = play_pieces(&stream, [one, other], &snapshot, Some(40), true);
            assert_eq!((cut.seen, cut.end), (whole.seen.clone(), whole.end.clone()), "{place} at {at}");
        }
    }
}

#[test]
fn while_there_is_room_a_stream_is_not_touched() {
    for stream in streams() {
        for limit in [400, 100] {
            let snapshot = capped(limit, 0, false);
            let played = play_pieces(&stream, stream.body.chunks(50), &snapshot, Some(limit), true);
            assert_eq!((played.seen, played.end.stopped_by, played.asks), (stream.body.clone(), None, 0));
            let spent = played.counter.spent;
            assert!(played.counter.held == 0 && (75..100).contains(&spent), "{:?}", played.counter);
        }
    }
}

#[test]
fn where_nobody_here_can_say_the_control_plane_is_asked_once_and_the_policy_decides_where_it_is_away() {
    let stream = &streams()[0];
    let pieces = || stream.body.chunks(200);
    let mut snapshot = capped(40, 10, false);
    let refused = play_pieces(stream, pieces(), &snapshot, None, true);
    assert_eq!((refused.asks, refused.end.stopped_by.as_deref()), (1, Some("small")));
    assert!(refused.seen.len() < stream.body.len());
    let allowed = play_pieces(stream, pieces(), &snapshot, None, false);
    assert_eq!((allowed.asks, allowed.end.stopped_by, &allowed.seen), (1, None, &stream.body));
    snapshot.when_unreachable = protocol::snapshot::Allow::Refuse;
    let refused = play_pieces(stream, pieces(), &snapshot, None, false);
    assert_eq!((refused.asks, refused.end.stopped_by.as_deref()), (1, Some("small")));
}

#[test]
fn grace_lets_a_stream_go_on_beyond_its_hold_and_a_shadow_cap_watches_no_stream() {
    let stream = &streams()[0];
    let delivered = |grace| {
        let played = play_pieces(stream, [&*stream.body], &capped(40, grace, false), Some(40), true);
        facts_of(stream, &played.seen).text.bytes
    };
    // The prompt is 8 of 40 tokens, each of four bytes; an event has five. What is above a hold can only be held where all
    // of it fits, so that half as much again is not reached to its last event.
    assert_eq!([delivered(0), delivered(10), delivered(50)].map(|bytes| bytes / 5), [26, 29, 40]);
    let watching = play_pieces(stream, [&*stream.body], &capped(40, 0, true), Some(40), true);
    assert_eq!((watching.seen, watching.end.stopped_by), (stream.body.clone(), None));
}
