//! The commands: which there are, and what happens to a request before one of them runs.

use std::sync::LazyLock;

use hashbrown::HashMap;

use super::session::Call;
use super::{about, client, columns, entries, greeting, walks};

/// What becomes of the connection after a command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Flow {
    /// The next command.
    Continue,
    /// It ends, once the answers are sent.
    Close,
}

/// A command.
#[derive(Debug)]
pub(crate) struct Command {
    /// Its name, in small letters.
    pub(crate) name: &'static str,
    /// How many words it has, its name included; negative if that is only the least.
    pub(crate) arity: i64,
    /// What kind of command it is, in the words of Redis.
    pub(crate) flags: &'static [&'static str],
    /// Which words are keys.
    pub(crate) keys: Keys,
    /// What it belongs to, in the words of Redis.
    pub(crate) group: &'static str,
    /// What it does, in one line.
    pub(crate) summary: &'static str,
    /// Answers it.
    run: fn(&mut Call<'_>) -> Flow,
}

/// Which words of a command are keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Keys {
    /// None.
    None,
    /// The first after the name.
    First,
    /// All after the name.
    All,
}

impl Keys {
    /// Returns the first, the last and the step, as COMMAND says it.
    pub(crate) fn places(self) -> [i64; 3] {
        match self {
            Self::None => [0, 0, 0],
            Self::First => [1, 1, 1],
            Self::All => [1, -1, 1],
        }
    }
}

/// Flags of a command that reads one or a few entries.
const READ: &[&str] = &["readonly", "fast"];
/// Flags of a command that reads in proportion to a row or a table.
const READ_SLOW: &[&str] = &["readonly"];
/// Flags of a command about the connection.
const CONNECTION: &[&str] = &["noscript", "loading", "stale", "fast"];
/// Flags of a command about the server.
const SERVER: &[&str] = &["loading", "stale"];

/// Puts a command into one line.
const fn command(
    name: &'static str,
    arity: i64,
    flags: &'static [&'static str],
    keys: Keys,
    group: &'static str,
    run: fn(&mut Call<'_>) -> Flow,
    summary: &'static str,
) -> Command {
    Command { name, arity, flags, keys, group, summary, run }
}

