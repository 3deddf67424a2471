//! What the bytes of a connection ask, as far as it is needed to read the answers.

/// Most headers of a request, as the daemon has it.
const HEADERS: usize = 100;

/// What a connection asks.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    /// The methods of the requests whose heads are there, in order, up to the last one that the client wants answered.
    pub(crate) methods: Vec<String>,
    /// How many of them are there as a whole: all, or all but the last.
    pub(crate) whole: usize,
    /// Whether anything comes after them that may be answered with an error.
    pub(crate) has_rest: bool,
}

/// Reads the requests in `bytes`.
pub(crate) fn read(mut bytes: &[u8]) -> Requests {
    let mut requests = Requests::default();
    loop {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS];
        let mut request = httparse::Request::new(&mut headers);
        let Ok(httparse::Status::Complete(head)) = request.parse(bytes) else {
            requests.has_rest = !bytes.is_empty();
            return requests;
        };
        requests.methods.push(request.method.unwrap_or_default().to_owned());
        let Some(length) = body(&request, &bytes[head..]) else { return requests };
        requests.whole += 1;
        if is_last(&request) {
            return requests;
        }
        bytes = &bytes[head + length..];
    }
}

/// The value of a header.
fn header<'a>(request: &httparse::Request<'_, 'a>, name: &str) -> Option<&'a [u8]> {
    request.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value)
}

/// Tells whether the client wants no more answers after that to `request`. All its `Connection` lines count, but for those
/// that are not text.
fn is_last(request: &httparse::Request<'_, '_>) -> bool {
    let lines = request.headers.iter().filter(|header| header.name.eq_ignore_ascii_case("connection"));
    let texts = lines.filter_map(|header| std::str::from_utf8(header.value).ok().filter(|text| text.is_ascii()));
    let options: Vec<_> = texts.flat_map(|text| text.split(',')).map(str::trim).collect();
    let says = |word: &str| options.iter().any(|option| option.eq_ignore_ascii_case(word));
    says("close") || request.version == Some(0) && !says("keep-alive")
}

/// The length of the body of `request`, which `bytes` begin with; `None` if it is not there as a whole.
fn body(request: &httparse::Request<'_, '_>, bytes: &[u8]) -> Option<usize> {
    if header(request, "transfer-encoding").is_some() {
        return crate::answers::chunked(bytes).ok().map(|(length, _)| length);
    }
    let Some(length) = header(request, "content-length") else { return Some(0) };
    let length = std::str::from_utf8(length).ok()?.trim().parse().ok()?;
    (length <= bytes.len()).then_some(length)
}
