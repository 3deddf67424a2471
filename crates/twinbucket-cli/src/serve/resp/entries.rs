//! The commands on whole entries: GET, MGET, EXISTS, STRLEN, TYPE, TTL.
//!
//! GET answers with the text of a row's only field, and with the row as JSON if it has several. So `string` is what
//! TYPE calls the former and `hash` the latter; but GET and the commands on columns work on both.

use super::command::Flow;
use super::gets::{TOGETHER, touch};
use super::session::Call;
use super::views::Version;
use crate::serve::row::Row;

/// `GET key`: the value, or the row as JSON. Most are answered by [`gets`](super::gets) before they come here.
pub(crate) fn get(call: &mut Call<'_>) -> Flow {
    let words = call.words;
    let (table, key) = call.locate(&words[1]);
    match call.views.get(table) {
        Some(view) => call.session.write_row(view.find(key)),
        None => call.session.fail_without_table(),
    }
    Flow::Continue
}

/// `MGET key ...`: the values, all of a table from one read bucket of it.
pub(crate) fn mget(call: &mut Call<'_>) -> Flow {
    let Some(frozen) = freeze(call) else { return Flow::Continue };
    let (mut keys, before) = (call.words.skip(1), call.session.replies.len());
    call.replies().array(keys.len());
    while keys.len() > 0 && call.session.replies.len() - before <= call.server.limits.reply_bytes {
        let count = keys.len().min(TOGETHER);
        // The places that are not used stand for the first key, which costs nothing once it was looked up.
        let located: [_; TOGETHER] = std::array::from_fn(|at| call.locate(&keys[if at < count { at } else { 0 }]));
        frozen.find_many(&located)[..count].iter().for_each(|row| call.session.write_row(*row));
        keys = keys.skip(count);
    }
    Flow::Continue
}

/// `EXISTS key ...`: how many of them are there; one that is named twice counts twice.
pub(crate) fn exists(call: &mut Call<'_>) -> Flow {
    let Some(frozen) = freeze(call) else { return Flow::Continue };
    let mut found = 0;
    for key in call.words.skip(1).iter() {
        let (table, key) = call.locate(key);
        found += usize::from(frozen.get(table).find(key).is_some());
    }
    call.replies().count(found);
    Flow::Continue
}

/// Versions of the tables that one command looks at: one of each.
struct Frozen(Vec<(usize, Version)>);

impl Frozen {
    /// Returns the rows of keys in tables, and waits for the memory of all of them at once if it is one table.
    fn find_many(&self, located: &[(usize, &[u8]); TOGETHER]) -> [Option<&Row>; TOGETHER] {
        let table = located[0].0;
        if located.iter().any(|(other, _)| *other != table) {
            return located.map(|(table, key)| self.get(table).find(key));
        }
        let rows = self.get(table).find_many(located.map(|(_, key)| key));
        touch(&rows);
        rows
    }

    /// Returns the version of a table.
    fn get(&self, table: usize) -> &Version {
        let found = self.0.iter().find(|(at, _)| *at == table);
        &found.expect("the tables of all keys were frozen").1
    }
}

/// Takes one version of each table that the keys of a command are in; answers with an error if that cannot be done.
fn freeze(call: &mut Call<'_>) -> Option<Frozen> {
    let (keys, most) = (call.words.skip(1), call.server.limits.keys);
    if keys.len() > most {
        call.fail(&format!("ERR a command has at most {most} keys; send several"));
        return None;
    }
    let mut frozen = Frozen(Vec::with_capacity(1));
    for key in keys.iter() {
        let (table, _) = call.locate(key);
        if !frozen.0.iter().any(|(at, _)| *at == table) {
            let (view, _) = call.view(key)?;
            let version = view.version();
            frozen.0.push((table, version));
        }
    }
    Some(frozen)
}

/// `STRLEN key`: how many bytes GET would answer with, 0 if there is no such key.
pub(crate) fn strlen(call: &mut Call<'_>) -> Flow {
    let key = call.words;
    if let Some((view, key)) = call.view(&key[1]) {
        let len = view.find(key).map_or(0, len);
        call.replies().count(len);
    }
    Flow::Continue
}

/// How many bytes GET answers with.
fn len(row: &Row) -> usize {
    match row.single() {
        Some(field) => field.text.len(),
        None => {
            let mut json = Vec::new();
            row.write_json(&mut json);
            json.len()
        }
    }
}

/// `TYPE key`: `string` for a row of one field, `hash` for one of several.
pub(crate) fn kind(call: &mut Call<'_>) -> Flow {
    let words = call.words;
    if let Some((view, key)) = call.view(&words[1]) {
        let kind = view.find(key).map_or("none", kind_of);
        call.replies().simple(kind);
    }
    Flow::Continue
}

/// What TYPE calls a row.
pub(crate) fn kind_of(row: &Row) -> &'static str {
    if row.is_single() { "string" } else { "hash" }
}

/// `TTL key` and `PTTL key`: -1, as for a key that lives on; -2 if it is not there.
pub(crate) fn ttl(call: &mut Call<'_>) -> Flow {
    let words = call.words;
    if let Some((view, key)) = call.view(&words[1]) {
        let left = if view.find(key).is_some() { -1 } else { -2 };
        call.replies().integer(left);
    }
    Flow::Continue
}
