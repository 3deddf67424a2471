//! What each command answers, byte by byte.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use redis_protocol::{resp2, resp3};

use super::super::RespLimits;
use super::super::command::{COMMANDS, Flow};
use super::{Local, Memory, numbered, request, rows, zones};
use crate::serve::row::{Columns, Row};

fn small() -> Local {
    Local::new(Memory::small())
}

#[test]
fn get_answers_with_the_value_of_two_columns_and_with_json_of_more() {
    small().check([
        ("GET http", "$2\r\n80\r\n"),
        ("get http", "$2\r\n80\r\n"),
        ("GET none", "$-1\r\n"),
        ("GET empty", "$0\r\n\r\n"),
        ("GET \"\\xff\"", "$-1\r\n"),
        ("GET cities:ber", "$29\r\n{\"name\":\"Berlin\",\"land\":\"DE\"}\r\n"),
        ("STRLEN cities:ber", ":29\r\n"),
        ("STRLEN http", ":2\r\n"),
        ("STRLEN none", ":0\r\n"),
    ]);
}

#[test]
fn a_key_begins_with_the_name_of_its_table_or_is_in_the_selected_one() {
    small().check([
        ("GET ports:ssh", "$2\r\n22\r\n"),
        ("GET a:b", "$1\r\n1\r\n"),
        ("GET ports:a:b", "$1\r\n1\r\n"),
        ("SELECT 1", "+OK\r\n"),
        ("GET ssh", "$-1\r\n"),
        ("GET ports:ssh", "$2\r\n22\r\n"),
        ("HGET ber land", "$2\r\nDE\r\n"),
        ("DBSIZE", ":2\r\n"),
        ("SELECT ports", "+OK\r\n"),
        ("DBSIZE", ":4\r\n"),
        ("SELECT 2", "-ERR DB index is out of range\r\n"),
        ("SELECT -1", "-ERR DB index is out of range\r\n"),
        ("SELECT other", "-ERR no table has this number or name; INFO keyspace lists them\r\n"),
        ("DBSIZE", ":4\r\n"),
    ]);
}

#[test]
fn selected_table_stays_the_same_when_others_come_and_go() {
    let mut client = small();
    client.check([("SELECT 1", "+OK\r\n"), ("DBSIZE", ":2\r\n")]);
    client.tables.tables.insert(0, ("new".into(), rows(["x"], [("a", ["1"])])));
    client.check([("DBSIZE", ":2\r\n"), ("GET new:a", "$1\r\n1\r\n")]);
    client.tables.tables.pop();
    let gone = "-ERR the selected table is not served any more; SELECT another\r\n";
    client.check([
        ("DBSIZE", gone),
        ("GET ber", gone),
        ("HGET ber land", gone),
        ("MGET ber lon", gone),
        ("SCAN 0", gone),
    ]);
    client.check([("SELECT 0", "+OK\r\n"), ("DBSIZE", ":1\r\n")]);
}

#[test]
fn server_without_tables_says_so() {
    let mut client = Local::new(Memory { tables: vec![], zones: None });
    let none = "-ERR the selected table is not served any more; SELECT another\r\n";
    client.check([
        ("GET a", none),
        ("DBSIZE", none),
        ("SELECT 0", "-ERR DB index is out of range\r\n"),
        ("PING", "+PONG\r\n"),
    ]);
}

#[test]
fn several_keys_are_answered_in_order() {
    small().check([
        ("MGET http none ssh", "*3\r\n$2\r\n80\r\n$-1\r\n$2\r\n22\r\n"),
        ("MGET http cities:lon", "*2\r\n$2\r\n80\r\n$33\r\n{\"name\":\"\\\"London\\\"\",\"land\":\"GB\"}\r\n"),
        ("EXISTS http none http cities:ber", ":3\r\n"),
        ("TOUCH http none", ":1\r\n"),
    ]);
}

