//! What the file source promises to a table, with real files and real events.
//!
//! Re-checks are an hour apart here unless a test is about them, so that what is seen is seen by an event.

#![cfg(all(feature = "file", unix))]

#[expect(dead_code, reason = "made for other tests, too")]
mod common;

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;
use tempfile::TempDir;
use twinbucket_feed::{Builder, File, Format, Overlaps, Part, RowError, Rows, Start, State, Table};

use crate::common::{Lines, eventually};

/// Longer than a test.
const NEVER: Duration = Duration::from_secs(3600);

/// A directory with a file in it.
struct Site {
    /// Removed with the site.
    dir: TempDir,
}

impl Site {
    /// A site whose file has that content.
    fn new(content: &str) -> Self {
        let site = Self { dir: tempfile::tempdir().unwrap() };
        fs::create_dir(site.path("conf")).unwrap();
        fs::write(site.file(), content).unwrap();
        site
    }

    /// A path below the site.
    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The file.
    fn file(&self) -> PathBuf {
        self.path("conf/rows")
    }

    /// A table that watches the file.
    fn open(&self) -> Table<String, u64> {
        open(File::watch(self.file()).recheck(NEVER))
    }
}

/// Settings for a table on `source`.
fn builder(source: File) -> Builder<String, u64> {
    Table::builder().source(source).format(Lines).debounce(Duration::from_millis(10), Duration::from_secs(1))
}

/// A table on `source`.
fn open(source: File) -> Table<String, u64> {
    builder(source).open().unwrap()
}

/// Waits until `a` has that value.
#[track_caller]
fn expect_a(table: &Table<String, u64>, value: u64) {
    eventually(&format!("a is {value}"), || table.get("a") == Some(value));
    eventually("the table is ready", || table.status().state() == State::Ready);
}

/// Replaces a file as careful programs do.
fn replace(path: &Path, content: &str) {
    let new = path.with_extension("new");
    fs::write(&new, content).unwrap();
    fs::rename(new, path).unwrap();
}

/// Waits until nothing has looked at the file for a while; returns how many looks there were.
fn looks_at_rest(table: &Table<String, u64>) -> u64 {
    let looks = || table.status().counts().attempts;
    eventually("no more looks", || {
        let before = looks();
        thread::sleep(Duration::from_millis(150));
        looks() == before
    });
    looks()
}

/// Runs one test of this file again, by way of `command`. Returns whether it is already running that way.
///
/// Where the command does not work, says so and returns `false` as well, without having run it; not so in CI.
#[track_caller]
fn run_by_way_of(command: &[&str], test: &str) -> bool {
    if std::env::var_os("FILE_SOURCE_INNER").is_some() {
        return true;
    }
    let works = Command::new(command[0]).args(&command[1..]).arg("true").output();
    if !works.as_ref().is_ok_and(|output| output.status.success()) {
        assert!(std::env::var_os("CI").is_none(), "`{}` does not work: {works:?}", command.join(" "));
        eprintln!("skipped: `{}` does not work here", command.join(" "));
        return false;
    }
    let test_program = std::env::current_exe().unwrap();
    let mut inner = Command::new(command[0]);
    inner.args(&command[1..]).arg(test_program).args([test, "--exact", "--nocapture"]);
    let output = inner.env("FILE_SOURCE_INNER", "1").current_dir("/").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    false
}

#[test]
fn write_in_place_is_seen() {
    let site = Site::new("a 1");
    let table = site.open();
    fs::write(site.file(), "a 2").unwrap();
    expect_a(&table, 2);
}

#[test]
fn rename_over_is_seen() {
    let site = Site::new("a 1");
    let table = site.open();
    for value in 2..6 {
        replace(&site.file(), &format!("a {value}"));
        expect_a(&table, value);
    }
}

#[test]
fn delete_and_recreate_is_seen() {
    let site = Site::new("a 1");
    let table = builder(File::watch(site.file()).recheck(NEVER).poll_every(NEVER)).open().unwrap();
    for value in 2..4 {
        fs::remove_file(site.file()).unwrap();
        eventually("an error", || table.status().state() == State::Error);
        assert_eq!(table.get("a"), Some(value - 1), "the last good one stays");
        fs::write(site.file(), format!("a {value}")).unwrap();
        expect_a(&table, value);
    }
}

