use super::*;

const HMAC_KEY: &str = "0123456789abcdef0123456789abcdef";

/// What the configured identity says of a request: value and source per dimension, and what is missing.
struct Asked {
    config: Config,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
    properties: Properties,
    body: Vec<(&'static str, String)>,
}

fn identity(json: &str) -> Asked {
    let config = Config::parse(format!(r#"{{"identity": {json}}}"#).as_bytes()).unwrap();
    Asked { config, headers: Vec::new(), properties: Properties::new(), body: Vec::new() }
}

impl Asked {
    fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.into(), value.as_ref().into()));
        self
    }

    fn property(mut self, path: &str, value: impl AsRef<[u8]>) -> Self {
        self.properties.insert(path.replace('|', "\0").into(), value.as_ref().into());
        self
    }

    fn field(mut self, path: &'static str, value: &str) -> Self {
        self.body.push((path, value.to_owned()));
        self
    }

    fn answer(&self) -> (Attribution, Option<Dimension>) {
        let pairs: Vec<(&[u8], &[u8])> =
            self.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
        let (mut attribution, unasked) = attribute(&self.config, &Headers::new(&pairs), &self.properties);
        let field = |path| self.body.iter().find(|(key, _)| *key == path).map(|(_, value)| value.clone());
        let missing = unasked.and_then(|unasked| {
            unasked.complete(&mut attribution, field);
            unasked.missing(&attribution)
        });
        (attribution, missing)
    }

    /// `source:value` of a dimension, or nothing.
    fn says(&self, dimension: Dimension) -> String {
        let (attribution, _) = self.answer();
        attribution.slot(dimension).as_ref().map_or_else(String::new, |Attributed { value, from }| {
            let from = serde_json::to_value(from).unwrap();
            format!("{}:{value}", from.as_str().unwrap())
        })
    }
}

#[track_caller]
fn check(asked: &Asked, dimension: Dimension, expected: &str) {
    assert_eq!(asked.says(dimension), expected);
}

const CLAIM: &str = "metadata|filter_metadata|envoy.filters.http.jwt_authn|jwt_payload|org|id";

