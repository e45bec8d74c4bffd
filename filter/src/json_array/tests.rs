use super::*;
use crate::frame::Event;
use crate::frame::{
    EVENT_HELD_MAX,
    tests::{Collector, Seen, check, whole},
};

fn elements(pieces: &[&[u8]]) -> (Vec<Seen>, bool) {
    let (mut framer, mut seen) = (Framer::new(), Collector::default());
    for piece in pieces {
        framer.feed(piece, &mut |event: Event<'_>| seen.take(event));
    }
    (seen.0, framer.over())
}

fn check_elements(document: &str, expected: &[&str], over: bool) {
    check(document.as_bytes(), elements, &(expected.iter().map(whole).collect(), over));
}

#[test]
fn each_element_of_the_outermost_array_is_an_event() {
    let (first, second) = (r#"{"a":[{"b":"]},{\"\\"}],"c":"\u00e9é"}"#, "{\n  \"usage\": {\"n\": 1}\n}");
    check_elements(&format!("[{first}\n,\r\n{second}\n]\n"), &[first, second], true);
    check_elements(&format!("\u{feff} \r\n[{first}\n,\r\n{second}"), &[first, second], false);
    check_elements("[]", &[], true);
}

#[test]
fn a_document_that_is_an_object_is_one_event() {
    let error = r#"{"error":{"code":429,"details":[{"a":"}"}]}}"#;
    check_elements(&format!("\n {error}\n{{\"more\":1}}"), &[error], true);
}

#[test]
fn elements_of_any_kind_are_told_apart() {
    check_elements(
        r#"[1,"a,]" , null ,[2,[3]],{"x":[]},true]"#,
        &["1", "\"a,]\"", "null", "[2,[3]]", r#"{"x":[]}"#, "true"],
        true,
    );
}

#[test]
fn what_is_neither_array_nor_object_gives_nothing() {
    for document in ["<html>[{}]</html>", "\"[{}]\"", "12", "]", "}{}"] {
        check_elements(document, &[], true);
    }
    check_elements("  ", &[], false);
}

#[test]
fn a_cut_element_is_not_given() {
    check_elements(r#"[{"a":1},{"b":"#, &[r#"{"a":1}"#], false);
    check_elements(r#"[{"a":1},{"b":"\"#, &[r#"{"a":1}"#], false);
}

#[test]
fn brackets_that_do_not_match_do_no_harm() {
    for document in ["[}]{", "[{]]]]", "[[}}}},{", "{]{", &"[".repeat(100_000)] {
        elements(&[document.as_bytes()]);
        elements(&document.as_bytes().chunks(1).collect::<Vec<_>>());
    }
}

#[test]
fn a_long_element_comes_in_pieces() {
    let long = format!(r#"{{"a":"{}"}}"#, "x".repeat(EVENT_HELD_MAX));
    let document = format!("[{{}},{long},\n{{}}]");
    check(document.as_bytes(), elements, &(vec![whole("{}"), Seen::Long(long.into()), whole("{}")], true));
}
