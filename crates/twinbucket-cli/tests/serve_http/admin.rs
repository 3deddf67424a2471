//! Administration: what it does, and for whom.

use crate::daemon::{Daemon, ask, directory, program};

/// What administration asks of a request without a token.
const JSON: (&str, &str) = ("Content-Type", "application/json");

fn daemon(args: &[&str]) -> Daemon {
    let dir = directory(&[("t.csv", "k,v\na,1\nb,2\nc,3\nd,4\n"), ("token", "0123456789abcdef0123\n")]);
    Daemon::start(dir, &[&["--table", "t=t.csv", "--admin", "127.0.0.1:0"], args].concat())
}

#[test]
fn rollback_brings_a_kept_generation_back() {
    let daemon = daemon(&[]);
    let old = daemon.status("t")["generation"].as_u64().unwrap();
    daemon.write("t.csv", "k,v\na,5\n");
    daemon.await_status("t", |status| status["entries"] == 1);
    let answer = daemon.admin("/v1/tables/t/rollback", &[JSON], &format!("{{\"generation\":{old}}}"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["generation"], old + 2);
    assert_eq!(daemon.get("/v1/tables/t/entries/a").text(), "\"1\"");
    assert_eq!(daemon.status("t")["origin"], "rollback");
    assert_eq!(daemon.admin("/v1/tables/t/rollback", &[JSON], "{\"generation\":99}").problem(410), "generation-gone");
    assert_eq!(daemon.admin("/v1/tables/t/rollback", &[JSON], "{}").problem(400), "bad-body");
    let reloaded = daemon.admin("/v1/tables/t/reload", &[JSON], "");
    assert_eq!((reloaded.status, &reloaded.json()["entries"]), (200, &1.into()));
}

#[test]
fn reload_says_why_it_failed_and_the_guard_can_be_left_out() {
    let config = "[[table]]\nname = \"t\"\nsource = \"t.csv\"\nguard = { max_shrink = 0.5 }\n";
    let dir = directory(&[("t.csv", "k,v\na,1\nb,2\nc,3\nd,4\n"), ("serve.toml", config)]);
    let daemon = Daemon::start(dir, &["--config", "serve.toml", "--admin", "127.0.0.1:0"]);
    daemon.write("t.csv", "k,v\na,1\n");
    let refused = daemon.admin("/v1/tables/t/reload", &[JSON], "");
    assert_eq!(refused.problem(422), "guard-refused");
    assert!(refused.json()["detail"].as_str().unwrap().contains("?guard=off"), "{}", refused.text());
    assert_eq!(daemon.status("t")["entries"], 4);
    assert_eq!(daemon.admin("/v1/tables/t/reload?guard=off", &[JSON], "").status, 200);
    assert_eq!(daemon.status("t")["entries"], 1);
    daemon.write("t.csv", "k,v\na\n");
    assert_eq!(daemon.admin("/v1/tables/t/reload", &[JSON], "").problem(422), "bad-content");
    std::fs::remove_file(daemon.path("t.csv")).unwrap();
    assert_eq!(daemon.admin("/v1/tables/t/reload", &[JSON], "").problem(502), "source-failed");
}

#[test]
fn administration_is_on_its_address_only_and_that_has_everything_else() {
    let daemon = daemon(&[]);
    assert_eq!(daemon.ask("POST", "/v1/tables/t/reload", &[JSON], "").problem(404), "admin-only");
    assert_eq!(ask(daemon.address("admin"), "GET", "/v1/tables/t/entries/a", &[], "").text(), "\"1\"");
    assert_eq!(daemon.admin("/v1/tables/nope/reload", &[JSON], "").problem(404), "no-such-table");
}

#[test]
fn web_pages_cannot_administrate() {
    let daemon = daemon(&[]);
    let reload = |headers: &[(&str, &str)]| daemon.admin("/v1/tables/t/reload", headers, "");
    assert_eq!(reload(&[]).problem(415), "not-json");
    assert_eq!(reload(&[("Content-Type", "text/plain")]).problem(415), "not-json");
    assert_eq!(reload(&[JSON, ("Host", "evil.example:7879")]).problem(403), "foreign-host");
    assert_eq!(reload(&[JSON, ("Origin", "https://evil.example")]).problem(403), "foreign-origin");
    assert_eq!(reload(&[JSON, ("Origin", "null")]).problem(403), "foreign-origin");
    let own = format!("http://{}", daemon.address("admin"));
    assert_eq!(reload(&[JSON, ("Origin", &own)]).status, 200);
    assert_eq!(reload(&[JSON, ("Host", "localhost")]).status, 200);
    // No answer lets a page of another origin in.
    let preflight = ask(
        daemon.address("admin"),
        "OPTIONS",
        "/v1/tables/t/reload",
        &[("Origin", "https://evil.example"), ("Access-Control-Request-Method", "POST")],
        "",
    );
    assert_eq!((preflight.status, preflight.header("access-control-allow-origin")), (405, ""));
}

#[test]
fn token_is_asked_for_where_there_is_one() {
    let daemon = daemon(&["--admin-token", "token"]);
    let reload = |headers: &[(&str, &str)]| daemon.admin("/v1/tables/t/reload", headers, "");
    let refused = reload(&[JSON]);
    assert_eq!((refused.problem(401), refused.header("www-authenticate")), ("token-needed".to_owned(), "Bearer"));
    assert_eq!(reload(&[JSON, ("Authorization", "Bearer 0123456789abcdef0124")]).status, 401);
    let token = ("Authorization", "Bearer 0123456789abcdef0123");
    assert_eq!(reload(&[JSON, token]).status, 200);
    assert_eq!(reload(&[JSON, token, ("Host", "twinbucket.internal")]).status, 200);
    // A new token takes the place of the old one at SIGHUP.
    daemon.write("token", "another token that is long");
    daemon.signal("HUP");
    daemon.message("reloading everything");
    let deadline = std::time::Instant::now() + crate::daemon::SOON;
    while reload(&[JSON, token]).status != 401 {
        assert!(std::time::Instant::now() < deadline);
    }
    assert_eq!(reload(&[JSON, ("Authorization", "Bearer another token that is long")]).status, 200);
}

#[test]
fn administration_off_loopback_needs_a_token_to_start() {
    let dir = directory(&[("t.csv", "k,v\na,1\n"), ("short", "short\n")]);
    let run = |args: &[&str]| {
        let output = program(&dir, &[&["--table", "t=t.csv", "--admin", "0.0.0.0:0"], args].concat()).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, message) = run(&[]);
    assert!(code == Some(2) && message.contains("needs a token"), "{message}");
    let (code, message) = run(&["--admin-token", "short"]);
    assert!(code == Some(1) && message.contains("short: the admin token has 5 bytes"), "{message}");
    let (code, message) = run(&["--admin-token", "none"]);
    assert!(code == Some(1) && message.contains("none: "), "{message}");
}
