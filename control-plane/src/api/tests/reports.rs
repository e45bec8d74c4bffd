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
