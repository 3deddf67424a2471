//! What the file source reads and what it refuses, without a feed.

#![cfg(all(feature = "file", unix))]

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use twinbucket_feed::{Fetched, File, Part, Revision, Source};

/// Fetches what must be new.
#[track_caller]
fn new(source: &mut impl Source, known: Option<&Revision>) -> (Vec<Part>, Revision) {
    match source.fetch(known).unwrap() {
        Fetched::New { parts, revision } => (parts, revision),
        Fetched::Same => panic!("not new"),
    }
}

/// Fetches what must be refused.
#[track_caller]
fn refused(source: &mut impl Source) -> String {
    source.fetch(None).unwrap_err().to_string()
}

/// What `command` prints as a hash in `dir`; `None` if there is no sha256sum.
fn sum(dir: &Path, command: &str) -> Option<String> {
    let output = Command::new("sh").args(["-c", command]).current_dir(dir).env("LC_ALL", "C").output().unwrap();
    let hash = String::from_utf8(output.stdout).unwrap().split_whitespace().next().map(str::to_owned);
    if hash.is_none() {
        assert!(std::env::var_os("CI").is_none(), "sha256sum is missing");
        eprintln!("skipped: there is no sha256sum");
    }
    hash
}

#[test]
fn revision_is_what_sha256sum_says() {
    let dir = tempfile::tempdir().unwrap();
    for (name, content) in [("b.csv", "b,1\n"), ("a.csv", "a,1\n"), ("a\\\n.csv", ""), ("B.csv", "\0"), ("c.txt", "")] {
        fs::write(dir.path().join(name), content).unwrap();
    }
    let (_, file) = new(&mut File::watch(dir.path().join("a.csv")), None);
    let (parts, files) = new(&mut File::directory(dir.path(), "*.csv").unwrap(), None);
    assert_eq!(parts.len(), 4);
    let Some(hash) = sum(dir.path(), "sha256sum a.csv") else { return };
    assert_eq!(file.as_str(), format!("sha256:{hash}"));
    let hash = sum(dir.path(), "sha256sum *.csv | sha256sum").unwrap();
    assert_eq!(files.as_str(), format!("sha256:{hash}"));
}

#[test]
fn content_is_the_same_only_if_it_is_known() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rows");
    fs::write(&path, "a 1").unwrap();
    let mut file = File::watch(&path);
    let (parts, first) = new(&mut file, None);
    assert_eq!((&*parts[0].name, &*parts[0].bytes), (path.to_str().unwrap(), &b"a 1"[..]));
    assert!(matches!(file.fetch(Some(&first)).unwrap(), Fetched::Same));
    assert_eq!(new(&mut file, None).1, first);
    assert_eq!(new(&mut file, Some(&Revision::new("x"))).1, first);
    fs::write(&path, "a 2").unwrap();
    let (_, second) = new(&mut file, Some(&first));
    assert_ne!(second, first);
}

#[test]
fn rewrite_of_the_same_size_and_time_is_seen() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rows");
    // Far in the future, as after a clock that was set back.
    let time = SystemTime::now() + Duration::from_secs(1 << 30);
    let write = |content: &str| {
        fs::write(&path, content).unwrap();
        fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
    };
    write("a 0");
    let mut file = File::poll(&path, Duration::from_millis(1));
    let (_, mut known) = new(&mut file, None);
    for value in 1..200 {
        write(&format!("a {}", value % 10));
        let (_, revision) = new(&mut file, Some(&known));
        known = revision;
    }
}

#[test]
fn what_is_not_a_file_is_refused_without_blocking() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    assert!(Command::new("mkfifo").arg(path("fifo")).status().unwrap().success());
    let _socket = UnixListener::bind(path("socket")).unwrap();
    symlink("fifo", path("link")).unwrap();
    symlink("nowhere", path("dangling")).unwrap();
    symlink("round", path("round")).unwrap();
    let root = dir.path().display();
    for (name, problem) in [
        ("fifo", "is a FIFO, not a file".to_owned()),
        ("link", "is a FIFO, not a file".to_owned()),
        ("socket", "is a socket, not a file".to_owned()),
        ("", "is a directory, not a file; for all its files, use `File::directory`".to_owned()),
        ("dangling", format!("leads to {root}/nowhere, which does not exist; correct the link")),
        ("nothing", "does not exist; create it, or correct the path".to_owned()),
        ("no/thing", format!("the directory {root}/no does not exist; create it, or correct the path")),
        ("round", "cannot be read: Too many levels of symbolic links (os error 40)".to_owned()),
    ] {
        let path = if name.is_empty() { dir.path().to_owned() } else { path(name) };
        assert_eq!(refused(&mut File::watch(&path)), format!("{}: {problem}", path.display()));
    }
    assert_eq!(refused(&mut File::watch("/dev/null")), "/dev/null: is a device, not a file");
    assert_eq!(refused(&mut File::directory(dir.path(), "f*").unwrap()), format!("{root}/fifo: is a FIFO, not a file"));
}