/// All commands, by name.
pub(crate) static COMMANDS: &[Command] = &[
    command("auth", -2, CONNECTION, Keys::None, "connection", greeting::auth, "Is refused: there is no password."),
    command("client", -2, CONNECTION, Keys::None, "connection", client::client, "Names a connection, or lists them."),
    command("command", -1, SERVER, Keys::None, "server", about::command, "Lists the commands."),
    command("config", -2, SERVER, Keys::None, "server", about::config, "Returns settings that clients ask for."),
    command("dbsize", 1, READ, Keys::None, "server", walks::dbsize, "Returns how many entries the table has."),
    command("echo", 2, CONNECTION, Keys::None, "connection", greeting::echo, "Returns what it is given."),
    command("exists", -2, READ, Keys::All, "generic", entries::exists, "Counts the keys that are there."),
    command("get", 2, READ, Keys::First, "string", entries::get, "Returns the value of a key, or its row as JSON."),
    command("hello", -1, CONNECTION, Keys::None, "connection", greeting::hello, "Chooses the version of the protocol."),
    command("hexists", 3, READ, Keys::First, "hash", columns::hexists, "Tells whether a row has a column."),
    command("hget", 3, READ, Keys::First, "hash", columns::hget, "Returns one column of a row."),
    command("hgetall", 2, READ_SLOW, Keys::First, "hash", columns::hgetall, "Returns all columns of a row."),
    command("hkeys", 2, READ_SLOW, Keys::First, "hash", columns::hkeys, "Returns the names of the columns of a row."),
    command("hlen", 2, READ, Keys::First, "hash", columns::hlen, "Counts the columns of a row."),
    command("hmget", -3, READ, Keys::First, "hash", columns::hmget, "Returns some columns of a row."),
    command("hstrlen", 3, READ, Keys::First, "hash", columns::hstrlen, "Returns how long a column of a row is."),
    command("hvals", 2, READ_SLOW, Keys::First, "hash", columns::hvals, "Returns the values of the columns of a row."),
    command("info", -1, SERVER, Keys::None, "server", about::info, "Describes the server and its tables."),
    command("keys", 2, READ_SLOW, Keys::None, "generic", walks::keys, "Returns the keys of a small table."),
    command("mget", -2, READ, Keys::All, "string", entries::mget, "Returns the values of keys, all of one moment."),
    command("ping", -1, CONNECTION, Keys::None, "connection", greeting::ping, "Answers, so that one sees it does."),
    command("pttl", 2, READ, Keys::First, "generic", entries::ttl, "Returns -1: no entry ends by itself."),
    command("quit", -1, CONNECTION, Keys::None, "connection", greeting::quit, "Ends the connection."),
    command(
        "reset",
        1,
        CONNECTION,
        Keys::None,
        "connection",
        greeting::reset,
        "Makes the connection as it was at first.",
    ),
    command("role", 1, SERVER, Keys::None, "server", about::role, "Returns that nothing is replicated."),
    command("scan", -2, READ_SLOW, Keys::None, "generic", walks::scan, "Walks a frozen version of the table."),
    command("select", 2, CONNECTION, Keys::None, "connection", greeting::select, "Chooses a table, by number or name."),
    command("strlen", 2, READ, Keys::First, "string", entries::strlen, "Returns how long the answer to GET is."),
    command("time", 1, SERVER, Keys::None, "server", about::time, "Returns the server's clock."),
    command("touch", -2, READ, Keys::All, "generic", entries::exists, "Counts the keys that are there."),
    command("ttl", 2, READ, Keys::First, "generic", entries::ttl, "Returns -1: no entry ends by itself."),
    command(
        "type",
        2,
        READ,
        Keys::First,
        "generic",
        entries::kind,
        "Returns string or hash, by the number of columns.",
    ),
];

/// The commands of Redis that write, which are refused by name.
#[rustfmt::skip]
static WRITES: &[&str] = &[
    "append", "bitfield", "bitop", "blmove", "blmpop", "blpop", "brpop", "brpoplpush", "bzmpop", "bzpopmax", "bzpopmin",
    "copy", "decr", "decrby", "del", "expire", "expireat", "flushall", "flushdb", "geoadd", "georadius",
    "georadiusbymember", "geosearchstore", "getdel", "getex", "getset", "hdel", "hexpire", "hexpireat", "hgetdel",
    "hgetex", "hincrby", "hincrbyfloat", "hmset", "hpersist", "hpexpire", "hpexpireat", "hset", "hsetex", "hsetnx",
    "incr", "incrby", "incrbyfloat", "linsert", "lmove", "lmpop", "lpop", "lpush", "lpushx", "lrem", "lset", "ltrim",
    "migrate", "move", "mset", "msetnx", "persist", "pexpire", "pexpireat", "pfadd", "pfcount", "pfdebug", "pfmerge",
    "psetex", "rename", "renamenx", "restore", "restore-asking", "rpop", "rpoplpush", "rpush", "rpushx", "sadd",
    "sdiffstore", "set", "setbit", "setex", "setnx", "setrange", "sinterstore", "smove", "sort", "spop", "srem",
    "sunionstore", "swapdb", "unlink", "xack", "xadd", "xautoclaim", "xclaim", "xdel", "xgroup", "xreadgroup", "xsetid",
    "xtrim", "zadd", "zdiffstore", "zincrby", "zinterstore", "zmpop", "zpopmax", "zpopmin", "zrangestore", "zrem",
    "zremrangebylex", "zremrangebyrank", "zremrangebyscore", "zunionstore",
];

/// What a write is answered with.
const READ_ONLY: &str = "READONLY twinbucket tables are read-only; change their source instead";

