//! What a table by range promises while its content changes.
#![cfg(feature = "ranges")]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;
use twinbucket_feed::ranges::{FirstLast, Range, RangeTable};
use twinbucket_feed::{
    Fetched, Format, LoadError, OpenError, Part, ReloadError, Revision, RowError, Rows, Source, SourceError, Start,
    Table,
};

/// Longest time that a test waits for a load.
const PATIENCE: Duration = Duration::from_secs(30);

/// A source whose content a test replaces.
#[derive(Clone)]
struct Text(Arc<Mutex<String>>);

impl Text {
    fn new(text: &str) -> Self {
        Self(Arc::new(Mutex::new(text.to_owned())))
    }
}

impl Source for Text {
    fn name(&self) -> String {
        "zones".to_owned()
    }

    fn fetch(&mut self, _: Option<&Revision>) -> Result<Fetched, SourceError> {
        let text = self.0.lock().clone();
        let revision = Revision::new(&*text);
        Ok(Fetched::New { parts: vec![Part { name: "zones".into(), bytes: text.into_bytes() }], revision })
    }

    fn pause(&mut self) -> Duration {
        Duration::from_secs(3600)
    }
}

/// Reads a range, a comma and a value from each line that is not blank, whatever is quoted.
struct Lines;

impl<V: From<String>> Format<Range, V> for Lines {
    fn read(&self, part: &Part, rows: &mut Rows<'_, Range, V>) -> Result<(), RowError> {
        let text = String::from_utf8_lossy(&part.bytes).replace('"', "");
        for (line, text) in (1..).zip(text.lines()).filter(|(_, text)| !text.is_empty()) {
            let (range, value) = text.split_once(',').expect("a line of a test has a comma");
            let flow = match range.parse() {
                Ok(range) => rows.push(line, range, value.to_owned().into()),
                Err(error) => rows.reject(RowError::new(rows.place(line, 1), error.to_string())),
            };
            if flow.is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// Opens a table on `text`.
fn open<V>(text: &Text) -> RangeTable<V>
where
    V: From<String> + Clone + PartialEq + Send + Sync + 'static,
{
    Table::builder().source(text.clone()).format(Lines).keep(2).open_ranges().unwrap()
}

/// Replaces the content and loads it.
#[track_caller]
fn reload<V: 'static>(table: &RangeTable<V>, text: &Text, content: &str) {
    content.clone_into(&mut text.0.lock());
    table.table().reload(PATIENCE).unwrap();
}

/// Replaces the content, and returns why it was not taken.
#[track_caller]
fn refused<V: 'static>(table: &RangeTable<V>, text: &Text, content: &str) -> LoadError {
    content.clone_into(&mut text.0.lock());
    match table.table().reload(PATIENCE).unwrap_err() {
        ReloadError::Failed(error) => LoadError::clone(&error),
        other => panic!("{other}"),
    }
}

fn address(last: u8) -> IpAddr {
    Ipv4Addr::new(10, 0, 0, last).into()
}

#[test]
fn held_range_bucket_keeps_its_answers_through_reloads() {
    let text = Text::new("10.0.0.0/24,a\n10.0.0.8/29,b");
    let table = open::<String>(&text);
    let held = table.read();
    reload(&table, &text, "10.0.0.0/25,c");
    reload(&table, &text, "10.0.0.9,d");

    assert_eq!(held.find(address(9)).unwrap().1, "b");
    assert_eq!(held.find(address(200)).unwrap().1, "a");
    assert_eq!(held.len(), 2);
    assert_eq!(table.get(address(9)), Some("d".to_owned()));
    assert_eq!(table.get(address(8)), None);
    drop(table);
    assert_eq!(held.find(address(9)).unwrap().1, "b");
}

#[test]
fn reader_follows_the_table() {
    let text = Text::new("10.0.0.0/24,a");
    let table = open::<String>(&text);
    let mut reader = table.reader();
    assert_eq!(reader.find(address(1)).unwrap().1, "a");
    reload(&table, &text, "10.0.0.0/24,b");
    assert_eq!(reader.find(address(1)).unwrap().1, "b");
    reader.release();
    assert_eq!(reader.find(address(1)).unwrap().1, "b");
}

#[test]
fn version_has_the_generation_of_the_table_with_the_same_content() {
    let text = Text::new("10.0.0.0/24,a");
    let table = open::<String>(&text);
    let first = table.read();
    assert_eq!(first.generation(), table.table().generation());
    reload(&table, &text, "10.0.0.0/25,b\n10.0.0.0/24,a");
    let second = table.read();
    assert_eq!(second.generation(), table.table().generation());
    let bucket = table.table().at(second.generation()).unwrap();
    assert!(bucket.len() == second.len() && bucket.iter().all(|(range, value)| second.get(range) == Some(value)));

    table.table().rollback(first.generation()).unwrap();
    assert_eq!(table.read().generation(), table.table().generation());
    assert_eq!(table.get(address(1)), Some("a".to_owned()));
}

#[test]
fn ranges_that_cross_keep_the_last_good_version() {
    let text = Text::new("10.0.0.0/24,a");
    let table = open::<String>(&text);
    let generation = table.read().generation();
    let error = refused(&table, &text, "10.0.0.0/24,b\n10.0.0.128-10.0.1.3,c");
    assert_eq!(
        error.to_string(),
        "not valid: the ranges 10.0.0.0/24 and 10.0.0.128-10.0.1.3 overlap, and neither lies within the other; shorten \
         or split one of them"
    );
    assert_eq!(table.get(address(1)), Some("a".to_owned()));
    assert_eq!((table.read().generation(), table.table().generation()), (generation, generation));

    reload(&table, &text, "10.0.0.0/24,b");
    assert_eq!(table.get(address(1)), Some("b".to_owned()));
}

#[test]
fn bad_row_keeps_the_last_good_version_and_is_named() {
    let text = Text::new("10.0.0.0/24,a");
    let table = open::<String>(&text);
    let error = refused(&table, &text, "10.0.0.0/25,b\n10.0.0.1/24,c");
    assert_eq!(error.to_string(), "zones:2:1: 10.0.0.1/24 has bits set after the prefix; the network is 10.0.0.0/24");
    assert_eq!(table.get(address(1)), Some("a".to_owned()));
}

#[test]
fn first_content_that_crosses_opens_no_table() {
    let text = Text::new("10.0.0.0/24,b\n10.0.0.128-10.0.1.3,c");
    let opened: Result<RangeTable<String>, _> = Table::builder().source(text).format(Lines).open_ranges();
    assert!(matches!(opened, Err(OpenError::NotLoaded { error: Some(_), .. })), "{opened:?}");
}

#[test]
fn table_without_content_finds_nothing() {
    let text = Text::new("");
    let table: RangeTable<String> =
        Table::builder().source(text).format(Lines).start(Start::empty()).open_ranges().unwrap();
    assert_eq!(table.get(address(1)), None);
    assert_eq!(table.read().generation(), table.table().generation());
}

#[test]
fn few_changed_ranges_publish_only_themselves() {
    let rows = |changed: usize| {
        let row =
            |at: usize| format!("10.{}.{}.0/24,{}\n", at / 256, at % 256, if at < changed { "new" } else { "old" });
        (0..20_000).map(row).collect::<String>()
    };
    let text = Text::new(&rows(0));
    let table = open::<String>(&text);
    reload(&table, &text, &rows(10));
    let changes = table.table().status().changes();
    assert_eq!((changes.added, changes.changed, changes.removed, changes.unchanged), (0, 10, 0, 19_990));
    let find = |third: u8| table.get(Ipv4Addr::new(10, 0, third, 7));
    assert_eq!((find(9).as_deref(), find(10).as_deref()), (Some("new"), Some("old")));
}

#[test]
fn readers_see_each_load_as_a_whole() {
    // All rows of a load have the same value.
    let rows = |load: usize| (0..64).map(|at| format!("10.0.0.{at},{load}\n")).collect::<String>();
    let text = Text::new(&rows(0));
    let table = open::<String>(&text);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let mut reader = table.reader();
        let done = &done;
        let checks = scope.spawn(move || {
            let mut last = 0;
            while !done.load(Ordering::Relaxed) {
                let version = reader.read();
                let first: usize = version.find(address(0)).unwrap().1.parse().unwrap();
                assert!(first >= last, "it went back from {last} to {first}");
                for at in 0..64 {
                    assert_eq!(version.find(address(at)).unwrap().1, &first.to_string());
                }
                last = first;
            }
        });
        for load in 1..50 {
            reload(&table, &text, &rows(load));
        }
        done.store(true, Ordering::Relaxed);
        checks.join().unwrap();
    });
}

