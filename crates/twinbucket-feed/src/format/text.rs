//! Places in a text, as an editor shows them, and what a text has to be.

#[cfg(any(feature = "csv", feature = "json", feature = "toml", feature = "yaml"))]
use std::str::from_utf8;

use crate::{Part, Place, RowError};

/// Longest text from a source that a message repeats, in characters.
const SHOWN: usize = 60;

/// The byte order mark of UTF-8.
const MARK: &[u8] = "\u{feff}".as_bytes();

/// Walks through a text and knows the line and column it is at.
///
/// A line ends with `\n`, `\r\n` or a lone `\r`. Going on costs a look at each byte, columns only where they are asked
/// for; so places that are asked for in order cost O(length of the text) in all.
#[derive(Clone, Debug)]
pub(crate) struct Cursor<'a> {
    /// The whole text.
    bytes: &'a [u8],
    /// Where the cursor stands.
    offset: usize,
    /// The line of that place, counted from 1.
    line: u64,
    /// A place on that line, not after the cursor, whose column is known.
    known: usize,
    /// The column of that place, in characters, counted from 1.
    column: u64,
}

impl<'a> Cursor<'a> {
    /// Starts at the first character of `bytes`.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, offset: 0, line: 1, known: 0, column: 1 }
    }

    /// Goes on to `offset`; stays where it is if it is past that.
    pub(crate) fn advance(&mut self, offset: usize) {
        let offset = offset.min(self.bytes.len());
        for at in self.offset..offset {
            if is_line_end(self.bytes, at) {
                (self.line, self.known, self.column) = (self.line + 1, at + 1, 1);
            }
        }
        self.offset = self.offset.max(offset);
    }

    /// The line it stands on.
    #[cfg(any(feature = "csv", feature = "json", feature = "toml", test))]
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    /// The column it stands at. Within `\r\n` that is where the line ends.
    pub(crate) fn column(&mut self) -> u64 {
        let is_within_end = self.offset > 0 && self.bytes[self.offset - 1..].starts_with(b"\r\n");
        let end = if is_within_end { self.offset - 1 } else { self.offset };
        self.column += characters(&self.bytes[self.known..end]);
        self.known = end;
        self.column
    }

    /// The line and column of `offset`, which must not be before the cursor.
    pub(crate) fn find(&self, offset: usize) -> (u64, u64) {
        let mut there = self.clone();
        there.advance(offset);
        (there.line, there.column())
    }
}

/// Tells whether a line ends with the byte at `at`.
fn is_line_end(bytes: &[u8], at: usize) -> bool {
    match bytes[at] {
        b'\n' => true,
        b'\r' => bytes.get(at + 1) != Some(&b'\n'),
        _ => false,
    }
}

/// Counts the characters in `bytes`, by their first bytes.
fn characters(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|&byte| byte & 0b1100_0000 != 0b1000_0000).count() as u64
}

/// Returns the bytes of `part` without the byte order mark.
///
/// # Errors
/// If they are UTF-16.
pub(crate) fn unmarked(part: &Part) -> Result<&[u8], RowError> {
    let bytes = &part.bytes[..];
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(error_at(part, (1, 0), "the file looks like UTF-16; save it as UTF-8"));
    }
    Ok(bytes.strip_prefix(MARK).unwrap_or(bytes))
}

/// Returns the text of `part` without the byte order mark.
///
/// # Errors
/// If it is not UTF-8.
#[cfg(any(feature = "json", feature = "toml", feature = "yaml"))]
pub(crate) fn text(part: &Part) -> Result<&str, RowError> {
    let bytes = unmarked(part)?;
    from_utf8(bytes).map_err(|error| {
        let offset = error.valid_up_to();
        error_at(part, Cursor::new(bytes).find(offset), not_utf8_problem(bytes[offset]))
    })
}

/// Says that something is wrong in `part`, at a line and column.
pub(crate) fn error_at(part: &Part, (line, column): (u64, u64), problem: impl Into<Box<str>>) -> RowError {
    RowError::new(Place { file: part.name.clone(), line, column }, problem)
}

/// Says what is wrong with text that is not UTF-8: the offset of the first byte that does not fit, and a message.
/// `None` if all of it is UTF-8.
#[cfg(any(feature = "csv", feature = "json"))]
pub(crate) fn not_utf8(bytes: &[u8]) -> Option<(usize, String)> {
    let offset = from_utf8(bytes).err()?.valid_up_to();
    Some((offset, not_utf8_problem(bytes[offset])))
}

/// Says that `byte` does not fit into UTF-8.
#[cfg(any(feature = "csv", feature = "json", feature = "toml", feature = "yaml"))]
fn not_utf8_problem(byte: u8) -> String {
    format!("not UTF-8: byte 0x{byte:02x}; save the file as UTF-8")
}

/// Quotes a text from a source, cut to a length that a message can carry.
pub(crate) fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{:?} (cut)", &text[..end]),
        None => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_of_every_kind_are_one_each() {
        for (text, place) in [
            ("a\nb", (2, 2)),
            ("a\r\nb", (2, 2)),
            ("a\rb", (2, 2)),
            ("a\r\n\r\nb", (3, 2)),
            ("a\r\r\nüb", (3, 3)),
            ("", (1, 1)),
            ("a\n", (2, 1)),
        ] {
            assert_eq!(Cursor::new(text.as_bytes()).find(text.len()), place, "{text:?}");
        }
    }

    #[test]
    fn line_end_of_two_characters_is_one_place() {
        let text = b"ab\r\nc\r";
        let places = (0..=text.len()).map(|offset| Cursor::new(text).find(offset));
        assert_eq!(places.collect::<Vec<_>>(), [(1, 1), (1, 2), (1, 3), (1, 3), (2, 1), (2, 2), (3, 1)]);
    }

    #[test]
    fn places_found_one_after_the_other_are_those_found_from_the_start() {
        let text = "ab\r\ncdü\u{1F600}x\n\n\ry".as_bytes();
        let mut cursor = Cursor::new(text);
        for offset in 0..=text.len() {
            cursor.advance(offset);
            let asked = (cursor.line(), cursor.column());
            assert_eq!(asked, Cursor::new(text).find(offset), "at {offset}");
        }
    }

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(shown("a\"b"), "\"a\\\"b\"");
        assert_eq!(shown(&"ü".repeat(61)), format!("\"{}\" (cut)", "ü".repeat(60)));
    }
}
