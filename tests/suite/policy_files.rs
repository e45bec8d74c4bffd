//! The policy as files: `bursar serve` follows what is on the disk, whoever changes it and however; and what
//! `explain` says of a call is what Envoy does with it.

use harness::{call::Call, control_plane::ControlPlane, ports::Port, rig::Rig, wait};
use protocol::money::PicoUsd;
use serde_json::{Value, json};
use std::{collections::BTreeMap, fs, os::unix::fs::symlink, path::Path};

fn text(calls: u32) -> String {
    format!(
        "version: 1\ncaps:\n  - {{name: acme, subject: {{customer: acme}}, limit_calls: {calls}, window: day}}\n"
    )
}

/// Starts a control plane on the policy at a path.
async fn watching(policy: &Path) -> ControlPlane {
    let mut bursar = ControlPlane::prepared("version: 1\n", Port::free()).reading(policy);
    bursar.resume().await;
    bursar
}

async fn until_calls(bursar: &ControlPlane, calls: u32) -> Value {
    let is_so = async || {
        let policy = bursar.json("/v1/policy").await;
        (policy["policy"]["caps"][0]["limit_calls"] == calls).then_some(policy)
    };
    wait::until(&format!("{calls} calls are allowed"), is_so).await
}

async fn reloads(bursar: &ControlPlane, result: &str) -> u64 {
    let metrics = bursar.client().send(&Call::get("/metrics")).await.text();
    let name = format!("bursar_policy_reloads_total{{result=\"{result}\"}} ");
    metrics.lines().find_map(|line| line.strip_prefix(&name)).unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_bad_file_is_refused_whole_and_shown_and_the_next_good_one_is_taken() {
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name);
    fs::write(path("caps.yaml"), text(1)).unwrap();
    let bursar = watching(place.path()).await;
    until_calls(&bursar, 1).await;
    // As editors save: another file takes the name.
    fs::write(path("caps.yaml.swp"), text(2)).unwrap();
    fs::rename(path("caps.yaml.swp"), path("caps.yaml")).unwrap();
    assert_eq!(until_calls(&bursar, 2).await["refused"], Value::Null);

    fs::write(path("customers.yaml"), "customers:\n  acme: {plan: gold}\n  globex: {paln: pro}\n").unwrap();
    let refused = wait::until("the change is refused", async || {
        let policy = bursar.json("/v1/policy").await;
        policy["refused"].is_object().then_some(policy)
    });
    let policy = refused.await;
    assert_eq!((&policy["version"], &policy["policy"]["caps"][0]["limit_calls"]), (&json!(2), &json!(2)));
    let faults = policy["refused"]["faults"].as_array().unwrap();
    let places: Vec<String> = faults
        .iter()
        .map(|fault| format!("{}:{} {}", fault["line"], fault["column"], fault["path"].as_str().unwrap()))
        .collect();
    assert_eq!(places, ["2:16 customers.acme.plan", "3:12 customers.globex.paln"]);
    assert!(faults[0]["file"].as_str().unwrap().ends_with("/customers.yaml"), "{faults:?}");
    let log = bursar.log();
    for said in ["there is no plan `gold`", "customers.globex.paln", "the old policy stays in force"] {
        assert!(log.contains(said), "{said} in {log}");
    }
    for path in ["/", "/console/policy"] {
        let page = bursar.client().send(&Call::get(path)).await.text();
        assert!(page.contains("is not in force: 2 faults") && page.contains("customers.yaml:2:16"), "{page}");
    }

    fs::write(path("customers.yaml"), "plans: {gold: {price_usd: 9}}\ncustomers:\n  acme: {plan: gold}\n")
        .unwrap();
    let taken = wait::until("the next one is taken", async || {
        let policy = bursar.json("/v1/policy").await;
        policy["refused"].is_null().then_some(policy)
    });
    assert_eq!(taken.await["version"], 3);
    assert_eq!((reloads(&bursar, "applied").await, reloads(&bursar, "refused").await), (2, 1));
}

