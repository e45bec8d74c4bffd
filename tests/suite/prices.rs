//! Prices, from a call through Envoy to what finance reads: contracts, the provider's own word, and a price that comes
//! too late.

use crate::metering::usd;
use harness::{call::Call, envoy::Setup, rig::Rig};
use protocol::money::PicoUsd;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const UNARY: &str = "openai-chat/unary-cached-prompt";

fn chat(customer: &str, recording: &str) -> Call {
    Call::chat("gpt-4o").customer(customer).script(&json!({"recording": recording}))
}

fn providers(rules: Value) -> impl FnOnce(&mut Setup) {
    move |setup| setup.configuration.push(("providers".to_owned(), rules))
}

/// A command against the running control plane: what it prints, and its exit code.
fn bursar(rig: &Rig, line: &str) -> (String, i32) {
    let server = format!("http://{}", rig.bursar.address());
    let words: Vec<&str> = line.split_whitespace().chain(["--server", &server]).collect();
    let output = rig.bursar.run(&words);
    let said = [output.stdout, output.stderr].concat();
    (String::from_utf8(said).unwrap(), output.status.code().unwrap())
}

fn done(rig: &Rig, line: &str) -> String {
    let (said, code) = bursar(rig, line);
    assert_eq!(code, 0, "{line}: {said}");
    said
}

/// The FOCUS export of everything since a day, as rows of columns.
fn focus(rig: &Rig, from: &str) -> Vec<BTreeMap<String, String>> {
    let text = done(rig, &format!("export focus --from {from} --to 2100-01-01 --format csv"));
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    reader.deserialize().collect::<Result<_, _>>().unwrap()
}

/// Of two decimal texts, exactly, in pico-dollars.
fn product(factors: [&str; 2]) -> PicoUsd {
    let pico = |text: &str| text.parse::<PicoUsd>().unwrap().pico();
    let [a, b] = factors.map(pico);
    let (product, one) = (a * b, 1_000_000_000_000);
    assert_eq!(product % one, 0, "{factors:?}");
    PicoUsd::new(product / one)
}

#[tokio::test]
async fn an_account_with_a_contract_holds_and_pays_less_and_the_list_price_is_kept() {
    let policy = "
version: 1
caps: [{name: each, each: customer, limit_usd: '5.00', window: day}]
prices:
  discounts: [{name: volume, provider: openai, account: prod, discount_percent: '12.5'}]
";
    let rules = json!([{"cluster": "provider", "path": "/v1", "provider": "openai", "account": "prod"}]);
    let contract = Rig::with(policy, providers(rules)).await;
    let list = Rig::start(policy).await;
    let call = async |rig: &Rig| {
        rig.app.send(&chat("acme", UNARY)).await;
        rig.bursar.calls("acme", 1).await.pop().unwrap()
    };
    let (ours, listed) = (call(&contract).await, call(&list).await);
    let seven_eighths = |amount: PicoUsd| PicoUsd::new(amount.pico() / 8 * 7);
    for key in ["cost_usd", "hold_usd"] {
        assert_eq!(usd(&ours[key]), seven_eighths(usd(&listed[key])), "{key} of {ours:#}");
    }
    assert_eq!(
        (&ours["list_cost_usd"], &listed["list_cost_usd"]),
        (&listed["cost_usd"], &listed["cost_usd"])
    );
    assert!(ours["lines"].as_array().unwrap().iter().all(|line| line["discount"] == "volume"), "{ours:#}");
    contract.bursar.is_consistent();
}