#[test]
fn many_keys_are_answered_in_order_wherever_they_are() {
    let mut client = Local::new(Memory::numbers(1000));
    client.tables.tables.push(("other".into(), rows(["x"], [("a", ["A"]), ("", ["nothing"])])));
    for count in [1, 2, 15, 16, 17, 32, 33, 100] {
        let mut words = vec![b"MGET".to_vec()];
        let mut expected = format!("*{count}\r\n");
        for at in 0..count {
            let (key, value) = match at % 5 {
                0 if count > 16 => (b"other:a".to_vec(), "$1\r\nA\r\n".to_owned()),
                1 => (b"none".to_vec(), "$-1\r\n".to_owned()),
                2 if count > 32 => (b"other:\xff".to_vec(), "$-1\r\n".to_owned()),
                _ => (format!("key:{at:012}").into_bytes(), format!("${}\r\n{at}\r\n", at.to_string().len())),
            };
            words.push(key);
            expected.push_str(&value);
        }
        assert_eq!(String::from_utf8(client.send(&request(&words))).unwrap(), expected, "{count}");
    }
}

#[test]
fn key_that_is_not_text_is_not_the_empty_one() {
    let mut client = Local::new(Memory { tables: vec![("t".into(), rows(["x"], [("", ["nothing"])]))], zones: None });
    client.check([("MGET \"\" \"\\xff\"", "*2\r\n$7\r\nnothing\r\n$-1\r\n")]);
}

#[test]
fn columns_are_the_fields_of_a_hash() {
    small().check([
        ("HGET cities:ber name", "$6\r\nBerlin\r\n"),
        ("HGET cities:ber other", "$-1\r\n"),
        ("HGET cities:none name", "$-1\r\n"),
        ("HGET http port", "$2\r\n80\r\n"),
        ("HMGET cities:ber land other name", "*3\r\n$2\r\nDE\r\n$-1\r\n$6\r\nBerlin\r\n"),
        ("HMGET cities:none land", "*1\r\n$-1\r\n"),
        ("HGETALL cities:ber", "*4\r\n$4\r\nname\r\n$6\r\nBerlin\r\n$4\r\nland\r\n$2\r\nDE\r\n"),
        ("HGETALL cities:none", "*0\r\n"),
        ("HKEYS cities:ber", "*2\r\n$4\r\nname\r\n$4\r\nland\r\n"),
        ("HVALS cities:ber", "*2\r\n$6\r\nBerlin\r\n$2\r\nDE\r\n"),
        ("HLEN cities:ber", ":2\r\n"),
        ("HLEN none", ":0\r\n"),
        ("HEXISTS cities:ber land", ":1\r\n"),
        ("HEXISTS cities:ber other", ":0\r\n"),
        ("HSTRLEN cities:ber name", ":6\r\n"),
        ("HSTRLEN cities:ber other", ":0\r\n"),
    ]);
}

#[test]
fn keys_have_a_type_and_no_end() {
    small().check([
        ("TYPE http", "+string\r\n"),
        ("TYPE cities:ber", "+hash\r\n"),
        ("TYPE none", "+none\r\n"),
        ("TTL http", ":-1\r\n"),
        ("PTTL none", ":-2\r\n"),
    ]);
}

#[test]
fn version_3_has_maps_and_its_own_null() {
    let mut client = small();
    let hello = client.ask("HELLO 3 SETNAME me");
    assert!(
        hello.starts_with("%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$5\r\n7.0.0\r\n$5\r\nproto\r\n:3\r\n"),
        "{hello}"
    );
    client.check([
        ("GET none", "_\r\n"),
        ("HGETALL cities:ber", "%2\r\n$4\r\nname\r\n$6\r\nBerlin\r\n$4\r\nland\r\n$2\r\nDE\r\n"),
        ("HGETALL none", "%0\r\n"),
        ("MGET http none", "*2\r\n$2\r\n80\r\n_\r\n"),
        ("CLIENT GETNAME", "$2\r\nme\r\n"),
    ]);
    assert!(client.ask("INFO replication").starts_with("=52\r\ntxt:# Replication\r\nrole:master\r\n"));
    assert!(client.ask("HELLO 2").starts_with("*14\r\n"));
    client.check([("GET none", "$-1\r\n")]);
}

#[test]
fn hello_refuses_what_it_does_not_know() {
    let no_password = "-ERR AUTH <password> called without any password configured for the default user. \
        Are you sure your configuration is correct?\r\n";
    let mut client = small();
    assert!(client.ask("HELLO").starts_with("*14\r\n"));
    client.check([
        ("HELLO 4", "-NOPROTO unsupported protocol version\r\n"),
        ("HELLO x", "-ERR Protocol version is not an integer or out of range\r\n"),
        ("HELLO 3 AUTH default secret", no_password),
        ("HELLO 3 SETNAME", "-ERR Syntax error in HELLO option 'SETNAME'\r\n"),
        ("HELLO 3 OTHER x", "-ERR Syntax error in HELLO option 'OTHER'\r\n"),
        ("AUTH secret", no_password),
        ("GET none", "$-1\r\n"),
    ]);
}

