mod alerts;
mod calculate;
mod export;
mod keys;
mod policy;
mod reconcile;
mod rerate;

use super::*;
use protocol::{
    attribution::{Attributed, Attribution, Dimension, Source},
    codec::{Batch, VERSION},
    event::{CallEnd, CallHead, Ending, Outcome, Refusal, UsageEvent},
    ids::CallId,
    meters::{Meter, Usage},
};
use std::{fs, path::PathBuf};

/// 2026-11-24T10:00:00Z, a Tuesday.
const NOW: u64 = 1_795_514_400_000_000_000;

const POLICY: &str = "version: 1
plans: {pro: {price_usd: \"30.00\", expected_margin_percent: 80}}
customers: {acme: {plan: pro}, globex: {plan: pro, time_zone: Europe/Berlin}}
caps:
  - {name: acme-month, subject: {customer: acme}, limit_usd: \"30.00\", window: month}
  - {name: each-day, each: customer, limit_calls: 250, window: day}
";

const CATALOGUE: &str = r#"{
  "gpt-x": {"litellm_provider": "openai", "input_cost_per_token": 2.5e-06, "output_cost_per_token": 1e-05,
    "output_cost_per_second": 0.1},
  "wrong": {"litellm_provider": "openai", "input_cost_per_token": 0.5, "output_cost_per_token": 1e-05}
}"#;

/// A directory with a policy, a catalogue and a store's place.
struct Desk {
    directory: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let desk = Self { directory: tempfile::tempdir().unwrap() };
        desk.write("policy.yaml", POLICY);
        desk.write("catalogue.json", CATALOGUE);
        fs::create_dir(desk.path("data")).unwrap();
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// Runs a command line, in which `@name` is a file of the desk. The exit code and all that was said.
    fn bursar(&self, line: &str) -> (u8, String) {
        let argument = |word: &str| match word.strip_prefix('@') {
            Some(name) => self.path(name).display().to_string(),
            None => word.to_owned(),
        };
        let words = std::iter::once("bursar".to_owned()).chain(line.split_whitespace().map(argument));
        let command = match Cli::try_parse_from(words) {
            Ok(cli) => cli.command,
            Err(error) => return (u8::try_from(error.exit_code()).unwrap(), error.to_string()),
        };
        let mut out = Vec::new();
        let clock = Clock::from_source(|| NOW);
        let (code, failure) = match execute(command, &clock, &mut out) {
            Ok(answer) => (answer.code(), String::new()),
            Err(failure) => (failure.code(), failure.to_string()),
        };
        (code, String::from_utf8(out).unwrap() + &failure)
    }

    /// Runs one that must be done.
    fn done(&self, line: &str) -> String {
        let (code, said) = self.bursar(line);
        assert_eq!(code, 0, "{line}: {said}");
        said
    }

    /// Books events as an Envoy sends them.
    fn book(&self, events: Vec<UsageEvent>) {
        let batch = Batch { version: VERSION, node: "n".into(), boot: "b".into(), events };
        let target = Target { data_dir: Some(self.path("data")), ..Target::default() };
        let clock = Clock::from_source(|| NOW);
        let remote = target.reach(&clock).unwrap();
        let answer = remote.post("/v1/events", &[], &serde_json::to_string(&batch).unwrap()).unwrap();
        assert!(!answer.contains("invalid") && !answer.contains("conflict"), "{answer}");
    }
}

fn call(number: u8, customer: Option<&str>, model: &str, tokens: u64, refused: bool) -> UsageEvent {
    let mut attribution = Attribution::default();
    if let Some(customer) = customer {
        let value = customer.parse().unwrap();
        attribution.set(Dimension::Customer, Attributed { value, from: Source::Header });
    }
    let started_at = NOW - 60_000_000_000;
    let head = CallHead {
        id: CallId::new(started_at / 1_000_000, [number; 10]),
        request_id: None,
        attribution,
        provider: "openai".into(),
        account: None,
        dialect: "openai-chat".into(),
        operation: "chat".into(),
        route: Some("llm".into()),
        original_route: None,
        request_model: Some(model.into()),
        downgraded_to: None,
        routed_to: None,
        request_tier: None,
        stream: false,
        output_tokens_max: None,
        input_tokens_estimate: tokens,
        request_text_bytes: None,
        region: None,
        started_at,
        hold: None,
        hold_input: None,
        caps: Vec::new(),
        loop_guard: None,
    };
    let units = [(Meter::Input, tokens), (Meter::Output, tokens)].into_iter().filter(|_| !refused).collect();
    let end = CallEnd {
        finished_at: started_at + 1_000_000_000,
        first_token_at: None,
        response_model: None,
        service_tier: None,
        usage: Usage { units, complete: true, ..Usage::default() },
        provider_cost: None,
        region: None,
        text_bytes: 0,
        status: if refused { 429 } else { 200 },
        response_flags: "".into(),
        ending: if refused { Ending::LocalReply } else { Ending::Complete },
        outcome: if refused { Outcome::RefusedByCap } else { Outcome::Ok },
        refused: refused.then_some(Refusal::Cap),
        finish_reasons: Vec::new(),
        error_type: None,
        cluster: None,
        upstream: None,
        attempts: 1,
        tried: Vec::new(),
        settled: None,
        stopped_by: None,
    };
    UsageEvent::Finished { head, end: Box::new(end) }
}

#[test]
fn a_policy_without_a_fault_passes_and_one_with_faults_is_told_all_of_them() {
    let desk = Desk::new();
    assert_eq!(desk.done("policy check @policy.yaml"), "no fault: 1 plans, 2 customers, 2 limits\n");
    desk.write(
        "bad.yaml",
        "version: 1\nplans: {pro: {price_usd: x}}\ncustomers: {acme: {plan: por}}\ncap: []\n",
    );
    let (code, said) = desk.bursar("policy check @bad.yaml");
    assert_eq!(code, 1);
    for line in [
        "bad.yaml:2:26: plans.pro.price_usd: `x` is not a decimal number",
        "bad.yaml:3:26: customers.acme.plan: there is no plan `por`",
        "hint: did you mean `pro`?",
        "bad.yaml:4:1: cap: is no key that belongs here",
        "the policy has 3 faults",
    ] {
        assert!(said.contains(line), "{line} in {said}");
    }
    assert_eq!(desk.bursar("policy check @nothing.yaml").0, 2);
    assert_eq!(desk.bursar("policy chekc @policy.yaml").0, 2);
}

#[test]
fn explaining_a_policy_shows_windows_and_what_is_used_before_anybody_asks() {
    let desk = Desk::new();
    let csv = desk.done("policy explain @policy.yaml --envoys 20 --format csv");
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(
        lines[1],
        "each-day/calls,each customer,250 calls,day,2026-11-24T00:00:00.000000000Z,2026-11-25T00:00:00.000000000Z,\
         enforce,2 calls,40 calls"
    );
    assert!(lines[2].starts_with("acme-month/usd,customer acme,30 USD,month,2026-11-01T"), "{csv}");
    assert!(lines[2].ends_with("enforce,0.3 USD,6 USD"), "{csv}");
    let text = desk.done("policy explain @policy.yaml --envoys 20");
    assert!(text.contains("20 Envoys may use the last column"), "{text}");
}

#[test]
fn the_schema_is_printed_as_json() {
    let schema: serde_json::Value = serde_json::from_str(&Desk::new().done("policy schema")).unwrap();
    assert_eq!(schema["title"], "Bursar policy");
}

#[test]
fn a_policy_is_compared_applied_and_then_the_same() {
    let desk = Desk::new();
    let (code, said) = desk.bursar("policy diff @policy.yaml --data-dir @data --format csv");
    assert_eq!(code, 1);
    assert!(said.contains("plans.pro.price_usd,added,,30\n"), "{said}");
    assert!(
        desk.done("policy apply @policy.yaml --data-dir @data --dry-run").contains("nothing was changed")
    );
    assert_eq!(desk.bursar("policy diff @policy.yaml --data-dir @data").0, 1);
    assert_eq!(desk.done("policy apply @policy.yaml --data-dir @data"), "in force: version 1\n");
    assert!(desk.done("policy diff @policy.yaml --data-dir @data").contains("No difference."));

    let other = POLICY
        .replace("30.00\", window", "40.00\", window")
        .replace("caps:\n", "caps:\n  - {name: new, limit_calls: 1, window: day}\n");
    desk.write("other.yaml", &other);
    let (code, said) = desk.bursar("policy diff @other.yaml --against @policy.yaml --format csv");
    assert_eq!(code, 1);
    assert!(said.contains("caps[acme-month].limit_usd,changed,30,40\n"), "{said}");
    assert!(said.contains("caps[new].limit_calls,added,,1\n"), "{said}");
    assert!(!said.contains("each-day"), "a cap put in front moves no other: {said}");
}

#[test]
fn prices_are_imported_once_and_what_looks_wrong_waits() {
    let desk = Desk::new();
    let (code, said) = desk.bursar("prices diff @catalogue.json --data-dir @data");
    assert_eq!(code, 1);
    assert!(said.contains("openai/wrong input"), "{said}");
    let said = desk.done("prices import @catalogue.json --data-dir @data --format csv");
    assert!(said.contains("unmapped,output_cost_per_second,entries,1\n"), "{said}");
    assert!(said.contains("held,openai/wrong input,usd_per_mtok,500000\n"), "{said}");
    assert!(said.contains("held,openai/wrong input,reason,magnitude\n"), "{said}");
    assert_eq!(desk.bursar("prices diff @catalogue.json --data-dir @data").0, 0);

    let shown = desk.done("prices show openai gpt-x --data-dir @data --format csv");
    assert!(shown.contains("reasoning,,,10,output,"), "{shown}");
    assert!(shown.contains("litellm,gpt-x: input_cost_per_token,2.5e-06\n"), "{shown}");
    let (code, said) = desk.bursar("prices show openai gpt-y --data-dir @data");
    assert_eq!(code, 1);
    assert!(said.contains("nobody has priced gpt-y at openai"), "{said}");

    let waiting = |desk: &Desk| {
        desk.done("prices list --status proposed --data-dir @data --format csv").lines().count() - 1
    };
    // The input rate, and cached input, which inherits it.
    assert_eq!(waiting(&desk), 2);
    assert_eq!(desk.done("prices approve 1 --data-dir @data"), "approved: 2 rows\n");
    assert_eq!(waiting(&desk), 0);
    assert_eq!(desk.bursar("prices approve 77 --data-dir @data").0, 2);
}

#[test]
fn reports_are_the_same_whoever_is_asked_and_the_unknown_stands_beside_the_total() {
    let desk = Desk::new();
    desk.done("prices import @catalogue.json --data-dir @data");
    desk.done("policy apply @policy.yaml --data-dir @data");
    desk.book(vec![
        call(1, Some("acme"), "gpt-x", 1_000_000, false),
        call(2, Some("globex"), "gpt-x", 100_000, false),
        call(3, Some("globex"), "nobody-knows", 10, false),
        call(4, Some("acme"), "gpt-x", 0, true),
        call(5, None, "gpt-x", 1_000, false),
    ]);
    let csv = desk.done("report customers --data-dir @data --format csv");
    let rows: Vec<&str> = csv.lines().skip(1).collect();
    assert_eq!(
        rows,
        [
            "acme,1,1,0,1000000,1000000,12.5,90.8,0,0,acme,false",
            "globex,2,0,0,100010,100010,1.25,9.1,1,0,globex,false",
            "(none),1,0,0,1000,1000,0.0125,0.1,0,0,,false",
            "total,4,1,0,1101010,1101010,13.7625,100.0,1,0,,true",
        ]
    );
    let weekly = desk.done("report weekly --data-dir @data --format md");
    // 7 of 30 days of 30 USD each; acme's 12.50 are more than its 7.
    for line in [
        "| acme | pro | 7.0000 | 12.5000 | -5.5000 | -78.6 % | 80.0 % | 0 |",
        "| pro | 2 | 14.0000 | 13.7500 | 0.2500 | 1.8 % | 80.0 % | 1 | 1 |",
        "1 call unpriced: their cost is not in these totals.",
        "| openai/nobody-knows | 1 | 10 | 10 |",
    ] {
        assert!(weekly.contains(line), "{line} in {weekly}");
    }
    for report in ["features", "plans", "routes", "workspaces", "models"] {
        let json: serde_json::Value =
            serde_json::from_str(&desk.done(&format!("report {report} --data-dir @data --format json")))
                .unwrap();
        assert_eq!(json["total"]["cost_usd"], "13.7625", "{report}");
        assert_eq!(json["total"]["calls_unpriced"], 1, "{report}");
    }
    let of_acme = desk.done("report models --customer acme --model gpt-x --data-dir @data --format csv");
    assert!(of_acme.ends_with("\ntotal,1,1,0,1000000,1000000,12.5,100.0,0,0,,,true\n"), "{of_acme}");
    let (code, said) = desk.bursar("report weekly --customer acme --data-dir @data");
    assert!(code != 0 && said.contains("there is no parameter `customer` here"), "{said}");
    let unpriced = desk.done("report unpriced --data-dir @data --format csv");
    assert!(unpriced.contains("\nopenai,nobody-knows,no_model,1,,10,10,,1,"), "{unpriced}");
    let before = desk.done("report customers --to 2026-11-01 --data-dir @data");
    assert!(before.contains("No calls in this time."), "{before}");
    assert_eq!(desk.bursar("report weekly --from yesterday --data-dir @data").0, 2);
    assert_eq!(desk.bursar("report monthly --data-dir @data").0, 2);
}

#[test]
fn rebuilding_agrees_until_somebody_changes_an_aggregate() {
    let desk = Desk::new();
    desk.done("prices import @catalogue.json --data-dir @data");
    desk.book(vec![call(1, Some("acme"), "gpt-x", 10, false), call(2, None, "gpt-x", 10, false)]);
    let said = desk.done("rebuild --check --data-dir @data");
    assert!(said.contains("2 calls") && said.contains("the aggregates equal the ledger"), "{said}");
    let store = rusqlite::Connection::open(desk.path("data").join("bursar.sqlite3")).unwrap();
    store.execute("UPDATE by_day_customer SET cost_pico = cost_pico + 1", []).unwrap();
    drop(store);
    let (code, said) = desk.bursar("rebuild --check --data-dir @data");
    assert_eq!(code, 1);
    assert!(said.contains("by_day_customer"), "{said}");
    // What an older version wrote has fewer aggregates, until a service has opened it.
    let store = rusqlite::Connection::open(desk.path("data").join("bursar.sqlite3")).unwrap();
    store.pragma_update(None, "user_version", 1).unwrap();
    drop(store);
    let (code, said) = desk.bursar("rebuild --check --data-dir @data");
    assert_eq!(code, 3);
    assert!(said.contains("bursar serve"), "{said}");
}

#[test]
fn what_cannot_be_reached_has_an_exit_code_of_its_own_and_a_hint() {
    let desk = Desk::new();
    // Nothing listens on a port that was free a moment ago.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let (code, said) = desk.bursar(&format!("report weekly --server http://{address}"));
    assert_eq!(code, 3);
    assert!(said.contains("is the control plane running?"), "{said}");
    assert_eq!(desk.bursar("report weekly --server nonsense").0, 2);
    assert_eq!(desk.bursar("report weekly --data-dir @nothing").0, 2);
    assert_eq!(desk.bursar("rebuild --check --data-dir @nothing").0, 3);
    let (code, said) = desk.bursar("report weekly");
    assert_eq!(code, 2);
    assert!(said.contains("--data-dir DIR"), "{said}");
    let store = crate::store::Store::open(&desk.path("data")).unwrap();
    let (code, said) = desk.bursar("report weekly --data-dir @data");
    assert_eq!(code, 3);
    assert!(said.contains("--server URL"), "{said}");
    drop(store);
}

#[test]
fn prices_of_one_s_own_are_kept_by_their_file_and_rows_are_decided_one_by_one() {
    let desk = Desk::new();
    let entry = |model: &str| {
        format!("prices:\n  - {{provider: openai, model: {model}, rates: {{input: {{usd_per_mtok: 1}}}}}}\n")
    };
    desk.write("a.yaml", &entry("ours-a"));
    desk.write("b.yaml", &entry("ours-b"));
    desk.write("wrong.yaml", "prices:\n  - {provider: openai, model: m, rates: {input: 1}}\n");
    let (code, said) = desk.bursar("prices import @wrong.yaml --data-dir @data");
    assert!(code == 2 && said.contains("2:49: prices[0].rates.input: is a number without a unit"), "{said}");
    desk.done("prices import @a.yaml --data-dir @data");
    desk.done("prices import @b.yaml --data-dir @data");
    let listed = desk.done("prices list --data-dir @data --format csv");
    assert!(
        listed.contains("ours-a,input") && listed.contains("ours-b,input"),
        "the second took nothing away: {listed}"
    );
    assert!(desk.done("prices show openai ours-a --data-dir @data").contains("file:a.yaml"));
    desk.done("prices import @catalogue.json --propose --from litellm --data-dir @data");
    let waiting = desk.done("prices imports 3 --data-dir @data --format csv");
    assert!(waiting.contains(",approval"), "{waiting}");
    let imports = desk.done("prices imports --data-dir @data --format csv");
    assert!(
        imports.lines().nth(1).unwrap().starts_with("3,") && imports.contains(",file:b.yaml,"),
        "{imports}"
    );
    let row = |text: &str| text.lines().find_map(|line| line.split(',').next()?.parse::<u64>().ok());
    let approve = format!(
        "prices approve 3 --rows {} --data-dir @data",
        row(&desk.done("prices list --status proposed --data-dir @data --format csv")).unwrap()
    );
    assert!(desk.done(&approve).starts_with("approved: 1 rows, still waiting: "));
    assert!(desk.done("prices reject 3 --data-dir @data").starts_with("rejected: "));
    assert_eq!(desk.bursar("prices import @a.yaml --from xml --data-dir @data").0, 2);
}
