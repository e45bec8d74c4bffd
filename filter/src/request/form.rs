//! A `multipart/form-data` body: finds the small fields between files, and keeps no file.

use memchr::memmem::Finder;
use serde_json::{Map, Value};

/// No field that matters is longer, and no head of a part.
const FIELD_BYTES_MAX: usize = 256;
const HEAD_BYTES_MAX: usize = 2 * 1024;
const FIELDS_MAX: usize = 32;

/// Reads one form.
#[derive(Debug)]
pub(super) struct Form {
    /// What stands before each part and behind the last.
    delimiter: Finder<'static>,
    /// Bytes that may be the beginning of what is looked for.
    held: Vec<u8>,
    place: Place,
    fields: Vec<(String, String)>,
}

#[derive(Debug)]
enum Place {
    /// Before the first part, or in a part that is of no interest.
    Skipped,
    /// In the head of a part.
    Head,
    /// In a field of this name.
    Field(String),
    Over,
}

impl Form {
    /// By the content type, if it is one.
    pub(super) fn of(content_type: &str) -> Option<Self> {
        let (media_type, parameters) = content_type.split_once(';')?;
        if !media_type.trim().eq_ignore_ascii_case("multipart/form-data") {
            return None;
        }
        let boundary = parameters.split(';').find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            name.trim().eq_ignore_ascii_case("boundary").then(|| value.trim().trim_matches('"'))
        })?;
        let delimiter = Finder::new(&format!("--{boundary}")).into_owned();
        let held = Vec::new();
        Some(Self { delimiter, held, place: Place::Skipped, fields: Vec::new() })
    }

    /// Whether the last part is over.
    pub(super) fn ended(&self) -> bool {
        matches!(self.place, Place::Over)
    }

    /// Takes the next piece.
    pub(super) fn feed(&mut self, piece: &[u8]) {
        let mut bytes = std::mem::take(&mut self.held);
        bytes.extend_from_slice(piece);
        let mut rest = bytes.as_slice();
        while let Some(after) = self.step(rest) {
            rest = after;
        }
        // A head or a field is never longer than what may be held.
        let keep = match self.place {
            Place::Skipped => self.delimiter.needle().len(),
            Place::Head | Place::Field(_) => rest.len(),
            Place::Over => 0,
        };
        self.held = rest.get(rest.len().saturating_sub(keep)..).unwrap_or_default().to_vec();
    }

    /// Goes on to the next place, if it is in what there is.
    fn step<'a>(&mut self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        match &self.place {
            Place::Over => None,
            // `--` behind a delimiter says that it was the last.
            Place::Head if bytes.starts_with(b"--") => {
                self.place = Place::Over;
                None
            }
            Place::Head => {
                let Some(end) = memchr::memmem::find(up_to(bytes, HEAD_BYTES_MAX), b"\r\n\r\n") else {
                    return self.skip_if_longer(bytes, HEAD_BYTES_MAX);
                };
                let (head, after) = bytes.split_at_checked(end)?;
                self.place = field_name(head).map_or(Place::Skipped, Place::Field);
                after.get(4..)
            }
            Place::Skipped | Place::Field(_) => {
                let is_field = matches!(self.place, Place::Field(_));
                // The line end before the delimiter is not the field's.
                let longest = FIELD_BYTES_MAX.saturating_add(2).saturating_add(self.delimiter.needle().len());
                let looked_at = if is_field { up_to(bytes, longest) } else { bytes };
                let Some(at) = self.delimiter.find(looked_at) else {
                    return if is_field { self.skip_if_longer(bytes, longest) } else { None };
                };
                let (value, after) = bytes.split_at_checked(at)?;
                if let Place::Field(name) = &self.place {
                    let value = value.strip_suffix(b"\r\n").unwrap_or(value);
                    let text = std::str::from_utf8(value).ok().filter(|text| text.len() <= FIELD_BYTES_MAX);
                    if let Some(text) = text.filter(|_| self.fields.len() < FIELDS_MAX) {
                        self.fields.push((name.clone(), text.to_owned()));
                    }
                }
                self.place = Place::Head;
                after.get(self.delimiter.needle().len()..)
            }
        }
    }

    /// Where a head or a field is too long, whatever the pieces it came in, its part is of no interest.
    fn skip_if_longer<'a>(&mut self, bytes: &'a [u8], longest: usize) -> Option<&'a [u8]> {
        (bytes.len() >= longest).then(|| {
            self.place = Place::Skipped;
            bytes
        })
    }

    /// A field.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.fields.iter().rev().find(|(field, _)| field == name).map(|(_, text)| text.clone())
    }

    /// The fields as a JSON object.
    pub(super) fn as_json(&self) -> String {
        let field = |(name, text): &(String, String)| {
            let value = match text.as_str() {
                "true" | "false" => Value::Bool(text == "true"),
                text => text.parse::<u64>().map_or_else(|_| Value::String(text.to_owned()), Value::from),
            };
            (name.clone(), value)
        };
        Value::Object(self.fields.iter().map(field).collect::<Map<_, _>>()).to_string()
    }
}