/// What stands under a name.
#[derive(Clone, Copy)]
enum Known {
    /// A command to run.
    Command(&'static Command),
    /// A command that writes.
    Write,
}

/// Every name that is known, in small letters.
static NAMES: LazyLock<HashMap<&'static [u8], Known>> = LazyLock::new(|| {
    let writes = WRITES.iter().map(|name| (name.as_bytes(), Known::Write));
    let commands = COMMANDS.iter().map(|command| (command.name.as_bytes(), Known::Command(command)));
    writes.chain(commands).collect()
});

/// Longest name of a command.
const LONGEST_NAME: usize = 32;

/// Puts a word into small letters, if it is no longer than a name.
#[inline]
pub(crate) fn lowered<'a>(word: &[u8], space: &'a mut [u8; LONGEST_NAME]) -> Option<&'a [u8]> {
    let space = space.get_mut(..word.len())?;
    space.copy_from_slice(word);
    space.make_ascii_lowercase();
    Some(space)
}

/// Returns the command of that name, whatever its case.
pub(crate) fn named(name: &[u8]) -> Option<&'static Command> {
    match known(name)? {
        Known::Command(command) => Some(command),
        Known::Write => None,
    }
}

#[inline]
fn known(name: &[u8]) -> Option<Known> {
    let mut space = [0; LONGEST_NAME];
    NAMES.get(lowered(name, &mut space)?).copied()
}

/// Runs the command that the words of `call` name, and answers it in every case but that of no words at all.
pub(crate) fn run(call: &mut Call<'_>) -> Flow {
    let words = call.words;
    let Some(name) = words.get(0) else { return Flow::Continue };
    match known(name) {
        Some(Known::Command(command)) if fits(words.len(), command.arity) => (command.run)(call),
        Some(Known::Command(command)) => {
            call.fail(&format!("ERR wrong number of arguments for '{}' command", command.name));
            Flow::Continue
        }
        Some(Known::Write) => {
            call.fail(READ_ONLY);
            Flow::Continue
        }
        None if is_web(name) => {
            // As Redis: a page that makes a browser send this must not get to know anything.
            Flow::Close
        }
        None => {
            let arguments: Vec<String> =
                words.iter().skip(1).take(8).map(|word| format!("'{}' ", Call::shown(word))).collect();
            let (name, arguments) = (Call::shown(name), arguments.concat());
            call.fail(&format!("ERR unknown command '{name}', with args beginning with: {arguments}"));
            Flow::Continue
        }
    }
}

/// Tells whether that many words are right.
fn fits(words: usize, arity: i64) -> bool {
    let least = usize::try_from(arity.unsigned_abs()).unwrap_or(usize::MAX);
    if arity < 0 { words >= least } else { words == least }
}

/// Tells whether a web browser sent this.
fn is_web(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"post") || name.eq_ignore_ascii_case(b"host:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_stand_in_order_and_once() {
        assert!(COMMANDS.is_sorted_by(|a, b| a.name < b.name));
        assert!(WRITES.is_sorted_by(|a, b| a < b));
        assert_eq!(NAMES.len(), COMMANDS.len() + WRITES.len());
        assert!(NAMES.keys().all(|name| name.len() <= LONGEST_NAME && name.to_ascii_lowercase() == **name));
    }

    #[test]
    fn documentation_lists_every_command() {
        let rows: Vec<String> = COMMANDS
            .iter()
            .map(|command| format!("| {} | {} |", command.name.to_ascii_uppercase(), command.summary))
            .collect();
        let documentation = include_str!("../../../../../docs/resp.md");
        let (_, commands) = documentation.split_once("| command | what it does |\n|---|---|\n").unwrap();
        assert_eq!(commands.split_once("\n\n").unwrap().0.lines().collect::<Vec<_>>(), rows);
    }

    #[test]
    fn arity_counts_the_name() {
        assert!(fits(2, 2) && fits(2, -2) && fits(3, -2));
        assert!(!fits(1, 2) && !fits(3, 2) && !fits(1, -2));
    }
}