#[test]
fn headers_name_the_dimensions_and_what_is_no_name_is_absent() {
    let asked = identity(r#"{"user": [{"header": "x-a"}, {"header": "X-B"}]}"#)
        .header("x-bursar-customer", "acme")
        .header("x-bursar-task", b"\xff")
        .header("x-a", " ")
        .header("x-b", "jane");
    check(&asked, Dimension::Customer, "header:acme");
    check(&asked, Dimension::User, "header:jane");
    check(&asked, Dimension::Task, "");
    check(&asked, Dimension::Workspace, "");
}

#[test]
fn the_first_source_that_names_it_wins() {
    let order = r#"{"customer": [{"jwt": "org.id"}, {"body": "user"}, {"header": "x-org"}, {"body": "metadata.customer"}]}"#;
    let asked = identity(order).header("x-org", "from-header").field("metadata.customer", "last");
    check(&asked, Dimension::Customer, "header:from-header");
    let asked = asked.field("user", "from-body");
    check(&asked, Dimension::Customer, "body:from-body");
    let asked = asked.property(CLAIM, "from-claim");
    check(&asked, Dimension::Customer, "jwt:from-claim");
    let asked = identity(order).field("metadata.customer", "last");
    check(&asked, Dimension::Customer, "body:last");
    let asked = identity(r#"{"customer": [{"body": "a"}, {"body": "b"}]}"#).field("b", "2").field("a", "1");
    check(&asked, Dimension::Customer, "body:1");
    check(&identity(order).header("x-bursar-customer", "nobody-asks"), Dimension::Customer, "");
}

#[test]
fn a_header_given_twice_with_two_values_names_nobody() {
    let twice = |other| {
        identity(r#"{"customer": [{"header": "x-org"}]}"#).header("x-org", "acme").header("x-org", other)
    };
    check(&twice("acme"), Dimension::Customer, "header:acme");
    check(&twice("globex"), Dimension::Customer, "");
}

#[test]
fn properties_are_read_as_what_they_are() {
    let double = |bits: u64| bits.to_le_bytes().to_vec();
    let long = vec![b'a'; 10_000];
    for (bytes, expected) in [
        (b"acme".to_vec(), "acme"),
        ("Zoë GmbH".into(), "Zoë GmbH"),
        // Eight bytes of text are no number.
        (b"workspac".to_vec(), "workspac"),
        (double(0x4045_0000_0000_0000), "42"),
        (double(0x3ff0_0000_0000_0000), "1"),
        (double(0), "0"),
        (double(0x433f_ffff_ffff_ffff), "9007199254740991"),
        (double(0x42af_ffff_ffff_fe00), "17592186044415"),
        // 42.5, -1, infinity, NaN and 2^60.
        (double(0x4045_4000_0000_0000), ""),
        (double(0xbff0_0000_0000_0000), ""),
        (double(0x7ff0_0000_0000_0000), ""),
        (double(0x7ff8_0000_0000_0000), ""),
        (double(0x43b0_0000_0000_0000), ""),
        (vec![1], "true"),
        (vec![0], "false"),
        // A list of one text, and a message, as Envoy writes them.
        (b"\x0a\x06\x1a\x04acme".to_vec(), ""),
        (b"\x0a\x0c\x0a\x02id\x12\x06\x1a\x04acme".to_vec(), ""),
        (b"ac\nme".to_vec(), ""),
        (b"acme\n".to_vec(), ""),
        (b"\xff\xfe".to_vec(), ""),
        (Vec::new(), ""),
        (long, ""),
    ] {
        let asked = identity(r#"{"customer": [{"jwt": "org.id"}]}"#).property(CLAIM, &bytes);
        let expected = if expected.is_empty() { String::new() } else { format!("jwt:{expected}") };
        assert_eq!(asked.says(Dimension::Customer), expected, "{:?}", bytes.get(..20).unwrap_or(&bytes));
    }
}

#[test]
fn each_kind_of_property_has_its_path() {
    let asked = identity(
        r#"{"customer": [{"jwt": ["https://a.example/org", "id"], "payload": "p"}],
            "workspace": [{"metadata": "a.b", "path": "c.d"}], "user": [{"filter_state": "who.is"}]}"#,
    );
    let paths: Vec<_> = asked.config.identity.sources().filter_map(IdentitySource::property).collect();
    let expected = [
        "metadata\0filter_metadata\0envoy.filters.http.jwt_authn\0p\0https://a.example/org\0id",
        "metadata\0filter_metadata\0a.b\0c\0d",
        "filter_state\0who.is",
    ];
    assert_eq!(paths, expected);
    let asked = asked.property("metadata|filter_metadata|a.b|c|d", "w").property("filter_state|who.is", "u");
    check(&asked, Dimension::Workspace, "metadata:w");
    check(&asked, Dimension::User, "filter_state:u");
    let default = identity("{}");
    assert!(default.config.identity.sources().all(|source| source.property().is_none()));
}

#[test]
fn patterns_give_one_label_or_one_segment() {
    let identity = || {
        identity(
            r#"{"customer": [{"host": "{customer}.API.example.com"}], "workspace": [{"path": "/t/{workspace}/v1"}],
                "feature": [{"path": "/t/x/{feature}"}]}"#,
        )
    };
    for (host, expected) in [
        ("acme.api.example.com", "pattern:acme"),
        ("ACME.api.example.com:8443", "pattern:acme"),
        ("a.b.api.example.com", ""),
        (".api.example.com", ""),
        ("acme.api.example.com.evil.com", ""),
        ("api.example.com", ""),
    ] {
        check(&identity().header(":authority", host), Dimension::Customer, expected);
    }
    for (path, expected) in [
        ("/t/w1/v1/chat/completions", "pattern:w1"),
        ("/t/w%31/v1/chat?x=/t/w2/v1", "pattern:w1"),
        ("/t/w1/v2/chat", ""),
        ("/t/../v1/chat", ""),
        ("/t/%0a/v1", ""),
        ("/t/%zz/v1", ""),
        ("/t//v1", ""),
        ("/x/t/w1/v1", ""),
    ] {
        check(&identity().header(":path", path), Dimension::Workspace, expected);
    }
    check(&identity().header(":path", "/t/x/search?y"), Dimension::Feature, "pattern:search");
    check(&identity().header(":path", format!("/t/x/{}", "a".repeat(10_000))), Dimension::Feature, "");
}

/// The digest is that of "sk-acme".
const KEYS: &str = r#"{"customer": [{"api_key":
    {"sha256:d5d7117ec92e9dc6d9271ec4e4e17e0ad62c4fbdb8c1bf0f4b8ea7f3a0d3f00b": "nobody", "sha256:DIGEST": "acme"}}]}"#;

