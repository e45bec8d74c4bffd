//! The page of the policy: a draft is tried on the calls that were, put in force, and holds in Envoy.

use harness::{call::Call, client::Answer, rig::Rig, wait};

const BEFORE: &str = "version: 1\ncaps: []\n";
const DRAFT: &str = "version: 1\ncaps: [{name: two, each: customer, limit_calls: 2, window: month}]\n";

/// As a browser sends a form of a page of ours.
async fn send(rig: &Rig, path: &str, fields: &[(&str, &str)]) -> Answer {
    let encoded = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let fields: Vec<String> =
        fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    let form = Call::post(path).raw("application/x-www-form-urlencoded", fields.join("&"));
    let origin = format!("http://{}", rig.bursar.address());
    rig.bursar.client().send(&form.header("origin", origin)).await
}

#[tokio::test]
async fn a_cap_that_is_put_in_force_on_the_page_refuses_the_calls_that_its_replay_foretold() {
    let rig = Rig::start(BEFORE).await;
    let chat = Call::chat("gpt-4o").customer("acme");
    for _ in 0..3 {
        assert_eq!(rig.app.send(&chat).await.status, 200);
    }
    rig.bursar.calls("acme", 3).await;
    let page = rig.bursar.client().send(&Call::get("/console/policy")).await.text();
    for part in ["Version 1, in force since", "watches <code>", "policy.yaml</code>: the next change there"] {
        assert!(page.contains(part), "no {part} in {page}");
    }
    let checked = send(&rig, "/console/policy/draft", &[("text", DRAFT), ("days", "1")]).await;
    assert_eq!(checked.status, 200, "{}", checked.text());
    let page = checked.text();
    for part in [
        "caps[two].limit_calls</th><td>added</td>",
        "<th scope=\"row\" class=\"who\">two/calls</th><td>customer=acme</td><td class=\"n\">1</td>",
        "name=\"version\" value=\"1\"",
    ] {
        assert!(page.contains(part), "no {part} in {page}");
    }
    assert_eq!(rig.bursar.json("/v1/policy").await["version"], 1, "checking changes nothing");

    let fields = [("text", DRAFT), ("version", "1")];
    let done = send(&rig, "/console/policy", &fields).await;
    assert_eq!((done.status, done.header("location")), (303, Some("/console/policy?done=2")));
    let page = rig.bursar.client().send(&Call::get("/console/policy?done=2")).await.text();
    assert!(page.contains("Version 2 is in force from now on."), "{page}");
    // What was let through before the cap is not counted for it.
    let refused = wait::until("the cap holds in Envoy", async || {
        let answer = rig.app.send(&chat).await;
        (answer.status == 429).then_some(answer)
    });
    let refused = refused.await;
    assert_eq!(refused.header("x-bursar-refused"), Some("cap"));
    assert_eq!(rig.app.send(&chat).await.status, 429);
    let call = rig.bursar.call(refused.header("x-bursar-call").unwrap()).await;
    assert_eq!(call["cap"]["name"], "two", "{call:#}");

    // The form that was compared with the version before is too late.
    let late = send(&rig, "/console/policy", &[("text", BEFORE), ("version", "1")]).await;
    assert_eq!(late.status, 409);
    assert!(late.text().contains("version 2 is in force by now"), "{}", late.text());
    assert_eq!(rig.app.send(&chat).await.status, 429);
}
