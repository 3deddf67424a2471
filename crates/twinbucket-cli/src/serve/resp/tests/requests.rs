//! Requests are found as crate redis-protocol decodes them, wherever what arrives is cut, and bad ones are refused.

use proptest::prelude::*;
use redis_protocol::resp2::decode::decode;
use redis_protocol::resp2::types::{OwnedFrame, Resp2Frame};

use super::super::RespLimits;
use super::super::request::{BadRequest, Requests};
use super::request;

/// Limits that tests can reach.
fn tight() -> RespLimits {
    RespLimits { request_bytes: 1000, arguments: 10, ..RespLimits::default() }
}

/// Everything found in `bytes` if they arrive up to each of `cuts`, and what ended it.
fn found(bytes: &[u8], cuts: &[usize], limits: &RespLimits) -> (Vec<Vec<Vec<u8>>>, Result<(), BadRequest>) {
    let (mut requests, mut all, mut at) = (Requests::new(limits), Vec::new(), 0);
    for &cut in cuts.iter().chain([&bytes.len()]) {
        loop {
            match requests.find(&bytes[at..cut.max(at)]) {
                Ok(Some(len)) => {
                    all.push(requests.words(&bytes[at..at + len]).iter().map(<[u8]>::to_vec).collect());
                    at += len;
                }
                Ok(None) => break,
                Err(error) => return (all, Err(error)),
            }
        }
    }
    (all, Ok(()))
}

fn one(bytes: &[u8]) -> Result<Option<Vec<String>>, BadRequest> {
    let (all, end) = found(bytes, &[], &tight());
    let text = |words: Vec<Vec<u8>>| words.iter().map(|word| word.escape_ascii().to_string()).collect();
    end.map(|()| all.into_iter().next().map(text))
}

#[test]
fn lines_are_split_as_in_redis() {
    let cases: [(&str, &[&str]); 9] = [
        ("PING\r\n", &["PING"]),
        ("PING\n", &["PING"]),
        ("  get   key \r\n", &["get", "key"]),
        ("\r\n", &[]),
        ("get \"a b\" 'c d'\r\n", &["get", "a b", "c d"]),
        ("get \"\\x41\\n\\\"\" 'it\\'s'\r\n", &["get", "A\\n\\\"", "it\\'s"]),
        ("get a\"b c\"\r\n", &["get", "ab c"]),
        ("get \"\"\r\n", &["get", ""]),
        ("get \"\\xzz\"\r\n", &["get", "xzz"]),
    ];
    for (line, words) in cases {
        assert_eq!(one(line.as_bytes()).unwrap().unwrap(), words, "{line:?}");
    }
}

#[test]
fn what_is_no_request_is_refused_in_the_words_of_redis() {
    let cases = [
        ("*x\r\n", "invalid multibulk length"),
        ("*11\r\n", "invalid multibulk length"),
        ("*2147483647\r\n", "invalid multibulk length"),
        ("*99999999999999999999999\r\n", "invalid multibulk length"),
        ("*1\rx", "invalid multibulk length"),
        ("*1\r\n:1\r\n", "expected '$', got ':'"),
        ("*1\r\n*1\r\n", "expected '$', got '*'"),
        ("*1\r\n$-1\r\n", "invalid bulk length"),
        ("*1\r\n$x\r\n", "invalid bulk length"),
        ("*1\r\n$536870912\r\n", "invalid bulk length"),
        ("*2\r\n$900\r\n", "" /* as much as is allowed, so far */),
        ("*1\r\n$999\r\n", "a request has at most 1000 bytes; ask for fewer keys at once"),
        ("*1\r\n$1\r\nabc", "a bulk string does not end where its length says"),
        ("*00000000000000000000000000000000000000001", "too big mbulk count string"),
        ("*1\r\n$00000000000000000000000000000000000000001", "too big bulk count string"),
        ("get \"a\r\n", "unbalanced quotes in request"),
        ("get 'a'b\r\n", "unbalanced quotes in request"),
        ("get \"a\"b\r\n", "unbalanced quotes in request"),
        ("1 2 3 4 5 6 7 8 9 10 11\r\n", "invalid multibulk length"),
    ];
    for (bytes, problem) in cases {
        let error = one(bytes.as_bytes()).err().map_or(String::new(), |error| error.to_string());
        let expected = if problem.is_empty() { String::new() } else { format!("Protocol error: {problem}") };
        assert_eq!(error, expected, "{bytes:?}");
    }
    assert_eq!(one(&[b'x'; 70_000]), Err(BadRequest::LongLine));
}

