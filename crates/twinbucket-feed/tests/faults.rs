//! Whatever happens to its file, a table has the last good version whole, and its status says how things are.
//!
//! `FAULTS=10000 cargo test -p twinbucket-feed --test faults` goes on for longer, `FAULTS_SEED` repeats a run.

#![cfg(all(feature = "file", unix))]

#[expect(dead_code, reason = "made for other tests, too")]
mod common;

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;
use twinbucket_feed::source::File;
use twinbucket_feed::{Format, Part, RowError, Rows, State, Table};

use crate::common::eventually;

/// Rows of each version.
const ROWS: u64 = 200;
/// Faults in a run, unless `FAULTS` says otherwise.
const FAULTS: u64 = 100;

/// What can happen to a file. After the good ones it has the next version.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fault {
    /// Good: a writer renames a new file over it, as it should.
    RenamedOver,
    /// Good: a writer overwrites it in place.
    Overwritten,
    /// Good: the new version has the size and the time stamp of the old one, and that is long ago.
    OldTimeStamp,
    /// Good: it is deleted and comes back as another.
    DeletedAndCreated,
    /// A writer is killed in the middle.
    KilledWriter,
    /// It is cut short.
    Truncated,
    /// It is cut down to nothing.
    Emptied,
    /// Noise is in it.
    Garbage,
    /// It is gone.
    Deleted,
    /// A directory has its place.
    Directory,
    /// A link that leads nowhere has its place.
    DanglingLink,
    /// The directory that it is in is moved away.
    MovedAway,
    /// The directory that it is in is moved away and back, and nothing else.
    MovedAwayAndBack,
}

/// All of them.
const ALL: [Fault; 13] = [
    Fault::RenamedOver,
    Fault::Overwritten,
    Fault::OldTimeStamp,
    Fault::DeletedAndCreated,
    Fault::KilledWriter,
    Fault::Truncated,
    Fault::Emptied,
    Fault::Garbage,
    Fault::Deleted,
    Fault::Directory,
    Fault::DanglingLink,
    Fault::MovedAway,
    Fault::MovedAwayAndBack,
];

/// A version as it is in the file. All have the same size.
fn text(version: u64) -> String {
    let mut text = format!("{ROWS}\n");
    for row in 0..ROWS {
        let _ = writeln!(text, "row{row:04} {version:06}");
    }
    text + "end\n"
}

/// Reads what [`text`] makes, and nothing that is less.
struct Counted;

