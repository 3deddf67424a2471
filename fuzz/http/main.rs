//! Bytes to the front ends over HTTP, in pieces: they neither panic nor hang, each answer is well formed and complete, and
//! the tables stay as they are.

#![no_main]

mod answers;
mod requests;

use std::fmt;

use arbitrary::{Arbitrary, Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use twinbucket_fuzz::{Daemon, FrontEnd, Pieces};

/// What is sent, and to which address. The first byte says the address.
struct Input<'a> {
    /// The address.
    front_end: FrontEnd,
    /// What is sent.
    pieces: Pieces<'a>,
}

impl<'a> Arbitrary<'a> for Input<'a> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let is_public = u8::arbitrary(u)?.is_multiple_of(2);
        let front_end = if is_public { FrontEnd::Http } else { FrontEnd::Administration };
        Ok(Self { front_end, pieces: Pieces::arbitrary(u)? })
    }
}

impl fmt::Debug for Input<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "to {:?}\n{:?}", self.front_end, self.pieces)
    }
}

fuzz_target!(|input: Input<'_>| {
    let daemon = Daemon::get();
    let contents = daemon.contents();
    let answers = daemon.exchange(input.front_end, input.pieces.iter());
    answers::check(&answers.bytes, &requests::read(input.pieces.bytes()));
    assert!(!answers.is_reset || answers.bytes.is_empty(), "answers may get lost");
    if input.front_end == FrontEnd::Administration {
        // A rollback may have brought back another version; nothing else changes what a table has.
        daemon.reload();
    }
    for ((_, generation, entries), (_, before, expected)) in daemon.contents().iter().zip(&contents) {
        assert!(entries == expected, "the tables have what their files have");
        assert!(generation == before || input.front_end == FrontEnd::Administration, "nothing was published");
    }
});