#[tokio::test]
async fn a_mounted_config_map_is_followed_through_its_links_and_wins_over_what_was_put_before() {
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name);
    // As the kubelet does it: a directory per generation, and a link that is renamed over the old one.
    let mount = |generation: &str, calls: u32| {
        fs::create_dir(path(generation)).unwrap();
        fs::write(path(generation).join("policy.yaml"), text(calls)).unwrap();
        symlink(generation, path("..data_tmp")).unwrap();
        fs::rename(path("..data_tmp"), path("..data")).unwrap();
    };
    mount("..2026_11_25_08_00", 1);
    symlink("..data/policy.yaml", path("policy.yaml")).unwrap();
    let mut bursar = watching(place.path()).await;
    until_calls(&bursar, 1).await;
    mount("..2026_11_25_09_00", 2);
    fs::remove_dir_all(path("..2026_11_25_08_00")).unwrap();
    until_calls(&bursar, 2).await;
    // What says the same, in other words, is no new version.
    mount("..2026_11_25_10_00", 2);
    fs::remove_dir_all(path("..2026_11_25_09_00")).unwrap();
    fs::write(path("..2026_11_25_10_00/policy.yaml"), format!("# for acme\n{}", text(2))).unwrap();
    wait::until("it is read", async || (reloads(&bursar, "unchanged").await > 0).then_some(())).await;
    assert_eq!(bursar.json("/v1/policy").await["version"], 2);
    // Somebody puts another one; the next change of the file wins.
    let body = json!({"version": 1, "caps": [{"name": "acme", "limit_calls": 7, "window": "day"}]});
    assert_eq!(bursar.put("/v1/policy", body.clone()).await.status, 200);
    mount("..2026_11_25_11_00", 3);
    assert_eq!(until_calls(&bursar, 3).await["version"], 4);
    // And at a start the file is what is in force.
    assert_eq!(bursar.put("/v1/policy", body).await.status, 200);
    assert!(bursar.terminate().await.success());
    bursar.resume().await;
    assert_eq!(until_calls(&bursar, 3).await["version"], 6);
}

#[tokio::test]
async fn what_is_explained_of_a_call_is_what_envoy_holds_for_it() {
    let policy = "
version: 1
caps:
  - {name: large, subject: {customer: acme}, limit_usd: '9', window: day}
  - {name: small, subject: {customer: acme}, limit_usd: '0.5', limit_tokens: 30000, window: month}
";
    let rig = Rig::start(policy).await;
    for max_tokens in [Some(200), Some(60_000), None] {
        let mut call =
            Call::chat("gpt-4o").customer("acme").streamed().script(&json!({"tokens": 500, "delay_ms": 20}));
        if let Some(max_tokens) = max_tokens {
            call = call.set("max_tokens", max_tokens);
        }
        let mut running = rig.app.open(&call).await.unwrap();
        running.events(1).await;
        let id = running.so_far().header("x-bursar-call").unwrap().to_owned();
        let booked = wait::until("the call is booked", async || {
            let call = rig.bursar.client().send(&Call::get(&format!("/v1/calls/{id}"))).await;
            (call.status == 200).then(|| call.json())
        });
        let booked = booked.await;
        // The hold tells the prompt's size: gpt-4o costs 2.5 and 10 USD per million, and answers with 16384 at most.
        let hold: PicoUsd = booked["hold_usd"].as_str().unwrap().parse().unwrap();
        let answer_pico = i128::from(max_tokens.unwrap_or(16_384).min(16_384)) * 10_000_000;
        let prompt_pico = hold.pico() - answer_pico;
        assert!((1..100 * 2_500_000).contains(&prompt_pico) && prompt_pico % 2_500_000 == 0, "{booked:#}");
        let explained = explain(&rig, prompt_pico / 2_500_000, max_tokens);
        let most = &explained["call"]["items"].as_array().unwrap().last().unwrap()["value"];
        assert_eq!(*most, format!("{hold} USD"), "{max_tokens:?}");
        let holds = column(&explained, "holds");
        assert_eq!(holds.len(), 3);
        let held: BTreeMap<String, String> = rig
            .bursar
            .items("/v1/caps")
            .await
            .iter()
            .map(|cap| (text_of(&cap["id"]), of_call(cap, &id)))
            .collect();
        assert_eq!(holds, held, "{max_tokens:?}");
        drop(running);
    }
}

/// What is said of a call of acme's.
fn explain(rig: &Rig, prompt: i128, max_tokens: Option<u32>) -> Value {
    let address = format!("http://{}", rig.bursar.address());
    let (prompt, max) = (prompt.to_string(), max_tokens.map(|max| max.to_string()));
    let mut line = vec!["policy", "explain", "--server", &address, "--format", "json", "--customer", "acme"];
    line.extend(["--provider", "openai", "--model", "gpt-4o", "--input-tokens", &prompt]);
    line.extend(max.iter().flat_map(|max| ["--max-tokens", max]));
    let output = rig.bursar.run(&line);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn column(explained: &Value, key: &str) -> BTreeMap<String, String> {
    let caps = explained["caps"]["items"].as_array().unwrap();
    caps.iter().map(|cap| (text_of(&cap["cap"]), text_of(&cap[key]))).collect()
}

/// What a call holds of a cap, as `explain` writes it.
fn of_call(cap: &Value, id: &str) -> String {
    let holds = cap["holds"].as_array().unwrap();
    let hold = holds.iter().find(|hold| hold["call"] == *id).unwrap();
    match hold["held"].as_str() {
        Some(money) => format!("{money} USD"),
        None => format!("{} {}", hold["held"], cap["unit"].as_str().unwrap()),
    }
}

fn text_of(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
