//! Exports as their providers write them, and what is said of those that they do not.

use super::*;

fn read_all(provider: Provider, files: &[&str]) -> Result<Theirs, Fault> {
    let mut theirs = Theirs::default();
    for (file, number) in files.iter().zip(1..) {
        read(provider, (&format!("{number}.txt"), file), &TimeZone::UTC, &mut theirs)?;
    }
    Ok(theirs)
}

type Told<'a> = (&'a str, &'a [(Meter, Place, u64)], &'a [(Option<Meter>, &'a str)]);

/// What one day's export says, model by model.
fn check(provider: Provider, files: &[&str], expected: &[Told<'_>]) -> Theirs {
    let theirs = read_all(provider, files).unwrap();
    let expected: BTreeMap<(Day, Box<str>), TheirsCell> = expected
        .iter()
        .map(|(model, units, costs)| {
            let units = units.iter().map(|(meter, place, units)| ((*meter, place.clone()), *units)).collect();
            let costs = costs.iter().map(|(meter, cost)| (*meter, usd(cost))).collect();
            ((DAY, (*model).into()), TheirsCell { units, costs })
        })
        .collect();
    assert_eq!(theirs.cells, expected);
    theirs
}

fn fault(provider: Provider, files: &[&str]) -> String {
    let Fault { path, message } = read_all(provider, files).unwrap_err();
    format!("{path}: {message}")
}

pub(super) const OPENAI_USAGE: &str = r#"{"object": "page", "data": [
  {"object": "bucket", "start_time": 1795132800, "end_time": 1795219200, "results": [
    {"object": "organization.usage.completions.result", "input_tokens": 1000, "output_tokens": 500,
     "input_cached_tokens": 800, "input_audio_tokens": 50, "output_audio_tokens": 0, "num_model_requests": 5,
     "project_id": null, "user_id": null, "api_key_id": null, "model": "gpt-4o-2024-08-06", "batch": false,
     "service_tier": null},
    {"object": "organization.usage.completions.result", "input_tokens": 10, "output_tokens": 20, "model": "gpt-4o-2024-08-06",
     "batch": true}]}],
  "has_more": false, "next_page": null}"#;

const OPENAI_COSTS: &str = r#"{"object": "page", "has_more": false, "data": [
  {"object": "bucket", "start_time": 1795132800, "end_time": 1795219200, "results": [
    {"object": "organization.costs.result", "amount": {"value": 0.06, "currency": "usd"},
     "line_item": "gpt-4o-2024-08-06, input", "project_id": null},
    {"object": "organization.costs.result", "amount": {"value": "1.5e-3", "currency": "usd"},
     "line_item": "priority | gpt-4o-2024-08-06, cached input, long context"},
    {"object": "organization.costs.result", "amount": {"value": 0.0123456789012345, "currency": "usd"},
     "line_item": "gpt-audio-mini-2025-12-15 audio, input"},
    {"object": "organization.costs.result", "amount": {"value": 1, "currency": "usd"},
     "line_item": "web search tool calls"}]}]}"#;

#[test]
fn openai_usage_and_costs_are_put_together() {
    let units = [
        (Meter::Input, home(), 150),
        (Meter::Input, tier("batch"), 10),
        (Meter::CacheRead, home(), 800),
        (Meter::Output, home(), 500),
        (Meter::Output, tier("batch"), 20),
        (Meter::AudioIn, home(), 50),
    ];
    let costs = [(Some(Meter::Input), "0.06"), (Some(Meter::CacheRead), "0.0015")];
    let theirs = check(
        Provider::OpenAi,
        &[OPENAI_USAGE, OPENAI_COSTS],
        &[
            ("gpt-4o-2024-08-06", &units, &costs),
            ("gpt-audio-mini-2025-12-15", &[], &[(Some(Meter::AudioIn), "0.012345678901")]),
            ("web search tool calls", &[], &[(None, "1")]),
        ],
    );
    assert!(theirs.has_places && theirs.is_rounded);
    assert_eq!(theirs.days().len(), 1);
}

