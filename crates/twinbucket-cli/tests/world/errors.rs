//! Every system call of a life fails in turn: the daemon either does not start and says why, or lives that life.

use std::fmt;
use std::thread;
use std::time::Duration;

use crate::life::{Life, home, rows};
use crate::scale::{Scale, have_strace, skip, sweep};
use crate::trace::{Fault, calls};

/// Calls that fail, and the errors that they can have. After so many, calls of a kind repeat those before.
const FAILING: &[(&str, &[&str])] = &[
    ("accept4", &["EMFILE", "ECONNABORTED", "ENFILE"]),
    ("access", &["EIO"]),
    ("bind", &["EIO", "EADDRINUSE"]),
    ("clock_nanosleep", &["EINTR"]),
    ("clone", &["EAGAIN"]),
    ("clone3", &["EAGAIN"]),
    // The standard library takes any other error for a bug: a descriptor that somebody else closed.
    ("close", &["EINTR"]),
    ("epoll_create1", &["EMFILE"]),
    ("epoll_ctl", &["ENOSPC"]),
    ("epoll_pwait", &["EINTR"]),
    ("epoll_wait", &["EINTR"]),
    ("eventfd2", &["EMFILE"]),
    ("fcntl", &["EIO"]),
    ("fstat", &["EIO", "EINTR"]),
    ("getcwd", &["EIO", "ENOENT"]),
    ("getdents64", &["EIO", "EINTR", "ENOENT"]),
    ("getpeername", &["EIO"]),
    ("getrandom", &["EINTR"]),
    ("getsockname", &["EIO"]),
    ("getsockopt", &["EIO"]),
    ("inotify_add_watch", &["ENOSPC", "EIO"]),
    ("inotify_init1", &["EMFILE"]),
    ("inotify_rm_watch", &["EINVAL"]),
    ("ioctl", &["EIO"]),
    ("listen", &["EIO"]),
    ("lstat", &["EIO", "EINTR"]),
    ("newfstatat", &["EIO", "EINTR"]),
    ("openat", &["EIO", "EINTR", "EMFILE", "ENOSPC"]),
    ("poll", &["EINTR"]),
    ("ppoll", &["EINTR"]),
    ("pread64", &["EIO"]),
    ("read", &["EIO", "EINTR"]),
    ("readlink", &["EIO"]),
    ("setsockopt", &["EIO"]),
    ("shutdown", &["EIO"]),
    ("socket", &["EMFILE"]),
    ("socketpair", &["EMFILE"]),
    ("statfs", &["EIO", "EINTR"]),
    ("statx", &["EIO", "EINTR"]),
    ("writev", &["ECONNRESET", "EINTR", "ENOSPC"]),
];

/// Calls that are left alone, and why.
const LEFT_ALONE: &[(&str, &str)] = &[
    ("arch_prctl", "of the loader, and cannot fail"),
    ("brk", "without memory, the allocator ends the process"),
    ("execve", "the daemon is not there yet"),
    ("exit", "does not return"),
    ("exit_group", "does not return"),
    ("futex", "has no error that a lock could pass on"),
    ("getpid", "cannot fail"),
    ("gettid", "cannot fail"),
    ("madvise", "only advice, of the allocator"),
    ("mmap", "without memory, the allocator ends the process"),
    ("mprotect", "without memory, the allocator ends the process"),
    ("mremap", "without memory, the allocator ends the process"),
    ("munmap", "cannot fail for what was mapped"),
    ("prctl", "names threads only"),
    ("prlimit64", "asks only, and cannot fail"),
    ("recvfrom", "also how the runtime hears of signals; `clients` and `floods` have real connections that break"),
    ("restart_syscall", "of the kernel's own making, when a call goes on after a signal"),
    ("rseq", "of the C library, and cannot fail"),
    ("rt_sigaction", "cannot fail for these signals"),
    ("rt_sigprocmask", "cannot fail for these signals"),
    ("rt_sigreturn", "does not return"),
    ("sched_getaffinity", "asks only, and has a substitute"),
    ("sched_yield", "cannot fail"),
    ("sendto", "how the runtime tells itself of signals; answers are sent by writev"),
    ("set_robust_list", "of the C library, and cannot fail"),
    ("set_tid_address", "of the C library, and cannot fail"),
    ("sigaltstack", "cannot fail for memory that was mapped"),
    ("write", "log lines, for which `disk` is, and counters in the kernel that wake a thread and do not fail"),
];

/// A call that fails once in each thread.
struct Case {
    /// The call.
    call: &'static str,
    /// How it fails.
    error: &'static str,
    /// Which one of a thread, from one.
    at: u32,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:error={}:when={}", self.call, self.error, self.at)
    }
}

/// A call that fails from some time on.
struct Lasting {
    /// The call.
    call: &'static str,
    /// How it fails.
    error: &'static str,
    /// From which one of a thread on.
    at: u32,
}

