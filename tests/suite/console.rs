//! The console, as it stands on real calls: who spends, how full the caps are, and the arithmetic of one call.

use harness::{call::Call, rig::Rig};
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