#[test]
fn anthropic_tells_tokens_and_cents() {
    let usage = r#"{"data": [{"starting_at": "2026-11-20T00:00:00Z", "ending_at": "2026-11-21T00:00:00Z", "results": [
        {"uncached_input_tokens": 1500, "cache_creation": {"ephemeral_1h_input_tokens": 1000, "ephemeral_5m_input_tokens": 500},
         "cache_read_input_tokens": 200, "output_tokens": 500, "server_tool_use": {"web_search_requests": 10},
         "api_key_id": null, "workspace_id": null, "model": "claude-opus-4-20250514", "service_tier": "standard",
         "context_window": "0-200k", "inference_geo": "us"}]}], "has_more": false, "next_page": null}"#;
    let costs = r#"{"data": [{"starting_at": "2026-11-20T00:00:00Z", "ending_at": "2026-11-21T00:00:00Z", "results": [
        {"currency": "USD", "amount": "123.78912", "workspace_id": null, "description": "Claude Opus 4 Usage - Input Tokens",
         "cost_type": "tokens", "context_window": "0-200k", "model": "claude-opus-4-20250514", "service_tier": "standard",
         "token_type": "uncached_input_tokens"},
        {"currency": "USD", "amount": "0.5", "description": "Web Search Usage", "cost_type": "web_search", "model": null,
         "token_type": null}]}], "has_more": false}"#;
    let place = Place { tier: None, region: Some("us".into()) };
    let units = [
        (Meter::Input, place.clone(), 1_500),
        (Meter::CacheRead, place.clone(), 200),
        (Meter::CacheWrite5m, place.clone(), 500),
        (Meter::CacheWrite1h, place.clone(), 1_000),
        (Meter::Output, place.clone(), 500),
        (Meter::WebSearch, place, 10),
    ];
    check(
        Provider::Anthropic,
        &[costs, usage],
        &[
            ("Web Search Usage", &[], &[(Some(Meter::WebSearch), "0.005")]),
            ("claude-opus-4-20250514", &units, &[(Some(Meter::Input), "1.2378912")]),
        ],
    );
}

#[test]
fn openrouter_is_read_as_the_api_answers_and_as_the_console_exports() {
    let json = r#"{"data": [{"date": "2026-11-20", "model": "openai/gpt-4.1", "model_permaslug": "openai/gpt-4.1-2025-04-14",
        "endpoint_id": "e", "provider_name": "OpenAI", "usage": 0.015, "byok_usage_inference": 0.012, "requests": 5,
        "prompt_tokens": 50, "completion_tokens": 125, "reasoning_tokens": 25}]}"#;
    let units = [(Meter::Input, home(), 50), (Meter::Output, home(), 125)];
    let theirs = check(Provider::OpenRouter, &[json], &[("openai/gpt-4.1", &units, &[(None, "0.015")])]);
    assert!(theirs.is_by_side);
    let csv = "generation_id,created_at,cost_total,cost_cache,tokens_prompt,tokens_completion,tokens_reasoning,model_permaslug,provider_name\n\
        g1,2026-11-20 02:37:51.271,0.01,0.0,20,100,0,openai/gpt-4.1,OpenAI\n\
        g2,2026-11-20 03:37:51.271,0.005,-0.005,30,25,0,openai/gpt-4.1,OpenAI\n";
    check(Provider::OpenRouter, &[csv], &[("openai/gpt-4.1", &units, &[(None, "0.015")])]);
    assert_eq!(
        fault(Provider::OpenRouter, &[csv, csv]),
        "2.txt:2: this row was told in 1.txt:2 before; it would count twice"
    );
    let broken = csv.replace("0.005,", "free,");
    assert_eq!(fault(Provider::OpenRouter, &[&broken]), "1.txt:3: cost_total: `free` is no decimal number");
}