#[test]
fn file_that_is_too_large_is_not_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rows");
    fs::write(&path, "12345").unwrap();
    assert_eq!(new(&mut File::watch(&path).max_bytes(5), None).0[0].bytes.len(), 5);
    let problem = "has 5 bytes, and 4 are allowed; raise `max_bytes` if it may be";
    assert_eq!(refused(&mut File::watch(&path).max_bytes(4)), format!("{}: {problem}", path.display()));
    // Would take minutes to read.
    fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
    assert!(refused(&mut File::watch(&path)).contains("has 1099511627776 bytes, and 1073741824 are allowed"));
    // The kernel says that it is empty.
    assert!(refused(&mut File::watch("/proc/self/status").max_bytes(9)).contains("has at least 10 bytes"));
}

#[test]
fn file_that_is_being_written_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rows");
    // So large that to read it takes longer than the writer may have to wait for its turn.
    fs::File::create(&path).unwrap().set_len(1 << 25).unwrap();
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            use std::os::unix::fs::FileExt;
            let file = fs::File::options().write(true).open(&path).unwrap();
            while !is_done.load(Ordering::Relaxed) {
                file.write_all_at(b"y", 9).unwrap();
            }
        });
        let deadline = Instant::now() + Duration::from_secs(30);
        let mut file = File::watch(&path);
        let error = loop {
            match file.fetch(None) {
                Err(error) => break Some(error.to_string()),
                Ok(_) if Instant::now() > deadline => break None,
                Ok(_) => {}
            }
        };
        is_done.store(true, Ordering::Relaxed);
        let problem = "is being written; it is read when it is at rest";
        assert_eq!(error, Some(format!("{}: {problem}", path.display())));
    });
}

#[test]
fn directory_gives_its_files_in_byte_order() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["10.toml", "9.toml", "B.toml", "a.toml", "ä.toml", ".hidden.toml", "a.toml~", "a.json"] {
        fs::write(dir.path().join(name), name).unwrap();
    }
    fs::create_dir(dir.path().join("sub.toml")).unwrap();
    fs::write(dir.path().join("sub.toml/x.toml"), "").unwrap();
    let (parts, _) = new(&mut File::directory(dir.path(), "*.toml").unwrap(), None);
    let names: Vec<_> = parts.iter().map(|part| String::from_utf8(part.bytes.clone()).unwrap()).collect();
    assert_eq!(names, ["10.toml", "9.toml", "B.toml", "a.toml", "ä.toml"]);
    assert_eq!(&*parts[0].name, dir.path().join("10.toml").to_str().unwrap());
}

#[test]
fn directory_without_a_file_that_matches_is_empty_and_a_missing_one_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let (parts, _) = new(&mut File::directory(dir.path(), "*.toml").unwrap(), None);
    assert!(parts.is_empty());
    let missing = dir.path().join("conf.d");
    let error = refused(&mut File::directory(&missing, "*.toml").unwrap());
    assert_eq!(error, format!("{}: does not exist; create it, or correct the path", missing.display()));
    fs::write(&missing, "").unwrap();
    let error = refused(&mut File::directory(&missing, "*.toml").unwrap());
    assert_eq!(error, format!("{}: cannot be read: Not a directory (os error 20)", missing.display()));
}

#[test]
fn revision_of_a_directory_changes_with_a_name() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.csv"), "x").unwrap();
    let mut files = File::directory(dir.path(), "*.csv").unwrap();
    let (_, first) = new(&mut files, None);
    fs::rename(dir.path().join("a.csv"), dir.path().join("b.csv")).unwrap();
    assert_ne!(new(&mut files, Some(&first)).1, first);
}

#[test]
fn directory_has_limits() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["a", "b", "c"] {
        fs::write(dir.path().join(name), "xx").unwrap();
    }
    let root = dir.path().display();
    let files = || File::directory(dir.path(), "*").unwrap();
    assert_eq!(new(&mut files().max_files(3).max_bytes(6), None).0.len(), 3);
    let problem = "more than 2 files match `*`; raise `max_files` if they may";
    assert_eq!(refused(&mut files().max_files(2)), format!("{root}: {problem}"));
    let problem = "has 6 bytes, and 5 are allowed; raise `max_bytes` if it may be";
    assert_eq!(refused(&mut files().max_bytes(5)), format!("{root}: {problem}"));
}

#[test]
fn relative_path_stays_where_it_was() {
    let here = std::env::current_dir().unwrap();
    let mut file = File::watch("Cargo.toml");
    assert_eq!(file.name(), "Cargo.toml");
    std::env::set_current_dir("/").unwrap();
    let fetched = file.fetch(None);
    std::env::set_current_dir(here).unwrap();
    assert!(matches!(fetched.unwrap(), Fetched::New { parts, .. } if &*parts[0].name == "Cargo.toml"));
}
