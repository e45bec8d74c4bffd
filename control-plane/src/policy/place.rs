//! Where in a text the values stand that were found faulty only when nothing but their paths was known any more.

use super::{
    Fault,
    fault::{Faults, Place},
    tree::{self, Located, Node, below},
};

/// The same faults, each at the line and column of its value.
pub(super) fn placed(mut faults: Vec<Fault>, text: &str) -> Vec<Fault> {
    let root = tree::read(&[("", text)], &mut Faults::new(Vec::new()));
    for fault in &mut faults {
        if let Some(Place { line, column, .. }) = place(&root, "", &fault.path) {
            (fault.line, fault.column) = (line, column);
        }
    }
    faults
}

fn place(value: &Located, path: &str, wanted: &str) -> Option<Place> {
    if path == wanted {
        return Some(value.place);
    }
    // What does not begin so is not on the way.
    if !wanted.starts_with(path) {
        return None;
    }
    match &value.node {
        Node::Map(entries) => {
            entries.iter().find_map(|(key, inner)| place(inner, &below(path, &key.text), wanted))
        }
        Node::List(items) => {
            let mut items = items.iter().enumerate();
            items.find_map(|(index, inner)| place(inner, &format!("{path}[{index}]"), wanted))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::policy::{Policy, parse_over};

    #[test]
    fn an_address_that_nobody_knows_is_told_with_its_line() {
        let text = "version: 1\ndestinations:\n  a: {url: \"https://a.b/c\", kind: slack}\n  ops:\n    kind: slack\n    \
                    url: https://hooks.slack.com/…00d1\n";
        let faults = parse_over(text, "p", &Policy::default()).unwrap_err();
        let places: Vec<_> = faults.iter().map(|fault| (&*fault.path, fault.line, fault.column)).collect();
        assert_eq!(places, [("destinations.ops.url", 6, 10)]);
    }
}
