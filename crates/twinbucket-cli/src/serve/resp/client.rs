//! CLIENT: what a client says of its connection, and the list of connections.

use std::fmt::Write;
use std::time::Instant;

use super::command::{Flow, lowered};
use super::session::{Call, Client};

/// Longest name that a client can give itself or its library.
const LONGEST_NAME: usize = 256;

/// What CLIENT HELP says.
const HELP: &[&str] = &[
    "CLIENT <subcommand> [<arg> ...]. Subcommands are:",
    "GETNAME: returns the name of this connection.",
    "ID: returns the number of this connection.",
    "INFO: describes this connection.",
    "LIST: describes all connections.",
    "NO-EVICT, NO-TOUCH (ON|OFF): accepted, and without effect.",
    "SETINFO (LIB-NAME|LIB-VER) <text>: says which library this is.",
    "SETNAME <name>: names this connection.",
];

/// `CLIENT subcommand ...`.
pub(crate) fn client(call: &mut Call<'_>) -> Flow {
    let words = call.words;
    let mut space = [0; 32];
    match (lowered(&words[1], &mut space), words.len()) {
        (Some(b"id"), 2) => {
            let id = i64::try_from(call.session.client.id).unwrap_or(i64::MAX);
            call.replies().integer(id);
        }
        (Some(b"getname"), 2) => get_name(call),
        (Some(b"setname"), 3) => set(call, |said| &mut said.name, &words[2]),
        (Some(b"setinfo"), 4) => set_info(call),
        (Some(b"info"), 2) => {
            let line = describe(&call.session.client, Instant::now());
            call.replies().verbatim(&line);
        }
        (Some(b"list"), _) => list(call),
        (Some(b"no-evict" | b"no-touch"), 3) => on_off(call, &words[2]),
        (Some(b"help"), 2) => help(call, HELP),
        (Some(b"id" | b"getname" | b"setname" | b"setinfo" | b"info" | b"no-evict" | b"no-touch" | b"help"), _) => {
            wrong_number(call, "client");
        }
        _ => unknown_subcommand(call, "CLIENT"),
    }
    Flow::Continue
}

/// Answers with the lines of a help text.
pub(crate) fn help(call: &mut Call<'_>, lines: &[&str]) {
    let replies = call.replies();
    replies.array(lines.len());
    for line in lines {
        replies.simple(line);
    }
}

/// Answers that a subcommand has another number of words.
pub(crate) fn wrong_number(call: &mut Call<'_>, command: &str) {
    let subcommand = Call::shown(&call.words[1]).to_lowercase();
    call.fail(&format!("ERR wrong number of arguments for '{command}|{subcommand}' command"));
}

/// Answers that there is no such subcommand.
pub(crate) fn unknown_subcommand(call: &mut Call<'_>, command: &str) {
    let subcommand = Call::shown(&call.words[1]);
    call.fail(&format!("ERR unknown subcommand '{subcommand}'. Try {command} HELP."));
}

/// Reads a name that a client gives.
pub(crate) fn name(word: &[u8]) -> Result<Box<str>, String> {
    let printable = |byte: &u8| (b'!'..=b'~').contains(byte);
    match std::str::from_utf8(word) {
        Ok(_) if word.len() > LONGEST_NAME => Err(format!("ERR a name has at most {LONGEST_NAME} bytes")),
        Ok(text) if word.iter().all(printable) => Ok(text.into()),
        _ => Err("ERR Client names cannot contain spaces, newlines or special characters.".to_owned()),
    }
}

/// Takes a name for one of the things that a client says of itself.
fn set(call: &mut Call<'_>, which: impl FnOnce(&mut super::session::Said) -> &mut Box<str>, word: &[u8]) {
    match name(word) {
        Ok(name) => {
            *which(&mut call.session.client.said()) = name;
            call.replies().ok();
        }
        Err(error) => call.fail(&error),
    }
}

fn get_name(call: &mut Call<'_>) {
    let name = call.session.client.said().name.clone();
    match &*name {
        "" => call.replies().null(),
        name => call.replies().bulk(name.as_bytes()),
    }
}

fn set_info(call: &mut Call<'_>) {
    let words = call.words;
    if words[2].eq_ignore_ascii_case(b"lib-name") {
        set(call, |said| &mut said.library, &words[3]);
    } else if words[2].eq_ignore_ascii_case(b"lib-ver") {
        set(call, |said| &mut said.version, &words[3]);
    } else {
        call.fail(&format!("ERR Unrecognized option '{}'", Call::shown(&words[2])));
    }
}

fn on_off(call: &mut Call<'_>, word: &[u8]) {
    if word.eq_ignore_ascii_case(b"on") || word.eq_ignore_ascii_case(b"off") {
        call.replies().ok();
    } else {
        call.fail("ERR syntax error");
    }
}

fn list(call: &mut Call<'_>) {
    let now = Instant::now();
    let lines: String = call.server.clients().iter().map(|client| describe(client, now)).collect();
    call.replies().verbatim(&lines);
}

/// Describes a connection in one line, as Redis does.
fn describe(client: &Client, now: Instant) -> String {
    let said = client.said();
    let (age, name) = (now.saturating_duration_since(client.since).as_secs(), &said.name);
    let mut line = format!("id={} addr={} laddr={} name={name} age={age}", client.id, client.peer, client.local);
    let (library, version) = (&said.library, &said.version);
    let _ = writeln!(line, " db={} resp={} lib-name={library} lib-ver={version}", said.selected, said.protocol);
    line
}
