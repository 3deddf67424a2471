//! The page: what it says, and, in a browser, that it can be seen.

use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, process};

use twinbucket_lab::report::{html, terminal};

use crate::made;

#[test]
fn the_page_says_who_was_measured_where_and_how() {
    let page = html(&made::results(7));
    for said in [
        "Made &lt;CPU&gt; &amp; Sons",
        "16.0 GiB",
        "linux 6.1",
        "rustc 1.85.0",
        "0.1.0 (abc1234)",
        "<dd>system</dd>",
        "twinbucket bench report --budget &#39;swap.p99&lt;50us@n=1M&#39;",
        "RwLock&lt;HashMap&gt;",
        "machine&#39;s jitter",
        "<h2>Balance</h2>",
    ] {
        assert!(page.contains(said), "{said}");
    }
    assert!(!page.contains("stopped early"));
}

#[test]
fn the_page_needs_nothing_beside_it() {
    let page = html(&made::results(7));
    for outside in ["http", "src=", "@import", "url(", "<link", "<iframe"] {
        assert!(!page.contains(outside), "{outside}");
    }
}

#[test]
fn every_figure_is_in_a_table_too() {
    let results = made::results(2);
    let (page, tables) = (html(&results), terminal(&results, 200, false));
    let cells = tables.lines().skip(4).flat_map(|line| line.split("  ")).map(str::trim);
    let units = [" ns", " µs", " ms", " M/s", " B", "%", "x"];
    let figures: Vec<&str> = cells.filter(|cell| units.iter().any(|unit| cell.ends_with(unit))).collect();
    assert!(figures.len() > 500);
    for figure in figures {
        assert!(page.contains(&format!(">{figure}</")), "{figure}");
    }
    assert_eq!(page.matches("<caption>item=u64 n=1k delta=1 hold=none</caption>").count(), 2, "of publish and visible");
}

#[test]
fn nothing_in_a_run_can_become_part_of_the_page() {
    let mut results = made::results(2);
    let hostile = "</script><script>alert(1)</script>\"'><img>";
    results.measurements.iter_mut().for_each(|one| one.name = hostile.into());
    results.measurements[0].case.item = hostile.into();
    results.measurements[1].rival = hostile.into();
    results.command.push(hostile.into());
    results.environment.kernel = hostile.into();
    results.began = hostile.into();
    let page = html(&results);
    assert_eq!(page.matches("<script").count(), 1);
    assert!(!page.contains("<img") && !page.contains("\"'>"));
    assert!(page.contains("&lt;img&gt;"));
}

/// Opens a page in a window of the given width, and returns its root and what its script complained about.
///
/// `None` if there is no browser: then this says so, and fails where it must not happen.
fn open(page: &str, width: u32) -> Option<(String, String)> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let Some(browser) = ["chromium", "chromium-browser", "google-chrome"].into_iter().find(|name| starts(name)) else {
        assert!(env::var_os("CI").is_none(), "chromium is to be installed here");
        println!("skipped: chromium is not installed");
        return None;
    };
    // Relaxed: only the numbers have to differ.
    let folder =
        env::temp_dir().join(format!("twinbucket-lab-{}-{}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
    fs::create_dir(&folder).unwrap();
    let file = folder.join("page.html");
    fs::write(&file, page).unwrap();
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"])
        .args([
            "--disable-background-networking",
            "--disable-component-update",
            "--enable-logging=stderr",
            "--dump-dom",
        ])
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .arg(format!("--window-size={width},900"))
        .arg(format!("file://{}", file.display()))
        .output();
    fs::remove_dir_all(&folder).unwrap();
    let Output { stdout, stderr, .. } = output.unwrap();
    let (dom, log) = (String::from_utf8_lossy(&stdout).into_owned(), String::from_utf8_lossy(&stderr).into_owned());
    let root = dom.lines().find(|line| line.starts_with("<html")).unwrap_or_else(|| panic!("no page: {log}"));
    let complaints: Vec<&str> = log.lines().filter(|line| line.contains("CONSOLE")).collect();
    Some((root.to_owned(), complaints.join("\n")))
}

fn starts(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}

#[test]
fn every_chart_can_be_seen_whole_in_a_browser() {
    for (rivals, width) in [(18, 1_400), (18, 500), (7, 1_000), (1, 700)] {
        let page = html(&made::results(rivals));
        let Some((root, complaints)) = open(&page, width) else { return };
        let charts = page.matches("<figure>").count();
        assert!(charts > 40 && root.contains(&format!("data-ok=\"{charts}\"")), "{rivals} at {width}: {root}");
        assert_eq!(complaints, "");
    }
}

#[test]
fn a_label_outside_of_its_chart_and_a_broken_script_are_noticed() {
    let page = html(&made::results(2));
    let outside = page.replacen("<text x=\"", "<text x=\"9", 1);
    let Some((root, complaints)) = open(&outside, 1_000) else { return };
    assert!(root.contains("data-faults=\"outside of swap publish against n: ") && !root.contains("data-ok"), "{root}");
    assert_eq!(complaints, "");
    let broken = page.replacen("\"use strict\";", "\"use strict\"; missing();", 1);
    let (root, complaints) = open(&broken, 1_000).unwrap();
    assert!(!root.contains("data-ok") && complaints.contains("missing is not defined"), "{root}\n{complaints}");
}
