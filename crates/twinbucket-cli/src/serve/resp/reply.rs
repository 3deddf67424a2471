//! Writes answers, in either version of the protocol.
//!
//! Single values are encoded by crate redis-protocol. It encodes arrays and maps only from a tree that holds all of
//! their elements, and its maps have no order; so their headers are written here, and the elements one by one.

use std::fmt::Write;

use bytes::{BufMut, BytesMut};
use redis_protocol::resp2::encode::extend_encode_borrowed as encode_2;
use redis_protocol::resp2::types::BorrowedFrame as Frame2;
use redis_protocol::resp3::encode::complete::extend_encode_borrowed as encode_3;
use redis_protocol::resp3::types::{BorrowedFrame as Frame3, VerbatimStringFormat};

/// A version of the protocol.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Version {
    /// The one that every client speaks, and every connection begins with.
    #[default]
    Two,
    /// The one with maps, and one null for everything.
    Three,
}

impl Version {
    /// Returns its number.
    pub(crate) fn number(self) -> i64 {
        match self {
            Self::Two => 2,
            Self::Three => 3,
        }
    }
}

/// Answers that were not yet sent.
#[derive(Debug, Default)]
pub(crate) struct Replies {
    /// Their bytes.
    out: BytesMut,
    /// The version they are written in.
    pub(crate) version: Version,
}

/// Why encoding cannot fail: the buffer grows as needed, and no frame is one that a version lacks.
const ENCODED: &str = "the buffer was made as large as the frame";

impl Replies {
    /// Returns the bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.out
    }

    /// Returns how many bytes there are.
    pub(crate) fn len(&self) -> usize {
        self.out.len()
    }

    /// Forgets the bytes from `len` on.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.out.truncate(len);
    }

    /// Forgets what was sent, and gives back the memory of long answers.
    pub(crate) fn clear(&mut self, keep: usize) {
        if self.out.capacity() > keep {
            self.out = BytesMut::new();
        } else {
            self.out.clear();
        }
    }

    /// Answers with a short text of the program's own.
    pub(crate) fn simple(&mut self, text: &str) {
        encode_2(&mut self.out, &Frame2::SimpleString(text.as_bytes()), false).expect(ENCODED);
    }

    /// Answers `OK`.
    pub(crate) fn ok(&mut self) {
        self.simple("OK");
    }

    /// Answers with an error; its first word is its kind. What would end the line becomes spaces.
    pub(crate) fn error(&mut self, text: &str) {
        let line = text.replace(['\r', '\n'], " ");
        encode_2(&mut self.out, &Frame2::Error(&line), false).expect(ENCODED);
    }

    /// Answers with a whole number.
    pub(crate) fn integer(&mut self, number: i64) {
        encode_2(&mut self.out, &Frame2::Integer(number), false).expect(ENCODED);
    }

    /// Answers with a count.
    pub(crate) fn count(&mut self, count: usize) {
        self.integer(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Answers with bytes.
    #[inline]
    pub(crate) fn bulk(&mut self, bytes: &[u8]) {
        encode_2(&mut self.out, &Frame2::BulkString(bytes), false).expect(ENCODED);
    }

    /// Answers with a text of several lines, which clients show as it is.
    pub(crate) fn verbatim(&mut self, text: &str) {
        match self.version {
            Version::Two => self.bulk(text.as_bytes()),
            Version::Three => {
                let (data, format) = (text.as_bytes(), VerbatimStringFormat::Text);
                let frame = Frame3::VerbatimString { data, format, attributes: None };
                encode_3(&mut self.out, &frame, false).expect(ENCODED);
            }
        }
    }

    /// Answers that there is nothing.
    pub(crate) fn null(&mut self) {
        match self.version {
            Version::Two => encode_2(&mut self.out, &Frame2::Null, false).expect(ENCODED),
            Version::Three => encode_3(&mut self.out, &Frame3::Null, false).expect(ENCODED),
        };
    }

    /// Begins an array of that many elements, which come next.
    pub(crate) fn array(&mut self, len: usize) {
        self.header(b'*', len);
    }

    /// Begins a set of that many elements; an array where there are no sets.
    pub(crate) fn set(&mut self, len: usize) {
        self.header(if self.version == Version::Three { b'~' } else { b'*' }, len);
    }

    /// Begins a map of that many pairs; an array of twice as many elements where there are no maps.
    pub(crate) fn map(&mut self, pairs: usize) {
        match self.version {
            Version::Two => self.header(b'*', pairs * 2),
            Version::Three => self.header(b'%', pairs),
        }
    }

    fn header(&mut self, kind: u8, len: usize) {
        self.out.put_u8(kind);
        write!(self.out, "{len}\r\n").expect("the buffer grows as needed");
    }
}
