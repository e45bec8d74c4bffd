//! Keys and roles: who may ask what.

use super::*;

/// With an admin's key, and one of each other role; the role and its key.
async fn with_keys(api: &Api) -> Vec<(&'static str, String)> {
    let admin = make(api, "", "ann", "admin").await;
    let mut keys = vec![("admin", admin.clone())];
    for role in ["ingest", "read", "operate"] {
        keys.push((role, make(api, &admin, role, role).await));
    }
    keys
}

fn bearer(key: &str) -> String {
    if key.is_empty() { String::new() } else { format!("authorization: Bearer {key}\r\n") }
}

async fn wish(api: &Api, key: &str, name: &str, role: &str) -> Answer {
    let body = json!({"name": name, "role": role}).to_string();
    api.send("POST", "/v1/keys", &bearer(key), body.as_bytes()).await
}

async fn make(api: &Api, key: &str, name: &str, role: &str) -> String {
    let answer = wish(api, key, name, role).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["key"].as_str().unwrap().to_owned()
}

async fn get(api: &Api, path: &str, key: &str) -> u16 {
    api.send("GET", path, &bearer(key), b"").await.status
}

#[tokio::test]
async fn without_a_key_everything_is_open_and_the_first_one_closes_it() {
    let api = Api::start().await;
    assert_eq!(api.show("/v1/calls").await.status, 200);
    let early = wish(&api, "", "filter", "ingest").await;
    assert_eq!(early.status, 409, "nobody could make another: {}", early.text());
    let admin = make(&api, "", "ann", "admin").await;
    let closed = api.show("/v1/calls").await;
    assert_eq!((closed.status, closed.header("www-authenticate")), (401, Some("Bearer realm=\"bursar\"")));
    assert!(closed.json()["detail"].as_str().unwrap().contains("authorization: Bearer"), "{}", closed.text());
    for wrong in ["bursar_wrong", &admin.replace("bursar_", ""), "x"] {
        assert_eq!(get(&api, "/v1/calls", wrong).await, 401, "{wrong}");
    }
    assert_eq!(get(&api, "/v1/calls", &admin).await, 200);
    assert_eq!(wish(&api, &admin, "ann", "read").await.status, 409, "the name is taken");
    assert_eq!(wish(&api, &admin, "bob", "owner").await.status, 422);
    let list = api.send("GET", "/v1/keys", &bearer(&admin), b"").await;
    assert_eq!(list.json()["items"][0]["name"], "ann");
    assert!(!list.text().contains(&admin), "it is shown once");
}

#[tokio::test]
async fn each_route_takes_the_roles_that_it_names_and_no_others() {
    let api = Api::start().await;
    let keys = with_keys(&api).await;
    for (method, path, need, _) in routes() {
        if path == "/v1/keys/{name}" {
            continue; // it would revoke the keys that are asked with
        }
        let path = path.replace("{id}", "1").replace("{customer}", "acme").replace("{name}", "ops");
        let ask = async |key: &str| api.send(&method.to_uppercase(), &path, &bearer(key), b"").await.status;
        let is_free = matches!(need, Need::Open | Need::Filter);
        assert_eq!(ask("").await != 401, is_free, "{method} {path} without a key");
        for (word, key) in &keys {
            let role: Role = word.parse().unwrap();
            let may = is_free || need.is_met_by(role);
            assert_eq!(ask(key).await != 403, may, "{method} {path} as {word}");
        }
    }
    let may = |need: Need| Role::ALL.into_iter().filter(|role| need.is_met_by(*role)).collect::<Vec<_>>();
    assert_eq!(may(INGEST), [Role::Ingest, Role::Operate, Role::Admin]);
    assert_eq!(may(READ), [Role::Read, Role::Operate, Role::Admin]);
    assert_eq!(may(OPERATE), [Role::Operate, Role::Admin]);
    assert_eq!(may(ADMIN), [Role::Admin]);
    let needs = |asked: &str| {
        let found = routes().into_iter().find(|(method, path, ..)| format!("{method} {path}") == asked);
        found.map(|(_, _, need, _)| need)
    };
    for (asked, need) in [
        ("put /v1/policy", ADMIN),
        ("delete /v1/keys/{name}", ADMIN),
        ("post /v1/prices/imports/{id}/approve", OPERATE),
        ("put /v1/tasks/{id}/outcome", INGEST),
        ("get /v1/exports/focus", READ),
        ("get /metrics", READ),
        ("get /readyz", Need::Open),
    ] {
        assert_eq!(needs(asked), Some(need), "{asked}");
    }
}

