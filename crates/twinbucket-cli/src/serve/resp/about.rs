//! The commands about the server: INFO, COMMAND, CONFIG, ROLE, TIME.

use std::fmt::Write;
use std::process;
use std::time::{SystemTime, UNIX_EPOCH};

use super::client::{help, unknown_subcommand, wrong_number};
use super::command::{self, COMMANDS, Command, Flow, lowered};
use super::pattern;
use super::reply::Replies;
use super::server::REDIS_VERSION;
use super::session::Call;

/// `ROLE`: nothing is replicated.
pub(crate) fn role(call: &mut Call<'_>) -> Flow {
    let replies = call.replies();
    replies.array(3);
    replies.bulk(b"master");
    replies.integer(0);
    replies.array(0);
    Flow::Continue
}

/// `TIME`: seconds since 1970, and microseconds of the current second.
pub(crate) fn time(call: &mut Call<'_>) -> Flow {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let replies = call.replies();
    replies.array(2);
    replies.bulk(now.as_secs().to_string().as_bytes());
    replies.bulk(now.subsec_micros().to_string().as_bytes());
    Flow::Continue
}

/// Writes a section of INFO.
type Section = fn(&mut Call<'_>, &mut String);

/// The sections of INFO, and what writes each.
const SECTIONS: &[(&str, Section)] = &[
    ("Server", server_section),
    ("Clients", clients_section),
    ("Stats", stats_section),
    ("Replication", replication_section),
    ("Tables", tables_section),
    ("Keyspace", keyspace_section),
];

/// `INFO [section ...]`.
pub(crate) fn info(call: &mut Call<'_>) -> Flow {
    let asked = call.words.skip(1);
    let all = |word: &[u8]| [&b"all"[..], b"default", b"everything"].iter().any(|all| word.eq_ignore_ascii_case(all));
    let mut text = String::new();
    for (name, write) in SECTIONS {
        if asked.len() == 0 || asked.iter().any(|word| all(word) || word.eq_ignore_ascii_case(name.as_bytes())) {
            if !text.is_empty() {
                text.push_str("\r\n");
            }
            let _ = write!(text, "# {name}\r\n");
            write(call, &mut text);
        }
    }
    call.replies().verbatim(&text);
    Flow::Continue
}

/// Appends a line `name:value`.
fn line(text: &mut String, name: &str, value: impl std::fmt::Display) {
    let _ = write!(text, "{name}:{value}\r\n");
}

fn server_section(call: &mut Call<'_>, text: &mut String) {
    line(text, "redis_version", REDIS_VERSION);
    line(text, "redis_mode", "standalone");
    line(text, "twinbucket_version", env!("CARGO_PKG_VERSION"));
    line(text, "os", std::env::consts::OS);
    line(text, "arch_bits", usize::BITS);
    line(text, "process_id", process::id());
    line(text, "tcp_port", call.session.client.local.port());
    let uptime = call.server.started.elapsed().as_secs();
    line(text, "uptime_in_seconds", uptime);
    line(text, "uptime_in_days", uptime / 86_400);
}

fn clients_section(call: &mut Call<'_>, text: &mut String) {
    line(text, "connected_clients", call.server.connected());
    line(text, "maxclients", call.server.limits.connections);
    line(text, "blocked_clients", 0);
    line(text, "open_scans", call.server.scans.len());
}

fn stats_section(call: &mut Call<'_>, text: &mut String) {
    let (counts, tally) = (&call.server.counts, call.session.tally);
    line(text, "total_connections_received", counts.connections.get());
    line(text, "rejected_connections", counts.refused.get());
    line(text, "cut_connections", counts.cut.get());
    line(text, "total_commands_processed", counts.commands.get() + tally.commands);
    line(text, "total_error_replies", counts.errors.get() + tally.errors);
    line(text, "total_net_input_bytes", counts.bytes_in.get());
    line(text, "total_net_output_bytes", counts.bytes_out.get());
    line(text, "keyspace_hits", counts.hits.get() + tally.hits);
    line(text, "keyspace_misses", counts.misses.get() + tally.misses);
}

fn replication_section(_: &mut Call<'_>, text: &mut String) {
    line(text, "role", "master");
    line(text, "connected_slaves", 0);
}

fn tables_section(call: &mut Call<'_>, text: &mut String) {
    for (at, view) in call.views.iter_mut().enumerate() {
        let (generation, keys) = (view.generation(), view.len());
        line(text, &format!("table{at}"), format_args!("name={},generation={generation},keys={keys}", view.name));
    }
}

fn keyspace_section(call: &mut Call<'_>, text: &mut String) {
    for (at, view) in call.views.iter_mut().enumerate() {
        line(text, &format!("db{at}"), format_args!("keys={},expires=0,avg_ttl=0", view.len()));
    }
}

/// `CONFIG GET pattern ...`: what clients and redis-benchmark ask for. Nothing can be set.
pub(crate) fn config(call: &mut Call<'_>) -> Flow {
    let words = call.words;
    let mut space = [0; 32];
    match (lowered(&words[1], &mut space), words.len()) {
        (Some(b"get"), 3..) => config_get(call),
        (Some(b"get"), _) => wrong_number(call, "config"),
        (Some(b"help"), 2) => help(call, &["CONFIG <subcommand> [<arg> ...]. Subcommands are:", "GET <pattern> ..."]),
        (Some(b"set" | b"resetstat" | b"rewrite"), _) => {
            call.fail("READONLY settings are those of the command line or the configuration file; change them there");
        }
        _ => unknown_subcommand(call, "CONFIG"),
    }
    Flow::Continue
}

fn config_get(call: &mut Call<'_>) {
    let limits = &call.server.limits;
    let settings = [
        ("appendonly", "no".to_owned()),
        ("databases", call.views.len().to_string()),
        ("maxclients", limits.connections.to_string()),
        ("maxmemory", "0".to_owned()),
        ("maxmemory-policy", "noeviction".to_owned()),
        ("proto-max-bulk-len", limits.request_bytes.to_string()),
        ("save", String::new()),
        ("timeout", limits.idle_timeout.as_secs().to_string()),
    ];
    let asked = call.words.skip(2);
    let wanted = |name: &str| {
        asked
            .iter()
            .filter(|word| word.len() <= 64)
            .any(|word| pattern::matches(&word.to_ascii_lowercase(), name.as_bytes()))
    };
    let found: Vec<_> = settings.iter().filter(|(name, _)| wanted(name)).collect();
    let replies = call.replies();
    replies.map(found.len());
    for (name, value) in found {
        replies.bulk(name.as_bytes());
        replies.bulk(value.as_bytes());
    }
}

/// `COMMAND [COUNT | DOCS | INFO | LIST] ...`.
pub(crate) fn command(call: &mut Call<'_>) -> Flow {
    let words = call.words;
    let Some(subcommand) = words.get(1) else {
        call.replies().array(COMMANDS.len());
        COMMANDS.iter().for_each(|command| write_command(call.replies(), command));
        return Flow::Continue;
    };
    let mut space = [0; 32];
    match (lowered(subcommand, &mut space), words.len()) {
        (Some(b"count"), 2) => call.replies().count(COMMANDS.len()),
        (Some(b"docs"), _) => docs(call),
        (Some(b"info"), _) => command_info(call),
        (Some(b"list"), 2) => {
            call.replies().array(COMMANDS.len());
            COMMANDS.iter().for_each(|command| call.replies().bulk(command.name.as_bytes()));
        }
        (Some(b"count" | b"list"), _) => wrong_number(call, "command"),
        (Some(b"help"), _) => {
            help(call, &["COMMAND [<subcommand> [<arg> ...]]. Subcommands are:", "COUNT, DOCS, INFO, LIST"])
        }
        _ => unknown_subcommand(call, "COMMAND"),
    }
    Flow::Continue
}

/// The commands that COMMAND is asked about: all of them if none is named.
fn asked(call: &Call<'_>) -> Vec<Option<&'static Command>> {
    let names = call.words.skip(2);
    match names.len() {
        0 => COMMANDS.iter().map(Some).collect(),
        _ => names.iter().map(command::named).collect(),
    }
}

fn command_info(call: &mut Call<'_>) {
    let asked = asked(call);
    call.replies().array(asked.len());
    for command in asked {
        match command {
            Some(command) => write_command(call.replies(), command),
            None => call.replies().null(),
        }
    }
}

/// Writes what COMMAND says of a command.
fn write_command(replies: &mut Replies, command: &Command) {
    replies.array(10);
    replies.bulk(command.name.as_bytes());
    replies.integer(command.arity);
    replies.set(command.flags.len());
    for flag in command.flags {
        replies.simple(flag);
    }
    for place in command.keys.places() {
        replies.integer(place);
    }
    // Categories of access, hints, specifications of keys, subcommands: there are none.
    replies.set(0);
    for _ in 0..3 {
        replies.array(0);
    }
}

fn docs(call: &mut Call<'_>) {
    let asked: Vec<_> = asked(call).into_iter().flatten().collect();
    let replies = call.replies();
    replies.map(asked.len());
    for command in asked {
        replies.bulk(command.name.as_bytes());
        replies.map(3);
        for (name, value) in [("summary", command.summary), ("since", "1.0.0"), ("group", command.group)] {
            replies.bulk(name.as_bytes());
            replies.bulk(value.as_bytes());
        }
    }
}
