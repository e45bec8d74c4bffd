//! The JSON scanner and the JSON checker: both say what serde_json says.

use super::{input::Input, json_tree};
use filter::{
    json_check::JsonCheck,
    json_scan::Scanner,
    want::{TextKind, Want, anywhere, large, latest, text, value},
};
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

/// Deeper documents are read no further.
const DEPTH_MAX: usize = 512;

fn is_deep(body: &[u8]) -> bool {
    body.iter().filter(|byte| matches!(byte, b'{' | b'[')).count() > DEPTH_MAX
}

pub fn json_check(data: &[u8]) {
    let Some(input) = Input::of(data) else { return };
    let check = input.same_however_cut(&input.body, |pieces| {
        let mut check = JsonCheck::default();
        pieces.iter().for_each(|piece| check.feed(piece));
        check
    });
    if !is_deep(&input.body) {
        let is_json = serde_json::from_slice::<IgnoredAny>(&input.body).is_ok();
        assert_eq!(check.whole_documents() == Some(1), is_json);
    }
}

const WANTS: &[Want] = &[
    value("id"),
    text("choices[].*.content", TextKind::Content),
    latest("usage", 64),
    value("response.model"),
    large("error", 256),
    text("text", TextKind::Arguments),
    anywhere("cache"),
];
const WANTED: &[json_tree::Wanted] = &[
    ("id", 1, "id", "id", Some(1024)),
    ("choices[].*.content", 4, "choices", "content", None),
    ("usage", 1, "usage", "usage", Some(64)),
    ("response.model", 2, "response", "model", Some(1024)),
    ("error", 1, "error", "error", Some(256)),
    ("text", 1, "text", "text", None),
    ("cache", 0, "", "cache", Some(1024)),
];

pub fn json_scan(data: &[u8]) {
    let Some(input) = Input::of(data) else { return };
    let body = &*input.body;
    let (found, text, ended, _) = input.same_however_cut(body, |pieces| {
        let (mut scanner, mut text) = (Scanner::with_spans(WANTS), Vec::new());
        for piece in pieces {
            scanner.feed(piece, |_, piece| text.extend_from_slice(piece));
        }
        let found: Vec<_> = scanner.found().to_vec();
        assert!(found.len() <= 96 && found.iter().all(|found| found.value.len() <= 1024));
        let rest = (scanner.spans().map(<[_]>::to_vec), *scanner.media(), scanner.offset());
        (found, text, scanner.ended(), rest)
    });
    for found in &found {
        let (start, end) = (usize::try_from(found.start).unwrap(), usize::try_from(found.end).unwrap());
        assert_eq!(body[start..end], found.value, "{} is elsewhere", found.path);
    }
    if let Ok(document) = serde_json::from_slice::<&RawValue>(body)
        && !is_deep(body)
    {
        let values = found.into_iter().map(|found| (found.path, found.value)).collect();
        let expected = json_tree::found(document, WANTED);
        assert!(
            expected.is_none_or(|expected| expected == json_tree::Found { values, text }),
            "others were found"
        );
        assert_eq!(ended, document.get().starts_with(['{', '[']));
    }
}
