//! The sample configuration: it works as it is, and it shows every setting that the daemon knows.
//!
//! What the daemon knows it says itself, to whoever gives it a setting that there is not.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};
use std::thread;

use tempfile::TempDir;

use crate::{content, repository, success, text};

/// Lets the daemon check a configuration.
fn check_file(path: &Path) -> Output {
    let mut daemon = Command::new(env!("CARGO_BIN_EXE_twinbucket"));
    daemon.args(["serve", "--check", "--config"]).arg(path).output().unwrap()
}

/// A setting in the sample: its section, its key, and the line that it stands in.
#[derive(Debug)]
struct Setting {
    /// Section without brackets; empty at the top.
    section: String,
    /// Key.
    key: String,
    /// Number of the line, from 0.
    line: usize,
}

/// A line without the mark that takes it out, if it would be a section or a setting then.
fn live(line: &str) -> Option<&str> {
    let line = line.strip_prefix('#').unwrap_or(line);
    let is_key = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let is_setting = line.split_once(" = ").is_some_and(|(key, _)| is_key(key));
    (line.starts_with('[') || is_setting).then_some(line)
}

/// The settings that a configuration shows, whether they are made or taken out.
fn settings(config: &str) -> Vec<Setting> {
    let (mut section, mut settings) = (String::new(), Vec::new());
    for (line, shown) in config.lines().map(live).enumerate() {
        match shown.and_then(|shown| shown.split_once(" = ")) {
            Some((key, _)) => settings.push(Setting { section: section.clone(), key: key.to_owned(), line }),
            None if shown.is_some() => section = shown.unwrap_or_default().replace(['[', ']'], ""),
            None => {}
        }
    }
    settings
}

/// A copy of the sample's directory, with the files that a user has to add.
fn copy() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy_files(&repository("deploy/tables"), &folder.path().join("tables"));
    for token in ["admin-token", "hosts-token"] {
        fs::write(folder.path().join(token), "a token that only this test knows\n").unwrap();
    }
    folder
}

fn copy_files(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_files(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// Lets the daemon check a configuration beside the sample's tables.
fn check(folder: &TempDir, config: &str) -> Output {
    let path = folder.path().join("serve.toml");
    fs::write(&path, config).unwrap();
    check_file(&path)
}

/// The settings that the daemon knows in a section.
fn known(folder: &TempDir, section: &str) -> BTreeSet<String> {
    let config = match section {
        "" => "no_such_setting = 1\n".to_owned(),
        "table" => "[[table]]\nno_such_setting = 1\n".to_owned(),
        _ => {
            let table = "[[table]]\nname = \"a\"\nsource = \"tables/routes.csv\"\n";
            format!("{}[{section}]\nno_such_setting = 1\n", if section.starts_with("table.") { table } else { "" })
        }
    };
    let output = check(folder, &config);
    let error = text(&output.stderr);
    let (_, names) = error.split_once("expected ").unwrap_or_else(|| panic!("[{section}]: {error}"));
    names.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Answers every request with a table of one row, and returns the address. Ends with the tests.
fn web_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let head = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
            head.take_while(|line| !line.is_empty()).for_each(drop);
            let body = "host,address\na,192.0.2.1\n";
            let _ =
                write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        }
    });
    address
}

#[test]
fn daemon_takes_the_sample_as_it_is() {
    let output = check_file(&repository("deploy/serve.toml"));
    let report = success(&output);
    for table in ["routes", "flags", "networks"] {
        assert!(report.contains(table), "no line on {table}: {report}");
    }
}

#[test]
fn every_setting_that_the_daemon_knows_is_in_the_sample() {
    let (folder, shown) = (copy(), settings(&content("deploy/serve.toml")));
    let sections: BTreeSet<&str> = shown.iter().map(|setting| &*setting.section).collect();
    for section in sections.iter().copied().chain([""]) {
        for key in known(&folder, section) {
            let subsection = if section.is_empty() { key.clone() } else { format!("{section}.{key}") };
            let is_shown = shown.iter().any(|setting| setting.section == section && setting.key == key);
            assert!(is_shown || sections.contains(&*subsection), "[{section}] {key} is missing in deploy/serve.toml");
        }
    }
}

#[test]
fn every_setting_that_is_taken_out_can_be_put_in() {
    let (folder, sample) = (copy(), content("deploy/serve.toml"));
    let sample = sample.replace("127.0.0.1:8000", &web_server());
    let web_table = sample.lines().position(|line| line == "#[[table]]").expect("a table from a web server");
    for setting in settings(&sample) {
        let put_in = |(number, line)| {
            let wanted = number == setting.line || (setting.line > web_table && number >= web_table);
            if wanted { live(line).unwrap_or(line) } else { line }
        };
        let config: Vec<&str> = sample.lines().enumerate().map(put_in).collect();
        let output = check(&folder, &config.join("\n"));
        assert!(output.status.success(), "[{}] {}: {}", setting.section, setting.key, text(&output.stderr));
    }
}
