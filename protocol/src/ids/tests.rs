use super::*;

#[test]
fn a_call_id_is_a_uuid_of_version_7_and_reads_back() {
    let id = CallId::new(0x0190_0000_0001, [0xff; 10]);
    assert_eq!(id.to_string(), "01900000-0001-7fff-bfff-ffffffffffff");
    assert_eq!(id.to_string().parse(), Ok(id));
}

#[test]
fn call_ids_sort_by_time() {
    assert!(CallId::new(1, [0xff; 10]) < CallId::new(2, [0; 10]));
}

#[test]
fn a_text_that_is_no_uuid_is_refused() {
    for text in ["", "0190", "01900000-0001-7fff-bfff-fffffffffffg", "01900000-0001-7fff-bfff-ffffffffffff00"]
    {
        assert_eq!(text.parse::<CallId>(), Err(IdError::NotUuid), "{text}");
    }
}

#[test]
fn names_are_bounded_printable_and_trimmed() {
    assert_eq!(Name::parse(b" acme ").map(|name| name.to_string()), Ok("acme".to_owned()));
    assert_eq!(Name::parse(b"  "), Err(IdError::Empty));
    assert_eq!(Name::parse(&[0xff]), Err(IdError::NotUtf8));
    assert_eq!(Name::parse(b"a\nb"), Err(IdError::ControlCharacter));
    assert_eq!(Name::parse(&[b'a'; 129]), Err(IdError::TooLong));
}

#[test]
fn a_name_in_a_log_line_is_a_hash() {
    assert!(!format!("{:?}", Name::parse(b"jane@example.com").unwrap()).contains("jane"));
}
