//! Compressed answers, flushed after each piece, as servers do that compress streams.

use flate2::write::{GzEncoder, ZlibEncoder};
use hyper::body::Bytes;
use serde::Deserialize;
use std::io::{self, Write};

/// A content encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// `gzip`.
    Gzip,
    /// `br`.
    Br,
    /// `zstd`.
    Zstd,
    /// `deflate`, which is zlib.
    Deflate,
    /// `x-unknown`, which nobody can read; it is gzip all the same.
    #[serde(rename = "x-unknown")]
    Unknown,
}

impl Encoding {
    /// The header's value.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Br => "br",
            Self::Zstd => "zstd",
            Self::Deflate => "deflate",
            Self::Unknown => "x-unknown",
        }
    }

    /// As many pieces as came in.
    pub(super) fn encode(self, pieces: &[Bytes]) -> Vec<Bytes> {
        let fast = flate2::Compression::fast();
        let encoded = match self {
            Self::Gzip | Self::Unknown => {
                each(GzEncoder::new(Vec::new(), fast), pieces, GzEncoder::get_mut, GzEncoder::finish)
            }
            Self::Deflate => {
                each(ZlibEncoder::new(Vec::new(), fast), pieces, ZlibEncoder::get_mut, ZlibEncoder::finish)
            }
            Self::Br => {
                let encoder = brotli::CompressorWriter::new(Vec::new(), 4096, 5, 20);
                each(encoder, pieces, brotli::CompressorWriter::get_mut, |encoder| Ok(encoder.into_inner()))
            }
            Self::Zstd => zstd::stream::Encoder::new(Vec::new(), 3).and_then(|encoder| {
                each(encoder, pieces, zstd::stream::Encoder::get_mut, |this| this.finish())
            }),
        };
        encoded.expect("memory is writable")
    }
}

/// Writes and flushes each piece, and takes what has come out; what ends the whole goes with the last piece.
fn each<E: Write>(
    mut encoder: E,
    pieces: &[Bytes],
    out: impl Fn(&mut E) -> &mut Vec<u8>,
    finish: impl FnOnce(E) -> io::Result<Vec<u8>>,
) -> io::Result<Vec<Bytes>> {
    let mut encoded = Vec::new();
    for piece in pieces {
        encoder.write_all(piece)?;
        encoder.flush()?;
        encoded.push(std::mem::take(out(&mut encoder)));
    }
    let end = finish(encoder)?;
    match encoded.last_mut() {
        Some(last) => last.extend(end),
        None => encoded.push(end),
    }
    Ok(encoded.into_iter().map(Bytes::from).collect())
}
