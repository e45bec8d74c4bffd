//! Every list and every table of a page as comma-separated values: what JSON has and the page shows, whole and once.

use super::{
    behind,
    pages::{HOSTILE, call, fallback, refused},
    *,
};
use crate::access::{self, Making};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use std::fmt;

const LISTS: [&str; 12] = [
    "/v1/calls?",
    "/v1/calls?customer=acme&state=finished,orphaned&",
    "/v1/tasks?",
    "/v1/caps?",
    "/v1/caps?customer=acme&",
    "/v1/prices?",
    "/v1/prices?status=all&",
    "/v1/prices/imports?",
    "/v1/alerts?",
    "/v1/deliveries?",
    "/v1/policy/versions?",
    "/v1/keys?",
];
/// Lists that are whole, and lists within one thing.
const WHOLE: [&str; 2] = ["/v1/caps", "/v1/keys"];

const NAMES: [&str; 5] = ["=HYPERLINK(1)", "-1+1", "@x, \"y\"", "+49", HOSTILE];

/// A control plane that has some of everything, and its admin's key.
pub(super) fn everything() -> (Browser, String) {
    let browser = behind::ledger();
    for plan in ["pro", "free"] {
        let policy = format!(
            "version: 1\nplans: {{{plan}: {{price_usd: 1}}}}\ncustomers: {{acme: {{plan: {plan}}}}}\n\
             destinations: {{ops: {{url: \"https://ops.example/x\", kind: slack}}}}\nalerts: {{to: [ops]}}\n\
             caps: [{{name: day, each: customer, limit_usd: 0.001, window: day}}]\n"
        );
        let policy = policy::parse(&policy, "p").unwrap();
        browser.runtime.block_on(browser.app.put_policy(policy)).unwrap();
    }
    browser.import(prices::SECOND);
    for (number, name) in (20..).zip(NAMES) {
        let (head, end) = call(number, &format!("{name} task"), name);
        browser.book(head, end);
    }
    for (head, end) in [fallback(40, "contract"), refused(41)] {
        browser.book(head, end);
    }
    // Of two customers, and so with owners.
    let (head, end) = call(30, "contract", "globex");
    browser.book(head, end);
    let sql = |sql: String| {
        let done = browser.app.store.write(move |write| write.execute(&sql, []));
        browser.runtime.block_on(done).unwrap();
    };
    for id in 1..=5 {
        sql(format!(
            "INSERT INTO alert_messages (id, name, at, kind, body)
             VALUES ({id}, 'msg_{id}', {id}, 'cap', '{{\"data\": {{\"headline\": \"=cap {id}\"}}}}')"
        ));
        sql(format!(
            "INSERT INTO alerts (kind, subject, customer, threshold, period_start, period_end, state, at, message,
                 figures, text)
             VALUES ('cap', 'cap=c{id}', '=acme', 80, {id}, 9, 0, {id}, {id}, '{{\"spent_usd\": \"-1.5\"}}', 'Cap, c{id}')"
        ));
        for (to, state) in [("a.b", 1), ("ops", 2)] {
            sql(format!(
                "INSERT INTO alert_deliveries (message, destination, state, attempts) VALUES ({id}, '{to}', {state}, 1)"
            ));
        }
    }
    let name = "boss".parse().unwrap();
    let made = browser.runtime.block_on(access::make(&browser.app, &name, Role::Admin)).unwrap();
    let Making::Made(key) = made else { panic!("{made:?}") };
    (browser, key)
}

struct Got {
    status: u16,
    kind: String,
    file: String,
    next: Option<String>,
    text: String,
}

struct Client<'a> {
    browser: &'a Browser,
    key: String,
}

impl Client<'_> {
    fn read(&self, mut answer: ureq::http::Response<ureq::Body>) -> Got {
        let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let link = header("link");
        let next = link.map(|link| {
            let address = link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\""));
            address.unwrap_or_else(|| panic!("{link}")).to_owned()
        });
        let (kind, file) = (header("content-type"), header("content-disposition"));
        Got {
            status: answer.status().as_u16(),
            kind: kind.unwrap_or_default(),
            file: file.unwrap_or_default(),
            next,
            text: answer.body_mut().read_to_string().unwrap(),
        }
    }

    fn get(&self, path: &str) -> Got {
        let request = self.browser.agent().get(format!("{}{path}", self.browser.address));
        self.read(request.header("authorization", format!("Bearer {}", self.key)).call().unwrap())
    }

    fn post(&self, path: &str, fields: &[(&str, &str)]) -> Got {
        let request = self.browser.agent().post(format!("{}{path}", self.browser.address));
        let request = request.header("authorization", format!("Bearer {}", self.key));
        let request = request.header("origin", &self.browser.address);
        self.read(request.send_form(fields.iter().copied()).unwrap())
    }

    /// A file: its columns and rows, all as wide.
    fn file(&self, path: &str) -> (Got, Vec<String>, Vec<Vec<String>>) {
        let got = self.get(path);
        let (columns, rows) = table(&got, path);
        (got, columns, rows)
    }
}