#[test]
fn config_map_swap_is_seen() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let version = |name: &str, content: &str| {
        fs::create_dir(path(name)).unwrap();
        fs::write(path(name).join("rows"), content).unwrap();
    };
    version("..v1", "a 1");
    symlink("..v1", path("..data")).unwrap();
    symlink("..data/rows", path("rows")).unwrap();
    let table = open(File::watch(path("rows")).recheck(NEVER));
    for value in 2..5 {
        let name = format!("..v{value}");
        version(&name, &format!("a {value}"));
        symlink(&name, path("..data_tmp")).unwrap();
        fs::rename(path("..data_tmp"), path("..data")).unwrap();
        expect_a(&table, value);
        fs::remove_dir_all(path(&format!("..v{}", value - 1))).unwrap();
    }
}

#[test]
fn write_to_the_target_of_a_link_is_seen() {
    let site = Site::new("a 1");
    fs::create_dir(site.path("links")).unwrap();
    symlink(site.file(), site.path("links/rows")).unwrap();
    let table = open(File::watch(site.path("links/rows")).recheck(NEVER));
    replace(&site.file(), "a 2");
    expect_a(&table, 2);
}

#[test]
fn directory_that_appears_later_is_seen() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("x/y/rows");
    let table = builder(File::watch(&file).recheck(NEVER).poll_every(NEVER)).start(Start::empty()).open().unwrap();
    eventually("an error", || table.status().state() == State::Error);
    let error = table.status().error().unwrap().to_string();
    let root = dir.path().display();
    let missing = format!("{root}/x/y/rows: the directory {root}/x does not exist; create it, or correct the path");
    assert_eq!(error, missing);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, "a 1").unwrap();
    expect_a(&table, 1);
}

#[test]
fn directory_moved_away_and_back_is_seen() {
    let site = Site::new("a 1");
    let table = builder(File::watch(site.file()).recheck(NEVER).poll_every(NEVER)).open().unwrap();
    for value in 2..5 {
        fs::rename(site.path("conf"), site.path("away")).unwrap();
        eventually("an error", || table.status().state() == State::Error);
        fs::write(site.path("away/rows"), format!("a {value}")).unwrap();
        fs::rename(site.path("away"), site.path("conf")).unwrap();
        expect_a(&table, value);
    }
    replace(&site.file(), "a 9");
    expect_a(&table, 9);
}

#[test]
fn directory_replaced_by_another_is_seen() {
    let site = Site::new("a 1");
    let table = builder(File::watch(site.file()).recheck(NEVER).poll_every(NEVER)).open().unwrap();
    for value in 2..12 {
        // Made anew at once, it may well get the inode of the old one.
        fs::remove_dir_all(site.path("conf")).unwrap();
        fs::create_dir(site.path("conf")).unwrap();
        fs::write(site.file(), format!("a {value}")).unwrap();
        expect_a(&table, value);
    }
}

#[test]
fn half_written_file_keeps_the_last_good_version() {
    let site = Site::new("a 1\nb 1\n");
    let table = site.open();
    let mut file = fs::File::create(site.file()).unwrap();
    file.write_all(b"a 2\nb").unwrap();
    eventually("an error", || table.status().state() == State::Error);
    assert_eq!((table.get("a"), table.get("b")), (Some(1), Some(1)));
    let error = table.status().error().unwrap().to_string();
    assert!(error.ends_with("/conf/rows:2:1: no row of a word and a number"), "{error}");
    file.write_all(b" 2\n").unwrap();
    expect_a(&table, 2);
    assert_eq!(table.get("b"), Some(2));
}

#[test]
fn unchanged_content_publishes_nothing() {
    let site = Site::new("a 1");
    let table = site.open();
    let (generation, before) = (table.generation(), table.status());
    replace(&site.file(), "a 1");
    eventually("another look", || table.status().counts().unchanged > before.counts().unchanged);
    let after = table.status();
    assert_eq!(after.counts().loads, before.counts().loads);
    assert_eq!((table.generation(), after.revision()), (generation, before.revision()));
    assert!(after.last_success() > before.last_success(), "it is a proof");
}

/// A format that waits for the test in each read.
struct Gated {
    /// Says that a read has begun.
    begun: SyncSender<()>,
    /// Lets it go on.
    go_on: Mutex<Receiver<()>>,
}

impl Format<String, u64> for Gated {
    fn read(&self, part: &Part, rows: &mut Rows<'_, String, u64>) -> Result<(), RowError> {
        self.begun.send(()).unwrap();
        self.go_on.lock().recv().unwrap();
        Lines.read(part, rows)
    }
}

