use super::*;
use crate::frame::tests::check;
use miniz_oxide::{
    DataFormat, MZFlush,
    deflate::{core::CompressorOxide, stream::deflate},
};

const EVENTS: [&str; 3] = [
    "data: {\"choices\":[{\"delta\":{\"content\":\"Hello\"}}]}\n\n",
    "data: {\"choices\":[{\"delta\":{\"content\":\" world\"}}]}\n\n",
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":2}}\n\n",
];

/// The events as encoded by python3 (gzip and zlib by its own zlib, the others by brotli 1.2 and zstandard 0.25),
/// flushed behind each, and the stream's end.
const FLUSHED: [(&str, [&str; 4]); 5] = [
    (
        "gzip",
        [
            "1f8b08000000000000034a492c49b452a8564acec8cf4c4e2d56b28aae564a49cd294954b2020ae6e795a4e69528592979a4e6e4e42bd5d6c6d6727101000000ffff",
            "4a214e8b42797e514e0a540f000000ffff",
            "c2d413aba3545a9c989e0ad25450949f5b50125f929f9d9a0794b3d4011a935b90935a92999f071735aa059a03000000ffff",
            "030049f4d0e4af000000",
        ],
    ),
    (
        "deflate",
        [
            "789c4a492c49b452a8564acec8cf4c4e2d56b28aae564a49cd294954b2020ae6e795a4e69528592979a4e6e4e42bd5d6c6d6727101000000ffff",
            "4a214e8b42797e514e0a540f000000ffff",
            "c2d413aba3545a9c989e0ad25450949f5b50125f929f9d9a0794b3d4011a935b90935a92999f071735aa059a03000000ffff",
            "0300873e3bef",
        ],
    ),
    (
        "Deflate",
        [
            "4a492c49b452a8564acec8cf4c4e2d56b28aae564a49cd294954b2020ae6e795a4e69528592979a4e6e4e42bd5d6c6d6727101000000ffff",
            "4a214e8b42797e514e0a540f000000ffff",
            "c2d413aba3545a9c989e0ad25450949f5b50125f929f9d9a0794b3d4011a935b90935a92999f071735aa059a03000000ffff",
            "0300",
        ],
    ),
    (
        "br",
        [
            "0b1900000454399fd053c1011dfc39d132d8800387c4f2691be9f6be3345c8124f30aff802d887c3ee4db34e2fed573200",
            "9801004002240b59c4982caeecc85a6000",
            "38020040ec725d899f258dd49d2c18b7ad02879cc3d9120df2b42dd880a300b3e6c1ce2822766ed7fc98f51e4c199f85641f53d9253200",
            "03",
        ],
    ),
    (
        "zstd",
        [
            "28b52ffd0458980100646174613a207b2263686f69636573223a5b7b2264656c7461223a7b22636f6e74656e74223a2248656c6c6f227d7d5d7d0a0a",
            "9c00006820776f726c64227d7d5d7d0a0a01006ca980",
            "bc0100d4025d2c227573616765223a7b2270726f6d70745f746f6b656e73223a392c22636f6d706c6574696f6e327d7d0a0a0200c859d4f59415",
            "010000a4a59567",
        ],
    ),
];

fn bytes(hex: &str) -> Vec<u8> {
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    hex.as_bytes().chunks(2).map(byte).collect()
}

fn encoded(encoding: &str) -> Vec<u8> {
    let (_, parts) = FLUSHED.iter().find(|(name, _)| *name == encoding).unwrap();
    bytes(&parts.concat())
}

/// What came out, and whether the decoder gave up.
fn decoded(encoding: &str, pieces: &[&[u8]]) -> (Vec<u8>, bool) {
    let mut decoder = Decoder::of(encoding).unwrap();
    let mut out = Vec::new();
    for piece in pieces {
        decoder.feed(piece, &mut |bytes| out.extend_from_slice(bytes));
    }
    (out, decoder.broken())
}

fn check_decoded(encoding: &str, body: &[u8], expected: impl AsRef<[u8]>, broken: bool) {
    check(body, |pieces| decoded(encoding, pieces), &(expected.as_ref().to_vec(), broken));
}

