//! Bytes to the front end for Redis clients, in pieces: it neither panics nor hangs, each answer is well formed, how the
//! bytes were cut makes no difference, and the tables stay as they are.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use redis_protocol::{resp2, resp3};
use twinbucket_fuzz::{Daemon, FrontEnd, Pieces};

/// What the tables have at first.
static CONTENTS: LazyLock<Vec<(String, u64, Vec<u8>)>> = LazyLock::new(|| Daemon::get().contents());

/// Words, in small letters, that make answers depend on time or chance: clocks, ages, and cursors.
const VARYING: [&[u8]; 4] = [b"client", b"info", b"scan", b"time"];

fuzz_target!(|pieces: Pieces<'_>| {
    let (daemon, contents) = (Daemon::get(), &*CONTENTS);
    let cut = daemon.exchange(FrontEnd::Resp, pieces.iter());
    let whole = daemon.exchange(FrontEnd::Resp, [pieces.bytes()].into_iter());
    let (cut, whole) = (answers(&cut.bytes), answers(&whole.bytes));
    let asked = pieces.bytes().to_ascii_lowercase();
    if VARYING.iter().any(|word| asked.windows(word.len()).any(|other| other == *word)) {
        assert_eq!(cut.len(), whole.len(), "there are as many answers, however the bytes are cut");
    } else {
        assert_eq!(cut, whole, "answers do not depend on how the bytes are cut");
    }
    assert_eq!(daemon.contents(), *contents, "the tables stay as they are");
});

/// Takes answers apart, each of which must be one of RESP 2 or RESP 3.
fn answers(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut answers = Vec::new();
    while !bytes.is_empty() {
        let Some(length) = length(bytes) else { panic!("no answer: {}", bytes.escape_ascii()) };
        let (answer, rest) = bytes.split_at(length);
        answers.push(answer);
        bytes = rest;
    }
    answers
}

/// The length of the answer that `bytes` begin with, if there is one.
fn length(bytes: &[u8]) -> Option<usize> {
    let two = resp2::decode::decode(bytes).ok().flatten().map(|(_, length)| length);
    two.or_else(|| resp3::decode::complete::decode(bytes).ok().flatten().map(|(_, length)| length))
}