impl fmt::Display for Lasting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:error={}:when={}+", self.call, self.error, self.at)
    }
}

/// What came of a case.
enum Outcome {
    /// The daemon did not start.
    Refused,
    /// It lived, and the call had failed.
    Lived,
    /// It lived, and there was no such call this time.
    Spared,
}

/// Lives with a call that fails.
fn live(case: &Case) -> Outcome {
    let fault = Fault::new(case.call, &format!("error={}:when={}", case.error, case.at));
    let mut life = fault.begin(home());
    if !life.is_up() {
        life.assert_refused();
        return Outcome::Refused;
    }
    life.go_on();
    if fault.happened() { Outcome::Lived } else { Outcome::Spared }
}

#[test]
fn system_call_that_fails_once_keeps_the_daemon_from_starting_or_is_got_over() {
    if !have_strace() {
        return;
    }
    let calls = calls();
    let known =
        |name: &str| FAILING.iter().any(|(call, _)| *call == name) || LEFT_ALONE.iter().any(|(call, _)| *call == name);
    for call in calls.keys().filter(|name| !known(name)) {
        skip(&format!("{call} is neither tried nor left alone for a reason"));
    }
    let most = u32::try_from(Scale::get().choose(12, 20, 60)).unwrap();
    let mut cases = Vec::new();
    for (call, errors) in FAILING {
        for at in 1..=calls.get(*call).copied().unwrap_or(0).min(most) {
            cases.extend(errors.iter().map(|error| Case { call, error, at }));
        }
    }
    let outcomes = sweep(cases, Scale::get().choose(12, 150, usize::MAX), live);
    let count = |is_it: fn(&Outcome) -> bool| outcomes.iter().filter(|outcome| is_it(outcome)).count();
    let refused = count(|outcome| matches!(outcome, Outcome::Refused));
    let spared = count(|outcome| matches!(outcome, Outcome::Spared));
    let lived = outcomes.len() - refused - spared;
    println!("{lived} lived with it, {refused} did not start, {spared} had no such call");
    assert!(spared <= outcomes.len() / 2, "the life that was traced is not the one that is lived");
}

/// Calls that look for files and read them, and errors that stay once they are there.
const LASTING: &[(&str, &str)] =
    &[("openat", "EIO"), ("openat", "EMFILE"), ("read", "EIO"), ("statx", "EIO"), ("statx", "EACCES")];

/// Calls that watch directories, and errors that stay from the start.
const DEAF: &[(&str, &str)] = &[("inotify_init1", "EMFILE"), ("inotify_add_watch", "ENOSPC")];

/// Renews the table until it cannot be read any more; then it must say so and stay.
fn renew_until_told(mut life: Life) {
    let told = |life: &Life| life.status("t").is_some_and(|status| !status["error"].is_null());
    let mut served = life.good;
    while !told(&life) {
        life.good += 1;
        life.daemon.write("t.csv", &rows(life.good));
        life.until("the new version is served, or the table says that it cannot be read", |life| {
            told(life) || life.is_good()
        });
        if life.is_good() {
            served = life.good;
        }
    }
    // The very last look may have gone well before the first that did not.
    if !life.is_good() {
        life.good = served;
    }
    life.await_good();
    life.daemon.write("t.csv", &rows(1_000_000));
    for _ in 0..5 {
        thread::sleep(Duration::from_millis(100));
        assert!(life.is_good() && told(&life), "{:?}\n{}", life.status("t"), life.daemon.log());
    }
    life.finish();
}

#[test]
fn errors_of_reading_that_stay_are_told_and_the_last_good_version_too_stays() {
    if !have_strace() {
        return;
    }
    let starts = [10, 20, 40, 80];
    let cases = |at| LASTING.iter().map(move |&(call, error)| Lasting { call, error, at });
    let told = sweep(starts.into_iter().flat_map(cases).collect(), Scale::get().choose(3, 12, usize::MAX), |case| {
        let fault = Fault::new(case.call, &format!("error={}:when={}+", case.error, case.at));
        let mut life = fault.begin(home());
        let is_up = life.is_up();
        if is_up {
            renew_until_told(life)
        } else {
            life.assert_refused()
        }
        is_up
    });
    assert!(told.contains(&true), "no daemon started");
}

#[test]
fn table_whose_directories_cannot_be_watched_is_looked_at_now_and_then() {
    if !have_strace() {
        return;
    }
    for (call, error) in DEAF {
        let fault = Fault::new(call, &format!("error={error}:when=1+"));
        let mut life = fault.begin(home());
        assert!(life.is_up(), "{call}: it ended\n{}", life.daemon.log());
        life.await_good();
        life.renew();
        life.spoil();
        life.renew();
        assert!(life.daemon.log().contains("cannot be watched"), "{}", life.daemon.log());
        life.finish();
        assert!(fault.happened(), "{call} never failed");
    }
}
