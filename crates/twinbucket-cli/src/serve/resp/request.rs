//! Finds the requests in what a client sends, while it arrives and within limits.
//!
//! A request is an array of bulk strings, or a line of words, as somebody types it into telnet. [`Requests`] remembers
//! how far it has looked at a request that is not there as a whole, so that a client that sends byte by byte costs no
//! more than any other; and it refuses a length as soon as it has read it, so that nothing is ever set aside for bytes
//! that were only announced. Arrays in arrays are refused at their first byte.
//!
//! The decoder of crate redis-protocol is not used for this: it recurses into nested arrays without a limit, begins
//! again at the first byte whenever more arrives, and allocates for each request. It is the oracle of the tests.

use std::fmt;
use std::ops::{Index, Range};

use super::RespLimits;

/// Longest header (`*3` or `$5`), without its end; no length that is allowed needs more.
const LONGEST_HEADER: usize = 32;

/// Longest line of words, as in Redis.
const LONGEST_LINE: usize = 64 * 1024;

/// Places for words that are kept from one request to the next.
const KEPT_WORDS: usize = 1024;

/// Finds one request after the other.
#[derive(Debug)]
pub(crate) struct Requests {
    /// Bytes that a request may have.
    request_bytes: usize,
    /// Words that a request may have.
    arguments: usize,
    /// How far the current request was looked at, from its first byte.
    at: usize,
    /// What comes there.
    expect: Expect,
    /// Where the words found so far are: in the bytes of the request, or in `line` if that is not empty.
    words: Vec<Range<usize>>,
    /// The words of a line, without quotes.
    line: Vec<u8>,
}

/// What comes next in a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Expect {
    /// Its first byte.
    Start,
    /// The rest of a line of words.
    Line,
    /// The header of a word, and then that many more words.
    Header(usize),
    /// A word of so many bytes, and then that many more words.
    Word(usize, usize),
}

/// The words of a request.
#[derive(Clone, Copy)]
pub(crate) struct Words<'a> {
    /// What the places refer to.
    bytes: &'a [u8],
    /// Where each word is.
    places: &'a [Range<usize>],
}

impl<'a> Words<'a> {
    /// Returns how many words there are.
    pub(crate) fn len(self) -> usize {
        self.places.len()
    }

    /// Returns a word.
    pub(crate) fn get(self, at: usize) -> Option<&'a [u8]> {
        self.places.get(at).map(|place| &self.bytes[place.clone()])
    }

    /// Leaves out the first words.
    pub(crate) fn skip(self, count: usize) -> Self {
        Self { places: &self.places[count.min(self.places.len())..], ..self }
    }

    /// Iterates over the words.
    pub(crate) fn iter(self) -> impl ExactSizeIterator<Item = &'a [u8]> {
        self.places.iter().map(move |place| &self.bytes[place.clone()])
    }
}

impl Index<usize> for Words<'_> {
    type Output = [u8];

    fn index(&self, at: usize) -> &[u8] {
        &self.bytes[self.places[at].clone()]
    }
}

impl fmt::Debug for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(<[u8]>::escape_ascii)).finish()
    }
}

/// Why what a client sends is not a request. Nothing after it can be made sense of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum BadRequest {
    /// A header that does not end.
    LongHeader(u8),
    /// Words counted by something that is no number, or too large a one.
    Count,
    /// A length that is no number, or too large a one.
    Length,
    /// Something else than a bulk string.
    NotBulk(u8),
    /// A word that does not end where it should.
    NoEnd,
    /// A line that does not end.
    LongLine,
    /// A quote without its other half.
    Quotes,
    /// More bytes than a request may have; the most.
    TooLong(usize),
}

impl fmt::Display for BadRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Protocol error: ")?;
        match self {
            Self::LongHeader(b'*') => f.write_str("too big mbulk count string"),
            Self::LongHeader(_) => f.write_str("too big bulk count string"),
            Self::Count => f.write_str("invalid multibulk length"),
            Self::Length => f.write_str("invalid bulk length"),
            Self::NotBulk(got) => write!(f, "expected '$', got '{}'", got.escape_ascii()),
            Self::NoEnd => f.write_str("a bulk string does not end where its length says"),
            Self::LongLine => f.write_str("too big inline request"),
            Self::Quotes => f.write_str("unbalanced quotes in request"),
            Self::TooLong(most) => write!(f, "a request has at most {most} bytes; ask for fewer keys at once"),
        }
    }
}