#[test]
fn connection_can_be_asked_about_and_reset() {
    let mut client = small();
    client.check([
        ("PING", "+PONG\r\n"),
        ("PING hi", "$2\r\nhi\r\n"),
        ("PING a b", "-ERR wrong number of arguments for 'ping' command\r\n"),
        ("ECHO hi", "$2\r\nhi\r\n"),
        ("CLIENT ID", ":1\r\n"),
        ("CLIENT GETNAME", "$-1\r\n"),
        ("CLIENT SETNAME \"a b\"", "-ERR Client names cannot contain spaces, newlines or special characters.\r\n"),
        ("CLIENT SETNAME app", "+OK\r\n"),
        ("CLIENT SETINFO LIB-NAME lib", "+OK\r\n"),
        ("CLIENT SETINFO LIB-VER 1.2", "+OK\r\n"),
        ("CLIENT SETINFO OTHER x", "-ERR Unrecognized option 'OTHER'\r\n"),
        ("CLIENT NO-EVICT ON", "+OK\r\n"),
        ("CLIENT KILL 1", "-ERR unknown subcommand 'KILL'. Try CLIENT HELP.\r\n"),
        ("CLIENT ID x", "-ERR wrong number of arguments for 'client|id' command\r\n"),
        ("SELECT 1", "+OK\r\n"),
    ]);
    let list = client.ask("CLIENT LIST");
    let expected =
        "id=1 addr=127.0.0.1:6378 laddr=127.0.0.1:6378 name=app age=0 db=1 resp=2 lib-name=lib lib-ver=1.2\n";
    assert!(list.contains(expected), "{list}");
    client.check([("RESET", "+RESET\r\n"), ("CLIENT GETNAME", "$-1\r\n"), ("DBSIZE", ":4\r\n")]);
    assert_eq!((client.ask("QUIT"), client.flow), ("+OK\r\n".to_owned(), Flow::Close));
}

#[test]
fn writes_are_refused() {
    let refusal = "-READONLY twinbucket tables are read-only; change their source instead\r\n";
    let mut client = small();
    for line in ["SET http 81", "del http", "HSET a b c", "FLUSHALL", "EXPIRE http 1", "SET", "MSET a b"] {
        client.check([(line, refusal)]);
    }
    client.check([("GET http", "$2\r\n80\r\n")]);
}

#[test]
fn other_commands_are_refused_as_in_redis() {
    small().check([
        ("NOSUCH", "-ERR unknown command 'NOSUCH', with args beginning with: \r\n"),
        ("NOSUCH a b", "-ERR unknown command 'NOSUCH', with args beginning with: 'a' 'b' \r\n"),
        ("\"a\\r\\nb\"", "-ERR unknown command 'ab', with args beginning with: \r\n"),
        ("GET", "-ERR wrong number of arguments for 'get' command\r\n"),
        ("GET a b", "-ERR wrong number of arguments for 'get' command\r\n"),
        ("MGET", "-ERR wrong number of arguments for 'mget' command\r\n"),
        ("HMGET a", "-ERR wrong number of arguments for 'hmget' command\r\n"),
    ]);
}

#[test]
fn web_page_learns_nothing() {
    let mut client = small();
    assert_eq!((client.ask("POST / HTTP/1.1").as_str(), client.flow), ("", Flow::Close));
    let mut client = small();
    assert_eq!((client.ask("Host: localhost").as_str(), client.flow), ("", Flow::Close));
}

#[test]
fn settings_are_answered_and_not_changed() {
    small().check([
        ("CONFIG GET save", "*2\r\n$4\r\nsave\r\n$0\r\n\r\n"),
        ("CONFIG GET appendonly", "*2\r\n$10\r\nappendonly\r\n$2\r\nno\r\n"),
        ("CONFIG GET data* SAVE", "*4\r\n$9\r\ndatabases\r\n$1\r\n2\r\n$4\r\nsave\r\n$0\r\n\r\n"),
        ("CONFIG GET none", "*0\r\n"),
        (
            "CONFIG SET save x",
            "-READONLY settings are those of the command line or the configuration file; change them there\r\n",
        ),
        ("CONFIG GET", "-ERR wrong number of arguments for 'config|get' command\r\n"),
        ("CONFIG OTHER", "-ERR unknown subcommand 'OTHER'. Try CONFIG HELP.\r\n"),
    ]);
}