impl Format<String, u64> for Counted {
    fn read(&self, part: &Part, rows: &mut Rows<'_, String, u64>) -> Result<(), RowError> {
        let bad = |line: u64, problem: &str| RowError::new(rows.place(line, 1), problem);
        let text = std::str::from_utf8(&part.bytes).map_err(|_| bad(1, "not UTF-8"))?;
        let mut lines = text.lines();
        let count: usize =
            lines.next().and_then(|line| line.parse().ok()).ok_or_else(|| bad(1, "no number of rows"))?;
        let all: Vec<&str> = lines.collect();
        if all.len() != count + 1 || all[count] != "end" || !text.ends_with('\n') {
            return Err(bad(all.len() as u64 + 1, "the file is cut short"));
        }
        for (line, row) in (2..).zip(&all[..count]) {
            let (key, value) = row.split_once(' ').ok_or_else(|| RowError::new(rows.place(line, 1), "no value"))?;
            let value = value.parse().map_err(|_| RowError::new(rows.place(line, 9), "no number"))?;
            if rows.push(line, key.to_owned(), value).is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// A file that things happen to.
struct Scene {
    /// Where all of it is.
    root: TempDir,
    /// The version that the table must have.
    good: u64,
    /// The version given out last.
    newest: u64,
    /// Whether the file is good.
    is_good: bool,
    /// Random numbers.
    random: u64,
}

impl Scene {
    fn new(seed: u64) -> Self {
        let root = TempDir::new().unwrap();
        fs::create_dir(root.path().join("conf")).unwrap();
        let scene = Self { root, good: 0, newest: 0, is_good: true, random: seed | 1 };
        fs::write(scene.file(), text(0)).unwrap();
        scene
    }

    fn file(&self) -> PathBuf {
        self.root.path().join("conf/table")
    }

    fn beside(&self) -> PathBuf {
        self.root.path().join("beside")
    }

    /// A random number below `end` (xorshift64*, Vigna).
    fn below(&mut self, end: u64) -> u64 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        (self.random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % end
    }

    /// A place within the file's text.
    fn cut(&mut self) -> u64 {
        self.below(text(0).len() as u64 - 1)
    }

    /// Makes the file one that can be written to again.
    fn clear(&self) {
        let conf = self.root.path().join("conf");
        let away = self.root.path().join("away");
        if away.exists() {
            let _ = fs::remove_dir_all(&conf);
            fs::rename(away, conf).unwrap();
        }
        let file = self.file();
        if file.is_dir() {
            fs::remove_dir(&file).unwrap();
        } else if file.is_symlink() {
            fs::remove_file(&file).unwrap();
        }
    }

    /// Lets a fault happen.
    fn strike(&mut self, fault: Fault) {
        self.clear();
        let file = self.file();
        let next = text(self.newest + 1);
        match fault {
            Fault::RenamedOver => {
                fs::write(self.beside(), next).unwrap();
                fs::rename(self.beside(), file).unwrap();
                self.has_next();
            }
            Fault::Overwritten => {
                fs::write(file, next).unwrap();
                self.has_next();
            }
            Fault::OldTimeStamp => {
                fs::write(&file, next).unwrap();
                let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
                fs::File::options().write(true).open(file).unwrap().set_modified(long_ago).unwrap();
                self.has_next();
            }
            Fault::DeletedAndCreated => {
                let _ = fs::remove_file(&file);
                fs::write(file, next).unwrap();
                self.has_next();
            }
            Fault::KilledWriter => self.kill_a_writer(&file, &next),
            Fault::Truncated => {
                fs::write(&file, next).unwrap();
                let length = self.cut();
                fs::File::options().write(true).open(file).unwrap().set_len(length).unwrap();
                self.is_good = false;
            }
            Fault::Emptied => {
                fs::write(file, "").unwrap();
                self.is_good = false;
            }
            Fault::Garbage => {
                let noise: Vec<u8> = (0..5_000).map(|_| self.below(256) as u8).collect();
                fs::write(file, noise).unwrap();
                self.is_good = false;
            }
            Fault::Deleted => self.put_aside(|_| ()),
            Fault::Directory => self.put_aside(|file| fs::create_dir(file).unwrap()),
            Fault::DanglingLink => self.put_aside(|file| symlink("/nowhere/at/all", file).unwrap()),
            Fault::MovedAway => {
                fs::rename(self.root.path().join("conf"), self.root.path().join("away")).unwrap();
                self.is_good = false;
            }
            Fault::MovedAwayAndBack => {
                let (conf, away) = (self.root.path().join("conf"), self.root.path().join("away"));
                fs::rename(&conf, &away).unwrap();
                thread::sleep(Duration::from_millis(self.below(20)));
                fs::rename(away, conf).unwrap();
                self.is_good = fs::read_to_string(file).is_ok_and(|found| found == text(self.good));
            }
        }
    }

    /// Notes that the file has the next version.
    fn has_next(&mut self) {
        self.newest += 1;
        self.good = self.newest;
        self.is_good = true;
    }

    /// Puts something else in the file's place.
    fn put_aside(&mut self, instead: impl FnOnce(&Path)) {
        let _ = fs::remove_file(self.file());
        instead(&self.file());
        self.is_good = false;
    }

    /// Lets another process write the next version, and kills it when it has written a part.
    fn kill_a_writer(&mut self, file: &Path, next: &str) {
        fs::write(self.beside(), next).unwrap();
        let script = r#"head -c "$1" "$2" > "$3"; kill -9 $$; echo alive > "$3""#;
        let (length, beside) = (self.cut().to_string(), self.beside());
        let writer = Command::new("sh").args(["-c", script, "writer", &length]).arg(beside).arg(file).status().unwrap();
        assert_eq!(writer.signal(), Some(9));
        self.is_good = false;
    }
}

/// Checks that the table is one version, whole, and returns which.
#[track_caller]
fn version_of(table: &Table<String, u64>) -> u64 {
    let bucket = table.read();
    assert_eq!(bucket.len() as u64, ROWS, "the table is whole");
    let version = bucket["row0000"];
    assert!(bucket.values().all(|&other| other == version), "the table is of one version");
    version
}

/// A number from the environment.
fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().unwrap_or_else(|_| panic!("{name} must be a number")))
}

#[test]
fn table_equals_the_last_good_version_through_a_hundred_faults_and_its_status_says_so() {
    let seed = setting("FAULTS_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    let faults = setting("FAULTS").unwrap_or(FAULTS);
    let mut scene = Scene::new(seed);
    let source = File::watch(scene.file()).poll_every(Duration::from_millis(5)).recheck(Duration::from_millis(200));
    let table =
        Table::builder().source(source).format(Counted).debounce(Duration::from_millis(2), Duration::from_millis(20));
    let table = table.open().unwrap();
    let (over, seen) = (AtomicBool::new(false), AtomicBool::new(false));
    thread::scope(|scope| {
        // Whenever it is looked at, the table is whole.
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                version_of(&table);
                seen.store(true, Ordering::Relaxed);
            }
        });
        for number in 0..faults {
            // Each of them comes early, then any.
            let fault =
                ALL.get(number as usize).copied().unwrap_or_else(|| ALL[scene.below(ALL.len() as u64) as usize]);
            let looks = table.status().counts().attempts;
            scene.strike(fault);
            let wanted = if scene.is_good { State::Ready } else { State::Error };
            let what = format!("fault {number}, {fault:?}: {wanted}, version {} (FAULTS_SEED={seed})", scene.good);
            // The second look after the fault has begun after it.
            let looked = || scene.is_good || table.status().counts().attempts >= looks + 2;
            eventually(&what, || table.status().state() == wanted && looked() && version_of(&table) == scene.good);
            let error = table.status().error().map(ToString::to_string);
            assert_eq!(error.is_some(), !scene.is_good, "{what}: {error:?}");
            let names_it = error.is_none_or(|error| error.contains("conf"));
            assert!(names_it, "{what}: the error names the file");
        }
        over.store(true, Ordering::Relaxed);
    });
    assert!(seen.into_inner(), "somebody looked");
}