#[test]
fn encodings_are_told_by_name() {
    for name in ["gzip", "X-GZip", "deflate", "BR", " zstd "] {
        assert!(Decoder::of(name).is_some(), "{name}");
    }
    for name in ["", "identity", "compress", "gzip, br", "dcb"] {
        assert!(Decoder::of(name).is_none(), "{name}");
    }
}

#[test]
fn what_was_flushed_comes_out_at_once() {
    for (encoding, parts) in FLUSHED {
        let mut decoder = Decoder::of(encoding).unwrap();
        for (position, part) in parts.iter().enumerate() {
            let mut out = Vec::new();
            decoder.feed(&bytes(part), &mut |decoded| out.extend_from_slice(decoded));
            let expected = EVENTS.get(position).copied().unwrap_or_default();
            assert_eq!(String::from_utf8(out).unwrap(), expected, "{encoding}");
            assert!(!decoder.broken(), "{encoding}");
        }
    }
}

#[test]
fn every_cut_gives_the_same_bytes() {
    for (encoding, parts) in FLUSHED {
        check_decoded(encoding, &bytes(&parts.concat()), EVENTS.concat(), false);
    }
}

#[test]
fn a_body_that_ends_early_gives_what_it_has() {
    for (encoding, parts) in FLUSHED {
        let body = bytes(&parts.concat());
        for end in 0..body.len() {
            let (out, broken) = decoded(encoding, &[&body[..end]]);
            assert!(EVENTS.concat().as_bytes().starts_with(&out) && !broken, "{encoding} ends at {end}");
        }
    }
}

#[test]
fn what_follows_the_end_is_not_read() {
    for (encoding, parts) in FLUSHED {
        let body = [bytes(&parts.concat()), b"more bytes".to_vec()].concat();
        check_decoded(encoding, &body, EVENTS.concat(), true);
    }
}

#[test]
fn what_is_not_of_the_encoding_gives_nothing() {
    for encoding in ["gzip", "br", "zstd"] {
        check_decoded(encoding, b"{\"error\":\"not encoded\"}", "", true);
        check_decoded(encoding, b"", "", false);
    }
    // Nearly all bytes are some bare deflate; these are a block of no known type.
    check_decoded("deflate", b"\x07 ", "", true);
    check_decoded("deflate", b"", "", false);
}

#[test]
fn a_gzip_header_may_have_all_its_parts_and_members_may_follow_each_other() {
    let plain = encoded("gzip");
    let header = [b"\x1f\x8b\x08\x1f\0\0\0\0\0\xff", &b"\x03\0abcname\0comment\0\x12\x34"[..]].concat();
    let full = [&header, &plain[10..]].concat();
    check_decoded("gzip", &[&*full, &plain, &full].concat(), EVENTS.concat().repeat(3), false);
    let bare_extra = [b"\x1f\x8b\x08\x04\0\0\0\0\0\xff\0\0", &plain[10..]].concat();
    check_decoded("x-gzip", &bare_extra, EVENTS.concat(), false);
}

#[test]
fn a_wrong_gzip_trailer_or_header_is_noticed() {
    let plain = encoded("gzip");
    for at in plain.len() - 8..plain.len() {
        let mut body = plain.clone();
        body[at] ^= 1;
        check_decoded("gzip", &[body, plain.clone()].concat(), EVENTS.concat(), true);
    }
    for (at, byte) in [(0, 0), (1, 0), (2, 7), (3, 0x20), (3, 0x80)] {
        let mut body = plain.clone();
        body[at] = byte;
        check_decoded("gzip", &body, "", true);
    }
}

#[test]
fn a_long_body_comes_out_in_bounded_pieces() {
    let text = "0123456789".repeat(100_000);
    let mut compressor = Box::<CompressorOxide>::default();
    compressor.set_format_and_level(DataFormat::Zlib, 6);
    let mut body = vec![0; 100_000];
    let result = deflate(&mut compressor, text.as_bytes(), &mut body, MZFlush::Finish);
    body.truncate(result.bytes_written);
    let mut decoder = Decoder::of("deflate").unwrap();
    let mut out = Vec::new();
    decoder.feed(&body, &mut |bytes| {
        assert!(bytes.len() <= GIVEN_AT_ONCE);
        out.extend_from_slice(bytes);
    });
    assert!(!decoder.broken() && out == text.as_bytes());
}

