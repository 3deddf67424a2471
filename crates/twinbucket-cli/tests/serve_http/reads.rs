//! Entries, look-ups, status and probes.

use crate::daemon::{Daemon, directory};

/// A table of three columns, and one of two.
const ROUTES: &str = "name,host,port\npay,10.0.0.1,80\n\"a/b c\",10.0.0.2,81\n";

fn daemon() -> Daemon {
    let dir = directory(&[("routes.csv", ROUTES), ("codes.csv", "code,name\nde,Germany\nfr,France\n")]);
    Daemon::start(dir, &["--table", "routes=routes.csv", "--table", "codes=codes.csv"])
}

#[test]
fn entry_is_the_row_as_json_or_its_only_value() {
    let daemon = daemon();
    let answer = daemon.get("/v1/tables/routes/entries/pay");
    assert_eq!((answer.status, answer.text()), (200, r#"{"host":"10.0.0.1","port":"80"}"#));
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("twinbucket-generation"), daemon.status("routes")["generation"].to_string());
    assert_eq!(daemon.get("/v1/tables/codes/entries/de").text(), "\"Germany\"");
    // A key may have any character, and slashes also as they are.
    for path in ["/v1/tables/routes/entries/a%2Fb%20c", "/v1/tables/routes/entries/a/b%20c"] {
        assert_eq!(daemon.get(path).json()["port"], "81", "{path}");
    }
}

#[test]
fn what_is_not_there_is_a_problem_document() {
    let daemon = daemon();
    for (method, path, status, kind) in [
        ("GET", "/v1/tables/routes/entries/nope", 404, "no-such-key"),
        ("GET", "/v1/tables/nope/entries/pay", 404, "no-such-table"),
        ("GET", "/v1/tables/nope", 404, "no-such-table"),
        ("POST", "/v1/tables/nope/lookup", 404, "no-such-table"),
        ("GET", "/v2", 404, "about:blank"),
        ("DELETE", "/v1/tables", 405, "about:blank"),
        ("POST", "/v1/tables/routes/lookup", 400, "bad-body"),
        ("GET", "/v1/tables/routes/entries?limit=x", 400, "bad-query"),
        ("GET", "/v1/tables/routes/entries?colour=red", 400, "bad-query"),
        ("GET", "/v1/tables/routes/changes", 400, "bad-query"),
        ("GET", "/v1/tables/routes/entries/%ff", 400, "bad-path"),
        ("POST", "/v1/tables/routes/reload", 404, "admin-only"),
    ] {
        let answer = daemon.ask(method, path, &[], "");
        assert_eq!(answer.problem(status), kind, "{method} {path}");
        assert_eq!(answer.json()["instance"], path.split('?').next().unwrap());
    }
    assert_eq!(daemon.ask("DELETE", "/v1/tables", &[], "").header("allow"), "GET,HEAD");
}

#[test]
fn lookup_answers_in_order_with_null_for_what_is_missing() {
    let daemon = daemon();
    let ask = |body: &str| daemon.ask("POST", "/v1/tables/routes/lookup", &[], body);
    let answer = ask(r#"{"keys":["a/b c","x","pay","pay"]}"#).json();
    assert_eq!(answer["generation"], daemon.status("routes")["generation"]);
    let entries = answer["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 4);
    assert_eq!((&entries[0]["key"], &entries[0]["value"]["port"]), (&"a/b c".into(), &"81".into()));
    assert!(entries[1].is_null() && entries[2] == entries[3]);
    assert_eq!(ask(r#"{"keys":[]}"#).json()["entries"], serde_json::json!([]));
    for body in [r#"{"keys":[1]}"#, r#"{"keys":["a"],"more":1}"#, "[]", "{\"keys\":[\"a\""] {
        assert_eq!(ask(body).problem(400), "bad-body", "{body}");
    }
}

#[test]
fn known_entity_tag_is_answered_304_until_the_content_changes() {
    let daemon = daemon();
    let path = "/v1/tables/routes/entries/pay";
    let tag = daemon.get(path).header("etag").to_owned();
    let with = |value: &str| daemon.ask("GET", path, &[("If-None-Match", value)], "");
    for value in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
        let answer = with(&value);
        assert_eq!((answer.status, answer.body.len(), answer.header("etag")), (304, 0, &*tag), "{value}");
    }
    assert_eq!(with("\"other\"").status, 200);
    daemon.write("routes.csv", "name,host,port\npay,10.0.0.9,80\n");
    daemon.await_status("routes", |status| status["entries"] == 1);
    let answer = with(&tag);
    assert_eq!((answer.status, answer.json()["host"].as_str()), (200, Some("10.0.0.9")));
    assert_ne!(answer.header("etag"), tag);
}

#[test]
fn entity_tag_of_one_start_is_not_that_of_another() {
    let tag = |daemon: &Daemon| {
        let answer = daemon.get("/v1/tables/routes/entries/pay");
        (answer.header("etag").to_owned(), answer.header("twinbucket-generation").to_owned())
    };
    let (one, other) = (tag(&daemon()), tag(&daemon()));
    assert_eq!(one.1, other.1);
    assert_ne!(one.0, other.0);
}

#[test]
fn head_is_get_without_the_body() {
    let daemon = daemon();
    for path in ["/v1/tables", "/v1/tables/routes/entries/pay", "/v1/tables/routes/entries", "/", "/healthz", "/nope"] {
        let (head, get) = (daemon.ask("HEAD", path, &[], ""), daemon.get(path));
        assert_eq!((head.status, head.body.len()), (get.status, 0), "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
        assert_eq!(head.header("etag"), get.header("etag"), "{path}");
    }
}

#[test]
fn tables_are_listed_in_order_with_all_that_is_known() {
    let daemon = daemon();
    let all = daemon.get("/v1/tables").json();
    assert!(all["config"].is_null());
    let tables = all["tables"].as_array().unwrap();
    assert_eq!((&tables[0]["name"], &tables[1]["name"]), (&"routes".into(), &"codes".into()));
    let table = &tables[0];
    assert_eq!(
        (&table["state"], &table["origin"], &table["format"]),
        (&"READY".into(), &"source".into(), &"csv".into())
    );
    assert_eq!((&table["entries"], &table["changes"]["added"]), (&2.into(), &2.into()));
    assert!(table["revision"].as_str().unwrap().starts_with("sha256:"));
    assert!(table["age_seconds"].as_f64().unwrap() < 30.0 && table["last_success"].as_str().unwrap().ends_with('Z'));
    assert!(table["store"]["bytes"].as_u64().unwrap() > 0 && table["error"].is_null());
}

#[test]
fn bad_content_leaves_the_table_and_names_the_place() {
    let daemon = daemon();
    daemon.write("routes.csv", "name,host,port\npay,10.0.0.9,80\nshop,1\n");
    let status = daemon.await_status("routes", |status| status["state"] == "ERROR");
    let error = &status["error"];
    assert!(error["message"].as_str().unwrap().contains("routes.csv:3"), "{error}");
    assert_eq!((&error["place"]["line"], &status["entries"]), (&3.into(), &2.into()));
    assert_eq!(daemon.get("/v1/tables/routes/entries/pay").json()["host"], "10.0.0.1");
    assert_eq!(daemon.get("/readyz").status, 200);
    daemon.write("routes.csv", "name,host,port\npay,10.0.0.9,80\n");
    daemon.await_status("routes", |status| status["state"] == "READY" && status["error"].is_null());
}

#[test]
fn ready_is_told_from_alive() {
    let config = "[[table]]\nname = \"late\"\nsource = \"late.csv\"\nstart = { wait = \"0s\", or_empty = true }\npoll = \"50ms\"\n";
    let dir = directory(&[("serve.toml", config)]);
    let daemon = Daemon::start(dir, &["--config", "serve.toml"]);
    assert_eq!(daemon.get("/healthz").text(), "ok\n");
    // That its source is missing is an error, and does not make an empty table fit to be served.
    daemon.await_status("late", |status| status["state"] == "ERROR");
    let waiting = daemon.get("/readyz");
    assert_eq!(waiting.problem(503), "not-ready");
    assert_eq!(waiting.json()["tables"], serde_json::json!([{ "name": "late", "state": "ERROR" }]));
    daemon.write("late.csv", "k,v\na,1\n");
    daemon.await_status("late", |status| status["state"] == "READY");
    assert_eq!(daemon.get("/readyz").json()["ready"], true);
}

#[test]
fn metrics_count_requests_by_route_and_status() {
    let daemon = daemon();
    daemon.get("/v1/tables/routes/entries/pay");
    daemon.get("/v1/tables/routes/entries/nope");
    let answer = daemon.get("/metrics");
    assert!(answer.header("content-type").starts_with("application/openmetrics-text"));
    for line in [
        "twinbucket_http_requests_total{route=\"entry\",status=\"200\"} 1",
        "twinbucket_http_requests_total{route=\"entry\",status=\"404\"} 1",
        "twinbucket_http_request_duration_seconds_count{route=\"entry\"} 2",
        "# TYPE twinbucket_http_connections gauge",
        "twinbucket_entries{table=\"routes\"} 2.0",
        "twinbucket_state{table=\"codes\",state=\"READY\"} 1.0",
        "twinbucket_publish_duration_seconds_count{table=\"routes\"} 1",
        "# EOF",
    ] {
        assert!(answer.text().lines().any(|known| known == line), "{line} is missing in\n{}", answer.text());
    }
}

#[test]
fn table_of_ranges_is_looked_up_by_address() {
    let geo = "network,country\n10.0.0.0/8,CH\n10.9.0.0/16,LI\n2001:db8::/32,DE\n";
    let daemon = Daemon::start(directory(&[("geo.csv", geo)]), &["--table", "geo=geo.csv:cidr"]);
    assert_eq!(daemon.get("/v1/tables/geo/entries/10.9.1.1").text(), "\"LI\"");
    assert_eq!(daemon.get("/v1/tables/geo/entries/10.1.1.1").text(), "\"CH\"");
    assert_eq!(daemon.get("/v1/tables/geo/entries/2001:db8::1").text(), "\"DE\"");
    assert_eq!(daemon.get("/v1/tables/geo/entries/10.0.0.0%2F8").text(), "\"CH\"");
    assert_eq!(daemon.get("/v1/tables/geo/entries/11.0.0.1").status, 404);
    assert_eq!(daemon.get("/v1/tables/geo/entries/here").status, 400);
    let lines = daemon.get("/v1/tables/geo/entries").lines();
    assert_eq!(lines.len(), 3);
    assert!(lines.contains(&serde_json::json!({"key": "10.9.0.0/16", "value": "LI"})), "{lines:?}");

    daemon.write("geo.csv", &geo.replace("LI", "AT"));
    daemon.await_status("geo", |status| status["generation"] != 1);
    assert_eq!(daemon.get("/v1/tables/geo/entries/10.9.1.1").text(), "\"AT\"");
    let changes = daemon.get("/v1/tables/geo/changes?since=1").lines();
    assert_eq!(changes, [serde_json::json!({"change": "changed", "key": "10.9.0.0/16", "old": "LI", "new": "AT"})]);
}

#[test]
fn metrics_and_swaps_of_tables_can_be_scraped() {
    let daemon = daemon();
    let swaps = &daemon.status("routes")["swaps"];
    assert_eq!(swaps["count"], 1);
    assert!(swaps["p99_microseconds"].as_f64().is_some_and(|micros| micros > 0.0), "{swaps}");
    daemon.write("codes.csv", "code,name\nde\n");
    daemon.await_status("codes", |status| status["state"] == "ERROR");
    let answer = daemon.get("/metrics");
    for line in [
        "twinbucket_entries{table=\"routes\"} 2",
        "twinbucket_last_reload_successful{table=\"routes\"} 1",
        "twinbucket_last_reload_successful{table=\"codes\"} 0",
        "twinbucket_publish_duration_seconds_count{table=\"routes\"} 1",
    ] {
        let has = |known: &str| known.strip_suffix(".0").unwrap_or(known) == line;
        assert!(answer.text().lines().any(has), "{line} is missing in\n{}", answer.text());
    }
    // There is no file to follow, and nothing is said of one.
    assert!(!answer.text().contains("twinbucket_config_"));
}

#[test]
fn table_that_its_source_left_empty_is_ready() {
    let daemon = Daemon::start(directory(&[("t.csv", "k,v\n")]), &["--table", "t=t.csv"]);
    assert_eq!(daemon.status("t")["entries"], 0);
    assert_eq!(daemon.get("/readyz").status, 200);
}