const CUR: &str = "identity/LineItemId,lineItem/LineItemType,lineItem/UsageStartDate,lineItem/ProductCode,lineItem/UsageType,\
    lineItem/UsageAmount,lineItem/CurrencyCode,lineItem/UnblendedCost,pricing/unit,product/regionCode\n\
    a,Usage,2026-11-20T00:00:00Z,AmazonBedrock,USE1-Claude3.5Sonnet-input-tokens,12.5,USD,0.0375,1K tokens,us-east-1\n\
    b,Usage,2026-11-20T00:00:00Z,AmazonBedrock,USE1-Claude3.5Sonnet-cache-read-input-token-count,4,USD,0.0012,1K tokens,us-east-1\n\
    c,Usage,2026-11-20T01:00:00Z,AmazonBedrock,USE1-Claude3.5Sonnet-output-tokens-batch,1,USD,0.0075,1K tokens,us-east-1\n\
    d,Tax,2026-11-20T00:00:00Z,AmazonBedrock,,1,USD,0.01,,\n\
    e,Usage,2026-11-20T00:00:00Z,AmazonEC2,BoxUsage:t3.micro,1,USD,0.01,Hrs,us-east-1\n";

#[test]
fn aws_reports_are_read_in_both_their_columns() {
    let model = "anthropic.claude-3-5-sonnet-20240620-v1:0";
    let newer = CUR
        .replace("identity/LineItemId", "identity_line_item_id")
        .replace("lineItem/LineItemType", "line_item_line_item_type");
    let newer =
        ["UsageStartDate", "ProductCode", "UsageType", "UsageAmount", "CurrencyCode", "UnblendedCost"]
            .iter()
            .fold(newer, |text, name| {
                let snake = name.chars().fold(String::new(), |mut text, letter| {
                    if letter.is_uppercase() {
                        text.push('_');
                    }
                    text.extend(letter.to_lowercase());
                    text
                });
                text.replace(&format!("lineItem/{name}"), &format!("line_item{snake}"))
            });
    let newer =
        newer.replace("pricing/unit", "pricing_unit").replace("product/regionCode", "product_region_code");
    for text in [CUR, &newer] {
        let theirs = read_all(Provider::Bedrock, &[text]).unwrap();
        assert_eq!(theirs.left_out, 2);
        let names = Names::new(BTreeMap::new(), [model, "anthropic.claude-3-haiku-20240307-v1:0"]);
        let theirs = theirs.renamed(|text| names.find(text)).unwrap();
        let place =
            |tier: Option<&str>| Place { tier: tier.map(Into::into), region: Some("us-east-1".into()) };
        let units = BTreeMap::from([
            ((Meter::Input, place(None)), 12_500),
            ((Meter::CacheRead, place(None)), 4_000),
            ((Meter::Output, place(Some("batch"))), 1_000),
        ]);
        let costs = [(Meter::Input, "0.0375"), (Meter::CacheRead, "0.0012"), (Meter::Output, "0.0075")];
        let costs = costs.map(|(meter, cost)| (Some(meter), usd(cost))).into();
        assert_eq!(theirs.cells, BTreeMap::from([((DAY, model.into()), TheirsCell { units, costs })]));
    }
    let unit = CUR.replace("12.5,USD,0.0375,1K tokens", "12.5,USD,0.0375,Bananas");
    assert_eq!(fault(Provider::Bedrock, &[&unit]), "1.txt:2: `12.5` in `Bananas` is no number of tokens");
}