#[test]
fn empty_requests_ask_for_nothing() {
    for bytes in ["*0\r\n", "*-1\r\n", "*-5\r\n", "\r\n", "\n"] {
        assert_eq!(one(bytes.as_bytes()), Ok(Some(vec![])), "{bytes:?}");
    }
}

#[test]
fn words_of_many_requests_need_no_more_places_than_one() {
    let limits = RespLimits::default();
    let many = request(&vec!["x"; limits.arguments]);
    let mut requests = Requests::new(&limits);
    assert_eq!(requests.find(&many), Ok(Some(many.len())));
    assert_eq!(requests.find(b"PING\r\n"), Ok(Some(6)));
    assert_eq!(requests.words(b"PING\r\n").len(), 1);
}

/// Requests, as many and as long as the limits of these tests allow.
fn requests() -> impl Strategy<Value = Vec<Vec<Vec<u8>>>> {
    let word = proptest::collection::vec(any::<u8>(), 0..40);
    proptest::collection::vec(proptest::collection::vec(word, 1..10), 1..5)
}

proptest! {
    #[test]
    fn requests_are_found_as_they_were_sent_wherever_they_are_cut(
        sent in requests(),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let bytes = sent.iter().map(|words| request(words)).collect::<Vec<_>>().concat();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
        cuts.sort_unstable();
        prop_assert_eq!(found(&bytes, &cuts, &tight()), (sent, Ok(())));
    }

    #[test]
    fn requests_are_found_as_they_were_sent_byte_by_byte(sent in requests()) {
        let bytes = sent.iter().map(|words| request(words)).collect::<Vec<_>>().concat();
        let cuts: Vec<usize> = (0..bytes.len()).collect();
        prop_assert_eq!(found(&bytes, &cuts, &tight()), (sent, Ok(())));
    }

    #[test]
    fn lines_are_found_wherever_they_are_cut(line in "[a-z'\" \\\\]{0,20}", cut in 0..20_usize) {
        let bytes = format!("{line}\r\nPING\r\n").into_bytes();
        let whole = found(&bytes, &[], &tight());
        prop_assert_eq!(found(&bytes, &[cut.min(bytes.len())], &tight()), whole);
    }

    #[test]
    fn array_of_bulk_strings_is_found_exactly_if_the_codec_decodes_one(
        text in r"(\*[0-3]\r\n)?((\$[0-3]\r\n)|[ab]{0,3}|\r\n|:|\*1\r\n|\$){0,8}",
    ) {
        let bytes = [b"*", text.as_bytes()].concat();
        let bytes = if text.starts_with('*') { text.as_bytes() } else { &bytes };
        let strings = |frames: &[OwnedFrame]| {
            frames.iter().map(|frame| match frame {
                OwnedFrame::BulkString(bytes) => Some(bytes.clone()),
                _ => None,
            }).collect::<Option<Vec<_>>>()
        };
        let ours = found(bytes, &[], &tight()).0.into_iter().next();
        match decode(bytes) {
            Ok(Some((OwnedFrame::Array(frames), len))) => match strings(&frames) {
                // The codec does not look at what stands where a word should end.
                Some(_) if !ends_well(&bytes[..len], &frames) => prop_assert_eq!(ours, None),
                expected => prop_assert_eq!(ours, expected),
            },
            _ => prop_assert_eq!(ours, None),
        }
    }

    #[test]
    fn any_bytes_end_in_requests_an_error_or_a_wait(bytes: Vec<u8>, cuts in proptest::collection::vec(0..100_usize, 0..5)) {
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| (*cut).min(bytes.len())).collect();
        cuts.sort_unstable();
        prop_assert_eq!(found(&bytes, &cuts, &tight()), found(&bytes, &[], &tight()));
    }
}

/// Tells whether the frames make up these bytes.
fn ends_well(bytes: &[u8], frames: &[OwnedFrame]) -> bool {
    let words: Vec<_> = frames.iter().filter_map(|frame| frame.as_bytes()).collect();
    request(&words) == bytes
}
