//! What whole rows look like.

use super::{ledger::INPUT, *};
use expect_test::expect;

/// The columns of one charge that are not null, a line each.
fn shown(entry: Entry, prices: impl Fn(&Ledger)) -> String {
    let ledger = Ledger::with(&[entry]);
    prices(&ledger);
    let whole = Days { from: day("2026-01-01"), to: day("2027-01-01") };
    let table = exported(&ledger, &all_of(whole));
    let mut text = String::new();
    for column in table.columns.iter().filter(|column| table.rows[0][*column].is_some()) {
        text.push_str(&format!("{column}: {}\n", table.column(column)[0]));
    }
    text
}

#[test]
fn a_charge_for_tokens() {
    expect![[r#"
        BilledCost: 3.0864175
        BillingAccountId: openai
        BillingAccountType: Provider Account
        BillingCurrency: USD
        BillingPeriodEnd: 2026-12-01T00:00:00Z
        BillingPeriodStart: 2026-11-01T00:00:00Z
        ChargeCategory: Usage
        ChargeDescription: openai gpt-4o: input at 2.5 USD per 1000000 Tokens
        ChargeFrequency: Usage-Based
        ChargePeriodEnd: 2026-11-04T00:00:00Z
        ChargePeriodStart: 2026-11-03T00:00:00Z
        ConsumedQuantity: 1234567
        ConsumedUnit: Tokens
        ContractedCost: 3.0864175
        ContractedUnitPrice: 2.5
        EffectiveCost: 3.0864175
        InvoiceIssuerName: openai
        ListCost: 3.0864175
        ListUnitPrice: 2.5
        PricingCategory: Standard
        PricingCurrency: USD
        PricingCurrencyContractedUnitPrice: 2.5
        PricingCurrencyEffectiveCost: 3.0864175
        PricingCurrencyListUnitPrice: 2.5
        PricingQuantity: 1.234567
        PricingUnit: 1000000 Tokens
        ProviderName: openai
        PublisherName: openai
        ServiceCategory: AI and Machine Learning
        ServiceName: openai API
        ServiceSubcategory: Generative AI
        SkuId: openai/gpt-4o/input
        SkuMeter: input
        SkuPriceDetails: {"x_Meter":"input","x_Model":"gpt-4o"}
        SkuPriceId: openai/gpt-4o/input
        SubAccountId: acme
        SubAccountName: acme
        SubAccountType: Customer
        Tags: {"bursar/model":"gpt-4o","bursar/tier":"standard"}
        x_BursarListPriceId: 1
        x_BursarPriceId: 1
        x_LineCount: 10
        x_Model: gpt-4o
        x_ServiceTier: standard
        x_TokenType: input
    "#]]
    .assert_eq(&shown(INPUT, |_| ()));
}

#[test]
fn a_correction_of_a_month_that_is_over_under_a_contract_above_a_threshold() {
    let entry = Entry {
        day: "2026-10-31",
        corrected: Some("2026-11-02"),
        customer: None,
        tier: Some("priority"),
        region: Some("eu-west-1"),
        price: 7,
        rate: 2_000_000,
        list: Some((6, 2_500_000)),
        lines: -1,
        units: -300_000,
        ..INPUT
    };
    let text = shown(entry, |ledger| {
        let hours = Some("Europe/Berlin mon-fri 08:00-20:00");
        ledger.price(6, (Some("priority"), Some(272_000), false), (Some("!global"), hours));
    });
    expect![[r#"
        BilledCost: -0.6
        BillingAccountId: openai
        BillingAccountType: Provider Account
        BillingCurrency: USD
        BillingPeriodEnd: 2026-12-01T00:00:00Z
        BillingPeriodStart: 2026-11-01T00:00:00Z
        ChargeCategory: Usage
        ChargeClass: Correction
        ChargeDescription: openai gpt-4o: input at 2 USD per 1000000 Tokens (list 2.5), Tier priority, Region !global, Hours Europe/Berlin mon-fri 08:00-20:00, PromptTokensFrom 272001, corrected on 2026-11-02
        ChargeFrequency: Usage-Based
        ChargePeriodEnd: 2026-11-01T00:00:00Z
        ChargePeriodStart: 2026-10-31T00:00:00Z
        ConsumedQuantity: -300000
        ConsumedUnit: Tokens
        ContractedCost: -0.6
        ContractedUnitPrice: 2
        EffectiveCost: -0.6
        InvoiceIssuerName: openai
        ListCost: -0.75
        ListUnitPrice: 2.5
        PricingCategory: Standard
        PricingCurrency: USD
        PricingCurrencyContractedUnitPrice: 2
        PricingCurrencyEffectiveCost: -0.6
        PricingCurrencyListUnitPrice: 2.5
        PricingQuantity: -0.3
        PricingUnit: 1000000 Tokens
        ProviderName: openai
        PublisherName: openai
        RegionId: eu-west-1
        RegionName: eu-west-1
        ServiceCategory: AI and Machine Learning
        ServiceName: openai API
        ServiceSubcategory: Generative AI
        SkuId: openai/gpt-4o/input
        SkuMeter: input
        SkuPriceDetails: {"x_Hours":"Europe/Berlin mon-fri 08:00-20:00","x_Meter":"input","x_Model":"gpt-4o","x_PromptTokensFrom":"272001","x_Region":"!global","x_Tier":"priority"}
        SkuPriceId: openai/gpt-4o/input;Tier=priority;Region=!global;Hours=Europe/Berlin mon-fri 08:00-20:00;PromptTokensFrom=272001
        Tags: {"bursar/model":"gpt-4o","bursar/tier":"priority"}
        x_BursarListPriceId: 6
        x_BursarPriceId: 7
        x_CorrectedOn: 2026-11-02T00:00:00Z
        x_LineCount: -1
        x_Model: gpt-4o
        x_ServiceTier: priority
        x_TokenType: input
    "#]].assert_eq(&text);
}

#[test]
fn a_cost_that_the_provider_reports_is_dollars_at_a_dollar() {
    let units = 12_345_678;
    let entry =
        Entry { meter: Meter::ReportedCost, provider: "openrouter", price: 0, rate: 1, units, ..INPUT };
    let text = shown(entry, |_| ());
    let worth = ["Cost", "Price", "Quantity", "Unit", "Sku", "Description", "PricingCategory", "x_"];
    let lines: Vec<&str> = text.lines().filter(|line| worth.iter().any(|word| line.contains(word))).collect();
    expect![[r#"
        BilledCost: 0.000012345678
        ChargeDescription: openrouter gpt-4o: cost as the provider reports it
        ConsumedQuantity: 0.000012345678
        ConsumedUnit: USD
        ContractedCost: 0.000012345678
        ContractedUnitPrice: 1
        EffectiveCost: 0.000012345678
        ListCost: 0.000012345678
        ListUnitPrice: 1
        PricingCategory: Dynamic
        PricingCurrencyContractedUnitPrice: 1
        PricingCurrencyEffectiveCost: 0.000012345678
        PricingCurrencyListUnitPrice: 1
        PricingQuantity: 0.000012345678
        PricingUnit: USD
        SkuId: openrouter/gpt-4o/reported_cost
        SkuMeter: reported_cost
        SkuPriceDetails: {"x_Meter":"reported_cost","x_Model":"gpt-4o"}
        SkuPriceId: openrouter/gpt-4o/reported_cost
        x_LineCount: 10
        x_Model: gpt-4o
        x_ServiceTier: standard
    "#]]
    .assert_eq(&(lines.join("\n") + "\n"));
}

#[test]
fn units_are_named_as_the_specification_names_them() {
    let units = Meter::ALL.map(|meter| {
        let ledger = Ledger::with(&[Entry { meter, ..INPUT }]);
        let table = exported(&ledger, &all_of(november()));
        format!("{meter}: {} {}", table.column("ConsumedUnit")[0], table.column("PricingUnit")[0])
    });
    expect![[r#"
        input: Tokens 1000000 Tokens
        cache_read: Tokens 1000000 Tokens
        cache_write_5m: Tokens 1000000 Tokens
        cache_write_1h: Tokens 1000000 Tokens
        output: Tokens 1000000 Tokens
        reasoning: Tokens 1000000 Tokens
        audio_in: Tokens 1000000 Tokens
        audio_out: Tokens 1000000 Tokens
        image_in: Tokens 1000000 Tokens
        image_out: Tokens 1000000 Tokens
        web_search: Searches Searches
        citation: Tokens 1000000 Tokens
        audio_seconds: Seconds Seconds
        characters: Characters Characters
        images: Images Images
        search_units: Searches Searches
        pages: Pages Pages
        requests: Requests Requests
        reported_cost: USD USD
    "#]]
    .assert_eq(&(units.join("\n") + "\n"));
}
