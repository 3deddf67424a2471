//! A daemon of its own for a test, and a client that hides nothing of what comes back.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// How long anything may take that happens at all.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// A running daemon, with a directory of its own as its working directory.
pub(crate) struct Daemon {
    /// The process.
    child: Child,
    /// Its directory.
    pub(crate) dir: TempDir,
    /// Where it answers, by protocol.
    addresses: Vec<(String, SocketAddr)>,
    /// What it logs from here on.
    lines: Receiver<String>,
    /// All that it logged.
    log: Arc<Mutex<String>>,
}

/// A directory with some files.
pub(crate) fn directory(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, content) in files {
        fs::write(dir.path().join(name), content).unwrap();
    }
    dir
}

/// The program in a directory.
pub(crate) fn program(dir: &TempDir, args: &[&str]) -> Command {
    under(dir, &[], args)
}

/// The program in a directory, run by another, which must put it in its own place.
pub(crate) fn under(dir: &TempDir, wrapper: &[&str], args: &[&str]) -> Command {
    let words = [wrapper, &[env!("CARGO_BIN_EXE_twinbucket"), "serve"], args].concat();
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).current_dir(dir.path());
    command
}

impl Daemon {
    /// Starts a daemon in a directory and waits until it serves.
    pub(crate) fn start(dir: TempDir, args: &[&str]) -> Self {
        let command = program(&dir, args);
        Self::run(dir, command)
    }

    /// Runs a command that is a daemon in a directory, and waits until it serves.
    pub(crate) fn run(dir: TempDir, mut command: Command) -> Self {
        command.args(["--listen", "127.0.0.1:0", "--log", "json", "--log-level", "debug,hyper=info"]);
        let mut daemon = Self::launch(dir, command, Vec::new());
        loop {
            let line = daemon.line(|_| true);
            match line["message"].as_str() {
                Some("listening") => {
                    let address = line["address"].as_str().unwrap().parse().unwrap();
                    daemon.addresses.push((line["protocol"].as_str().unwrap().to_owned(), address));
                }
                Some("serving") => return daemon,
                _ => {}
            }
        }
    }