#[test]
fn change_during_a_reload_makes_exactly_one_more() {
    let site = Site::new("a 1");
    let ((begun, has_begun), (go_on, may_go_on)) = (sync_channel(9), sync_channel(9));
    let gated = Gated { begun, go_on: Mutex::new(may_go_on) };
    let settings = Table::builder().source(File::watch(site.file()).recheck(NEVER)).format(gated);
    go_on.send(()).unwrap();
    let table = settings.debounce(Duration::from_millis(200), Duration::from_secs(9)).open().unwrap();
    has_begun.recv().unwrap();

    replace(&site.file(), "a 2");
    has_begun.recv().unwrap();
    let before = table.status().counts();
    for value in 3..9 {
        replace(&site.file(), &format!("a {value}"));
    }
    go_on.send(()).unwrap();
    go_on.send(()).unwrap();
    expect_a(&table, 8);
    looks_at_rest(&table);
    thread::sleep(Duration::from_millis(300));
    let after = table.status().counts();
    assert_eq!((after.loads - before.loads, after.attempts - before.attempts), (2, 2));
}

#[test]
fn hundred_quick_rewrites_end_at_the_last_one() {
    let site = Site::new("a 0");
    let table = site.open();
    for value in 1..=100 {
        if value % 2 == 0 {
            replace(&site.file(), &format!("a {value}"));
        } else {
            fs::write(site.file(), format!("a {value}")).unwrap();
        }
    }
    expect_a(&table, 100);
    looks_at_rest(&table);
    assert_eq!(table.get("a"), Some(100));
}

#[test]
fn events_that_reading_makes_are_no_changes() {
    let site = Site::new("a 1");
    let table = site.open();
    let looks = looks_at_rest(&table);
    for _ in 0..20 {
        fs::read(site.file()).unwrap();
        fs::read_dir(site.path("conf")).unwrap().count();
    }
    fs::write(site.path("conf/another"), "a 2").unwrap();
    assert_eq!(looks_at_rest(&table), looks);
}

#[test]
fn change_without_an_event_is_found_by_the_recheck() {
    let site = Site::new("a 1");
    fs::hard_link(site.file(), site.path("other")).unwrap();
    let table = open(File::watch(site.file()).recheck(Duration::from_millis(50)).poll_every(NEVER));
    fs::write(site.path("other"), "a 2").unwrap();
    expect_a(&table, 2);
}

#[test]
fn deaf_watch_is_replaced_by_polling_until_it_hears_something() {
    let site = Site::new("a 1");
    fs::hard_link(site.file(), site.path("other")).unwrap();
    let table =
        open(File::watch(site.file()).recheck(Duration::from_millis(400)).poll_every(Duration::from_millis(10)));
    fs::write(site.path("other"), "a 2").unwrap();
    expect_a(&table, 2);
    let looks = table.status().counts().attempts;
    eventually("quick looks", || table.status().counts().attempts > looks + 100);
    fs::write(site.file(), "a 3").unwrap();
    expect_a(&table, 3);
    eventually("no more of them", || {
        let looks = table.status().counts().attempts;
        thread::sleep(Duration::from_millis(200));
        table.status().counts().attempts <= looks + 1
    });
}

#[test]
fn without_inotify_polling_takes_over_until_it_can_be_had() {
    let name = "without_inotify_polling_takes_over_until_it_can_be_had";
    if !run_by_way_of(&["unshare", "--user", "--map-root-user"], name) {
        return;
    }
    // A user namespace has limits of its own.
    let limit = |instances: &str| fs::write("/proc/sys/user/max_inotify_instances", instances).unwrap();
    limit("0");
    let site = Site::new("a 1");
    let table = open(File::watch(site.file()).recheck(NEVER).poll_every(Duration::from_millis(10)));
    let looks = table.status().counts().attempts;
    eventually("quick looks", || table.status().counts().attempts > looks + 20);
    replace(&site.file(), "a 2");
    expect_a(&table, 2);
    limit("9");
    looks_at_rest(&table);
    replace(&site.file(), "a 3");
    expect_a(&table, 3);
}

#[test]
fn file_system_mounted_over_the_directory_is_seen() {
    let name = "file_system_mounted_over_the_directory_is_seen";
    if !run_by_way_of(&["unshare", "--user", "--map-root-user", "--mount"], name) {
        return;
    }
    let site = Site::new("a 1");
    let conf = site.path("conf");
    let conf = conf.to_str().unwrap();
    let mount = |command: &[&str]| assert!(Command::new(command[0]).args(&command[1..]).status().unwrap().success());
    let table = open(File::watch(site.file()).recheck(Duration::from_millis(50)));
    mount(&["mount", "-t", "tmpfs", "none", conf]);
    eventually("an error", || table.status().state() == State::Error);
    fs::write(site.file(), "a 2").unwrap();
    expect_a(&table, 2);
    mount(&["umount", conf]);
    expect_a(&table, 1);
}

