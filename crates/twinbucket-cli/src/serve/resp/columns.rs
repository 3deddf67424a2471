//! The commands on the columns of one entry: HGET, HMGET, HGETALL and the like.
//!
//! The fields of the hash are the columns of the table but that of the key. They work on every table: a value without a
//! name of its own is in the column `value`. So no command is ever answered with WRONGTYPE.

use super::command::Flow;
use super::reply::Replies;
use super::session::Call;
use crate::serve::row::{Field, Row};

/// `HGET key column`.
pub(crate) fn hget(call: &mut Call<'_>) -> Flow {
    on_row(call, |row, call_words, replies| match row.and_then(|row| column(row, &call_words[2])) {
        Some(field) => replies.bulk(field.text.as_bytes()),
        None => replies.null(),
    })
}

/// `HMGET key column ...`, all of one version of the row.
pub(crate) fn hmget(call: &mut Call<'_>) -> Flow {
    let (asked, most) = (call.words.len() - 2, call.server.limits.keys);
    if asked > most {
        call.fail(&format!("ERR a command has at most {most} columns; send several"));
        return Flow::Continue;
    }
    let most = call.server.limits.reply_bytes;
    on_row(call, |row, words, replies| {
        let before = replies.len();
        replies.array(asked);
        for name in words.skip(2).iter() {
            match row.and_then(|row| column(row, name)) {
                // Longer than an answer may be, and so thrown away as a whole: the rest would be work for nothing.
                _ if replies.len() - before > most => break,
                Some(field) => replies.bulk(field.text.as_bytes()),
                None => replies.null(),
            }
        }
    })
}

/// `HGETALL key`: names and values, in the order of the table.
pub(crate) fn hgetall(call: &mut Call<'_>) -> Flow {
    on_row(call, |row, _, replies| {
        replies.map(width(row));
        for (name, field) in row.into_iter().flat_map(|row| row.columns().iter().zip(row.fields())) {
            replies.bulk(name.as_bytes());
            replies.bulk(field.text.as_bytes());
        }
    })
}

/// `HKEYS key`.
pub(crate) fn hkeys(call: &mut Call<'_>) -> Flow {
    on_row(call, |row, _, replies| {
        replies.array(width(row));
        for name in row.into_iter().flat_map(Row::columns) {
            replies.bulk(name.as_bytes());
        }
    })
}

/// `HVALS key`.
pub(crate) fn hvals(call: &mut Call<'_>) -> Flow {
    on_row(call, |row, _, replies| {
        replies.array(width(row));
        for field in row.into_iter().flat_map(Row::fields) {
            replies.bulk(field.text.as_bytes());
        }
    })
}

/// `HLEN key`.
pub(crate) fn hlen(call: &mut Call<'_>) -> Flow {
    on_row(call, |row, _, replies| replies.count(width(row)))
}

/// `HEXISTS key column`.
pub(crate) fn hexists(call: &mut Call<'_>) -> Flow {
    on_row(call, |row, words, replies| {
        let found = row.is_some_and(|row| column(row, &words[2]).is_some());
        replies.integer(i64::from(found));
    })
}

/// `HSTRLEN key column`.
pub(crate) fn hstrlen(call: &mut Call<'_>) -> Flow {
    on_row(call, |row, words, replies| {
        replies.count(row.and_then(|row| column(row, &words[2])).map_or(0, |field| field.text.len()));
    })
}

/// Looks up the row of the key, and lets `answer` answer with it.
fn on_row(call: &mut Call<'_>, answer: impl FnOnce(Option<&Row>, super::request::Words<'_>, &mut Replies)) -> Flow {
    let words = call.words;
    let (table, key) = call.locate(&words[1]);
    let Some(view) = call.views.get(table) else {
        call.view(key);
        return Flow::Continue;
    };
    let row = view.find(key);
    let tally = &mut call.session.tally;
    *(if row.is_some() { &mut tally.hits } else { &mut tally.misses }) += 1;
    answer(row, words, &mut call.session.replies);
    Flow::Continue
}

/// The field of a column. A name that is not UTF-8 is that of no column.
fn column<'a>(row: &'a Row, name: &[u8]) -> Option<Field<'a>> {
    row.get(std::str::from_utf8(name).ok()?)
}

/// How many columns there are; none without a row.
fn width(row: Option<&Row>) -> usize {
    row.map_or(0, |row| row.columns().len())
}
