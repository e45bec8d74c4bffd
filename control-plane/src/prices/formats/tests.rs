use super::*;

#[test]
fn a_format_is_known_by_its_shape() {
    let cases = [
        (
            r#"{"sample_spec": {"mode": "chat"}, "m": {"litellm_provider": "p"}}"#,
            Some(CatalogueFormat::Litellm),
        ),
        (r#"{"data": [{"id": "m", "pricing": {}}]}"#, Some(CatalogueFormat::Openrouter)),
        (r#"{"openai": {"id": "openai", "models": {"m": {}}}}"#, Some(CatalogueFormat::ModelsDev)),
        (r#"[{"id": "openai", "models": []}]"#, Some(CatalogueFormat::GenaiPrices)),
        ("# ours\nversion: 1\nprices:\n  - provider: p\n", Some(CatalogueFormat::Yaml)),
        (r#"{"prices": [{"provider": "p"}]}"#, Some(CatalogueFormat::Yaml)),
        ("\u{feff}provider,model,meter,usd_per_mtok\n", Some(CatalogueFormat::Csv)),
        ("[]", None),
        ("{}", None),
        ("hello", None),
        ("", None),
    ];
    for (text, format) in cases {
        assert_eq!(detect(text), format, "{text}");
    }
}

#[test]
fn own_files_have_names_of_their_own_that_no_catalogue_may_take() {
    let name =
        |format, given| source_name(format, given).map(String::from).map_err(|error| error.to_string());
    assert_eq!(name(CatalogueFormat::Litellm, None).unwrap(), "litellm");
    assert_eq!(name(CatalogueFormat::Litellm, Some("mirror")).unwrap(), "mirror");
    assert!(name(CatalogueFormat::Litellm, Some("file:x")).is_err());
    assert!(name(CatalogueFormat::ModelsDev, Some("own")).is_err());
    assert_eq!(name(CatalogueFormat::Yaml, None).unwrap(), "own");
    assert_eq!(name(CatalogueFormat::Csv, Some("contracts.csv")).unwrap(), "file:contracts.csv");
    assert_eq!(name(CatalogueFormat::Yaml, Some("file:x")).unwrap(), "file:x");
    assert!(is_own("own") && is_own("file:x") && !is_own("litellm"));
}

#[test]
fn a_text_that_is_not_what_it_is_said_to_be_is_refused_whole() {
    for format in CatalogueFormat::ALL {
        assert!(read("\"nothing\"", format, "s", 1).is_err(), "{format:?}");
        assert_eq!(format.as_str().parse(), Ok(format));
    }
    assert!("xml".parse::<CatalogueFormat>().is_err());
}