fn keys() -> Asked {
    use sha2::{Digest as _, Sha256};
    let digest: String = Sha256::digest(b"sk-acme").iter().map(|byte| format!("{byte:02x}")).collect();
    identity(&KEYS.replace("DIGEST", &digest))
}

#[test]
fn an_api_key_is_known_wherever_clients_put_it() {
    for (name, value) in [
        ("authorization", "Bearer sk-acme"),
        ("authorization", "bearer  sk-acme "),
        ("x-api-key", "sk-acme"),
        ("api-key", "sk-acme"),
        ("x-goog-api-key", "sk-acme"),
        (":path", "/v1beta/models/m:generateContent?alt=sse&key=sk-acme"),
    ] {
        check(&keys().header(name, value), Dimension::Customer, "api_key:acme");
    }
    let long = "x".repeat(10_000);
    for (name, value) in [
        ("authorization", "Basic sk-acme"),
        ("authorization", "Bearer sk-acm"),
        ("authorization", &long),
        ("x-api-key", "sk-acme2"),
        (":path", "/v1?monkey=sk-acme"),
    ] {
        check(&keys().header(name, value), Dimension::Customer, "");
    }
    // A client's own key in one place does not hide the one that is known.
    let both = keys().header("authorization", "Bearer sk-other").header("x-api-key", "sk-acme");
    check(&both, Dimension::Customer, "api_key:acme");
}

