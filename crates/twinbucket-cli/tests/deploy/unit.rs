//! The systemd unit: options that systemd knows, and little that the daemon may do.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::{content, installed, success, text};

/// Most exposure that is let pass, in tenths; systemd's scale goes from 0 (safe) to 100.
const MOST_EXPOSURE: &str = "--threshold=15";

/// The unit with the program that was built, in a directory of its own: systemd looks whether it is there.
fn unit(change: impl Fn(&str) -> String) -> (TempDir, PathBuf) {
    let unit = content("deploy/twinbucket.service");
    assert!(unit.contains("=/usr/bin/twinbucket serve"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("twinbucket.service");
    fs::write(&path, change(&unit).replace("/usr/bin/twinbucket", env!("CARGO_BIN_EXE_twinbucket"))).unwrap();
    (folder, path)
}

/// What systemd says against a unit.
fn verify(change: impl Fn(&str) -> String) -> Option<String> {
    let (_folder, path) = unit(change);
    let output = installed("systemd-analyze", "systemd", &["verify", path.to_str().unwrap()])?;
    Some(text(&output.stderr).lines().filter(|line| line.contains("twinbucket")).collect::<Vec<_>>().join("\n"))
}

#[test]
fn systemd_knows_every_option_of_the_unit() {
    if let Some(complaint) = verify(str::to_owned) {
        assert_eq!(complaint, "");
    }
}

#[test]
fn systemd_would_complain_about_an_option_that_it_does_not_know() {
    if let Some(complaint) = verify(|unit| unit.replace("RestartSec=", "RestartSecs=")) {
        assert!(complaint.contains("RestartSecs"), "{complaint}");
    }
}

#[test]
fn daemon_may_do_little_beside_its_job() {
    let (_folder, path) = unit(str::to_owned);
    let args = ["security", "--offline=true", "--no-pager", MOST_EXPOSURE, path.to_str().unwrap()];
    if let Some(output) = installed("systemd-analyze", "systemd", &args) {
        success(&output);
    }
}

#[test]
fn unit_checks_before_it_starts_and_reloads_by_a_signal() {
    let unit = content("deploy/twinbucket.service");
    let value = |key: &str| unit.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default();
    let start = value("ExecStart=");
    assert_eq!(value("ExecStartPre="), start.replace(" serve ", " serve --check "));
    assert_eq!(value("ExecReload="), "kill -HUP $MAINPID");
    assert_eq!(value("Type="), "exec");
}