impl Requests {
    /// Begins with the first byte of a request.
    pub(crate) fn new(limits: &RespLimits) -> Self {
        Self {
            request_bytes: limits.request_bytes,
            arguments: limits.arguments,
            at: 0,
            expect: Expect::Start,
            words: Vec::new(),
            line: Vec::new(),
        }
    }

    /// Looks for the end of the request that begins with the first of `bytes`, and returns where it is; `None` if it has
    /// not arrived. Until it is found, each call must give the same bytes and more.
    ///
    /// A request without words is one as well: it asks for nothing.
    ///
    /// # Errors
    /// If this is no request, or too large a one; also before it has arrived.
    #[inline]
    pub(crate) fn find(&mut self, bytes: &[u8]) -> Result<Option<usize>, BadRequest> {
        loop {
            let found = match self.expect {
                Expect::Start => self.start(bytes)?,
                Expect::Line => self.line(bytes)?,
                Expect::Header(more) => self.header(bytes, more)?,
                Expect::Word(len, more) => self.word(bytes, len, more)?,
            };
            match found {
                None => return Ok(None),
                Some(Expect::Start) => {
                    self.expect = Expect::Start;
                    return Ok(Some(std::mem::take(&mut self.at)));
                }
                Some(next) => self.expect = next,
            }
        }
    }

    /// Returns the words of the request that was just found in `bytes`.
    #[inline]
    pub(crate) fn words<'a>(&'a self, bytes: &'a [u8]) -> Words<'a> {
        Words { bytes: if self.line.is_empty() { bytes } else { &self.line }, places: &self.words }
    }

    /// Forgets the request that has begun, so that the next call of `find` may begin elsewhere.
    pub(crate) fn restart(&mut self) {
        (self.expect, self.at) = (Expect::Start, 0);
    }

    /// Returns where in `bytes` the key of the request that was just found is, if that is a GET.
    #[inline]
    pub(crate) fn key_of_get(&self, bytes: &[u8]) -> Option<Range<usize>> {
        match &*self.words {
            [name, key] if self.line.is_empty() && bytes[name.clone()].eq_ignore_ascii_case(b"get") => {
                Some(key.clone())
            }
            _ => None,
        }
    }

    /// Reads how many words there are, or finds that there is no such number.
    fn start(&mut self, bytes: &[u8]) -> Result<Option<Expect>, BadRequest> {
        self.words.clear();
        self.words.shrink_to(KEPT_WORDS);
        self.line = Vec::new();
        match bytes.first() {
            None => return Ok(None),
            Some(b'*') => {}
            Some(_) => return Ok(Some(Expect::Line)),
        }
        let Some((count, end)) = number(bytes)? else { return Ok(None) };
        self.at = end;
        let count = usize::try_from(count.ok_or(BadRequest::Count)?).unwrap_or(0);
        if count > self.arguments {
            return Err(BadRequest::Count);
        }
        Ok(Some(count.checked_sub(1).map_or(Expect::Start, Expect::Header)))
    }

    /// Reads the length of a word.
    fn header(&mut self, bytes: &[u8], more: usize) -> Result<Option<Expect>, BadRequest> {
        match bytes.get(self.at) {
            None => return Ok(None),
            Some(b'$') => {}
            Some(other) => return Err(BadRequest::NotBulk(*other)),
        }
        let Some((len, end)) = number(&bytes[self.at..])? else { return Ok(None) };
        let len = len.and_then(|len| usize::try_from(len).ok()).ok_or(BadRequest::Length)?;
        self.at += end;
        if len > self.request_bytes {
            return Err(BadRequest::Length);
        }
        if self.at + len + 2 > self.request_bytes {
            return Err(BadRequest::TooLong(self.request_bytes));
        }
        Ok(Some(Expect::Word(len, more)))
    }

    /// Takes a word if it is there.
    fn word(&mut self, bytes: &[u8], len: usize, more: usize) -> Result<Option<Expect>, BadRequest> {
        let end = self.at + len;
        let Some(after) = bytes.get(end..end + 2) else { return Ok(None) };
        if after != b"\r\n" {
            return Err(BadRequest::NoEnd);
        }
        self.words.push(self.at..end);
        self.at = end + 2;
        Ok(Some(more.checked_sub(1).map_or(Expect::Start, Expect::Header)))
    }

