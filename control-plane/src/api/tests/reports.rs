//! `GET /v1/reports/…` with filters.

use super::{Api, batch, finished};
use serde_json::json;

#[tokio::test]
async fn a_report_takes_the_filters_it_has_sums_for_and_names_them_to_who_asks_for_others() {
    let api = Api::start().await;
    api.post_json("/v1/events", &batch(vec![finished()])).await;
    let calls = async |query: &str| {
        let report = api.show(&format!("/v1/reports/{query}")).await.json();
        report["total"]["calls"].clone()
    };
    assert_eq!(calls("models?customer=acme").await, json!(1));
    assert_eq!(calls("models?customer=globex").await, json!(0));
    assert_eq!(calls("customers?customer=acme&provider=openai&feature=").await, json!(1));
    for (query, can) in [
        ("features?workspace=red", "customer, plan, feature, route, provider, model"),
        ("workspaces?model=gpt-4o", "customer, workspace"),
        ("drift?customer=acme", "provider, model"),
        ("weekly?customer=acme", "from, to, format, costs"),
    ] {
        let refused = api.show(&format!("/v1/reports/{query}")).await;
        assert_eq!(refused.status, 400, "{query}");
        assert!(refused.text().contains(can), "{query}: {}", refused.text());
    }
}

#[tokio::test]
async fn a_report_without_sums_of_original_costs_says_so_and_which_have_them() {
    let api = Api::start().await;
    let mut refused = Vec::new();
    for kind in crate::reports::Kind::ALL.map(crate::reports::Kind::as_str) {
        let answer = api.show(&format!("/v1/reports/{kind}?costs=original")).await;
        if answer.status == 400 {
            let text = answer.text();
            assert!(text.contains(&format!("`{kind}` has no costs as they were booked")), "{text}");
            assert!(text.contains("customers, features, plans"), "{text}");
            refused.push(kind);
        } else {
            assert_eq!(answer.status, 200, "{kind}");
        }
        assert_eq!(api.show(&format!("/v1/reports/{kind}?costs=corrected")).await.status, 200, "{kind}");
    }
    assert_eq!(refused, ["weekly", "drift", "waste", "tasks"]);
}

#[tokio::test]
async fn a_filter_that_leaves_nothing_says_so_and_what_no_call_ever_named() {
    let api = Api::start().await;
    let policy = "version: 1\nplans: {pro: {price_usd: 50}, starter: {price_usd: 5}}\ncustomers: {acme: {plan: starter}}\n";
    api.send("PUT", "/v1/policy", "", policy.as_bytes()).await;
    api.post_json("/v1/events", &batch(vec![finished()])).await;
    let text = async |query: &str| api.show(&format!("/v1/reports/{query}&format=table")).await.text();
    let nobody = text("plans?customer=nobody").await;
    for part in ["Nothing that this filter leaves.", "No call ever named the customer `nobody`."] {
        assert!(nobody.contains(part), "{part}: {nobody}");
    }
    assert!(!nobody.contains("The policy has no plans"), "{nobody}");
    // A word that is one of something else.
    let other = text("models?provider=acme").await;
    assert!(other.contains("No call ever named the provider `acme`."), "{other}");
    for known in [
        "models?provider=openai",
        "plans?plan=starter",
        "customers?customer=acme&model=gpt-4o",
        "waste?feature=",
    ] {
        let known = text(known).await;
        assert!(!known.contains("No call ever"), "{known}");
    }
    // Booked on one plan, and on another one since.
    api.send("PUT", "/v1/policy", "", policy.replace("plan: starter", "plan: pro").as_bytes()).await;
    let moved = api.show("/v1/reports/plans?plan=starter").await.json();
    assert_eq!(moved["items"][0]["plan"], "pro");
    let notes = moved["notes"].to_string();
    assert!(
        notes.contains("booked on plan `starter`; customers stand where the policy has them today"),
        "{notes}"
    );
}

#[tokio::test]
async fn every_report_is_named_in_the_openapi_document_and_to_who_asks_for_another() {
    let api = Api::start().await;
    let names = crate::reports::Kind::ALL.map(crate::reports::Kind::as_str);
    let document = api.show("/openapi.json").await.json();
    let parameters =
        document["paths"]["/v1/reports/{report}"]["get"]["parameters"].as_array().unwrap().clone();
    let report = parameters.iter().find(|parameter| parameter["name"] == "report").unwrap();
    assert_eq!(report["schema"]["enum"], json!(names));
    let unknown = api.show("/v1/reports/shoes").await;
    assert!(unknown.status == 404 && unknown.text().contains(&names.join(", ")), "{}", unknown.text());
}