fn table(got: &Got, path: &str) -> (Vec<String>, Vec<Vec<String>>) {
    assert_eq!((got.status, got.kind.as_str()), (200, "text/csv; charset=utf-8"), "{path}: {}", got.text);
    let name = got.file.strip_prefix("attachment; filename=\"").and_then(|name| name.strip_suffix(".csv\""));
    assert!(name.is_some_and(|name| !name.is_empty()), "{path}: {}", got.file);
    let mut reader = csv::ReaderBuilder::new().from_reader(got.text.as_bytes());
    let columns: Vec<String> = reader.headers().unwrap().iter().map(ToOwned::to_owned).collect();
    assert!(!columns.is_empty() && columns.iter().all(|column| !column.is_empty()), "{path}: {columns:?}");
    let record = |record: Result<csv::StringRecord, csv::Error>| {
        let record = record.unwrap_or_else(|error| panic!("{path}: {error}"));
        record.iter().map(ToOwned::to_owned).collect()
    };
    let rows = reader.records().map(record).collect();
    (columns, rows)
}

/// The names of an object's fields as they are written.
struct Written(Vec<String>);

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;
        impl<'de> Visitor<'de> for Names {
            type Value = Written;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Written, A::Error> {
                let mut names = Vec::new();
                while let Some((name, IgnoredAny)) = map.next_entry::<String, IgnoredAny>()? {
                    names.push(name);
                }
                Ok(Written(names))
            }
        }
        deserializer.deserialize_map(Names)
    }
}

#[derive(serde::Deserialize)]
struct Page<T> {
    items: Vec<T>,
    next: Option<String>,
}

/// What a cell must say: numbers as they are, and nothing that a spreadsheet takes for a formula.
fn cell(value: Option<&Value>) -> String {
    let text = match value {
        None | Some(Value::Null) => return String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => return value.to_string(),
    };
    let is_negative = text.starts_with('-') && text.parse::<f64>().is_ok();
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) && !is_negative {
        return format!("'{text}");
    }
    text
}

/// Everything that an item has, by where it is.
fn leaves(prefix: &str, value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, value) in fields {
                leaves(&format!("{prefix}.{name}"), value, found);
            }
        }
        Value::Null => {}
        Value::Object(_) => {}
        _ => found.push(prefix.trim_start_matches('.').to_owned()),
    }
}

fn assert_same(path: &str, columns: &[String], rows: &[Vec<String>], items: &[Value]) {
    assert_eq!(rows.len(), items.len(), "{path}");
    for (row, item) in rows.iter().zip(items) {
        for (column, found) in columns.iter().zip(row) {
            let value = column.split('.').try_fold(item, |within, name| within.get(name));
            assert_eq!(*found, cell(value), "{path}: {column} of {item}");
        }
        let mut all = Vec::new();
        leaves("", item, &mut all);
        for leaf in all {
            let is_within = |column: &String| {
                leaf == *column
                    || leaf.strip_prefix(column.as_str()).is_some_and(|rest| rest.starts_with('.'))
            };
            assert!(columns.iter().any(is_within), "{path}: {leaf} is in no column");
        }
    }
}

