//! Base64 and the content encodings: what was encoded comes back, however it is cut, and what is broken ends.

use super::input::Input;
use filter::{base64, encoding};
use miniz_oxide::deflate::{compress_to_vec, compress_to_vec_zlib};

pub fn base64(data: &[u8]) {
    let Some(input) = Input::of(data) else { return };
    let decoded = |text: &[u8]| {
        input.same_however_cut(text, |pieces| {
            let (mut decoder, mut out) = (base64::Decoder::new(), Vec::new());
            pieces.iter().for_each(|piece| decoder.feed(piece, &mut |bytes| out.extend_from_slice(bytes)));
            (out, decoder.broken())
        })
    };
    let (out, _) = decoded(&input.body);
    assert!(out.len() <= input.body.len());
    let mut text = in_base64(&input.body);
    assert_eq!(decoded(text.as_bytes()), (input.body.to_vec(), false));
    text.truncate(text.trim_end_matches('=').len());
    assert_eq!(decoded(text.as_bytes()), (input.body.to_vec(), false), "without its padding");
}

/// Encoded, with its padding.
pub fn in_base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits = group.iter().chain([&0; 2]).take(3).fold(0, |bits, byte| bits << 8 | usize::from(*byte));
        for place in 0..4 {
            let digit = ALPHABET[bits >> (18 - 6 * place) & 63];
            text.push(if place <= group.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

/// The names that the decoder knows.
pub const ENCODINGS: [&str; 4] = ["gzip", "deflate", "br", "zstd"];
/// What is put into the decoder may come out a thousand times longer.
const OUT_BYTES_MAX: usize = 4 * 1024 * 1024;

pub fn encoding(data: &[u8]) {
    let Some(input) = Input::of(data) else { return };
    let body = &*input.body;
    let name = input.choose(0, &ENCODINGS);
    let whole = decoded(name, &[body]);
    if whole.0.len() > OUT_BYTES_MAX {
        return;
    }
    input.same_however_cut(body, |pieces| {
        let (out, broken) = decoded(name, pieces);
        // What came out before it broke depends on how much went in at once.
        let common = out.len().min(whole.0.len());
        assert!(out[..common] == whole.0[..common], "other bytes");
        (if broken { Vec::new() } else { out }, broken)
    });
    for (name, packed) in [
        ("gzip", in_gzip(body)),
        ("deflate", compress_to_vec_zlib(body, 6)),
        ("deflate", compress_to_vec(body, 6)),
    ] {
        let out = input.same_however_cut(&packed, |pieces| decoded(name, pieces));
        assert_eq!(out, (body.to_vec(), false), "{name}");
    }
}

fn decoded(name: &str, pieces: &[&[u8]]) -> (Vec<u8>, bool) {
    let (mut decoder, mut out) = (encoding::Decoder::of(name).unwrap(), Vec::new());
    for piece in pieces {
        decoder.feed(piece, &mut |bytes| {
            assert!(bytes.len() <= 128 * 1024, "gathered");
            if out.len() <= OUT_BYTES_MAX {
                out.extend_from_slice(bytes);
            }
        });
    }
    (out, decoder.broken())
}

/// Packed, as a server would.
pub fn in_gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff".to_vec();
    packed.extend(compress_to_vec(bytes, 6));
    packed.extend(crc32fast::hash(bytes).to_le_bytes());
    packed.extend(u32::try_from(bytes.len()).unwrap().to_le_bytes());
    packed
}
