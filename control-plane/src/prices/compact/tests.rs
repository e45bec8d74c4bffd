use super::*;
use crate::{
    policy::{self, Pricing},
    prices::{Matching, PriceKey, PriceRow, Provenance, Query, Status},
};
use protocol::{
    meters::Meter,
    money::PicoUsdPerUnit,
    price::Terms,
    rating::{self, Offer},
};

const NOW: UnixNanos = 1_795_514_400_000_000_000;

fn row(id: u64, key: PriceKey, pico: u64) -> PriceRow {
    let (name, text, imported_at) = ("own".into(), "".into(), NOW);
    PriceRow {
        id,
        key,
        rate: PicoUsdPerUnit::new(pico),
        inherits: None,
        output_tokens_max: None,
        effective_from: 0,
        effective_to: None,
        source: Provenance { name, imported_at, key: "".into(), text, rounded: false },
        status: Status::Active,
    }
}

fn pricing() -> Pricing {
    let text = r#"
version: 1
prices:
  aliases: {openai: {our-4o: gpt-4o, our-next: gpt-next}}
  discounts:
    - {name: all, provider: openai, discount_percent: "10"}
    - {name: prod, provider: openai, account: prod, models: ["gpt-4*"], meters: [output], discount_percent: "50"}
"#;
    policy::parse(text, "policy.yaml").unwrap().prices
}

/// A list, a contract for one region of one account, one for all accounts by the beginning of a name, hours and a tier.
fn table() -> PriceTable {
    let of = |model: &str, meter| PriceKey::plain("openai", model, meter);
    let contract = |account: &str, key: PriceKey| PriceKey { contract: Some(account.into()), ..key };
    let region = |region: &str, key: PriceKey| PriceKey { region: Some(region.into()), ..key };
    let tier = |tier: &str, key: PriceKey| PriceKey { tier: Some(tier.into()), ..key };
    let beginning = |key: PriceKey| PriceKey { matching: Matching::Prefix, ..key };
    let hours = |key: PriceKey| PriceKey { hours: "UTC 09:00-11:00".parse().ok(), ..key };
    use Meter::{CacheRead, Input, Output};
    let rows = [
        (of("gpt-4o", Input), 2_500),
        (of("gpt-4o", Output), 10_000),
        (of("gpt-4o", CacheRead), 1_250),
        (tier("priority", of("gpt-4o", Input)), 5_000),
        (tier("priority", of("gpt-4o", Output)), 20_000),
        (hours(of("gpt-4o", Input)), 1_500),
        (contract("prod", region("eu", of("gpt-4o", Input))), 2_000),
        (contract("prod", region("eu", of("gpt-4o", Output))), 8_000),
        (contract("", beginning(of("gpt-", Input))), 900),
        (beginning(of("gpt-", Input)), 1_000),
        (beginning(of("gpt-", Output)), 4_000),
        (contract("test", of("only-here", Input)), 77),
    ];
    let rows = (1..).zip(rows).map(|(id, (key, pico))| row(id, key, pico));
    PriceTable::new(rows, pricing())
}

#[test]
fn filters_and_the_ledger_charge_the_same_whatever_the_contract() {
    let table = table();
    let book = table.book(NOW);
    let units = [(Meter::Input, 7), (Meter::CacheRead, 3), (Meter::Output, 5)];
    let mut priced = 0;
    for account in [None, Some("prod"), Some("test"), Some("nobody's")] {
        for model in ["gpt-4o", "gpt-4o-mini", "our-4o", "our-next", "only-here", "else"] {
            for (tier, region) in [
                (None, None),
                (None, Some("eu")),
                (Some("priority"), Some("eu")),
                (Some("Priority"), Some("us")),
            ] {
                for at in [NOW, NOW + 2 * HOUR_NS] {
                    let terms = Terms { tier, region, at, ..Terms::default() };
                    let query =
                        Query { provider: "openai", account, served: Some(model), at, ..Query::default() };
                    for units in (1..8_usize).map(|set| {
                        let chosen = units.iter().enumerate().filter(|(place, _)| set & (1 << place) != 0);
                        chosen.map(|(_, unit)| *unit).collect()
                    }) {
                        let cost = |offer: &Offer<'_>| {
                            rating::rate(&units, &terms, offer).ok().and_then(|lines| rating::cost(&lines))
                        };
                        let ledger = table.find(&query).found().and_then(|found| cost(&found.offer()));
                        let prices = book.find("openai", account, Some(model), None);
                        let filter = prices.and_then(|prices| cost(&Offer::from(prices)));
                        assert_eq!(ledger, filter, "{account:?} {model} {tier:?} {region:?} {at} {units:?}");
                        priced += usize::from(ledger.is_some());
                    }
                }
            }
        }
    }
    assert!(priced > 300, "{priced}");
}
