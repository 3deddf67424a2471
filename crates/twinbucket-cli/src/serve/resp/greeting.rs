//! The commands on the connection itself: HELLO, PING, ECHO, SELECT, AUTH, RESET, QUIT.

use super::command::Flow;
use super::reply::Version;
use super::request::parse;
use super::server::REDIS_VERSION;
use super::session::Call;

/// What AUTH is answered with, as Redis does without a password.
const NO_PASSWORD: &str = "ERR AUTH <password> called without any password configured for the default user. \
    Are you sure your configuration is correct?";

/// `PING [text]`.
pub(crate) fn ping(call: &mut Call<'_>) -> Flow {
    let words = call.words;
    match words.len() {
        1 => call.replies().simple("PONG"),
        2 => call.replies().bulk(&words[1]),
        _ => call.fail("ERR wrong number of arguments for 'ping' command"),
    }
    Flow::Continue
}

/// `ECHO text`.
pub(crate) fn echo(call: &mut Call<'_>) -> Flow {
    let words = call.words;
    call.replies().bulk(&words[1]);
    Flow::Continue
}

/// `SELECT n`: the table with that number, counted from 0 in the order of the configuration; a name does as well.
pub(crate) fn select(call: &mut Call<'_>) -> Flow {
    let words = call.words;
    let named = call.views.named(&words[1]);
    let at = match parse(&words[1]) {
        Some(number) => usize::try_from(number)
            .ok()
            .filter(|&at| at < call.views.len())
            .or(named)
            .ok_or("ERR DB index is out of range"),
        None => named.ok_or("ERR no table has this number or name; INFO keyspace lists them"),
    };
    match at {
        Ok(at) => {
            call.session.select(at, call.views);
            call.replies().ok();
        }
        Err(error) => call.fail(error),
    }
    Flow::Continue
}

/// `AUTH [user] password`: there is none.
pub(crate) fn auth(call: &mut Call<'_>) -> Flow {
    call.fail(NO_PASSWORD);
    Flow::Continue
}

/// `RESET`.
pub(crate) fn reset(call: &mut Call<'_>) -> Flow {
    call.session.reset();
    call.replies().simple("RESET");
    Flow::Continue
}

/// `QUIT`.
pub(crate) fn quit(call: &mut Call<'_>) -> Flow {
    call.replies().ok();
    Flow::Close
}

/// `HELLO [2|3 [AUTH user password] [SETNAME name]]`: chooses the version, and describes the server.
pub(crate) fn hello(call: &mut Call<'_>) -> Flow {
    match read_hello(call) {
        Ok((version, name)) => {
            if let Some(version) = version {
                call.session.speak(version);
            }
            if let Some(name) = name {
                call.session.client.said().name = name;
            }
            answer_hello(call);
        }
        Err(error) => call.fail(&error),
    }
    Flow::Continue
}

/// Reads what HELLO asks for: a version, a name.
fn read_hello(call: &Call<'_>) -> Result<(Option<Version>, Option<Box<str>>), String> {
    let words = call.words;
    let version = match words.get(1).map(parse) {
        None => return Ok((None, None)),
        Some(Some(2)) => Version::Two,
        Some(Some(3)) => Version::Three,
        Some(Some(_)) => return Err("NOPROTO unsupported protocol version".to_owned()),
        Some(None) => return Err("ERR Protocol version is not an integer or out of range".to_owned()),
    };
    let (mut name, mut rest) = (None, words.skip(2));
    while let Some(option) = rest.get(0) {
        if option.eq_ignore_ascii_case(b"auth") && rest.len() >= 3 {
            return Err(NO_PASSWORD.to_owned());
        }
        match rest.get(1) {
            Some(value) if option.eq_ignore_ascii_case(b"setname") => name = Some(super::client::name(value)?),
            _ => return Err(format!("ERR Syntax error in HELLO option '{}'", Call::shown(option))),
        }
        rest = rest.skip(2);
    }
    Ok((Some(version), name))
}

/// Describes the server, in the version that is now spoken.
fn answer_hello(call: &mut Call<'_>) {
    let id = i64::try_from(call.session.client.id).unwrap_or(i64::MAX);
    let replies = call.replies();
    let version = replies.version.number();
    replies.map(7);
    for (name, value) in [("server", "redis"), ("version", REDIS_VERSION)] {
        replies.bulk(name.as_bytes());
        replies.bulk(value.as_bytes());
    }
    for (name, value) in [("proto", version), ("id", id)] {
        replies.bulk(name.as_bytes());
        replies.integer(value);
    }
    for (name, value) in [("mode", "standalone"), ("role", "master")] {
        replies.bulk(name.as_bytes());
        replies.bulk(value.as_bytes());
    }
    replies.bulk(b"modules");
    replies.array(0);
}