#[test]
fn every_list_is_a_file_with_what_json_has_in_the_order_of_its_fields() {
    let (browser, key) = everything();
    let client = Client { browser: &browser, key };
    let fallen = fallback(40, "contract").0.id;
    let priced = call(20, "any", "any").0.id;
    let within = ["attempts", "caps", "corrections"].map(|list| format!("/v1/calls/{fallen}/{list}?"));
    let others = [format!("/v1/calls/{priced}/lines?"), "/v1/tasks/contract/owners?".to_owned()];
    for path in LISTS.map(ToOwned::to_owned).into_iter().chain(within).chain(others) {
        let limit = if path.contains("/v1/calls/")
            || path.contains("owners")
            || WHOLE.iter().any(|list| path.starts_with(list))
        {
            ""
        } else {
            "limit=1000&"
        };
        let json = client.get(&format!("{path}{limit}"));
        assert_eq!(json.status, 200, "{path}: {}", json.text);
        let page: Page<Value> = serde_json::from_str(&json.text).unwrap();
        let (got, columns, rows) = client.file(&format!("{path}{limit}format=csv"));
        assert_eq!(got.next, None);
        assert_same(&path, &columns, &rows, &page.items);
        assert!(!rows.is_empty() || path.contains("corrections"), "{path}: nothing to compare");
        // In the order in which the fields are documented, which is the one in which they are written.
        let written: Page<Written> = serde_json::from_str(&json.text).unwrap();
        let mut fields: Vec<&str> = columns.iter().map(|column| column.split('.').next().unwrap()).collect();
        fields.dedup();
        for Written(names) in &written.items {
            let common: Vec<&str> =
                fields.iter().copied().filter(|field| names.iter().any(|name| name == field)).collect();
            // What was put together as JSON has no order of its own.
            assert!(path.contains("imports") || common == *names, "{path}: {common:?} and {names:?}");
        }
        for wrong in ["xlsx", "CSV", ""] {
            let got = client.get(&format!("{path}format={wrong}"));
            assert_eq!(got.status, 400, "{path} as {wrong}");
            assert!(got.text.contains("parameter `format` is neither json nor csv"), "{}", got.text);
        }
    }
    let (_, _, calls) = client.file("/v1/calls?format=csv&limit=1000");
    let texts: Vec<&String> = calls.iter().flatten().collect();
    for text in ["'=HYPERLINK(1)", "'-1+1", "'@x, \"y\"", "'+49", HOSTILE] {
        assert!(texts.iter().any(|cell| *cell == text), "{text} in {texts:?}");
    }
}

#[test]
fn the_pages_of_a_list_lead_to_each_other_with_nothing_lost_or_doubled() {
    let (browser, key) = everything();
    let client = Client { browser: &browser, key };
    for path in LISTS.iter().filter(|path| !WHOLE.iter().any(|list| path.starts_with(list))) {
        let (_, columns, whole) = client.file(&format!("{path}format=csv&limit=1000"));
        for limit in [1, 2, 3, whole.len().max(1)] {
            let (mut address, mut rows) = (Some(format!("{path}format=csv&limit={limit}")), Vec::new());
            let mut items: Vec<Value> = Vec::new();
            let mut json = Some(format!("{path}limit={limit}"));
            while let Some(this) = address.take() {
                let (got, head, part) = client.file(&this);
                assert_eq!(head, columns, "{this}");
                assert!(part.len() <= limit, "{this}: {} rows", part.len());
                rows.extend(part);
                address = got.next;
                let this = json.take().unwrap();
                let got = client.get(&this);
                let page: Page<Value> = serde_json::from_str(&got.text).unwrap();
                items.extend(page.items);
                assert_eq!(got.next.is_some(), address.is_some(), "{this}");
                let cursor = page.next.map(|next| crate::percent::encoded(&next));
                json = cursor.map(|cursor| format!("{path}limit={limit}&cursor={cursor}"));
                assert_eq!(json.is_some(), address.is_some(), "{this}");
                assert!(rows.len() <= whole.len(), "{path}: more than there are");
            }
            assert_eq!(rows, whole, "{path} by {limit}");
            assert_same(path, &columns, &rows, &items);
        }
    }
}

/// What a page has of its tables: how many, and the addresses of their files.
fn tables(page: &str) -> (usize, Vec<String>) {
    let links = page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let links = links
        .filter(|link| link.contains("csv"))
        .map(|link| link.replace("&#38;", "&").replace("&amp;", "&"));
    (page.matches("<table").count(), links.collect())
}