/// A value that is counted.
#[derive(Debug)]
struct Counted(String);

/// How many there are.
static COUNTED: AtomicUsize = AtomicUsize::new(0);

impl From<String> for Counted {
    fn from(text: String) -> Self {
        COUNTED.fetch_add(1, Ordering::SeqCst);
        Self(text)
    }
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        Self::from(self.0.clone())
    }
}

impl PartialEq for Counted {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        COUNTED.fetch_sub(1, Ordering::SeqCst);
    }
}

#[test]
fn dropped_range_bucket_is_freed_by_the_feed_and_not_by_the_reader() {
    let text = Text::new("10.0.0.0/24,a\n10.0.1.0/24,b");
    let table = open::<Counted>(&text);
    let held = table.read();
    reload(&table, &text, "10.0.0.0/24,c");
    let with_old = COUNTED.load(Ordering::SeqCst);
    drop(held);
    assert_eq!(COUNTED.load(Ordering::SeqCst), with_old, "the reader freed values");
    // The feed looks again, and finds the same.
    table.table().reload(PATIENCE).unwrap();
    assert_eq!(COUNTED.load(Ordering::SeqCst), with_old - 2, "the old index had two values");
}

#[test]
fn first_and_last_in_two_columns_are_one_range_and_places_stay_right() {
    let content =
        "# first, last, zone\n10.0.0.0,10.0.0.9,a\r\n#\r\n\"10.0.1.0\",\"10.0.1.255\",b\n167772672,167772675,c\n";
    let text = Text::new(content);
    let table: RangeTable<String> =
        Table::builder().source(text.clone()).format(FirstLast(Lines)).open_ranges().unwrap();
    let rows: Vec<String> = table.read().iter().map(|(range, zone)| format!("{range} {zone}")).collect();
    assert_eq!(rows, ["10.0.0.0-10.0.0.9 a", "10.0.1.0/24 b", "10.0.2.0/30 c"]);

    let error = refused(&table, &text, "# zones\n\n10.0.0.9,10.0.0.0,a\n");
    assert_eq!(error.to_string(), "zones:3:1: the last address, 10.0.0.0, is before the first, 10.0.0.9");
}

