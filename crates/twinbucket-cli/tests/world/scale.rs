//! How much is tried, and with what.

use std::env;
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::SystemTime;

/// Cases of a sweep that run at once.
const AT_ONCE: usize = 4;

/// How much is tried.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Scale {
    /// What fits beside the other tests.
    Short,
    /// About a minute.
    Ci,
    /// Everything.
    All,
}

impl Scale {
    /// The one that `WORLD` asks for.
    pub(crate) fn get() -> Self {
        match env::var("WORLD").as_deref() {
            Err(_) => Self::Short,
            Ok("ci") => Self::Ci,
            Ok("all") => Self::All,
            Ok(other) => panic!("WORLD={other}: give ci or all"),
        }
    }

    /// Chooses a number by the scale.
    pub(crate) fn choose(self, short: usize, ci: usize, all: usize) -> usize {
        match self {
            Self::Short => short,
            Self::Ci => ci,
            Self::All => all,
        }
    }
}

/// What chooses the sample: `WORLD_SEED`, or else the time, but always the same for the short sample.
fn seed() -> u64 {
    if let Ok(seed) = env::var("WORLD_SEED") {
        return seed.parse().expect("WORLD_SEED is a number");
    }
    match Scale::get() {
        Scale::Short => 0,
        Scale::Ci | Scale::All => {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is after 1970");
            now.as_secs()
        }
    }
}

/// Takes that many cases by lot, in their order; all that have the text of `WORLD_CASE` if that is set.
fn sample<T: Display>(cases: Vec<T>, count: usize, seed: u64) -> Vec<T> {
    if let Ok(part) = env::var("WORLD_CASE") {
        return cases.into_iter().filter(|case| case.to_string().contains(&part)).collect();
    }
    let mut left = cases.len();
    let mut wanted = count.min(left);
    let mut state = seed;
    let keep = |_: &T| {
        // splitmix64
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut number = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let taken = (number ^ (number >> 31)) % (left as u64) < wanted as u64;
        left -= 1;
        wanted -= usize::from(taken);
        taken
    };
    cases.into_iter().filter(keep).collect()
}

/// Runs a sample of cases, some at once, and fails with the names of those that fail. Returns what came of the others.
pub(crate) fn sweep<T, R>(cases: Vec<T>, count: usize, run: impl Fn(&T) -> R + Sync) -> Vec<R>
where
    T: Display + Sync,
    R: Send,
{
    let (all, seed) = (cases.len(), seed());
    let cases = sample(cases, count, seed);
    println!("{} of {all} cases, WORLD_SEED={seed}", cases.len());
    let (next, outcomes, failed) = (AtomicUsize::new(0), Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    match catch_unwind(AssertUnwindSafe(|| run(case))) {
                        Ok(outcome) => outcomes.lock().unwrap().push(outcome),
                        Err(_) => {
                            println!("WORLD_CASE={case} failed");
                            failed.lock().unwrap().push(case.to_string());
                        }
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{} of {} cases failed, WORLD_SEED={seed}: {failed:?}", failed.len(), cases.len());
    outcomes.into_inner().unwrap()
}

/// Says that something is missing, and fails where tests must not be skipped.
pub(crate) fn skip(missing: &str) -> bool {
    assert!(env::var_os("CI").is_none(), "{missing}");
    eprintln!("skipped: {missing}");
    false
}

/// Tells whether a program runs with these arguments.
pub(crate) fn have(program: &str, args: &[&str], package: &str) -> bool {
    let status = Command::new(program).args(args).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
        || skip(&format!("{program} is missing or may not be used here (Debian package {package})"))
}

/// Tells whether strace is there and may be used.
pub(crate) fn have_strace() -> bool {
    have("strace", &["-f", "-o", "/dev/null", "true"], "strace")
}

/// Tells whether this is root.
pub(crate) fn is_root() -> bool {
    let user = Command::new("id").arg("-u").output().expect("id is everywhere");
    user.stdout == b"0\n" || skip("this needs the rights of root")
}

/// Stops what runs beside a test when the test is over, also when it fails.
pub(crate) struct Stop<'a>(pub(crate) &'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        // Relaxed: nothing else is passed on by it.
        self.0.store(true, Ordering::Relaxed);
    }
}