#[test]
fn every_table_of_a_page_is_a_file_too() {
    let (browser, key) = everything();
    let client = Client { browser: &browser, key };
    let [fallen, capped] = [fallback(40, "contract").0.id, refused(41).0.id];
    let calculation = "/console/calculator?price_usd=10&period=month&expected_margin_percent=80\
        &model=openai%2Fgpt-4o-mini&calls=p50%3D1000&input_tokens=1000&output_tokens=1000&plan=";
    let mut seen = 0;
    let pages = [
        "/".to_owned(),
        "/?span=day".to_owned(),
        "/console/calls".to_owned(),
        format!("/console/calls/{fallen}"),
        format!("/console/calls/{capped}"),
        "/console/tasks".to_owned(),
        "/console/tasks/contract".to_owned(),
        "/console/tasks/%3DHYPERLINK%281%29%20task".to_owned(),
        "/console/customers/acme".to_owned(),
        "/console/customers/%3DHYPERLINK%281%29".to_owned(),
        calculation.to_owned(),
        "/console/prices".to_owned(),
        "/console/prices?provider=openai&at=2026-11-24T14:04".to_owned(),
        "/console/prices/openai/gpt-4o-mini".to_owned(),
        "/console/prices/proposals".to_owned(),
        "/console/prices/proposals?import=2".to_owned(),
        "/console/policy".to_owned(),
        "/console/policy/versions/2".to_owned(),
        "/console/alerts".to_owned(),
        "/console/alerts?state=standing".to_owned(),
        "/console/access".to_owned(),
    ];
    let reports = Kind::ALL.map(|kind| format!("/console/reports/{}", kind.as_str()));
    for path in pages.into_iter().chain(reports) {
        let page = client.get(&path);
        assert_eq!(page.status, 200, "{path}: {}", page.text);
        let (tables, files) = tables(&page.text);
        assert!(tables > 0 || path.starts_with("/console/reports"), "{path}: {}", page.text);
        assert!(files.len() >= tables, "{path}: {tables} tables and {files:?}");
        for file in files {
            let (_, _, rows) = client.file(&file);
            assert!(!rows.is_empty() || file.contains("reports"), "{path}: {file}");
            seen += 1;
        }
        // What is no table is none.
        if path.contains("calculator") || path.contains("versions/") {
            let mark = if path.contains('?') { '&' } else { '?' };
            assert_eq!(client.get(&format!("{path}{mark}csv=nonsense")).status, 404, "{path}");
        }
    }
    assert!(seen > 60, "only {seen} files");
    let (_, columns, rows) = client.file("/?csv=customers&span=week");
    assert_eq!(columns, ["customer", "cost_usd", "calls", "refused", "calls_unpriced"]);
    assert!(rows.iter().any(|row| row[0] == "'=HYPERLINK(1)" && row[2] == "1"), "{rows:?}");
    let (_, columns, rows) = client.file("/console/customers/acme?csv=margin");
    assert_eq!((columns[3].as_str(), rows.len()), ("revenue_usd", 2));
    for table in ["/?csv=nonsense", "/console/customers/acme?csv=x", "/console/prices/proposals?csv=x"] {
        assert_eq!(client.get(table).status, 404, "{table}");
    }
    assert_eq!(client.get("/console/customers/nobody?csv=days").status, 404);
}

#[test]
fn what_a_form_made_is_a_file_of_the_same_form() {
    let (browser, key) = everything();
    let client = Client { browser: &browser, key };
    let usage = r#"{"data": [{"start_time": 1795132800, "end_time": 1795219200, "results":
        [{"input_tokens": 1000000, "output_tokens": 0, "model": "gpt-4o-mini"}]}]}"#;
    let draft = "version: 1\nplans: {=x: {price_usd: 1}}\n";
    for (path, fields) in [
        ("/console/reconciliation", vec![("provider", "openai"), ("usage", usage)]),
        ("/console/policy/draft", vec![("text", draft), ("days", "1")]),
    ] {
        let page = client.post(path, &fields);
        assert_eq!(page.status, 200, "{path}: {}", page.text);
        let buttons = page.text.split("name=\"csv\" value=\"").skip(1);
        let names: Vec<&str> = buttons.filter_map(|rest| rest.split('"').next()).collect();
        assert!(names.len() >= 2 && names.len() == page.text.matches("<table").count(), "{path}: {names:?}");
        for name in names {
            let mut fields = fields.clone();
            fields.push(("csv", name));
            let got = client.post(path, &fields);
            assert!(!table(&got, path).1.is_empty(), "{path}: {name}");
        }
        let mut wrong = fields.clone();
        wrong.push(("csv", "nonsense"));
        assert_eq!(client.post(path, &wrong).status, 404, "{path}");
    }
}
