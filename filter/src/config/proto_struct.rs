//! Reads a serialised `google.protobuf.Struct` as JSON. Envoy 1.40 hands a plugin configuration written as a Struct
//! over in its binary form, as measured; as a StringValue it hands over the text.
//! <https://protobuf.dev/programming-guides/encoding/>

use serde_json::{Map, Number, Value};

/// More nesting than any configuration has; protobuf's own parsers stop at 100.
const DEPTH_MAX: u32 = 32;

/// The Struct as a JSON object, or `None` where the bytes are no Struct.
pub(super) fn read(bytes: &[u8]) -> Option<Value> {
    fields(bytes, DEPTH_MAX).map(Value::Object)
}

enum Wire<'a> {
    Varint(u64),
    Double(f64),
    Bytes(&'a [u8]),
}

fn fields(mut bytes: &[u8], depth: u32) -> Option<Map<String, Value>> {
    let mut object = Map::new();
    while !bytes.is_empty() {
        let (1, Wire::Bytes(mut entry)) = field(&mut bytes)? else { return None };
        let (mut key, mut value) = (String::new(), Value::Null);
        while !entry.is_empty() {
            match field(&mut entry)? {
                (1, Wire::Bytes(text)) => key = String::from_utf8(text.to_vec()).ok()?,
                (2, Wire::Bytes(bytes)) => value = read_value(bytes, depth.checked_sub(1)?)?,
                _ => return None,
            }
        }
        object.insert(key, value);
    }
    Some(object)
}

fn read_value(mut bytes: &[u8], depth: u32) -> Option<Value> {
    let mut value = Value::Null;
    while !bytes.is_empty() {
        value = match field(&mut bytes)? {
            (1, Wire::Varint(_)) => Value::Null,
            (2, Wire::Double(number)) => number_of(number)?,
            (3, Wire::Bytes(text)) => Value::String(String::from_utf8(text.to_vec()).ok()?),
            (4, Wire::Varint(flag)) => Value::Bool(flag != 0),
            (5, Wire::Bytes(object)) => Value::Object(fields(object, depth)?),
            (6, Wire::Bytes(list)) => list_of(list, depth)?,
            _ => return None,
        };
    }
    Some(value)
}

fn list_of(mut bytes: &[u8], depth: u32) -> Option<Value> {
    let mut list = Vec::new();
    while !bytes.is_empty() {
        let (1, Wire::Bytes(item)) = field(&mut bytes)? else { return None };
        list.push(read_value(item, depth.checked_sub(1)?)?);
    }
    Some(Value::Array(list))
}

/// A Struct knows only doubles; a whole one is meant as a whole number.
fn number_of(number: f64) -> Option<Value> {
    let text = format!("{number}");
    match text.parse::<u64>() {
        Ok(whole) => Some(Value::from(whole)),
        Err(_) => Number::from_f64(number).map(Value::Number),
    }
}

fn field<'a>(bytes: &mut &'a [u8]) -> Option<(u64, Wire<'a>)> {
    let tag = varint(bytes)?;
    let wire = match tag & 7 {
        0 => Wire::Varint(varint(bytes)?),
        1 => Wire::Double(f64::from_le_bytes(take(bytes, 8)?.try_into().ok()?)),
        2 => {
            let length = usize::try_from(varint(bytes)?).ok()?;
            Wire::Bytes(take(bytes, length)?)
        }
        _ => return None,
    };
    Some((tag >> 3, wire))
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = *take(bytes, 1)?.first()?;
        value |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (piece, rest) = bytes.split_at_checked(count)?;
    *bytes = rest;
    Some(piece)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tagged(tag: u8, payload: &[u8]) -> Vec<u8> {
        [&[tag, u8::try_from(payload.len()).unwrap()], payload].concat()
    }

    fn entry(key: &str, value: &[u8]) -> Vec<u8> {
        tagged(10, &[tagged(10, key.as_bytes()), tagged(18, value)].concat())
    }

    #[test]
    fn a_struct_is_read_as_the_json_it_was_written_from() {
        let number = [&[17_u8], 262_144_f64.to_le_bytes().as_slice()].concat();
        let list = tagged(50, &[tagged(10, &tagged(26, b"x")), tagged(10, &[32, 1])].concat());
        let bytes = [
            entry("admission", &tagged(42, &entry("body_hold_bytes", &number))),
            entry("list", &list),
            entry("nothing", &[8, 0]),
        ]
        .concat();
        let expected = serde_json::json!({"admission": {"body_hold_bytes": 262_144}, "list": ["x", true], "nothing": null});
        assert_eq!(read(&bytes), Some(expected));
        for cut in 1..bytes.len() {
            assert_ne!(read(&bytes[..cut]), read(&bytes), "cut at {cut}");
        }
    }

    #[test]
    fn what_is_no_struct_is_none() {
        for bytes in [b"{\"role\": \"call\"}".as_slice(), &[10, 255], &[0xff; 20], b"x"] {
            assert_eq!(read(bytes), None, "{bytes:?}");
        }
    }
}