    /// Takes a line of words if it is there.
    fn line(&mut self, bytes: &[u8]) -> Result<Option<Expect>, BadRequest> {
        let Some(end) = bytes[self.at..].iter().position(|&byte| byte == b'\n') else {
            self.at = bytes.len();
            return if self.at > LONGEST_LINE { Err(BadRequest::LongLine) } else { Ok(None) };
        };
        let line = &bytes[..self.at + end];
        self.at += end + 1;
        if line.len() > LONGEST_LINE {
            return Err(BadRequest::LongLine);
        }
        split_line(line, &mut self.line, &mut self.words)?;
        if self.words.len() > self.arguments {
            return Err(BadRequest::Count);
        }
        Ok(Some(Expect::Start))
    }
}

/// Reads the number after the first byte, and returns where the line ends; no number if it is none. `None` if the line
/// has not arrived.
#[inline]
fn number(bytes: &[u8]) -> Result<Option<(Option<i64>, usize)>, BadRequest> {
    let line = &bytes[1..bytes.len().min(LONGEST_HEADER + 3)];
    let Some(len) = line.iter().position(|&byte| byte == b'\r') else {
        return if line.len() > LONGEST_HEADER { Err(BadRequest::LongHeader(bytes[0])) } else { Ok(None) };
    };
    match line.get(len + 1) {
        None => Ok(None),
        Some(b'\n') => Ok(Some((parse(&line[..len]), len + 3))),
        Some(_) => Ok(Some((None, len + 2))),
    }
}

/// Reads decimal digits with an optional sign before them.
#[inline]
pub(crate) fn parse(text: &[u8]) -> Option<i64> {
    // Nearly every length there is: one digit.
    if let [digit @ b'0'..=b'9'] = text {
        return Some(i64::from(digit - b'0'));
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Splits a line into words as Redis does: at white space, with `"..."` and `'...'` for words that have some.
fn split_line(line: &[u8], text: &mut Vec<u8>, words: &mut Vec<Range<usize>>) -> Result<(), BadRequest> {
    // Not empty, so that the words are known to be here.
    text.push(b' ');
    let mut rest = line.trim_ascii_start();
    while let Some(&first) = rest.first() {
        let start = text.len();
        rest = match first {
            b'"' => double_quoted(&rest[1..], text)?,
            b'\'' => single_quoted(&rest[1..], text)?,
            _ => bare(rest, text)?,
        };
        words.push(start..text.len());
        rest = rest.trim_ascii_start();
    }
    Ok(())
}

/// Takes a word that ends at white space; quotes may begin within it.
fn bare<'a>(mut rest: &'a [u8], text: &mut Vec<u8>) -> Result<&'a [u8], BadRequest> {
    while let Some((&first, after)) = rest.split_first() {
        match first {
            b'"' => return double_quoted(after, text),
            b'\'' => return single_quoted(after, text),
            _ if first.is_ascii_whitespace() || first == 0 => return Ok(after),
            _ => text.push(first),
        }
        rest = after;
    }
    Ok(rest)
}

/// Takes a word until `'`, in which only `\'` is special.
fn single_quoted<'a>(mut rest: &'a [u8], text: &mut Vec<u8>) -> Result<&'a [u8], BadRequest> {
    loop {
        rest = match rest {
            [b'\\', b'\'', after @ ..] => {
                text.push(b'\'');
                after
            }
            [b'\'', after @ ..] => return ends_word(after),
            [other, after @ ..] => {
                text.push(*other);
                after
            }
            [] => return Err(BadRequest::Quotes),
        }
    }
}

/// Takes a word until `"`, with the escapes of C.
fn double_quoted<'a>(mut rest: &'a [u8], text: &mut Vec<u8>) -> Result<&'a [u8], BadRequest> {
    loop {
        let (byte, after) = match rest {
            [b'\\', b'x', high, low, after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                let digit = |byte: &u8| char::from(*byte).to_digit(16).unwrap_or(0);
                (u8::try_from(digit(high) * 16 + digit(low)).unwrap_or(u8::MAX), after)
            }
            [b'\\', escaped, after @ ..] => (unescape(*escaped), after),
            [b'"', after @ ..] => return ends_word(after),
            [other, after @ ..] => (*other, after),
            [] => return Err(BadRequest::Quotes),
        };
        text.push(byte);
        rest = after;
    }
}

/// What a letter after a backslash stands for.
fn unescape(letter: u8) -> u8 {
    match letter {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 8,
        b'a' => 7,
        other => other,
    }
}

/// Refuses a word that goes on after its closing quote.
fn ends_word(rest: &[u8]) -> Result<&[u8], BadRequest> {
    match rest.first() {
        Some(byte) if !byte.is_ascii_whitespace() => Err(BadRequest::Quotes),
        _ => Ok(rest),
    }
}
