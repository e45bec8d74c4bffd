//! Streams that are cut: the repository's own recordings of every dialect, cut at every offset, by the client, by the
//! provider and by time.

use super::*;
use serde_json::Value;
use std::{fs, path::PathBuf};

struct Stream {
    name: String,
    about: Value,
    body: Vec<u8>,
}

/// Every recorded stream that the provider began with a 200.
fn streams() -> Vec<Stream> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/recordings");
    let mut streams = Vec::new();
    for dialect in fs::read_dir(root).unwrap().flatten() {
        for file in fs::read_dir(dialect.path()).unwrap().flatten() {
            let path = file.path();
            let name = format!("{}/{}", dialect.file_name().display(), file.file_name().display());
            if !name.contains("stream") || !name.ends_with(".json") {
                continue;
            }
            let about: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            if about["status"] == 200 {
                streams.push(Stream { name, about, body: fs::read(path.with_extension("body")).unwrap() });
            }
        }
    }
    streams
}

/// Plays a stream of which so much arrives.
fn play_cut(stream: &Stream, arrives: usize, cut: &StreamEnd, shared: &InMemory) -> CallEnd {
    let text = |key: &str| stream.about[key].as_str().unwrap_or("").to_owned();
    let (host, path, content_type) = (text("host"), text("path"), text("content_type"));
    let head: &[(&[u8], &[u8])] = &[
        (b":method", b"POST"),
        (b":authority", host.as_bytes()),
        (b":path", path.as_bytes()),
        (b"x-bursar-customer", b"acme"),
    ];
    let config = Config::parse(b"").unwrap();
    let id = CallId::new(1, [0; 10]);
    let mut exchange =
        Exchange::begin(&config, &Headers::new(head), Surroundings::default(), id, NOW).unwrap();
    exchange.read_request(stream.about["request"].to_string().as_bytes());
    let snapshot = snapshot(1_000_000_000_000);
    exchange.decide(&snapshot, shared, true, Recourse::Unreachable, NOW).unwrap();
    let head: &[(&[u8], &[u8])] = &[(b":status", b"200"), (b"content-type", content_type.as_bytes())];
    exchange.response_head(&Headers::new(head));
    exchange.response_body(&stream.body[..arrives], false, || NOW + 1);
    exchange.finish(&snapshot, shared, cut, NOW + 2).unwrap().end
}

#[test]
fn a_stream_cut_anywhere_by_anybody_is_a_finished_call_and_never_more_than_the_whole() {
    let cuts = [
        (Ending::ClientAbort, 0x4000, "downstream_remote_disconnect"),
        (Ending::UpstreamReset, 0x80_0000, "upstream_reset_after_response_started{protocol_error}"),
        (Ending::Timeout, 0x4, "response_timeout"),
    ];
    let streams = streams();
    assert!(streams.len() > 80, "{} streams", streams.len());
    for stream in &streams {
        let expected = &stream.about["expected"]["tokens"];
        // Every offset of all of them takes half a minute; an odd step meets each kind of place.
        let step = if stream.body.len() < 500 { 1 } else { stream.body.len() / 97 };
        for (position, arrives) in (0..stream.body.len()).step_by(step).enumerate() {
            let (ending, flags, details) = cuts[position % 3];
            let cut =
                StreamEnd { flags, details: Some(details.to_owned()), attempts: 1, ..StreamEnd::default() };
            let shared = InMemory::default();
            let end = play_cut(stream, arrives, &cut, &shared);
            let place = format!("{} cut at {arrives}: {:?}", stream.name, end.usage);
            assert_eq!(end.ending, ending, "{place}");
            assert!(!end.usage.units.is_empty(), "{place}");
            for (meter, units) in &end.usage.units {
                let whole = expected[meter.as_str()].as_u64().unwrap_or(0);
                let reported = end.usage.complete && !end.usage.estimated.contains(meter);
                assert!(!reported || *units == whole, "complete, and not the whole: {place}");
            }
            let counter =
                crate::counters::update(&shared, "acme-day/usd", "customer=acme", NOW, |counter| *counter);
            assert_eq!(counter.unwrap().held, 0, "{place}");
        }
    }
}