#[test]
fn focus_is_read_as_azure_and_google_fill_it() {
    let azure = "BilledCost,BillingCurrency,ChargeCategory,ChargeDescription,ChargePeriodStart,ConsumedQuantity,ConsumedUnit,\
        PricingQuantity,PricingUnit,RegionId,ServiceName,SkuMeter\n\
        0.25,USD,Usage,,2026-11-20T00:00:00Z,100,1K,,,swedencentral,Azure OpenAI,gpt 4o mini 0718 Inp glbl\n\
        0.3,USD,Usage,,2026-11-20T00:00:00Z,,,0.5,1M,swedencentral,Azure OpenAI,gpt 4o 0806 Outp glbl\n\
        9,USD,Purchase,,2026-11-20T00:00:00Z,,,1,1,,Azure OpenAI,commitment\n";
    let theirs = read_all(Provider::Azure, &[azure]).unwrap();
    let names = Names::new(BTreeMap::new(), ["gpt-4o-2024-08-06", "gpt-4o-mini-2024-07-18"]);
    let theirs = theirs.renamed(|text| names.find(text)).unwrap();
    let place = Place { tier: None, region: Some("swedencentral".into()) };
    let cell = |meter, units, cost| TheirsCell {
        units: BTreeMap::from([((meter, place.clone()), units)]),
        costs: BTreeMap::from([(Some(meter), usd(cost))]),
    };
    let expected = [
        ("gpt-4o-2024-08-06", cell(Meter::Output, 500_000, "0.3")),
        ("gpt-4o-mini-2024-07-18", cell(Meter::Input, 100_000, "0.25")),
    ];
    assert_eq!(theirs.cells, expected.map(|(model, cell)| ((DAY, model.into()), cell)).into());
    let google = "BilledCost,EffectiveCost,BillingCurrency,ChargeCategory,ChargeDescription,ChargePeriodStart,ConsumedQuantity,\
        ConsumedUnit,RegionId,ServiceName\n\
        1,0.75,USD,Usage,Gemini 2.5 Flash Lite Text Input - Predictions,2026-11-20 00:00:00,2000000,count,,Vertex AI\n";
    let theirs = read_all(Provider::Vertex, &[google]).unwrap();
    let names = Names::new(BTreeMap::new(), ["gemini-2.5-flash", "gemini-2.5-flash-lite"]);
    let theirs = theirs.renamed(|text| names.find(text)).unwrap();
    let told = theirs.cells.get(&(DAY, "gemini-2.5-flash-lite".into())).unwrap();
    assert_eq!(told.units, BTreeMap::from([((Meter::Input, home()), 2_000_000)]));
    assert_eq!(
        told.costs,
        BTreeMap::from([(Some(Meter::Input), usd("0.75"))]),
        "what is effective, not what is billed"
    );
    let euro = azure.replace("0.3,USD", "0.3,EUR");
    assert_eq!(fault(Provider::Azure, &[&euro]), "1.txt:3: is in `EUR`, not in USD");
}

#[test]
fn a_name_that_two_models_fit_is_nobodys_unless_somebody_says_so() {
    let models = ["anthropic.claude-3-5-sonnet-20240620-v1:0", "anthropic.claude-3-5-sonnet-20241022-v2:0"];
    let text = "USE1-Claude3.5Sonnet-input-tokens";
    assert_eq!(Names::new(BTreeMap::new(), models).find(text), None);
    let said = BTreeMap::from([("Claude3.5Sonnet".into(), models[1].into())]);
    assert_eq!(Names::new(said, models).find(text).as_deref(), Some(models[1]));
}

#[test]
fn a_bucket_that_is_told_twice_is_a_fault_and_not_counted_double() {
    let said = fault(Provider::OpenAi, &[OPENAI_USAGE, OPENAI_COSTS, OPENAI_USAGE]);
    assert_eq!(
        said,
        "3.txt:2: the bucket of usage from 2026-11-20T00:00:00Z was told in 1.txt:2 before; it would count twice"
    );
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    let wrong = OPENAI_USAGE.replace("\"output_tokens\": 500", "\"output_tokens\": \"many\"");
    let said = fault(Provider::OpenAi, &[&wrong]);
    assert!(said.starts_with("1.txt:3: invalid type: string \"many\", expected u64"), "{said}");
    let said = fault(Provider::OpenAi, &[&OPENAI_COSTS.replace("1.5e-3", "little")]);
    assert!(said.starts_with("1.txt:5: `little` is no decimal number"), "{said}");
    let said = fault(Provider::OpenAi, &[OPENAI_COSTS.split_at(200).0]);
    assert!(said.starts_with("1.txt:3: EOF"), "{said}");
    let said = fault(
        Provider::OpenAi,
        &[&OPENAI_USAGE.replace("\"input_cached_tokens\": 800", "\"input_cached_tokens\": 8000")],
    );
    assert!(
        said.starts_with("1.txt:3: gpt-4o-2024-08-06: cached and audio tokens are more than all"),
        "{said}"
    );
}

