//! Comma-separated values as an answer that browsers keep as a file.

use crate::sheet::MEDIA_TYPE;
use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};

/// As a file of that name, of which every system can store what is kept.
pub(crate) fn attached(name: &str, text: String) -> Response {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    let name: String = name.chars().map(|letter| if plain(letter) { letter } else { '-' }).collect();
    let disposition = HeaderValue::try_from(format!("attachment; filename=\"{name}.csv\""));
    let disposition = disposition.unwrap_or(HeaderValue::from_static("attachment"));
    let media = HeaderValue::from_static(MEDIA_TYPE);
    ([(header::CONTENT_TYPE, media), (header::CONTENT_DISPOSITION, disposition)], text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_a_name_that_can_be_stored() {
        let answer = attached("a/b \"c\"\r\nü", String::new());
        let disposition = answer.headers().get(header::CONTENT_DISPOSITION).unwrap();
        assert_eq!(disposition, "attachment; filename=\"a-b--c----.csv\"");
    }
}
