//! The commands that walk a table: SCAN, KEYS, DBSIZE.
//!
//! A pattern that begins with the name of a table and `:` walks that table, and the keys come with the same beginning,
//! so that they can be used as they are. Otherwise it is the selected table.

use std::time::Instant;

use super::command::Flow;
use super::entries::kind_of;
use super::pattern;
use super::request::{Words, parse};
use super::scans::Scan;
use super::session::Call;

/// Longest pattern. Together with the number of keys of one page, it bounds the work of one command.
const LONGEST_PATTERN: usize = 512;

/// Keys that one page looks at, if nothing is said.
const PAGE: usize = 10;

/// Most keys that one page looks at, whatever is said: COUNT is only a hint.
const LONGEST_PAGE: usize = 1000;

/// What a walk that ended is answered with when it is asked to go on.
const EXPIRED: &str =
    "ERR cursor expired: it was used already, or not for too long, or too many scans are open; start again with 0";

/// `DBSIZE`: how many entries the selected table has.
pub(crate) fn dbsize(call: &mut Call<'_>) -> Flow {
    if let Some(view) = call.selected() {
        let len = view.len();
        call.replies().count(len);
    }
    Flow::Continue
}

/// What SCAN is told besides the cursor.
struct Asked<'a> {
    /// The pattern that keys must match.
    pattern: &'a [u8],
    /// How many keys to look at.
    count: usize,
    /// What TYPE must call their rows.
    kind: Option<&'a [u8]>,
}

impl<'a> Asked<'a> {
    /// Reads options, or says what is wrong with them.
    fn read(words: Words<'a>) -> Result<Self, &'static str> {
        let mut asked = Self { pattern: b"*", count: PAGE, kind: None };
        let mut rest = words;
        while let Some(option) = rest.get(0) {
            let value = rest.get(1).ok_or("ERR syntax error")?;
            match option {
                _ if option.eq_ignore_ascii_case(b"match") => asked.pattern = value,
                _ if option.eq_ignore_ascii_case(b"type") => asked.kind = Some(value),
                _ if option.eq_ignore_ascii_case(b"count") => {
                    let count = parse(value).ok_or("ERR value is not an integer or out of range")?;
                    let count = usize::try_from(count).ok().filter(|&count| count > 0).ok_or("ERR syntax error")?;
                    asked.count = count.min(LONGEST_PAGE);
                }
                _ => return Err("ERR syntax error"),
            }
            rest = rest.skip(2);
        }
        if asked.pattern.len() > LONGEST_PATTERN {
            return Err("ERR the pattern is too long; it has at most 512 bytes");
        }
        Ok(asked)
    }
}

/// `SCAN cursor [MATCH pattern] [COUNT n] [TYPE kind]`: a page of a walk through one version of a table.
pub(crate) fn scan(call: &mut Call<'_>) -> Flow {
    let words = call.words;
    let cursor = std::str::from_utf8(&words[1]).ok().and_then(|text| text.parse::<u64>().ok());
    let asked = cursor.ok_or("ERR invalid cursor").and_then(|cursor| Ok((cursor, Asked::read(words.skip(2))?)));
    let (cursor, asked) = match asked {
        Ok(asked) => asked,
        Err(error) => {
            call.fail(error);
            return Flow::Continue;
        }
    };
    let now = Instant::now();
    let scan = if cursor == 0 { begin(call, asked.pattern) } else { go_on(call, cursor, now) };
    if let Some(scan) = scan {
        answer_page(call, scan, &asked, now);
    }
    Flow::Continue
}

/// Begins a walk; answers with an error if there is no such table.
fn begin(call: &mut Call<'_>, pattern: &[u8]) -> Option<Scan> {
    let (_, rest) = call.locate(pattern);
    let prefix = String::from_utf8_lossy(&pattern[..pattern.len() - rest.len()]).into();
    let owner = call.session.client.id;
    let (view, _) = call.view(pattern)?;
    Some(Scan { walk: view.version().into_walk(), prefix, owner })
}

/// Takes up a walk where it was left; answers with an error if it is not open.
fn go_on(call: &mut Call<'_>, cursor: u64, now: Instant) -> Option<Scan> {
    let scan = call.server.scans.take(cursor, now);
    if scan.is_none() {
        call.fail(EXPIRED);
    }
    scan
}

/// Answers with the next page of a walk and the cursor of the one after it.
fn answer_page(call: &mut Call<'_>, mut scan: Scan, asked: &Asked<'_>, now: Instant) {
    // The table is chosen once, at the beginning; later pages match what stands after its name.
    let pattern = asked.pattern.strip_prefix(scan.prefix.as_bytes()).unwrap_or(asked.pattern);
    let wanted = |key: &str, kind: &str| {
        asked.kind.is_none_or(|asked| asked.eq_ignore_ascii_case(kind.as_bytes()))
            && pattern::matches(pattern, key.as_bytes())
    };
    let (mut keys, mut bytes) = (Vec::new(), 0);
    for _ in 0..asked.count {
        let Some((key, row)) = scan.walk.next() else { break };
        if wanted(&key, kind_of(&row)) {
            bytes += key.len();
            keys.push(key);
        }
        // A page may be shorter than asked for: so long keys cannot make the answer too long.
        if bytes > call.server.limits.reply_bytes / 2 {
            break;
        }
    }
    let prefix = std::mem::take(&mut scan.prefix);
    let next = if scan.walk.is_over() {
        0
    } else {
        scan.prefix = prefix.clone();
        call.server.scans.put(scan, now)
    };
    let replies = call.replies();
    replies.array(2);
    replies.bulk(next.to_string().as_bytes());
    write_keys(replies, &prefix, &keys);
}

/// `KEYS pattern`: the keys that match, of one version of a table that is small enough.
pub(crate) fn keys(call: &mut Call<'_>) -> Flow {
    let words = call.words;
    let pattern = &words[1];
    if pattern.len() > LONGEST_PATTERN {
        call.fail("ERR the pattern is too long; it has at most 512 bytes");
        return Flow::Continue;
    }
    let most = call.server.limits.keys_entries;
    let Some((view, rest)) = call.view(pattern) else { return Flow::Continue };
    let prefix = &pattern[..pattern.len() - rest.len()];
    if view.len() > most {
        call.fail(&format!("ERR KEYS walks tables of at most {most} entries; use SCAN"));
        return Flow::Continue;
    }
    let version = view.version();
    let keys: Vec<_> = version.keys().filter(|key| pattern::matches(rest, key.as_bytes())).collect();
    let bytes: usize = keys.iter().map(|key| key.len() + prefix.len()).sum();
    if bytes > call.server.limits.reply_bytes {
        call.session.refuse_long(call.server);
    } else {
        write_keys(call.replies(), &String::from_utf8_lossy(prefix), &keys);
    }
    Flow::Continue
}

/// Answers with keys, each after the same beginning.
fn write_keys<T: AsRef<str>>(replies: &mut super::reply::Replies, prefix: &str, keys: &[T]) {
    replies.array(keys.len());
    for key in keys {
        match prefix {
            "" => replies.bulk(key.as_ref().as_bytes()),
            _ => replies.bulk([prefix, key.as_ref()].concat().as_bytes()),
        }
    }
}