    /// Runs a command that is a daemon in a directory, and does not wait: it may end, or say nothing. Where it answers
    /// is for the command to say.
    pub(crate) fn launch(dir: TempDir, mut command: Command, addresses: Vec<(String, SocketAddr)>) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let (stderr, (send, lines)) = (child.stderr.take().unwrap(), channel());
        let log = Arc::<Mutex<String>>::default();
        let whole = Arc::clone(&log);
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                *whole.lock().unwrap() += &format!("{line}\n");
                let _ = send.send(line);
            }
        });
        Self { child, dir, addresses, lines, log }
    }

    /// Waits for a line of the log.
    pub(crate) fn line(&self, is_it: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + SOON;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    let Ok(line) = serde_json::from_str::<Value>(&line) else { continue };
                    if is_it(&line) {
                        return line;
                    }
                }
                Err(RecvTimeoutError::Timeout) => panic!("no such line in\n{}", self.log()),
                Err(RecvTimeoutError::Disconnected) => panic!("the daemon ended:\n{}", self.log()),
            }
        }
    }

    /// Waits for a line with that message.
    pub(crate) fn message(&self, message: &str) -> Value {
        self.line(|line| line["message"] == message)
    }

    /// All that it logged.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Where it answers.
    pub(crate) fn address(&self, protocol: &str) -> SocketAddr {
        self.addresses.iter().find(|(name, _)| name == protocol).unwrap_or_else(|| panic!("no {protocol}")).1
    }

    /// Where a file of its directory is.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Replaces a file of its directory by a rename.
    pub(crate) fn write(&self, name: &str, content: &str) {
        let new = self.path(&format!("{name}.new~"));
        fs::write(&new, content).unwrap();
        fs::rename(new, self.path(name)).unwrap();
    }

    /// Sends a request and reads the whole answer.
    pub(crate) fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        ask(self.address("http"), method, path, headers, body)
    }

    /// Gets a path.
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], "")
    }

    /// Sends a request to the administration address.
    pub(crate) fn admin(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        ask(self.address("admin"), "POST", path, headers, body)
    }

    /// The status of a table.
    pub(crate) fn status(&self, table: &str) -> Value {
        let answer = self.get(&format!("/v1/tables/{table}"));
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// Waits until the status of a table is as wished.
    pub(crate) fn await_status(&self, table: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + SOON;
        loop {
            let status = self.status(table);
            if is_it(&status) {
                return status;
            }
            assert!(Instant::now() < deadline, "{status}\n{}", self.log());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Number of its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Takes its directory, once it has ended.
    pub(crate) fn into_dir(mut self) -> TempDir {
        self.end();
        std::mem::replace(&mut self.dir, tempfile::tempdir().unwrap())
    }

    /// Sends a signal to it.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits for its end.
    pub(crate) fn end(&mut self) -> ExitStatus {
        let deadline = Instant::now() + SOON;
        loop {
            if let Some(status) = self.ended() {
                return status;
            }
            assert!(Instant::now() < deadline, "it goes on:\n{}", self.log());
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if !thread::panicking() {
            assert!(!self.log().contains("panicked"), "{}", self.log());
        }
    }
}

/// An answer, taken apart.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: u16,
    /// The headers, with small letters.
    headers: Vec<(String, String)>,
    /// The body, put together.
    pub(crate) body: Vec<u8>,
    /// Whether the body came whole.
    pub(crate) whole: bool,
}

impl Answer {
    /// A header, or nothing.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// The body as text.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The lines of the body as JSON.
    pub(crate) fn lines(&self) -> Vec<Value> {
        self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Checks that it is a problem document with that status, and returns the end of its type.
    pub(crate) fn problem(&self, status: u16) -> String {
        assert_eq!((self.status, self.header("content-type")), (status, "application/problem+json"), "{self:?}");
        let json = self.json();
        assert_eq!(json["status"], status);
        for member in ["type", "title", "detail"] {
            assert!(json[member].as_str().is_some_and(|text| !text.is_empty()), "{member}: {json}");
        }
        json["type"].as_str().unwrap().trim_start_matches("urn:twinbucket:").to_owned()
    }
}

/// Sends a request on a connection of its own, and reads the answer.
pub(crate) fn ask(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    try_ask(address, method, path, headers, body).unwrap_or_else(|error| panic!("no answer: {error}"))
}

/// As [`ask`], where it may be that nobody answers.
pub(crate) fn try_ask(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> io::Result<Answer> {
    let mut stream = try_connect(address)?;
    let host =
        if headers.iter().any(|(name, _)| *name == "Host") { String::new() } else { format!("Host: {address}\r\n") };
    let mut head = format!("{method} {path} HTTP/1.1\r\n{host}Connection: close\r\n");
    if !body.is_empty() || method == "POST" {
        head += &format!("Content-Length: {}\r\n", body.len());
    }
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    // A daemon that refuses may close before all is sent.
    let _ = stream.write_all(format!("{head}\r\n{body}").as_bytes());
    try_read(&mut stream, method == "HEAD")
}

/// Connects, with a limit on how long an answer may take.
pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    try_connect(address).unwrap()
}

/// As [`connect`], where it may be that nobody is there.
pub(crate) fn try_connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, SOON)?;
    stream.set_read_timeout(Some(SOON))?;
    stream.set_write_timeout(Some(SOON))?;
    Ok(stream)
}

/// Reads an answer up to the end of the connection.
pub(crate) fn read(stream: &mut TcpStream, is_head: bool) -> Answer {
    try_read(stream, is_head).unwrap_or_else(|error| panic!("no answer: {error}"))
}

/// As [`read`], where it may be that there is none.
fn try_read(stream: &mut TcpStream, is_head: bool) -> io::Result<Answer> {
    let mut bytes = Vec::new();
    let end = stream.read_to_end(&mut bytes);
    let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Err(io::Error::other(format!("{end:?} after {:?}", String::from_utf8_lossy(&bytes))));
    };
    let (head, body) = (String::from_utf8(bytes[..at].to_vec()).unwrap(), &bytes[at + 4..]);
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let header = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
    let mut answer = Answer { status, headers: lines.filter_map(header).collect(), body: Vec::new(), whole: true };
    if is_head || answer.header("content-length").is_empty() && answer.header("transfer-encoding").is_empty() {
        assert!(body.is_empty() || !is_head);
        answer.body = body.to_vec();
        return Ok(answer);
    }
    if answer.header("transfer-encoding") == "chunked" {
        (answer.body, answer.whole) = unchunk(body);
    } else {
        let length: usize = answer.header("content-length").parse().unwrap();
        (answer.body, answer.whole) = (body.to_vec(), body.len() == length);
    }
    Ok(answer)
}

/// Puts chunks together; tells whether the last one was there.
fn unchunk(mut rest: &[u8]) -> (Vec<u8>, bool) {
    let mut whole = Vec::new();
    loop {
        let Some(at) = rest.windows(2).position(|two| two == b"\r\n") else { return (whole, false) };
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..at]).unwrap(), 16).unwrap();
        rest = &rest[at + 2..];
        if length == 0 {
            return (whole, true);
        }
        if rest.len() < length + 2 {
            whole.extend_from_slice(rest);
            return (whole, false);
        }
        whole.extend_from_slice(&rest[..length]);
        rest = &rest[length + 2..];
    }
}
