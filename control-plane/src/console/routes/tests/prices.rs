//! The pages about prices, as a browser sees them.

use super::*;
use protocol::{meters::Meter, money::PicoUsd};
use rusqlite::params;

const PROPOSALS: &str = "/console/prices/proposals";

/// Three rows that wait: the input of `dear` and what inherits it, and the output of `wrong`.
pub(super) const SECOND: &str = r#"{
    "gpt-4o-mini": {"litellm_provider": "openai", "input_cost_per_token": 2e-07, "output_cost_per_token": 6e-04,
        "cache_read_input_token_cost": 7.5e-08},
    "whisper": {"litellm_provider": "openai", "mode": "audio_transcription", "input_cost_per_second": 0.0001},
    "acme/<b>:free": {"litellm_provider": "openrouter", "input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06,
        "input_cost_per_token_above_200k_tokens": 3e-06, "input_cost_per_token_batches": 5e-07}
}"#;

fn contains(page: &str, parts: &[&str]) {
    for part in parts {
        assert!(page.contains(part), "{part} in {page}");
    }
}

#[test]
fn the_price_list_has_a_line_per_model_and_says_what_else_it_depends_on() {
    let browser = Browser::with(
        "version: 1\nprices: {discounts: [{name: deal, provider: openai, models: ['gpt-4o*'], discount_percent: 10}]}\n",
    );
    let (status, empty) = browser.open("/console/prices");
    assert_eq!(status, 200);
    contains(&empty, &["There are no prices yet.", "bursar prices import FILE"]);
    browser.import(CATALOGUE);
    browser.import(SECOND);
    let (_, page) = browser.open("/console/prices");
    contains(
        &page,
        &[
            "<strong>openai</strong><span class=\"aside\" title=\"2026-11-24 14:03:20 UTC\">imported a moment ago from litellm</span>",
            "<a href=\"/console/prices/openai/gpt-4o-mini\">gpt-4o-mini</a>",
            "<td class=\"n\">0.20</td><td class=\"n\">0.60</td><td class=\"n\">0.075</td>",
            "<span class=\"term\">discount</span>",
            "0.0001 per second",
            "<a href=\"/console/prices/openrouter/acme%2F%3Cb%3E%3Afree\">acme/&#60;b&#62;:free</a>",
            "<span class=\"term\">batch tier</span>",
            "<span class=\"term\">above 200,000</span>",
            "title=\"has no rate of its own and takes that of input\">1.00</span>",
            "Proposals <span class=\"count\">2</span>",
            "3 models",
            "aria-current=\"page\">Prices</a>",
        ],
    );
    let (_, page) = browser.open("/console/prices?provider=openai&model=MINI");
    assert!(page.contains(">gpt-4o-mini</a>") && !page.contains("whisper"), "{page}");
    // Before the second import began.
    let (_, page) = browser.open("/console/prices?at=2026-11-24T14:03&model=gpt");
    contains(&page, &["<td class=\"n\">0.15</td>", "In force at 2026-11-24 14:03:00 UTC"]);
    let (_, page) = browser.open("/console/prices?model=nobody");
    contains(&page, &["No price is in force for that."]);
    assert_eq!(browser.open("/console/prices?at=yesterday").0, 404);
}