#[test]
fn baggage_is_decoded_and_bounded() {
    for (baggage, expected) in [
        ("tenant=acme", "baggage:acme"),
        ("a=b, tenant = acme ;secure;x=y,c=d", "baggage:acme"),
        ("tenant=Zo%C3%AB%20GmbH", "baggage:Zoë GmbH"),
        ("tenant=acme,tenant=acme", "baggage:acme"),
        ("tenant=acme,tenant=globex", ""),
        ("xtenant=acme", ""),
        ("tenant=%f", ""),
        ("tenant=%ff", ""),
        ("tenant=a%00b", ""),
        ("tenant", ""),
        ("", ""),
    ] {
        let asked = identity(r#"{"customer": [{"baggage": "tenant"}]}"#).header("baggage", baggage);
        assert_eq!(asked.says(Dimension::Customer), expected, "{baggage}");
    }
    let asked = || identity(r#"{"customer": [{"baggage": "tenant"}]}"#);
    check(
        &asked().header("baggage", "a=b").header("baggage", "tenant=acme"),
        Dimension::Customer,
        "baggage:acme",
    );
    let long = format!("a={},tenant=acme", "b".repeat(10_000));
    check(&asked().header("baggage", long), Dimension::Customer, "");
    check(&asked().header("baggage", format!("tenant={}", "a".repeat(5_000))), Dimension::Customer, "");
}

#[test]
fn a_trace_is_a_task_where_it_is_well_formed() {
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let zeros = "0".repeat(32);
    let none = String::new();
    for (header, named) in [
        (format!("00-{trace}-00f067aa0ba902b7-01"), true),
        (format!("00-{trace}-00f067aa0ba902b7-00"), true),
        (format!("00-{zeros}-00f067aa0ba902b7-01"), false),
        (format!("00-{trace}-0000000000000000-01"), false),
        (format!("01-{trace}-00f067aa0ba902b7-01"), false),
        (format!("ff-{trace}-00f067aa0ba902b7-01"), false),
        (format!("00-{}-00f067aa0ba902b7-01", trace.to_uppercase()), false),
        (format!("00-{trace}-00f067aa0ba902b7-01-x"), false),
        (format!("00-{trace}-00f067aa0ba902b7"), false),
        (none, false),
    ] {
        let asked = identity(r#"{"task": [{"traceparent": true}]}"#).header("traceparent", &header);
        let expected = if named { format!("traceparent:{trace}") } else { String::new() };
        assert_eq!(asked.says(Dimension::Task), expected, "{header}");
    }
}

#[test]
fn a_digest_takes_the_values_place() {
    let asked = |key: &str| {
        identity(&format!(
            r#"{{"digest_key": "{key}", "user": {{"from": [{{"body": "user"}}, {{"header": "x-u"}}], "digest": true}}}}"#
        ))
    };
    // echo -n jane@example.com | openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef
    let expected = "hmac:e54ecd8285defd5c7a03f9025dba8098";
    let header = asked(HMAC_KEY).header("x-u", "jane@example.com").says(Dimension::User);
    assert_eq!(header, format!("header:{expected}"));
    let body = asked(HMAC_KEY).field("user", "jane@example.com").says(Dimension::User);
    assert_eq!(body, format!("body:{expected}"));
    let other = asked(&HMAC_KEY.replace('0', "1")).header("x-u", "jane@example.com").says(Dimension::User);
    assert_ne!(other, header);
    assert!(!format!("{:?}", asked(HMAC_KEY).config).contains(HMAC_KEY));
}

#[test]
fn what_is_required_and_not_named_is_told() {
    let asked = || {
        identity(
            r#"{"customer": {"from": [{"header": "x-org"}], "required": true}, "task": {"required": true}}"#,
        )
    };
    assert_eq!(asked().answer().1, Some(Dimension::Customer));
    assert_eq!(asked().header("x-org", "acme").answer().1, Some(Dimension::Task));
    assert_eq!(asked().header("x-org", "acme").header("x-bursar-task", "t").answer().1, None);
}

/// Names and values as a client might try them: every header that any source knows, in odd spellings.
#[test]
fn no_header_of_a_client_wins_over_a_claim() {
    let names = [
        "x-bursar-customer",
        "x-bursar-original-route",
        "x-org",
        "authorization",
        "x-api-key",
        "baggage",
        "traceparent",
        "x-jwt-payload",
        "metadata",
        "jwt_payload",
        "envoy.filters.http.jwt_authn",
        ":authority",
        ":path",
        "cookie",
    ];
    let values = [
        "globex",
        "customer=globex",
        "tenant=globex",
        "Bearer sk-acme",
        "\u{0}",
        "{\"org\":{\"id\":\"globex\"}}",
        "",
    ];
    let fallbacks = r#"[{"jwt": "org.id"}, {"header": "x-org"}, {"baggage": "tenant"}, {"body": "user"}]"#;
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut pick = |count: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % u64::try_from(count).unwrap()).unwrap()
    };
    let mut overridden = 0;
    for _ in 0..5_000 {
        let mut with = identity(&format!(r#"{{"customer": {fallbacks}}}"#));
        let mut alone = identity(r#"{"customer": [{"jwt": "org.id"}]}"#);
        for _ in 0..pick(8) {
            let (name, value) = (names[pick(names.len())], values[pick(values.len())]);
            with = with.header(name, value);
            alone = alone.header(name, value);
        }
        with = with.field("user", "globex");
        check(&alone, Dimension::Customer, "");
        overridden += usize::from(!with.says(Dimension::Customer).is_empty());
        check(&with.property(CLAIM, "acme"), Dimension::Customer, "jwt:acme");
    }
    assert!(overridden > 1_000, "the headers do name somebody where no claim does: {overridden}");
}

#[test]
fn our_headers_and_the_identity_headers_stay_inside() {
    let Asked { config, .. } =
        identity(r#"{"user": [{"header": "x-user"}], "task": [{"traceparent": true}]}"#);
    for (name, internal) in
        [("x-bursar-anything", true), ("x-user", true), ("authorization", false), ("traceparent", false)]
    {
        assert_eq!(is_internal(&config, name.as_bytes()), internal, "{name}");
    }
}