#[test]
fn permission_removed_keeps_the_last_good_version() {
    let name = "permission_removed_keeps_the_last_good_version";
    // No permission keeps root out, so root becomes somebody else.
    let is_root =
        fs::read_dir("/proc/self/fd").is_ok() && Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    let somebody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    if is_root && !run_by_way_of(&somebody, name) {
        return;
    }
    let permit = |path: &Path, mode: u32| {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    let site = Site::new("a 1");
    let table = builder(File::watch(site.file()).recheck(NEVER).poll_every(NEVER)).open().unwrap();
    for path in [site.file(), site.path("conf")] {
        permit(&path, 0);
        eventually("an error", || table.status().state() == State::Error);
        let error = table.status().error().unwrap().to_string();
        assert!(error.contains("/conf/rows: this process may not read it"), "{error}");
        assert_eq!(table.get("a"), Some(1));
        permit(&path, 0o700);
        // The directory could not even be watched, so nothing tells.
        if path != site.file() {
            table.request_reload();
        }
        expect_a(&table, 1);
    }
}

#[test]
fn polling_needs_no_event() {
    let site = Site::new("a 1");
    let table = open(File::poll(site.file(), Duration::from_millis(10)));
    replace(&site.file(), "a 2");
    expect_a(&table, 2);
    fs::rename(site.path("conf"), site.path("away")).unwrap();
    eventually("an error", || table.status().state() == State::Error);
    fs::write(site.path("away/rows"), "a 3").unwrap();
    fs::rename(site.path("away"), site.path("conf")).unwrap();
    expect_a(&table, 3);
}

#[test]
fn directory_of_files_is_followed_as_one_table() {
    let site = Site::new("a 1\nb 1\n");
    let later = site.path("conf/rows.d");
    fs::create_dir(&later).unwrap();
    let source = File::directory(site.path("conf"), "rows*").unwrap().recheck(NEVER);
    let settings = Table::<String, u64>::builder().source(source).format(Lines).overlaps(Overlaps::LaterWins);
    let table = settings.open().unwrap();
    assert_eq!(table.get("a"), Some(1));
    fs::write(site.path("conf/rows2"), "a 2\n").unwrap();
    expect_a(&table, 2);
    assert_eq!(table.get("b"), Some(1));
    let looks = looks_at_rest(&table);
    for name in [".rows", "other", "rows~"] {
        fs::write(site.path("conf").join(name), "a 3\n").unwrap();
    }
    assert_eq!(looks_at_rest(&table), looks, "their names do not match");
    fs::remove_file(site.path("conf/rows2")).unwrap();
    expect_a(&table, 1);
    fs::write(site.path("v2"), "a 4\n").unwrap();
    symlink(site.path("v2"), site.path("conf/rows3")).unwrap();
    expect_a(&table, 4);
    fs::write(site.path("v2"), "a 5\n").unwrap();
    expect_a(&table, 5);
    fs::rename(site.path("conf"), site.path("away")).unwrap();
    eventually("an error", || table.status().state() == State::Error);
    fs::rename(site.path("away"), site.path("conf")).unwrap();
    expect_a(&table, 5);
}

#[test]
fn directory_swapped_like_a_config_map_is_never_seen_half() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let version = |value: u64| {
        let name = path(&format!("..v{value}"));
        fs::create_dir(&name).unwrap();
        for file in ["a", "b", "c"] {
            fs::write(name.join(file), format!("{file} {value}")).unwrap();
        }
        symlink(format!("..v{value}"), path("..data_tmp")).unwrap();
        fs::rename(path("..data_tmp"), path("..data")).unwrap();
    };
    version(1);
    for file in ["a", "b", "c"] {
        symlink(format!("..data/{file}"), path(file)).unwrap();
    }
    let source = File::directory(dir.path(), "?").unwrap().recheck(NEVER);
    let settings = Table::<String, u64>::builder().source(source).format(Lines);
    let settings = settings.debounce(Duration::ZERO, Duration::ZERO).validate(|_, new| {
        let mixed = ["b", "c"].iter().any(|key| new.get(*key) != new.get("a"));
        if mixed { Err("a mixture") } else { Ok(()) }
    });
    let failed = std::sync::Arc::new(Mutex::new(None));
    let note = std::sync::Arc::clone(&failed);
    let settings = settings.on_event(move |event| {
        if let Some(error) = event.status().error().filter(|error| error.to_string().contains("mixture")) {
            *note.lock() = Some(error.to_string());
        }
    });
    let table = settings.open().unwrap();
    for value in 2..200 {
        version(value);
    }
    expect_a(&table, 199);
    assert_eq!(*failed.lock(), None);
}
