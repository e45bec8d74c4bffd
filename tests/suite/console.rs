//! The console, as it stands on real calls: who spends, how full the caps are, and the arithmetic of one call.

use harness::{call::Call, client::Answer, rig::Rig};
use serde_json::json;

const POLICY: &str = "
version: 1
plans: {pro: {price_usd: '49.00', period: month, expected_margin_percent: 80}}
customers: {acme: {plan: pro}}
caps: [{name: acme-month, subject: {customer: acme}, limit_usd: '10.00', window: month}]
";

#[tokio::test]
async fn the_console_leads_from_a_customer_to_the_arithmetic_of_a_call() {
    let rig = Rig::start(POLICY).await;
    let script = json!({"recording": "openai-chat/unary-cached-prompt"});
    // A name that would be markup if it were not escaped.
    let call =
        Call::chat("gpt-4o").customer("acme").header("x-bursar-feature", "<b>bold</b>").script(&script);
    let answer = rig.app.send(&call).await;
    let id = answer.header("x-bursar-call").unwrap();
    rig.bursar.calls("acme", 1).await;
    let page = rig.bursar.client().send(&Call::get("/")).await;
    assert_eq!(page.status, 200);
    assert!(page.header("content-type").unwrap().starts_with("text/html"));
    let text = page.text();
    let link = format!("/console/calls/{id}");
    for part in ["acme", "acme-month", "<svg", link.as_str()] {
        assert!(text.contains(part), "no {part} in {text}");
    }
    let text = rig.bursar.client().send(&Call::get(&link)).await.text();
    // 134 prompt tokens at 2.50, 2,176 from the cache at 1.25, 11 generated at 10 USD per million.
    for part in ["cache_read", "2,176", "1.25", "0.003165"] {
        assert!(text.contains(part), "no {part} in {text}");
    }
    assert!(!text.contains("<b>bold</b>"), "{text}");
    assert_eq!(rig.bursar.client().send(&Call::get("/console/calls/none")).await.status, 404);
}

const CEILING: &str = "
version: 1
unpriced: {rule: allow, ceiling_usd_per_mtok: '20.00'}
";

/// As a browser sends a form of a page of ours.
async fn send_form(rig: &Rig, fields: &str) -> Answer {
    let origin = format!("http://{}", rig.bursar.address());
    let form = Call::post(PROPOSALS).raw("application/x-www-form-urlencoded", fields.to_owned());
    rig.bursar.client().send(&form.header("origin", origin)).await
}

const PROPOSALS: &str = "/console/prices/proposals";

#[tokio::test]
async fn a_price_that_waits_is_approved_on_its_page_and_rates_the_calls_from_then_on() {
    let rig = Rig::start(CEILING).await;
    let client = rig.bursar.client();
    // Four times the input rate of the catalogue of the tests.
    let moved = json!({"gpt-4o": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 1e-05,
        "output_cost_per_token": 1e-05, "cache_read_input_token_cost": 1.25e-06}});
    let import = client.send(&Call::post("/v1/prices/imports").json(moved)).await;
    assert_eq!(import.status, 201, "{}", import.text());
    let id = import.json()["id"].to_string();
    let page = client.send(&Call::get(PROPOSALS)).await.text();
    let row = page.split("name=\"row\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    for part in ["gpt-4o</a>", "<td class=\"n\">2.50</td>", "<strong>10.00</strong>", "× 4", "factor of 3"] {
        assert!(page.contains(part), "no {part} in {page}");
    }
    let form = format!("import={id}&row={row}&action=approve");
    let stranger = Call::post(PROPOSALS).raw("application/x-www-form-urlencoded", form.clone());
    let stranger = stranger.header("origin", "http://elsewhere.example");
    assert_eq!(client.send(&stranger).await.status, 403);
    let done = send_form(&rig, &form).await;
    assert_eq!(done.status, 303, "{}", done.text());
    let page = client.send(&Call::get(done.header("location").unwrap())).await.text();
    assert!(page.contains("Approved: 1 row"), "{page}");
    let history = client.send(&Call::get("/console/prices/openai/gpt-4o")).await.text();
    for part in ["<td class=\"n\">10.00</td>", "in force", "<td class=\"n\">2.50</td>", "ended"] {
        assert!(history.contains(part), "no {part} in {history}");
    }
    let script = json!({"recording": "openai-chat/unary-cached-prompt"});
    rig.app.send(&Call::chat("gpt-4o").customer("acme").script(&script)).await;
    let calls = rig.bursar.calls("acme", 1).await;
    // 134 prompt tokens at 10, 2,176 from the cache at 1.25, 11 generated at 10 USD per million.
    assert_eq!(calls[0]["cost_usd"], "0.00417", "{:#?}", calls[0]);
}

#[tokio::test]
async fn what_nobody_priced_is_listed_with_what_is_at_stake_and_what_to_do() {
    let rig = Rig::start(CEILING).await;
    // The provider answers with the model that it was asked for, and a colon and a slash are part of names.
    rig.app.send(&Call::chat("house/model:latest").customer("acme")).await;
    let calls = rig.bursar.calls("acme", 1).await;
    let model = calls[0]["response_model"].as_str().or(calls[0]["request_model"].as_str()).unwrap();
    assert_eq!((&calls[0]["cost_usd"], &calls[0]["unpriced_reason"]), (&json!(null), &json!("no_model")));
    let report = rig.bursar.json("/v1/reports/unpriced").await;
    let row = &report["items"][0];
    assert_eq!(
        (&row["model"], &row["reason"], &row["calls"]),
        (&json!(model), &json!("no_model"), &json!(1))
    );
    let tokens = row["input_tokens"].as_u64().unwrap() + row["output_tokens"].as_u64().unwrap();
    assert!(tokens > 0, "{report:#}");
    // 20 USD per million are 2 per hundred thousand.
    let stake = format!("{:05}", tokens * 2);
    let stake = format!("0.{}", stake.trim_end_matches('0'));
    assert_eq!(row["at_stake_usd"], json!(stake), "{report:#}");
    let client = rig.bursar.client();
    let overview = client.send(&Call::get("/")).await.text();
    let link = overview.split("href=\"").find(|link| link.starts_with("/console/reports/unpriced")).unwrap();
    let link = link.split('"').next().unwrap().replace("&#38;", "&");
    let page = client.send(&Call::get(&link)).await.text();
    for part in [model, "bursar prices import", "bursar rerate --from"] {
        assert!(page.contains(part), "no {part} in {page}");
    }
    let address = page.split("href=\"").find(|link| link.starts_with("/console/prices/openai/")).unwrap();
    let history = client.send(&Call::get(address.split('"').next().unwrap())).await;
    assert_eq!(history.status, 404);
    assert!(history.text().contains("Nobody has priced this model"), "{}", history.text());
}
