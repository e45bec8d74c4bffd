//! What a scanner is to find in a document, worked out from the whole of it.

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// A wanted value: its path, how many containers are around it (0: any number), the outermost key and its own, how many
/// of its bytes are kept, or that it is text.
pub type Wanted = (&'static str, u16, &'static str, &'static str, Option<usize>);

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Found {
    pub values: Vec<(&'static str, Vec<u8>)>,
    pub text: Vec<u8>,
}

/// As the scanner's documentation has it.
const FOUND_MAX: usize = 96;
const FOUND_NESTED_MAX: usize = 64;

/// Finds them, where all keys are text.
pub fn found(document: &RawValue, wanted: &[Wanted]) -> Option<Found> {
    let mut found = Found::default();
    descend(document, 0, "", wanted, &mut found)?;
    Some(found)
}

fn descend(container: &RawValue, depth: u16, top: &str, wanted: &[Wanted], found: &mut Found) -> Option<()> {
    let text = container.get();
    if text.starts_with('{') {
        // A key with half a surrogate pair is none that this can read.
        let Ok(members) = serde_json::from_str::<Members<'_>>(text) else { return None };
        for (key, value) in members.0 {
            let top = if depth == 0 { key.as_str() } else { top };
            member(value, depth + 1, top, &key, wanted, found)?;
        }
    } else if text.starts_with('[') {
        let elements: Vec<&RawValue> = serde_json::from_str(text).unwrap();
        elements.into_iter().try_for_each(|element| descend(element, depth + 1, top, wanted, found))?;
    }
    Some(())
}

fn member(
    value: &RawValue,
    depth: u16,
    top: &str,
    key: &str,
    wanted: &[Wanted],
    found: &mut Found,
) -> Option<()> {
    let text = value.get();
    let fits = |want: &&Wanted| want.3 == key && (want.1 == 0 || (want.1 == depth && want.2 == top));
    let room = if depth == 1 { FOUND_MAX } else { FOUND_NESTED_MAX };
    match wanted.iter().find(fits) {
        Some((.., None)) if text.starts_with('"') => {
            found.text.extend_from_slice(&text.as_bytes()[1..text.len() - 1]);
        }
        Some((path, .., Some(bytes_max))) if found.values.len() < room => {
            if text.len() <= *bytes_max {
                found.values.push((*path, text.as_bytes().to_vec()));
            }
        }
        _ => return descend(value, depth, top, wanted, found),
    }
    Some(())
}

/// The members of an object in their order, repeated ones too.
pub struct Members<'a>(pub Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Members<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}