#[test]
fn info_has_sections() {
    let mut client = small();
    client.check([(
        "INFO keyspace",
        "$76\r\n# Keyspace\r\ndb0:keys=4,expires=0,avg_ttl=0\r\ndb1:keys=2,expires=0,avg_ttl=0\r\n\r\n",
    )]);
    client.ask("GET http");
    client.ask("GET none");
    let info = client.ask("INFO");
    for expected in ["redis_version:7.0.0", "role:master", "connected_clients:1", "table0:name=ports,generation="] {
        assert!(info.contains(expected), "{expected} in {info}");
    }
    assert!(info.contains("keyspace_hits:1\r\nkeyspace_misses:1\r\n"), "{info}");
}

#[test]
fn commands_describe_themselves() {
    let mut client = small();
    client.check([
        ("COMMAND COUNT", &format!(":{}\r\n", COMMANDS.len())),
        (
            "COMMAND INFO get nosuch",
            "*2\r\n*10\r\n$3\r\nget\r\n:2\r\n*2\r\n+readonly\r\n+fast\r\n:1\r\n:1\r\n:1\r\n*0\r\n*0\r\n*0\r\n*0\r\n$-1\r\n",
        ),
        (
            "COMMAND DOCS ping",
            "*2\r\n$4\r\nping\r\n*6\r\n$7\r\nsummary\r\n$34\r\nAnswers, so that one sees it does.\r\n\
             $5\r\nsince\r\n$5\r\n1.0.0\r\n$5\r\ngroup\r\n$10\r\nconnection\r\n",
        ),
    ]);
    assert!(client.ask("COMMAND").starts_with(&format!("*{}\r\n*10\r\n", COMMANDS.len())));
}

#[test]
fn every_answer_is_one_frame_in_both_versions() {
    let words = ["http", "cities:ber", "1", "*"];
    for version in ["2", "3"] {
        let mut client = small();
        client.ask(&format!("HELLO {version}"));
        for command in COMMANDS.iter().filter(|command| !["reset", "hello"].contains(&command.name)) {
            for count in 0..=words.len() {
                let line = [&[command.name], &words[..count]].concat();
                let answer = client.send(&request(&line));
                let decoded = match version {
                    "2" => resp2::decode::decode(&answer).map(|found| found.map(|(_, len)| len)),
                    _ => resp3::decode::complete::decode(&answer).map(|found| found.map(|(_, len)| len)),
                };
                assert_eq!(decoded, Ok(Some(answer.len())), "{line:?} {}", answer.escape_ascii());
            }
        }
    }
}

/// Walks the selected table, and returns all keys and how many pages there were.
fn walk(client: &mut Local, options: &str, mut between: impl FnMut(&mut Local)) -> (Vec<String>, usize) {
    let (mut keys, mut cursor, mut pages) = (Vec::new(), "0".to_owned(), 0);
    loop {
        let answer = client.ask(&format!("SCAN {cursor} {options}"));
        let mut lines = answer.split("\r\n");
        assert_eq!(lines.next(), Some("*2"), "{answer}");
        cursor = lines.nth(1).unwrap().to_owned();
        let count: usize = lines.next().unwrap()[1..].parse().unwrap();
        let page: Vec<_> = lines.skip(1).step_by(2).map(str::to_owned).collect();
        assert_eq!(page.len(), count);
        keys.extend(page);
        pages += 1;
        if cursor == "0" {
            return (keys, pages);
        }
        between(client);
    }
}

#[test]
fn scan_walks_one_version_while_others_are_published() {
    let mut client = Local::new(Memory::numbers(1000));
    let mut round = 0;
    let (keys, pages) = walk(&mut client, "COUNT 30", |client| {
        round += 1;
        let other = numbered(1000 - round, &format!(" of {round}"));
        client.tables.tables[0].1.replace_all(other.read().into_iter().map(|(key, row)| (format!("new{key}"), row)));
    });
    let expected: BTreeSet<String> = (0..1000).map(|number| format!("key:{number:012}")).collect();
    assert_eq!((keys.len(), pages), (1000, 34));
    assert_eq!(keys.into_iter().collect::<BTreeSet<_>>(), expected);
}