#[test]
fn an_unknown_format_tells_the_known_ones() {
    for (provider, text, known) in [
        (Provider::OpenAi, r#"{"choices": []}"#, "organization/costs"),
        (Provider::OpenAi, "a,b\n1,2\n", "organization/costs"),
        (Provider::Anthropic, OPENAI_USAGE, "usage_report/messages"),
        (Provider::OpenRouter, "a,b\n1,2\n", "activity"),
        (Provider::Bedrock, "a,b\n1,2\n", "CUR 2.0"),
        (Provider::Azure, CUR, "FOCUS 1.0 to 1.2"),
        (Provider::Vertex, "{}", "FOCUS 1.0 to 1.2"),
    ] {
        let said = fault(provider, &[text]);
        assert!(said.contains("is no export of") && said.contains(known), "{said}");
    }
}

#[test]
fn pages_of_which_the_last_is_missing_are_not_whole() {
    let more = OPENAI_USAGE.replace("\"has_more\": false", "\"has_more\": true");
    let last = OPENAI_USAGE
        .replace("1795132800", "1795219200")
        .replace("\"end_time\": 1795219200", "\"end_time\": 1795305600");
    assert_eq!(read_all(Provider::OpenAi, &[&more]).unwrap().cut().collect::<Vec<_>>(), ["usage"]);
    assert_eq!(read_all(Provider::OpenAi, &[&more, &last]).unwrap().cut().count(), 0);
}

#[test]
fn a_bucket_or_row_of_two_days_of_the_zone_is_a_fault_with_its_line() {
    let berlin = TimeZone::get("Europe/Berlin").unwrap();
    let read = |provider, text: &str| {
        let read = read(provider, ("days.txt", text), &berlin, &mut Theirs::default());
        read.map_err(|Fault { path, message }| format!("{path}: {message}"))
    };
    let fault = read(Provider::OpenAi, OPENAI_USAGE).unwrap_err();
    assert!(
        fault.starts_with("days.txt:2: is of 2026-11-20T00:00:00Z until before 2026-11-21T00:00:00Z"),
        "{fault}"
    );
    assert!(fault.contains("Europe/Berlin") && fault.contains("time_zone"), "{fault}");
    let of_berlin = OPENAI_USAGE.replace("1795132800", "1795129200").replace("1795219200", "1795215600");
    assert_eq!(read(Provider::OpenAi, &of_berlin), Ok(()));
    let hour = OPENAI_USAGE.replace("1795219200", "1795136400");
    assert_eq!(read(Provider::OpenAi, &hour), Ok(()));
    let backwards = OPENAI_USAGE.replace("1795219200", "1795132800");
    assert!(read(Provider::OpenAi, &backwards).is_err());
    let focus = "ChargePeriodStart,ChargePeriodEnd,EffectiveCost,BillingCurrency,ChargeCategory,ServiceName,SkuMeter,ConsumedQuantity,ConsumedUnit\n\
        2026-11-20T00:00:00Z,2026-11-21T00:00:00Z,1,USD,Usage,Azure OpenAI,gpt-4o input,1000,Tokens\n";
    let fault = read(Provider::Azure, focus).unwrap_err();
    assert!(fault.starts_with("days.txt:2: is of 2026-11-20T00:00:00Z"), "{fault}");
}
