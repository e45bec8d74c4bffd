//! Code within a text for people, as Markdown has it: between backticks, more of them where it has backticks itself.

/// A name or word as code.
pub(super) fn code(text: &str) -> String {
    let longest = text.split(|letter| letter != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.saturating_add(1));
    // What begins or ends with one is kept apart from the fence.
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// A text in parts, of which every other one is code, the first one not.
pub fn code_parts(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut rest = text;
    while let Some((before, fence, after)) = fence(rest) {
        let Some((inner, behind)) = closed(after, fence.len()) else {
            break;
        };
        push(&mut parts, before);
        let is_padded = fence.len() > 1 && inner.starts_with(' ') && inner.ends_with(' ');
        let inner =
            if is_padded { inner.get(1..inner.len().saturating_sub(1)).unwrap_or(inner) } else { inner };
        parts.extend([inner.to_owned(), String::new()]);
        rest = behind;
    }
    push(&mut parts, rest);
    parts
}

fn push(parts: &mut [String], text: &str) {
    if let Some(last) = parts.last_mut() {
        last.push_str(text);
    }
}

/// The first run of backticks, and what stands before and behind it.
fn fence(text: &str) -> Option<(&str, &str, &str)> {
    let begin = text.find('`')?;
    let (before, rest) = text.split_at_checked(begin)?;
    let length = rest.find(|letter| letter != '`').unwrap_or(rest.len());
    let (fence, after) = rest.split_at_checked(length)?;
    Some((before, fence, after))
}

/// What stands before the next run of so many backticks, and behind it.
fn closed(text: &str, length: usize) -> Option<(&str, &str)> {
    let mut at = 0;
    loop {
        let (before, run, behind) = fence(text.get(at..)?)?;
        let begin = at.saturating_add(before.len());
        if run.len() == length {
            return Some((text.get(..begin)?, behind));
        }
        at = begin.saturating_add(run.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_backticks_are_code_and_nothing_around_them_is() {
        for name in ["a", "a`b", "`", "``", "`a", "a``b`", "<b>", "a ` b", " a "] {
            let parts = code_parts(&format!("of {}, and {}.", code(name), code("x")));
            assert_eq!(parts, ["of ", name, ", and ", "x", "."], "{name}");
        }
        assert_eq!(code_parts("no code"), ["no code"]);
        assert_eq!(code_parts("one ` alone"), ["one ` alone"]);
        assert_eq!(code_parts("`a` and `` b"), ["", "a", " and `` b"]);
        assert_eq!(code_parts(""), [""]);
    }
}
