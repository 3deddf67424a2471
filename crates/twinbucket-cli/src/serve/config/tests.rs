//! What a configuration file says, and the places of its errors.

use std::path::PathBuf;
use std::time::Duration;

use super::*;
use crate::serve::spec::{FileFormat, Origin, Otherwise};

fn no_flags() -> Flags {
    Flags { given: Given::default(), tables: Vec::new(), keys: Vec::new() }
}

fn parse(text: &str) -> Result<Config, String> {
    Config::of_file(&no_flags(), &"/etc/serve.toml".into(), text).map_err(|error| error.to_string())
}

#[test]
fn file_says_everything_of_a_table() {
    let config = parse(
        r#"
        [server]
        listen = "127.0.0.1:0"
        drain = "3s"
        [limits]
        keys = 10
        [[table]]
        name = "routes"
        source = "conf.d/*.toml"
        key = "id"
        rows_at = "route"
        quarantine = 5
        overlaps = "later_wins"
        guard = { not_empty = true, max_shrink = 0.5, max_entries = 100 }
        stale_after = "1m"
        start = { wait = "2s", or_embedded = "default.toml" }
        keep = 7
        long_pins = { after = "1m", dump = "pins.txt" }
        [[table]]
        name = "hosts"
        source = "http://localhost/hosts.json"
        interval = "9s"
        http = { headers = { Accept = "x/y" }, bearer_file = "token" }
        "#,
    )
    .unwrap();
    let names: Vec<&str> = config.tables.iter().map(|table| &*table.name).collect();
    assert_eq!(names, ["routes", "hosts"]);
    let (routes, hosts) = (&config.tables[0], &config.tables[1]);
    assert_eq!(routes.origin, Origin::Directory("/etc/conf.d".into(), "*.toml".into()));
    assert_eq!((routes.format, routes.keep, routes.quarantine), (FileFormat::Toml, 7, 5));
    assert_eq!(routes.otherwise, Otherwise::Embedded(PathBuf::from("/etc/default.toml")));
    assert_eq!((routes.wait, routes.stale_after), (Duration::from_secs(2), Some(Duration::from_secs(60))));
    assert!(routes.long_pins.as_ref().unwrap().log);
    assert_eq!((hosts.interval, hosts.http.bearer_file.clone()), (Duration::from_secs(9), Some("/etc/token".into())));
    assert_eq!((config.server.limits.keys, config.server.drain), (10, Duration::from_secs(3)));
}

#[test]
fn errors_name_line_and_column_and_say_what_to_do() {
    for (text, expected) in [
        ("[server]\nlisten = 5\n", "/etc/serve.toml:2:10: "),
        ("[server]\n\nlistn = \"x\"\n", "/etc/serve.toml:3:1: unknown field `listn`, expected"),
        ("[server]\ndrain = \"5\"\n", "/etc/serve.toml:2:9: \"5\" is not a time"),
        (
            "[[table]]\nname = \"a\"\nsource = \"a.dat\"\n",
            "/etc/serve.toml:3:10: the format of \"a.dat\" cannot be told",
        ),
        ("[[table]]\nname = \"a b\"\nsource = \"a.csv\"\n", "/etc/serve.toml:2:8: \"a b\" cannot be the name"),
        (
            "[[table]]\nname = \"a\"\nsource = \"a.csv\"\nformat = \"xls\"",
            "/etc/serve.toml:4:10: \"xls\" is not a format",
        ),
        (
            "[[table]]\nname = \"a\"\nsource = \"a.csv\"\nguard = { max_shrink = 2.0 }",
            "/etc/serve.toml:4:24: max_shrink = 2: give the part",
        ),
        (
            "[[table]]\nname = \"a\"\nsource = \"a.csv\"\n[[table]]\nname = \"a\"\nsource = \"b.csv\"",
            "/etc/serve.toml:5:8: there is a table \"a\" already",
        ),
        ("[limits]\nkeys = 0\n", "/etc/serve.toml: keys must be between 1 and"),
        ("[server\n", "/etc/serve.toml:1:8: "),
        ("[server]\nadmin = \"0.0.0.0:1\"\n", "/etc/serve.toml: administration on 0.0.0.0:1 can be reached"),
    ] {
        let error = parse(text).unwrap_err();
        assert!(error.starts_with(expected), "{text}\n{error}");
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn tables_of_the_flags_come_first_and_keys_name_them() {
    let flags = Flags {
        given: Given::default(),
        tables: vec![TableSpec::from_flag("b=b.csv").unwrap()],
        keys: vec![(Some("a".into()), "id".into())],
    };
    let text = "[[table]]\nname = \"a\"\nsource = \"a.csv\"\n";
    let config = Config::of_file(&flags, &"serve.toml".into(), text).unwrap();
    assert_eq!((&*config.tables[0].name, &*config.tables[1].name), ("b", "a"));
    assert_eq!((config.tables[0].key.clone(), config.tables[1].key.as_deref()), (None, Some("id")));
    let error = Config::of_file(&flags, &"serve.toml".into(), "").unwrap_err().to_string();
    assert!(error.contains("there is no table \"a\""), "{error}");
}