#[test]
fn scan_is_bound_to_its_table_not_to_what_is_selected() {
    let mut client = small();
    let (keys, _) = walk(&mut client, "COUNT 1", |client| assert_eq!(client.ask("SELECT cities"), "+OK\r\n"));
    assert_eq!(keys.into_iter().collect::<BTreeSet<_>>(), ["a:b", "empty", "http", "ssh"].map(str::to_owned).into());
}

#[test]
fn scan_takes_pattern_and_type() {
    let mut client = Local::new(Memory::numbers(1000));
    assert_eq!(walk(&mut client, "MATCH *99? COUNT 100", |_| {}).0.len(), 10);
    assert_eq!(walk(&mut client, "TYPE string COUNT 1000", |_| {}).0.len(), 1000);
    assert_eq!(walk(&mut client, "type HASH COUNT 1000", |_| {}).0.len(), 0);
    assert_eq!(walk(&mut client, "COUNT 1000000", |_| {}).1, 1);
    assert_eq!(walk(&mut client, "", |_| {}).1, 100);
    let mut client = small();
    let (mut keys, _) = walk(&mut client, "MATCH cities:* COUNT 1", |_| {});
    keys.sort();
    assert_eq!(keys, ["cities:ber", "cities:lon"]);
}

#[test]
fn table_by_range_answers_addresses_and_is_walked_by_ranges() {
    let content = Arc::new(Mutex::new("10.0.0.0/8 inside\n10.9.0.0/16 guests\n10.9.0.7 printer\n2001:db8::/32 docs"));
    let zones = zones(&content);
    let mut client = Local::new(Memory { tables: vec![], zones: Some(zones.clone()) });
    client.check([
        ("GET 10.1.2.3", "$6\r\ninside\r\n"),
        ("GET 10.9.2.3", "$6\r\nguests\r\n"),
        ("GET 10.9.0.7", "$7\r\nprinter\r\n"),
        ("GET 10.0.0.0/8", "$6\r\ninside\r\n"),
        ("GET 10.0.0.0/9", "$-1\r\n"),
        ("GET 11.0.0.0", "$-1\r\n"),
        ("GET nonsense", "$-1\r\n"),
        ("HGET zones:2001:db8::1 zone", "$4\r\ndocs\r\n"),
        ("MGET 2001:db8::1 10.9.2.3 x", "*3\r\n$4\r\ndocs\r\n$6\r\nguests\r\n$-1\r\n"),
        ("DBSIZE", ":4\r\n"),
        ("KEYS 10.9*", "*2\r\n$11\r\n10.9.0.0/16\r\n$8\r\n10.9.0.7\r\n"),
    ]);
    let (keys, pages) = walk(&mut client, "COUNT 1", |_| {
        *content.lock().unwrap() = "10.0.0.0/8 other";
        zones.table().reload(Duration::from_secs(30)).unwrap();
    });
    assert_eq!((keys.join(" "), pages), ("10.0.0.0/8 10.9.0.0/16 10.9.0.7 2001:db8::/32".to_owned(), 4));
    client.check([("DBSIZE", ":1\r\n"), ("GET 10.9.0.7", "$5\r\nother\r\n")]);
}

#[test]
fn scan_refuses_what_makes_no_sense() {
    let mut client = small();
    client.check([
        ("SCAN x", "-ERR invalid cursor\r\n"),
        ("SCAN -1", "-ERR invalid cursor\r\n"),
        ("SCAN 0 COUNT", "-ERR syntax error\r\n"),
        ("SCAN 0 COUNT 0", "-ERR syntax error\r\n"),
        ("SCAN 0 COUNT x", "-ERR value is not an integer or out of range\r\n"),
        ("SCAN 0 OTHER x", "-ERR syntax error\r\n"),
    ]);
    let long = client.ask(&format!("SCAN 0 MATCH {}", "a".repeat(513)));
    assert_eq!(long, "-ERR the pattern is too long; it has at most 512 bytes\r\n");
}

/// Begins a scan and returns its cursor.
fn begin(client: &mut Local) -> String {
    client.ask("SCAN 0 COUNT 1").split("\r\n").nth(2).unwrap().to_owned()
}