/// Destructors of [`Brittle`] on feed threads until one panics; 0 is never.
static UNTIL_PANIC: AtomicUsize = AtomicUsize::new(0);

/// A value whose destructor may panic on a feed's thread.
#[derive(Clone, PartialEq)]
struct Brittle(String);

impl From<String> for Brittle {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl Drop for Brittle {
    fn drop(&mut self) {
        let is_feed = thread::current().name() == Some("twinbucket-feed");
        if is_feed && !thread::panicking() {
            let left = UNTIL_PANIC.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
            if left == Ok(1) {
                std::panic::resume_unwind(Box::new("on purpose"));
            }
        }
    }
}

#[test]
fn table_and_index_agree_whatever_destructor_panics() {
    let content = |round: u64| format!("10.0.0.0/25,{round}\n10.0.0.128/25,{}\n10.1.0.0/16,x", round + 1);
    for n in 1.. {
        let text = Text::new(&content(0));
        let table = open::<Brittle>(&text);
        // The table keeps two generations: older ones are freed in what follows.
        (1..4).for_each(|round| reload(&table, &text, &content(round)));
        text.0.lock().clone_from(&content(4));
        UNTIL_PANIC.store(n, Ordering::Relaxed);
        let result = table.table().reload(PATIENCE);
        let fired = UNTIL_PANIC.swap(0, Ordering::Relaxed) == 0;

        let wanted = if result.is_ok() { "4" } else { "3" };
        assert_eq!(table.get(address(3)).map(|value| value.0.clone()).as_deref(), Some(wanted), "panic in call {n}");
        assert_eq!(table.read().generation(), table.table().generation(), "panic in call {n}");
        if !fired {
            assert!(n > 5, "destructors are run");
            return;
        }
    }
}
