//! The status page, in a browser.

use std::env;
use std::process::{Command, Stdio};

use crate::daemon::{Daemon, directory};

/// Opens the daemon's page in a browser, lets it run for a while, and returns its content and what its script
/// complained about. `None` if there is no browser: then this says so, and fails where it must not happen.
fn open(daemon: &Daemon) -> Option<(String, String)> {
    let starts = |name: &str| {
        let quiet = Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        quiet.is_ok_and(|status| status.success())
    };
    let Some(browser) = ["chromium", "chromium-browser", "google-chrome"].into_iter().find(|name| starts(name)) else {
        assert!(env::var_os("CI").is_none(), "chromium is to be installed here");
        eprintln!("skipped: chromium is not installed");
        return None;
    };
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"])
        .args(["--disable-background-networking", "--disable-component-update", "--enable-logging=stderr"])
        .args(["--virtual-time-budget=2500", "--dump-dom"])
        .arg(format!("--user-data-dir={}", daemon.path("profile").display()))
        .arg(format!("http://{}/", daemon.address("http")))
        .output()
        .unwrap();
    let (page, log) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let complaints: Vec<&str> = log.lines().filter(|line| line.contains("CONSOLE")).collect();
    Some((page.into_owned(), complaints.join("\n")))
}

#[test]
fn page_shows_tables_as_they_are_and_takes_nothing_in_them_for_html() {
    let dir = directory(&[("good.csv", "k,v\na,1\nb,2\n"), ("bad.csv", "k,v\na,1\n")]);
    let daemon = Daemon::start(dir, &["--table", "good=good.csv", "--table", "bad=bad.csv"]);
    daemon.write("bad.csv", "k,v\na,1,<img src=x onerror=alert(1)>\n");
    daemon.await_status("bad", |status| status["state"] == "ERROR");
    let Some((page, complaints)) = open(&daemon) else { return };
    assert_eq!(complaints, "");
    for part in
        ["data-table=\"good\"", "class=\"state READY\"", "class=\"state ERROR\"", "bad.csv:2", "2 tables", "swap p99"]
    {
        assert!(page.contains(part), "{part} is missing in\n{page}");
    }
    assert!(!page.contains("<img") && !page.contains("class=\"lost\""), "{page}");
}

#[test]
fn page_may_run_its_script_and_ask_its_daemon_and_nothing_else() {
    let daemon = Daemon::start(directory(&[("t.csv", "k,v\na,1\n")]), &["--table", "t=t.csv"]);
    let answer = daemon.get("/");
    let policy = answer.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'") && policy.contains("script-src 'sha256-"), "{policy}");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert!(answer.header("content-type").starts_with("text/html"));
}