fn up_to(bytes: &[u8], longest: usize) -> &[u8] {
    bytes.get(..longest).unwrap_or(bytes)
}

/// The name of a part that is no file.
fn field_name(head: &[u8]) -> Option<String> {
    let head = std::str::from_utf8(head).ok()?;
    let disposition =
        head.lines().find(|line| line.to_ascii_lowercase().starts_with("content-disposition:"))?;
    if disposition.contains("filename") {
        return None;
    }
    let (_, name) = disposition.split_once(" name=")?;
    let name = name.trim_start_matches('"');
    name.split(['"', ';']).next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: &str = "--b0\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\r\n\
        RIFF --b\r\n-- name=\"model\"\r\n\r\nx\r\n--b0\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n\
        whisper-1\r\n--b0\r\nContent-Disposition: form-data; name=\"stream\"\r\n\r\ntrue\r\n--b0--\r\n";

    fn fields(pieces: &[&[u8]]) -> (String, bool) {
        let mut form = Form::of("multipart/form-data; boundary=\"b0\"").unwrap();
        pieces.iter().for_each(|piece| form.feed(piece));
        (form.as_json(), form.ended())
    }

    #[test]
    fn fields_are_found_between_files_at_any_cut() {
        let expected = (r#"{"model":"whisper-1","stream":true}"#.to_owned(), true);
        let bytes = FORM.as_bytes();
        assert_eq!(fields(&[bytes]), expected);
        assert_eq!(fields(&bytes.chunks(1).collect::<Vec<_>>()), expected);
        for cut in 0..bytes.len() {
            let (head, tail) = bytes.split_at(cut);
            assert_eq!(fields(&[head, tail]), expected, "cut at {cut}");
        }
    }

    #[test]
    fn a_head_or_a_field_that_is_too_long_is_none_at_any_cut() {
        let long = "x".repeat(FIELD_BYTES_MAX + 1);
        let head = "y".repeat(HEAD_BYTES_MAX - 20);
        let form = format!(
            "--b0\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\n{long}\r\n--b0\r\nx-a: {head}--\r\n\
             content-disposition: form-data; name=\"prompt\"\r\n\r\nx\r\n--b0\r\n\
             content-disposition: form-data; name=\"language\"\r\n\r\nqu\r\n--b0--\r\n"
        );
        let (bytes, expected) = (form.as_bytes(), (r#"{"language":"qu"}"#.to_owned(), true));
        assert_eq!(fields(&[bytes]), expected);
        assert_eq!(fields(&bytes.chunks(1).collect::<Vec<_>>()), expected);
        for cut in 0..bytes.len() {
            let (head, tail) = bytes.split_at(cut);
            assert_eq!(fields(&[head, tail]), expected, "cut at {cut}");
        }
    }

    #[test]
    fn a_file_of_any_size_is_not_kept() {
        let mut form = Form::of("multipart/form-data; boundary=b").unwrap();
        form.feed(b"--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"x\"\r\n\r\n");
        for _ in 0..100 {
            form.feed(&[7; 100_000]);
            assert!(form.held.len() <= FIELD_BYTES_MAX);
        }
        assert!(Form::of("application/json").is_none());
    }
}
