//! Bytes, and where they are cut when they are sent.

use std::fmt;

use arbitrary::{Arbitrary, Result, Unstructured};

/// Most places where bytes are cut.
const CUTS: u8 = 16;

/// Bytes that are sent in pieces. The first byte says how many there are before the last one, then one byte says the
/// length of each; the rest is what is sent.
pub struct Pieces<'a> {
    /// The lengths of all but the last.
    lengths: Vec<u8>,
    /// What is sent.
    bytes: &'a [u8],
}

impl<'a> Pieces<'a> {
    /// Returns what is sent as a whole.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Returns the pieces, none of which is empty.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> {
        let mut rest = self.bytes;
        let lengths = self.lengths.iter().map(|&length| usize::from(length) + 1).chain([usize::MAX]);
        let pieces = lengths.map(move |length| {
            let (piece, after) = rest.split_at(length.min(rest.len()));
            rest = after;
            piece
        });
        pieces.filter(|piece| !piece.is_empty())
    }
}

impl<'a> Arbitrary<'a> for Pieces<'a> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let cuts = usize::from(u8::arbitrary(u)? % CUTS).min(u.len());
        Ok(Self { lengths: u.bytes(cuts)?.to_vec(), bytes: u.bytes(u.len())? })
    }
}

impl fmt::Debug for Pieces<'_> {
    /// Each piece begins with a dash; the lines of a piece stand below each other.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in self.iter() {
            for (at, line) in piece.split_inclusive(|&byte| byte == b'\n').enumerate() {
                writeln!(f, "  {} b\"{}\"", if at == 0 { '-' } else { ' ' }, line.escape_ascii())?;
            }
        }
        Ok(())
    }
}
