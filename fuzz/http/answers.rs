//! Reads the answers of a connection, each of which must be well formed and there as a whole.

use crate::requests::Requests;

/// Most headers of an answer.
const HEADERS: usize = 64;

/// Checks all answers to `requests`.
pub(crate) fn check(mut bytes: &[u8], requests: &Requests) {
    let (mut methods, mut answers, mut is_last) = (requests.methods.iter(), 0, false);
    while !bytes.is_empty() {
        assert!(!is_last, "an answer comes after the last one: {}", bytes.escape_ascii());
        let mut headers = [httparse::EMPTY_HEADER; HEADERS];
        let mut answer = httparse::Response::new(&mut headers);
        let head = match answer.parse(bytes) {
            Ok(httparse::Status::Complete(length)) => length,
            other => panic!("no head of an answer, {other:?}: {}", bytes.escape_ascii()),
        };
        let code = answer.code.expect("a whole head has one");
        if code == 100 {
            bytes = &bytes[head..];
            continue;
        }
        assert!((200..600).contains(&code), "no code of an answer: {code}");
        let has_body = methods.next().is_none_or(|method| method != "HEAD") && !matches!(code, 204 | 304);
        let length = if has_body { body(&answer, &bytes[head..]) } else { 0 };
        is_last = header(&answer, "connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        bytes = &bytes[head + length..];
        answers += 1;
    }
    let most = requests.methods.len() + usize::from(requests.has_rest);
    assert!(answers <= most, "{answers} answers to {requests:?}");
    assert!(
        answers >= requests.whole || is_last,
        "{answers} answers, and the connection was to go on, to {requests:?}"
    );
}

/// The value of a header.
fn header<'a>(answer: &httparse::Response<'_, 'a>, name: &str) -> Option<&'a str> {
    let found = answer.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
    found.map(|header| std::str::from_utf8(header.value).expect("headers of answers are text"))
}

/// The length of the body of `answer`, which must be in `bytes` as a whole. What says that it is JSON is that.
fn body(answer: &httparse::Response<'_, '_>, bytes: &[u8]) -> usize {
    let (length, body) = if let Some(length) = header(answer, "content-length") {
        let length: usize = length.parse().expect("a length is a number");
        assert!(length <= bytes.len(), "a body of {length} bytes is cut short: {}", bytes.escape_ascii());
        (length, bytes[..length].to_vec())
    } else if header(answer, "transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
        chunked(bytes).unwrap_or_else(|what| panic!("{what}: {}", bytes.escape_ascii()))
    } else {
        // An answer over HTTP/1.0 whose length nobody knew ends with the connection.
        (bytes.len(), bytes.to_vec())
    };
    match header(answer, "content-type") {
        Some("application/json" | "application/problem+json") => {
            serde_json::from_slice::<serde_json::Value>(&body).expect("the body is JSON");
        }
        Some("application/x-ndjson") => {
            for line in body.split_inclusive(|&byte| byte == b'\n') {
                assert!(line.ends_with(b"\n"), "a line without an end");
                serde_json::from_slice::<serde_json::Value>(line).expect("the line is JSON");
            }
        }
        _ => {}
    }
    length
}

/// Reads a body in chunks, and returns how long it is there and what it has.
pub(crate) fn chunked(bytes: &[u8]) -> Result<(usize, Vec<u8>), &'static str> {
    let (mut at, mut body) = (0, Vec::new());
    loop {
        let (head, length) = match httparse::parse_chunk_size(&bytes[at..]) {
            Ok(httparse::Status::Complete((head, length))) => (head, usize::try_from(length).map_err(|_| "too long")?),
            Ok(httparse::Status::Partial) => return Err("a chunk is missing"),
            Err(_) => return Err("no chunk"),
        };
        at += head;
        if length == 0 {
            let end =
                bytes[at..].windows(2).position(|two| two == b"\r\n").ok_or("the end of the chunks is missing")?;
            return Ok((at + end + 2, body));
        }
        let end = at.checked_add(length).filter(|end| *end <= bytes.len()).ok_or("a chunk is cut short")?;
        body.extend_from_slice(&bytes[at..end]);
        at = end + 2;
        if bytes.get(end..at) != Some(b"\r\n") {
            return Err("a chunk has no end");
        }
    }
}
