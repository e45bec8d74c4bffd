//! Compressed bodies: encoded bytes in any pieces become the bytes they stand for, as soon as the input allows.
//! Only reads: what goes on to the client stays as it came. What comes out is as long as the input makes it, so it
//! is given in pieces of at most 8 KiB (of a block's 128 KiB with zstd) and never gathered.

mod brotli;
mod deflate;
mod gzip;
mod zstd;

/// The input is not of its encoding, or asks for more memory than it may have.
#[derive(Debug)]
struct Broken;

/// So much is decoded before it is given.
const GIVEN_AT_ONCE: usize = 8 * 1024;

/// Decodes one body. What it holds is bounded whatever the input:
/// - gzip and deflate: 45 KiB, of which 32 KiB are the window;
/// - brotli: 20 MiB, of which 16 MiB are the largest window (large-window streams are refused) and less than 4 MiB the
///   prefix codes of one meta-block; it takes what the stream asks for, mostly 4 MiB and less;
/// - zstd: 30 MiB with the largest window of 8 MiB (a larger one is refused), 128 KiB of it a block's input; it takes
///   two to three times what has come out so far, or three windows.
#[derive(Debug)]
pub struct Decoder {
    coding: Coding,
    broken: bool,
}

#[derive(Debug)]
enum Coding {
    Gzip(gzip::Decoder),
    Deflate(deflate::Decoder),
    Brotli(brotli::Decoder),
    Zstd(zstd::Decoder),
}

impl Decoder {
    /// For the value of a `content-encoding` header. None for `identity`, for an encoding that cannot be read and for
    /// several on top of each other.
    pub fn of(content_encoding: &str) -> Option<Self> {
        let coding = match content_encoding.trim().to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => Coding::Gzip(gzip::Decoder::default()),
            "deflate" => Coding::Deflate(deflate::Decoder::default()),
            "br" => Coding::Brotli(brotli::Decoder::default()),
            "zstd" => Coding::Zstd(zstd::Decoder::default()),
            _ => return None,
        };
        Some(Self { coding, broken: false })
    }

    /// Takes the next piece, and gives what it decodes to.
    pub fn feed(&mut self, piece: &[u8], sink: &mut impl FnMut(&[u8])) {
        if self.broken {
            return;
        }
        let fed = match &mut self.coding {
            Coding::Gzip(decoder) => decoder.feed(piece, sink),
            Coding::Deflate(decoder) => decoder.feed(piece, sink),
            Coding::Brotli(decoder) => decoder.feed(piece, sink),
            Coding::Zstd(decoder) => decoder.feed(piece, sink),
        };
        if let Err(Broken) = fed {
            self.broken = true;
            // What it held is of no more use.
            self.coding = Coding::Deflate(deflate::Decoder::default());
        }
    }

    /// Whether the input broke its format, or a bound, or went on behind its end. What was given before is right as
    /// far as its checksums could tell by then; nothing is given any more.
    pub fn broken(&self) -> bool {
        self.broken
    }
}

#[cfg(test)]
mod tests;
