//! What the bytes of a connection ask, as far as it is needed to read the answers.

/// Most headers of a request, as the daemon has it.
const HEADERS: usize = 100;

/// What a connection asks.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    /// The methods of the requests that are there as a whole, in order.
    pub(crate) methods: Vec<String>,
    /// Whether something that is no request comes after them, or the client wants no more answers.
    pub(crate) ended: bool,
}

/// Reads the requests in `bytes`.
pub(crate) fn read(mut bytes: &[u8]) -> Requests {
    let mut requests = Requests::default();
    loop {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS];
        let mut request = httparse::Request::new(&mut headers);
        let head = match request.parse(bytes) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return requests,
            Err(_) => {
                requests.ended = true;
                return requests;
            }
        };
        let Some(length) = body(&request, &bytes[head..]) else { return requests };
        requests.methods.push(request.method.unwrap_or_default().to_owned());
        bytes = &bytes[head + length..];
    }
}

/// The length of the body of `request`, which `bytes` begin with; `None` if it is not there as a whole.
fn body(request: &httparse::Request<'_, '_>, bytes: &[u8]) -> Option<usize> {
    let header = |name: &str| request.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
    if header("transfer-encoding").is_some() {
        return crate::answers::chunked(bytes).ok().map(|(length, _)| length);
    }
    let Some(length) = header("content-length") else { return Some(0) };
    let length = std::str::from_utf8(length.value).ok()?.trim().parse().ok()?;
    (length <= bytes.len()).then_some(length)
}
