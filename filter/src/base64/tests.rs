use super::*;
use crate::frame::tests::check;

fn decoded(pieces: &[&[u8]]) -> (Vec<u8>, bool) {
    let (mut decoder, mut out) = (Decoder::new(), Vec::new());
    for piece in pieces {
        decoder.feed(piece, &mut |bytes| out.extend_from_slice(bytes));
    }
    (out, decoder.broken())
}

fn check_text(text: &str, bytes: &[u8], broken: bool) {
    check(text.as_bytes(), decoded, &(bytes.to_vec(), broken));
}

#[test]
fn texts_of_every_length_are_decoded_with_and_without_padding() {
    for (text, bytes) in [
        ("", &b""[..]),
        ("Zg==", b"f"),
        ("Zm8=", b"fo"),
        ("Zm9v", b"foo"),
        ("Zm9vYg==", b"foob"),
        ("Zm9vYmE=", b"fooba"),
        ("Zm9vYmFy", b"foobar"),
        ("+/+/AP8=", b"\xfb\xff\xbf\x00\xff"),
    ] {
        check_text(text, bytes, false);
        check_text(text.trim_end_matches('='), bytes, false);
    }
}

#[test]
fn the_first_byte_that_cannot_be_there_ends_it() {
    check_text("Zm9v\"YmFy", b"foo", true);
    check_text("Zm9v YmFy", b"foo", true);
    check_text("Zm-9v", b"f", true);
    check_text("Zg==Zm9v", b"f", true);
    check_text("Zg===", b"f", true);
    check_text("Zg=v", b"f", true);
    check_text("Zm9v=", b"foo", true);
    check_text("Z===", b"", true);
    check_text("\u{e9}", b"", true);
}

#[test]
fn a_long_text_is_decoded_in_pieces() {
    check_text(&"Zm9v".repeat(2_000), &b"foo".repeat(2_000), false);
}