#[test]
fn a_long_price_list_is_shown_in_parts() {
    let browser = Browser::with("version: 1\n");
    let model = |number: u32| {
        format!(r#""model-{number:03}": {{"litellm_provider": "a&b", "input_cost_per_token": 1e-06}}"#)
    };
    let models: Vec<String> = (0..230).map(model).collect();
    browser.import(&format!("{{{}}}", models.join(",")));
    let (_, page) = browser.open("/console/prices?provider=a%26b");
    contains(&page, &["1 to 100 of 230 models", "?provider=a%26b&#38;page=2\" rel=\"next\""]);
    assert!(page.contains(">model-099<") && !page.contains(">model-100<"), "{page}");
    let (_, page) = browser.open("/console/prices?provider=a%26b&page=3");
    contains(&page, &["201 to 230 of 230 models", ">model-229<", "page=2\" rel=\"prev\""]);
    assert!(!page.contains("rel=\"next\""), "{page}");
    contains(&browser.open("/console/prices?page=99").1, &["No price is in force for that."]);
}

#[test]
fn the_history_of_a_model_has_every_row_and_what_the_policy_says_of_it() {
    let browser = Browser::with(
        "version: 1
prices:
  aliases: {openai: {our-mini: gpt-4o-mini, lost: nowhere}}
  discounts:
    - {name: deal, provider: openai, account: prod, meters: [input], discount_percent: 12.5, from: 2026-01-01}
    - {name: other, provider: openai, models: [o3], discount_percent: 50}
",
    );
    browser.import(CATALOGUE);
    browser.import(SECOND);
    let (status, page) = browser.open("/console/prices/openai/gpt-4o-mini");
    assert_eq!(status, 200);
    contains(
        &page,
        &[
            "Calls that begin now are rated by the rows that are marked as in force.",
            "<td class=\"n\">0.20</td><td>million tokens</td><td>2026-11-24 14:03</td>",
            "<span class=\"badge good\">in force</span>",
            "<td class=\"n\">0.15</td><td>million tokens</td><td>ever</td><td>2026-11-24 14:03</td><td><span class=\"badge plain\">ended</span>",
            "<td class=\"n\">600.00</td><td>million tokens</td><td>its approval</td>",
            "waits for approval",
            "gpt-4o-mini: input_cost_per_token = 2e-07",
            "our-mini <span class=\"aside\">has its price",
            "deal, 12.5 % <span class=\"aside\">for the account prod, on input, since 2026-01-01</span>",
        ],
    );
    assert!(!page.contains("other, 50"), "{page}");
    // Names have slashes and colons, and some proxies decode them.
    for address in
        ["/console/prices/openrouter/acme%2F%3Cb%3E%3Afree", "/console/prices/openrouter/acme/%3Cb%3E:free"]
    {
        let (status, page) = browser.open(address);
        assert_eq!(status, 200, "{address}");
        contains(
            &page,
            &["acme/&#60;b&#62;:free</h1>", "<span class=\"term\">above 200,000 prompt tokens</span>"],
        );
        assert!(!page.contains("<b>"), "{page}");
    }
    contains(
        &browser.open("/console/prices/openai/whisper").1,
        &["<td class=\"n\">0.0001</td><td>second</td>"],
    );
    let (status, page) = browser.open("/console/prices/openai/our-mini");
    assert_eq!(status, 200);
    contains(
        &page,
        &["another name of a model", "<a href=\"/console/prices/openai/gpt-4o-mini\">gpt-4o-mini</a>"],
    );
    let (status, page) = browser.open("/console/prices/openai/nobody");
    assert_eq!(status, 404);
    contains(&page, &["Nobody has priced this model", "prices.aliases"]);
}

#[test]
fn proposals_are_approved_and_rejected_by_forms_of_this_console_alone() {
    let browser = Browser::with("version: 1\n");
    contains(&browser.open(PROPOSALS).1, &["Nothing waits.", "bursar prices diff FILE"]);
    browser.import(CATALOGUE);
    browser.import(SECOND);
    let (status, page) = browser.open(PROPOSALS);
    assert_eq!(status, 200);
    contains(
        &page,
        &[
            "Import 2 from litellm",
            "2 rows wait",
            "<td class=\"n\">0.60</td>",
            "<strong>600.00</strong>",
            "× 1,000",
            "moves by more than a factor of 3",
            "gpt-4o-mini: output_cost_per_token = 6e-04",
            "aria-label=\"output of gpt-4o-mini at openai\"",
            "Approve all 2",
        ],
    );
    let waiting = || -> Vec<(u64, Meter)> {
        let rules = browser.app.rules();
        let rows = rules.prices.rows().filter(|row| row.status == crate::prices::Status::Proposed);
        rows.map(|row| (row.id, row.key.meter)).collect()
    };
    let [(output, Meter::Output), (reasoning, Meter::Reasoning)] = waiting()[..] else {
        panic!("{:?}", waiting())
    };
    let form = format!("import=2&row={output}&action=approve");
    for stranger in [
        &[][..],
        &[("sec-fetch-site", "cross-site")],
        &[("origin", "http://evil.example")],
        &[("origin", "null")],
    ] {
        assert_eq!(browser.send(PROPOSALS, &form, stranger), (403, String::new()), "{stranger:?}");
    }
    assert_eq!(waiting().len(), 2);
    let own: &[(&str, &str)] = &[("origin", &browser.address.clone())];
    let done = |what: &str| (303, format!("{PROPOSALS}?done={what}"));
    assert_eq!(browser.send(PROPOSALS, "import=2&action=reject", own), done("nothing&rows=0"));
    // A row of another import is not this one's.
    assert_eq!(browser.send(PROPOSALS, &form.replace("import=2", "import=1"), own), done("approved&rows=0"));
    assert_eq!(browser.send(PROPOSALS, &form, own), done("approved&rows=1"));
    assert_eq!(waiting(), [(reasoning, Meter::Reasoning)]);
    let page = browser.open(&format!("{PROPOSALS}?done=approved&rows=1")).1;
    contains(&page, &["role=\"status\">Approved: 1 row, in force from now on.", "1 row waits"]);
    contains(&browser.open("/console/prices?model=mini").1, &["<td class=\"n\">600.00</td>"]);
    assert_eq!(browser.send(PROPOSALS, &form, own), done("approved&rows=0"), "sent twice");
    let form = format!("import=2&row={reasoning}&action=reject");
    assert_eq!(browser.send(PROPOSALS, &form, &[("sec-fetch-site", "same-origin")]), done("rejected&rows=1"));
    assert!(waiting().is_empty());
    let history = browser.open("/console/prices/openai/gpt-4o-mini").1;
    contains(&history, &["never in force"]);
    assert_eq!(browser.send(PROPOSALS, "import=77&action=approve-all", own).0, 404);
    assert_eq!(browser.send(PROPOSALS, "import=2&action=burn", own).0, 404);
}

#[test]
fn all_of_an_import_are_approved_at_once() {
    let browser = Browser::new();
    browser.import(SECOND);
    let own: &[(&str, &str)] = &[("sec-fetch-site", "same-origin")];
    let (status, leads_to) = browser.send(PROPOSALS, "import=2&action=approve-all", own);
    assert_eq!((status, &*leads_to), (303, "/console/prices/proposals?done=approved&rows=2"));
    contains(&browser.open(&leads_to).1, &["Approved: 2 rows", "Nothing waits."]);
}

#[test]
fn rows_that_would_end_wait_beside_those_that_would_begin() {
    let browser = Browser::with("version: 1\n");
    let entry = |number: u32| {
        format!(r#""m-{number}": {{"litellm_provider": "openai", "input_cost_per_token": 1e-06}}"#)
    };
    let catalogue = |count: u32| format!("{{{}}}", (0..count).map(entry).collect::<Vec<_>>().join(","));
    browser.import(&catalogue(100));
    browser.import(&catalogue(60));
    let waiting = browser.app.rules().prices.rows().count() * 40 / 100;
    let page = browser.open("/console/prices/proposals?import=2").1;
    let count = format!("{waiting} rows wait");
    contains(&page, &[&count, "<strong>no price</strong>", "the catalogue no longer has it"]);
    let own: &[(&str, &str)] = &[("sec-fetch-site", "same-origin")];
    assert_eq!(browser.send(PROPOSALS, "import=2&action=approve-all", own).0, 303);
    contains(&browser.open(PROPOSALS).1, &["Nothing waits."]);
}

#[test]
fn unpriced_traffic_is_one_click_from_the_overview() {
    let browser = Browser::with("version: 1\nunpriced: {rule: allow, ceiling_usd_per_mtok: '20.00'}\n");
    let (head, end, ..) = example();
    let id = head.id.to_string();
    browser.book(head, end);
    let (_, overview) = browser.open("/");
    let link = overview.split("<dd class=\"value\"><a href=\"").nth(1).unwrap().split('"').next().unwrap();
    let (status, page) = browser.open(&link.replace("&#38;", "&"));
    assert_eq!(status, 200);
    // 1,204 + 1,024 + 310 + 40 tokens at 20 USD per million.
    contains(
        &page,
        &[
            "<th scope=\"row\" class=\"who\">openai</th><td><a href=\"/console/prices/openai/gpt-4o-mini\">gpt-4o-mini</a></td><td>no_model</td>",
            ">0.0516</td>",
            &format!("<a href=\"/console/calls/{id}\">24 Nov 14:03</a>"),
            "<code>bursar prices import</code>",
            "/v1/reports/unpriced?from=",
        ],
    );
    let (status, page) = browser.open("/console/reports/unpriced?from=2026-11-01&to=2026-11-02");
    assert_eq!(status, 200);
    contains(&page, &["Every call in this time has a price."]);
    assert_eq!(browser.open("/console/reports/unpriced?from=&to=").0, 200);
    assert_eq!(browser.open("/console/reports/unpriced?from=never").0, 400);
}

#[test]
fn a_call_shows_what_a_contract_took_off_and_that_it_was_rated_anew() {
    let browser = Browser::with(
        "version: 1\nprices: {discounts: [{name: deal, provider: openai, discount_percent: 50}], provider_cost_bills: [openrouter]}\n",
    );
    browser.import(CATALOGUE);
    let (head, end, ..) = example();
    let id = head.id;
    browser.book(head.clone(), end.clone());
    let address = format!("/console/calls/{id}");
    contains(
        &browser.open(&address).1,
        &[
            "<s><span class=\"unseen\">list price </span>0.15</s> <span class=\"op\">×</span>0.075</td><td>million tokens</td>",
            "discount deal",
            "the name that the response gave",
            "<s><span class=\"unseen\">at list prices </span>0.0004674</s> <span class=\"op\">=</span>0.0002337</td>",
        ],
    );
    let job = move |write: &mut crate::store::Write<'_>| {
        let sql = "INSERT INTO corrections (call, at, cause, before_pico, after_pico) VALUES (?1, ?2, 'rerate', 233700000, 5000000)";
        write.execute(sql, params![id.as_bytes(), crate::store::instant(now())])
    };
    browser.runtime.block_on(browser.app.store.write(job)).unwrap();
    contains(
        &browser.open(&address).1,
        &[
            "$0.00000500",
            "booked at first as <s>$0.000234</s>",
            "rated anew, by other prices",
            "0.000005 USD",
        ],
    );
    contains(&browser.open("/").1, &["<td class=\"n\">$0.00000500"]);

    let mut head = head;
    head.id = CallId::new(now() / 1_000_000, [8; 10]);
    head.provider = "openrouter".into();
    let address = format!("/console/calls/{}", head.id);
    let provider_cost: Option<PicoUsd> = Some("0.0123".parse().unwrap());
    browser.book(head, CallEnd { provider_cost, ..end });
    contains(
        &browser.open(&address).1,
        &["<td class=\"price\">the provider&#39;s own word</td>", "<span class=\"op\">=</span>0.0123</td>"],
    );
}