const EXPIRED: &str =
    "-ERR cursor expired: it was used already, or not for too long, or too many scans are open; start again with 0\r\n";

#[test]
fn cursor_is_used_up_by_its_page() {
    let mut client = small();
    let cursor = begin(&mut client);
    assert!(client.ask(&format!("SCAN {cursor}")).starts_with("*2\r\n$1\r\n0\r\n"));
    assert_eq!(client.ask(&format!("SCAN {cursor}")), EXPIRED);
    assert_eq!(client.ask("SCAN 7"), EXPIRED);
}

#[test]
fn scans_of_one_connection_are_few_and_the_oldest_goes() {
    let mut client = small();
    let cursors: Vec<String> = (0..6).map(|_| begin(&mut client)).collect();
    assert_eq!(client.server.scans.len(), 4);
    let expired = |cursor: &String| client.ask(&format!("SCAN {cursor} COUNT 100")) == EXPIRED;
    assert_eq!(cursors.iter().map(expired).collect::<Vec<_>>(), [true, true, false, false, false, false]);
}

#[test]
fn scans_of_all_connections_are_bounded() {
    let limits = RespLimits { scans: 3, scans_per_connection: 100, ..RespLimits::default() };
    let mut client = Local::with_limits(Memory::small(), limits);
    (0..10).for_each(|_| drop(begin(&mut client)));
    assert_eq!(client.server.scans.len(), 3);
}

#[test]
fn scan_that_nobody_goes_on_with_is_closed_and_holds_nothing() {
    let limits = RespLimits { scan_timeout: Duration::ZERO, ..RespLimits::default() };
    let mut client = Local::with_limits(Memory::small(), limits);
    let cursor = begin(&mut client);
    client.server.scans.sweep(std::time::Instant::now());
    assert_eq!(client.server.scans.len(), 0);
    assert!(client.tables.tables[0].1.pins().is_empty());
    assert_eq!(client.ask(&format!("SCAN {cursor}")), EXPIRED);
}

#[test]
fn keys_lists_small_tables_only() {
    let mut client = small();
    client.check([
        ("KEYS h*", "*1\r\n$4\r\nhttp\r\n"),
        ("KEYS cities:b?r", "*1\r\n$10\r\ncities:ber\r\n"),
        ("KEYS x", "*0\r\n"),
    ]);
    let limits = RespLimits { keys_entries: 3, ..RespLimits::default() };
    let mut client = Local::with_limits(Memory::small(), limits);
    client.check([("KEYS *", "-ERR KEYS walks tables of at most 3 entries; use SCAN\r\n")]);
}

#[test]
fn commands_have_limits() {
    let limits = RespLimits { keys: 2, reply_bytes: 40, ..RespLimits::default() };
    let mut client = Local::with_limits(Memory::small(), limits);
    let long = "-ERR the answer would have more than 40 bytes; ask for less at once\r\n";
    client.check([
        ("MGET http ssh none", "-ERR a command has at most 2 keys; send several\r\n"),
        ("EXISTS http ssh none", "-ERR a command has at most 2 keys; send several\r\n"),
        ("HMGET http a b c", "-ERR a command has at most 2 columns; send several\r\n"),
        ("MGET cities:ber cities:lon", long),
        ("HGETALL cities:ber", long),
        ("GET http", "$2\r\n80\r\n"),
        ("INFO", long),
    ]);
}

#[test]
fn many_keys_are_of_one_moment() {
    let memory = Memory::numbers(100);
    let store = memory.tables[0].1.clone();
    let columns = Columns::new(["number"]);
    let publish = |round: usize| {
        let row = Row::from_texts(&columns, [&*round.to_string()]).unwrap();
        store.replace_all((0..100).map(|number| (format!("key:{number:012}"), row.clone())));
    };
    publish(0);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| (1..500).for_each(publish));
        let mut client = Local::new(memory);
        let keys = (0..100).map(|number| format!("key:{number:012}"));
        let ask = request(&["MGET".to_owned()].into_iter().chain(keys).collect::<Vec<_>>());
        while !writer.is_finished() {
            let answer = String::from_utf8(client.send(&ask)).unwrap();
            let values: BTreeSet<&str> = answer.split("\r\n").skip(2).step_by(2).collect();
            assert_eq!(values.len(), 1, "{values:?}");
        }
    });
}