#[tokio::test]
async fn to_propose_prices_from_a_reconciliation_takes_more_than_to_compare() {
    let api = Api::start().await;
    let keys = with_keys(&api).await;
    for (role, key) in keys.iter().filter(|(role, _)| *role != "ingest") {
        for propose in [false, true] {
            let usage =
                json!({"data": [{"start_time": 1_795_132_800, "end_time": 1_795_219_200, "results": []}]});
            let files = json!([{"name": "usage.json", "text": usage.to_string()}]);
            let body = json!({"provider": "openai", "files": files, "propose": propose}).to_string();
            let status = api.send("POST", "/v1/reconciliations", &bearer(key), body.as_bytes()).await.status;
            assert_eq!(status == 403, propose && *role == "read", "{role}, {propose}: {status}");
        }
    }
}

#[tokio::test]
async fn filters_are_let_in_without_a_key_until_they_need_one() {
    for filters_need_key in [false, true] {
        let api = Api::with(|app| app.access.filters_need_key = filters_need_key).await;
        let keys = with_keys(&api).await;
        let send = async |key: &str| {
            let headers = format!("content-type: application/json\r\n{}", bearer(key));
            api.send("POST", "/v1/events", &headers, batch(vec![finished()]).to_string().as_bytes())
                .await
                .status
        };
        assert_eq!(send("").await, if filters_need_key { 401 } else { 200 });
        assert_eq!(send("bursar_old").await, if filters_need_key { 401 } else { 200 });
        for (role, key) in &keys {
            let refused = filters_need_key && *role == "read";
            assert_eq!(send(key).await, if refused { 403 } else { 200 }, "{role}");
        }
    }
}

#[tokio::test]
async fn it_is_counted_what_keys_filters_show_before_they_need_one() {
    let api = Api::start().await;
    let keys = with_keys(&api).await;
    let admin = &keys[0].1;
    for shown in ["", "bursar_old", "bursar_old", &keys[1].1, &keys[2].1] {
        assert_eq!(get(&api, "/v1/snapshot", shown).await, 200);
    }
    let metrics = api.send("GET", "/metrics", &bearer(admin), b"").await.text();
    for (key, count) in [("none", 1), ("unknown", 2), ("good", 1), ("lacking", 1)] {
        let line = format!("bursar_filter_requests_total{{key=\"{key}\"}} {count}");
        assert!(metrics.lines().any(|found| found == line), "{line} is not in\n{metrics}");
    }
}

/// What is logged by one thread.
#[derive(Clone, Default)]
struct Log(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn who_changed_what_stands_in_the_log_with_what_came_of_it() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().json().with_writer(move || writer.clone()).finish();
    let _logged = tracing::subscriber::set_default(subscriber);
    let api = Api::start().await;
    let keys = with_keys(&api).await;
    let admin = bearer(&keys[0].1);
    api.send("DELETE", "/v1/keys/read", &admin, b"").await;
    api.send("DELETE", "/v1/keys/nobody", &admin, b"").await;
    api.send("GET", "/v1/keys", &admin, b"").await;
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let decided: Vec<Value> = lines
        .map(|line| line["fields"].clone())
        .filter(|fields| fields["message"] == "decided" && fields["method"] == "DELETE")
        .map(|fields| json!([fields["key"], fields["role"], fields["path"], fields["status"]]))
        .collect();
    assert_eq!(
        decided,
        [json!(["ann", "admin", "/v1/keys/read", 204]), json!(["ann", "admin", "/v1/keys/nobody", 404])]
    );
    assert!(!text.contains(&keys[0].1), "a key stands in the log: {text}");
}

#[tokio::test]
async fn a_revoked_key_opens_nothing_and_the_last_admin_stays() {
    let api = Api::start().await;
    let keys = with_keys(&api).await;
    let (admin, reader) = (&keys[0].1, &keys[2].1);
    let revoke =
        async |name: &str| api.send("DELETE", &format!("/v1/keys/{name}"), &bearer(admin), b"").await.status;
    assert_eq!(get(&api, "/v1/calls", reader).await, 200);
    assert_eq!(revoke("read").await, 204);
    assert_eq!(get(&api, "/v1/calls", reader).await, 401);
    assert_eq!(revoke("read").await, 404);
    assert_eq!(revoke("ann").await, 409, "the others could not be revoked any more");
    assert_eq!((revoke("ingest").await, revoke("operate").await), (204, 204));
    let last = api.send("DELETE", "/v1/keys/ann", &bearer(admin), b"").await;
    assert_eq!(last.status, 409, "nobody opens everything to everybody by a click");
    assert!(
        last.json()["detail"].as_str().unwrap().contains("make another one of role admin"),
        "{}",
        last.text()
    );
    assert_eq!(api.send("PUT", "/v1/policy", "", b"version: 1").await.status, 401);
    make(&api, admin, "bob", "admin").await;
    assert_eq!(revoke("ann").await, 204);
}
