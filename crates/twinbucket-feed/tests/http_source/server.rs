//! A web server of one thread that answers from a script.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;

/// What the server does with a connection.
#[derive(Clone)]
pub(crate) enum Answer {
    /// Sends that and closes.
    Bytes(Vec<u8>),
    /// Says nothing until the client goes.
    Hang,
    /// Sends that after a while.
    Late(Duration, Vec<u8>),
    /// Sends that, and then a byte now and then until the client goes.
    Trickle(Vec<u8>),
}

/// The server. It takes one connection per answer and is gone after the last.
pub(crate) struct Server {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// The requests so far.
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Starts a server on a port of the system's choice.
    pub(crate) fn start(script: impl IntoIterator<Item = Answer>) -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap(), script)
    }

    /// Starts a server.
    pub(crate) fn start_at(address: SocketAddr, script: impl IntoIterator<Item = Answer>) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let script: Vec<Answer> = script.into_iter().collect();
        let seen = Arc::clone(&requests);
        thread::spawn(move || {
            for answer in script {
                let (mut stream, _) = listener.accept().unwrap();
                seen.lock().push(head(&mut stream));
                // A client that goes early is a part of the play.
                let _ = serve(&mut stream, answer);
            }
        });
        Self { address, requests }
    }

    /// The address of `path` on this server.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The heads of the requests so far, one line per header, names in lower case.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().clone()
    }

    /// The value of a header of the latest request.
    pub(crate) fn sent(&self, name: &str) -> Option<String> {
        let request = self.requests().pop().expect("nothing was asked");
        request.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")).map(str::to_owned))
    }
}

/// Reads the head of a request.
fn head(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
        bytes.push(byte[0]);
    }
    String::from_utf8(bytes).unwrap()
}

fn serve(stream: &mut TcpStream, answer: Answer) -> std::io::Result<()> {
    match answer {
        Answer::Bytes(bytes) => stream.write_all(&bytes),
        Answer::Late(time, bytes) => {
            thread::sleep(time);
            stream.write_all(&bytes)
        }
        Answer::Hang => await_end(stream),
        Answer::Trickle(bytes) => {
            stream.write_all(&bytes)?;
            stream.set_read_timeout(Some(Duration::from_millis(5)))?;
            while !has_gone(stream) {
                stream.write_all(b"x")?;
            }
            Ok(())
        }
    }
}

/// Waits for the client to go.
fn await_end(stream: &mut TcpStream) -> std::io::Result<()> {
    stream.read(&mut [0]).map(drop)
}

/// Waits a moment; tells whether the client went meanwhile.
fn has_gone(stream: &mut TcpStream) -> bool {
    let timed_out = |error: std::io::Error| !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
    stream.read(&mut [0]).map_or_else(timed_out, |read| read == 0)
}

/// An answer with a status line, headers, and a body whose length is told.
pub(crate) fn answer(status: &str, headers: &[&str], body: impl AsRef<[u8]>) -> Answer {
    let body = body.as_ref();
    let mut head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n", body.len());
    for header in headers {
        head.push_str(header);
        head.push_str("\r\n");
    }
    head.push_str("\r\n");
    Answer::Bytes([head.as_bytes(), body].concat())
}

/// The answer 200.
pub(crate) fn ok(headers: &[&str], body: impl AsRef<[u8]>) -> Answer {
    answer("200 OK", headers, body)
}

/// The answer 304.
pub(crate) fn not_modified() -> Answer {
    Answer::Bytes(b"HTTP/1.1 304 Not Modified\r\n\r\n".to_vec())
}

/// Bytes as they are.
pub(crate) fn raw(bytes: impl AsRef<[u8]>) -> Answer {
    Answer::Bytes(bytes.as_ref().to_vec())
}
