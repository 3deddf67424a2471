//! A table from a web server, whose connection fails in the middle.

use std::fmt;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::life::{Life, home};
use crate::scale::{Scale, have_strace, sweep};
use crate::trace::Fault;

/// Calls that a look at a web server takes, and how they fail.
const FAILING: &[(&str, &[&str])] = &[
    ("socket", &["EMFILE", "ENOBUFS"]),
    ("connect", &["ECONNREFUSED", "ENETUNREACH", "ETIMEDOUT", "EIO"]),
    ("poll", &["EINTR"]),
    ("getsockopt", &["EIO"]),
    ("setsockopt", &["EIO"]),
    ("sendto", &["ECONNRESET", "EPIPE", "EINTR", "EIO"]),
    ("recvfrom", &["ECONNRESET", "ETIMEDOUT", "EINTR", "EIO"]),
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
        write!(f, "remote:{}:error={}:when={}", self.call, self.error, self.at)
    }
}

/// A web server with one page.
pub(crate) struct Server {
    /// Where it answers.
    address: SocketAddr,
    /// The page.
    page: Arc<Mutex<String>>,
}

impl Server {
    /// Starts one, which goes on until the tests end.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, page) = (listener.local_addr().unwrap(), Arc::new(Mutex::new("k,v\na,0\n".to_owned())));
        let served = Arc::clone(&page);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { continue };
                let page = served.lock().unwrap().clone();
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", page.len());
                // Whoever asks may be gone.
                let _ = stream.read(&mut [0; 4096]).and_then(|_| stream.write_all((head + &page).as_bytes()));
            }
        });
        Self { address, page }
    }

    /// Another table for a configuration.
    pub(crate) fn table(&self) -> String {
        let source = format!("source = \"http://{}/h.csv\"\ninterval = \"50ms\"", self.address);
        let http = "http = { timeout = \"2s\", max_backoff = \"100ms\" }";
        format!("\n[[table]]\nname = \"h\"\n{source}\nstart = {{ wait = \"5s\" }}\n{http}\n")
    }
}

/// Follows a page while a call fails once; tells whether it did.
fn live(case: &Case) -> bool {
    let (server, dir) = (Server::start(), home());
    let config = fs::read_to_string(dir.path().join("c.toml")).unwrap() + &server.table();
    fs::write(dir.path().join("c.toml"), config).unwrap();
    let fault = Fault::new(case.call, &format!("error={}:when={}", case.error, case.at));
    let mut life = fault.begin(dir);
    if !life.is_up() {
        life.assert_refused();
        return fault.happened();
    }
    for value in 0..3 {
        *server.page.lock().unwrap() = format!("k,v\na,{value}\n");
        let expected = format!("\"{value}\"");
        let is_there = |life: &Life| life.get("/v1/tables/h/entries/a").is_some_and(|text| text == expected);
        life.until("the page is followed", is_there);
    }
    life.renew();
    // Not by way of a signal, of which the runtime hears by these calls.
    life.daemon.signal("KILL");
    life.daemon.into_dir();
    fault.happened()
}

#[test]
fn look_at_a_web_server_that_fails_once_is_tried_again() {
    if !have_strace() {
        return;
    }
    let case =
        |at| FAILING.iter().flat_map(move |&(call, errors)| errors.iter().map(move |error| Case { call, error, at }));
    let cases = (1..=8).flat_map(case).collect();
    let happened = sweep(cases, Scale::get().choose(4, 24, usize::MAX), live);
    let count = happened.iter().filter(|&&happened| happened).count();
    println!("{count} of {} failed, the others had no such call", happened.len());
    assert!(count > 0);
}