#[test]
fn brotli_gives_all_that_a_piece_decodes_to_at_once() {
    // A meta-block of 33,000 bytes as they are, and no end.
    let text = vec![b'x'; 33_000];
    let body = [b"\x70\x0e\x18".as_slice(), &text].concat();
    assert_eq!(decoded("br", &[&body]), (text.clone(), false));
    assert_eq!(decoded("br", &body.chunks(1).collect::<Vec<_>>()), (text, false));
}

#[test]
fn brotli_with_a_large_window_is_refused() {
    check_decoded("br", b"\x11\x1e\x03", "", true);
}

const ZSTD: &[u8] = b"\x28\xb5\x2f\xfd";

#[test]
fn zstd_frames_may_follow_each_other_and_others_are_skipped() {
    let plain = encoded("zstd");
    let skipped = [b"\x53\x2a\x4d\x18\x05\0\0\0", &b"5 by."[..]].concat();
    let empty = b"\x50\x2a\x4d\x18\0\0\0\0";
    let body = [&*skipped, &plain, empty, &skipped, &plain].concat();
    check_decoded("zstd", &body, EVENTS.concat().repeat(2), false);
    // One segment, its size told in one, two, four and eight bytes.
    for size in [&b"\x20\x03"[..], b"\x60\x03\0", b"\xa0\x03\0\0\0", b"\xe0\x03\0\0\0\0\0\0\0"] {
        // Bytes as they are, one repeated, and none in the last block.
        let frame = [ZSTD, size, b"\x18\0\0abc\x1a\0\0d\x01\0\0"].concat();
        check_decoded("zstd", &frame, "abcddd", false);
    }
}

#[test]
fn zstd_that_asks_for_too_much_is_refused() {
    let block = b"\x09\0\0a";
    // Windows of 8 MiB and of the next size.
    check_decoded("zstd", &[ZSTD, b"\0\x68", block].concat(), "a", false);
    check_decoded("zstd", &[ZSTD, b"\0\x69", block].concat(), "", true);
    check_decoded("zstd", &[ZSTD, b"\0\xff", block].concat(), "", true);
    check_decoded("zstd", &[ZSTD, b"\xe0\xff\xff\xff\xff\xff\xff\xff\xff", block].concat(), "", true);
    // A dictionary, a reserved bit, a reserved block, a block past 128 KiB.
    check_decoded("zstd", &[ZSTD, b"\x01\x50\x07", block].concat(), "", true);
    check_decoded("zstd", &[ZSTD, b"\x08\x50", block].concat(), "", true);
    check_decoded("zstd", &[ZSTD, b"\0\x50\x0f\0\0a"].concat(), "", true);
    check_decoded("zstd", &[ZSTD, b"\0\x50\x0b\0\x10a"].concat(), "", true);
}

#[test]
fn zstd_output_past_the_window_is_forgotten_and_the_window_kept() {
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};
    let text: String = (0..400_000).map(|number| format!("{}\n", number % 4_999)).collect();
    let body = compress_to_vec(text.as_bytes(), CompressionLevel::Fastest);
    for size in [body.len(), 1_000] {
        let (out, broken) = decoded("zstd", &body.chunks(size).collect::<Vec<_>>());
        assert!(out == text.as_bytes() && !broken);
    }
}

/// Steps through the same damage every time.
fn damaged(body: &[u8], seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    let mut body = body.to_vec();
    for _ in 0..=next(4) {
        let at = next(body.len());
        match next(4) {
            0 => body[at] ^= 1 << next(8),
            1 => body[at] = u8::try_from(next(256)).unwrap(),
            2 => {
                body.remove(at);
            }
            _ => body.insert(at, u8::try_from(next(256)).unwrap()),
        }
    }
    body
}

#[test]
fn damaged_bodies_do_no_harm() {
    for (encoding, parts) in FLUSHED {
        let body = bytes(&parts.concat());
        for seed in 0..300 {
            let damaged = damaged(&body, seed);
            let mut decoder = Decoder::of(encoding).unwrap();
            let mut length = 0;
            for piece in damaged.chunks(17) {
                decoder.feed(piece, &mut |bytes| length += bytes.len());
            }
            assert!(length <= 64 * 1024 * 1024, "{encoding} {seed}");
        }
    }
}