#[tokio::test]
async fn what_the_provider_says_bills_where_the_policy_says_so_and_the_drift_is_reported() {
    let policy = "version: 1\nprices: {provider_cost_bills: [openrouter]}\n";
    let rules = json!([{"path": "/v1", "provider": "openrouter"}]);
    let rig = Rig::with(policy, providers(rules)).await;
    rig.app.send(&chat("acme", "openai-chat/openrouter-stream").streamed()).await;
    let call = rig.bursar.calls("acme", 1).await.pop().unwrap();
    assert_eq!((&call["cost_usd"], &call["pricing"]), (&call["provider_cost_usd"], &json!("priced")));
    assert!(usd(&call["cost_usd"]) > PicoUsd::ZERO, "{call:#}");
    let [line] = call["lines"].as_array().unwrap().as_slice() else { panic!("{call:#}") };
    assert_eq!((&line["meter"], &line["price"]), (&json!("reported_cost"), &Value::Null));
    let drift = done(&rig, "report drift --format csv");
    let model = call["response_model"].as_str().unwrap();
    assert!(drift.contains(&format!("openrouter/{model},1,1,0,0,0,")), "nobody priced it here: {drift}");
    rig.bursar.is_consistent();
}

#[tokio::test]
async fn a_price_that_comes_too_late_is_applied_by_corrections_once() {
    let rules = json!([{"path": "/v1", "provider": "newcomer"}]);
    let rig = Rig::with("version: 1\n", providers(rules)).await;
    rig.app.send(&chat("acme", UNARY)).await;
    let call = rig.bursar.calls("acme", 1).await.pop().unwrap();
    assert_eq!((&call["cost_usd"], &call["unpriced_reason"]), (&Value::Null, &json!("no_model")));
    let model = call["response_model"].as_str().unwrap();
    let catalogue = json!({model: {"litellm_provider": "newcomer", "input_cost_per_token": 1e-6,
        "cache_read_input_token_cost": 0.5e-6, "output_cost_per_token": 4e-6}});
    let file = rig.bursar.data().join("newcomer.json");
    std::fs::write(&file, catalogue.to_string()).unwrap();
    let (started, _) = call["started_at"].as_str().unwrap().split_once('T').unwrap();
    done(&rig, &format!("prices import {} --effective-from {started}", file.display()));
    let rerate = format!("rerate --from {started} --to 2100-01-01 --where customer=acme --format csv");
    let would = done(&rig, &format!("{rerate} --dry-run"));
    let after = |csv: &str| csv.lines().nth(1).and_then(|row| row.split(',').nth(6)).unwrap_or("").to_owned();
    let tokens = |meter: &str| i128::from(call["tokens"][meter].as_u64().unwrap());
    let (fresh, cached, output) = (tokens("input"), tokens("cache_read"), tokens("output"));
    let expected = PicoUsd::new(fresh * 1_000_000 + cached * 500_000 + output * 4_000_000);
    assert_eq!(after(&would), expected.to_string(), "{would}");
    let path = format!("/v1/calls/{}", call["id"].as_str().unwrap());
    assert_eq!(rig.bursar.json(&path).await["cost_usd"], Value::Null, "a dry run changes nothing");
    assert_eq!(done(&rig, &rerate), would.replace("would change", "changed"));
    let call = rig.bursar.json(&path).await;
    assert_eq!((usd(&call["cost_usd"]), &call["original_cost_usd"]), (expected, &Value::Null));
    assert_eq!(call["corrections"][0]["cause"], "rerate");
    assert_eq!(after(&done(&rig, &rerate)), "", "a second time changes nothing");
    let report = rig.bursar.json("/v1/reports/customers").await;
    assert_eq!(
        (usd(&report["total"]["cost_usd"]), &report["total"]["calls_unpriced"]),
        (expected, &json!(0))
    );
    let rows = focus(&rig, started);
    let billed = rows.iter().map(|row| row["BilledCost"].parse().unwrap());
    assert_eq!(PicoUsd::total(billed).unwrap(), expected, "{rows:#?}");
    for row in &rows {
        let factors = ["PricingQuantity", "ContractedUnitPrice"].map(|column| row[column].as_str());
        assert_eq!(product(factors), row["ContractedCost"].parse().unwrap(), "{row:#?}");
        assert_eq!((&*row["SubAccountId"], &*row["ConsumedUnit"]), ("acme", "Tokens"));
    }
    let original = rig.bursar.json("/v1/reports/customers?costs=original").await;
    assert_eq!(
        (&original["total"]["cost_usd"], &original["total"]["calls_unpriced"]),
        (&json!("0"), &json!(1))
    );
    rig.bursar.is_consistent();
}
