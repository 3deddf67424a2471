//! What a table promises, whatever its source and format are.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use twinbucket_feed::{
    Event, Guard, LoadError, OpenError, Origin, Overlaps, Part, Refusal, ReloadError, RollbackError, RowPolicy, Rows,
    Start, State, Table,
};

use crate::common::{PATIENCE, Script, eventually};

/// Opens a table that keeps a few generations.
fn open(script: &Script) -> Table<String, u64> {
    script.builder().keep(5).open().unwrap()
}

/// Replaces the content and loads it.
#[track_caller]
fn reload(table: &Table<String, u64>, script: &Script, content: &str) {
    script.put(content);
    table.reload(PATIENCE).unwrap();
}

/// Replaces the content, and returns why it was not taken.
#[track_caller]
fn refused(table: &Table<String, u64>, script: &Script, content: &str) -> LoadError {
    script.put(content);
    match table.reload(PATIENCE).unwrap_err() {
        ReloadError::Failed(error) => LoadError::clone(&error),
        other => panic!("{other}"),
    }
}

#[test]
fn full_reload_publishes_only_what_changed_and_counts_it() {
    let script = Script::new("a 1\nb 2\nc 3\nd 4");
    let table = open(&script);
    let before = table.read();
    reload(&table, &script, "a 1\nb 20\nc 3\ne 5");

    let changes = table.status().changes();
    assert_eq!((changes.added, changes.changed, changes.removed, changes.unchanged), (1, 1, 1, 2));
    assert_eq!(table.generation().get(), before.generation().get() + 1);
    assert_eq!((table.get("b"), table.get("d"), table.get("e")), (Some(20), None, Some(5)));
    assert_eq!((before.get("b"), before.len()), (Some(&2), 4));
}

#[test]
fn unchanged_content_publishes_nothing() {
    let script = Script::new("a 1\nb 2");
    let table = open(&script);
    let generation = table.generation();
    reload(&table, &script, "b 2\na 1");
    assert_eq!(table.generation(), generation);
    assert_eq!(table.status().state(), State::Ready);
    assert_eq!(table.status().counts().loads, 2, "other bytes, so it was read");
}

#[test]
fn failed_load_keeps_the_last_good_content_and_says_where_it_failed_until_one_goes_well() {
    let script = Script::new("a 1");
    let table = open(&script);
    let (generation, revision) = (table.generation(), table.status().revision().cloned());
    for (content, problem) in [
        ("a 2\nb", "rows:2:1: no row of a word and a number"),
        ("a 2\n!", "rows:2:1: the rest is broken"),
        ("a 2\na 3", "rows:2: the key of this row was already at rows:1; keep one of the two"),
        ("a 2\n?", "the load panicked: a line says so"),
    ] {
        assert_eq!(refused(&table, &script, content).to_string(), problem);
        let status = table.status();
        assert_eq!(status.state(), State::Error);
        assert_eq!(status.error().unwrap().to_string(), problem);
        assert_eq!((status.generation(), status.revision()), (generation, revision.as_ref()));
        assert_eq!((table.generation(), table.get("a")), (generation, Some(1)));
    }
    reload(&table, &script, "a 2");
    assert!(table.status().error().is_none());
    assert_eq!((table.status().state(), table.get("a")), (State::Ready, Some(2)));
}

#[test]
fn source_that_cannot_be_had_keeps_the_last_good_content() {
    let script = Script::new("a 1");
    let table = open(&script);
    script.fail("script: it is away");
    let error = table.reload(PATIENCE).unwrap_err();
    assert_eq!(error.to_string(), "script: it is away");
    assert_eq!((table.status().state(), table.get("a")), (State::Error, Some(1)));
}

#[test]
fn source_that_panics_is_asked_again() {
    let script = Script::new("a 1");
    let table = open(&script);
    script.panic_once();
    assert_eq!(table.reload(PATIENCE).unwrap_err().to_string(), "the load panicked: the script says so");
    reload(&table, &script, "a 2");
    assert_eq!(table.get("a"), Some(2));
}

#[test]
fn refused_content_stays_an_error_while_the_source_says_that_it_is_the_same() {
    let script = Script::new("a 1");
    let table = open(&script);
    let proved = table.status().last_success();
    refused(&table, &script, "a");
    let looks = script.looks();
    script.wake();
    eventually("another look", || table.status().counts().attempts > looks);
    assert_eq!(table.status().state(), State::Error);
    assert_eq!(table.status().last_success(), proved);
}

#[test]
fn content_that_comes_back_after_a_source_was_away_is_a_proof() {
    let script = Script::new("a 1");
    let table = open(&script);
    script.fail("script: it is away");
    table.reload(PATIENCE).unwrap_err();
    script.put("a 1");
    script.wake();
    eventually("a proof", || table.status().state() == State::Ready);
    assert_eq!(table.status().counts().unchanged, 1);
}

#[test]
fn validation_sees_the_old_and_the_complete_new_content() {
    let script = Script::new("a 1\nb 2");
    let seen = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&seen);
    let table = script.builder().validate(move |old, new| {
        notes.lock().push((old.get("a").copied(), new.get("a").copied(), new.len()));
        if new.get("a") < old.get("a") { Err("a went down") } else { Ok(()) }
    });
    let table = table.open().unwrap();
    assert_eq!(refused(&table, &script, "a 0\nb 2").to_string(), "not valid: a went down");
    assert_eq!(*seen.lock(), [(None, Some(1), 2), (Some(1), Some(0), 2)]);
    assert_eq!(table.get("a"), Some(1));
}

#[test]
fn validation_judges_an_empty_first_content_too() {
    let script = Script::new("");
    let table = script.builder().validate(|_, new| if new.is_empty() { Err("nothing") } else { Ok(()) });
    assert_eq!(table.open().unwrap_err().to_string(), "not valid: nothing");
}

#[test]
fn validation_that_panics_discards() {
    let script = Script::new("a 1");
    let table = script.builder().validate(|_, new| if new.len() > 1 { panic!("two") } else { Ok::<_, String>(()) });
    let table = table.open().unwrap();
    assert_eq!(refused(&table, &script, "a 2\nb 3").to_string(), "the load panicked: two");
    assert_eq!((table.read().len(), table.get("a")), (1, Some(1)));
    reload(&table, &script, "a 2");
}

#[test]
fn value_whose_destructor_panics_does_not_end_the_feed() {
    static ARMED: AtomicBool = AtomicBool::new(false);
    /// A value whose destructor panics once when armed.
    #[derive(Clone, PartialEq)]
    struct Touchy(u64);
    impl Drop for Touchy {
        fn drop(&mut self) {
            assert!(!ARMED.swap(false, Ordering::Relaxed), "a destructor");
        }
    }
    let numbers = |part: &Part, rows: &mut Rows<'_, String, Touchy>| {
        let value = String::from_utf8_lossy(&part.bytes).parse().expect("the part is a number");
        let _ = rows.push(1, "a".to_owned(), Touchy(value));
        Ok(())
    };
    let script = Script::new("1");
    let table: Table<String, Touchy> = Table::builder().source(script.source()).format(numbers).open().unwrap();
    // Nothing is dropped by a look that fails but what was held until then.
    let held = table.read();
    script.put("2");
    table.reload(PATIENCE).unwrap();
    drop(held);
    script.fail("script: it is away");
    ARMED.store(true, Ordering::Relaxed);
    table.reload(PATIENCE).unwrap_err();
    assert!(!ARMED.load(Ordering::Relaxed), "the destructor has run");
    script.put("3");
    table.reload(PATIENCE).unwrap();
    assert!(table.get("a").is_some_and(|value| value.0 == 3));
}

#[test]
fn guard_refuses_an_empty_table_and_one_that_shrinks_too_much() {
    let script = Script::new("a 1\nb 2\nc 3\nd 4");
    let table = script.builder().guard(Guard::not_empty().max_shrink(0.5)).open().unwrap();
    assert!(matches!(refused(&table, &script, ""), LoadError::Refused(Refusal::Empty)));
    let shrinks = refused(&table, &script, "a 1").to_string();
    assert_eq!(shrinks, "the table would shrink from 4 to 1 entries, and may lose 50% at most");
    assert_eq!(table.read().len(), 4);
    reload(&table, &script, "a 1\nb 2");
    assert_eq!(table.read().len(), 2, "half of them may go");
}

#[test]
fn guard_can_be_left_out_by_hand_for_once() {
    let script = Script::new("a 1\nb 2\nc 3");
    let table = script.builder().guard(Guard::not_empty()).open().unwrap();
    script.put("");
    table.reload(PATIENCE).unwrap_err();
    table.reload_unguarded(PATIENCE).unwrap();
    assert_eq!((table.read().len(), table.status().state()), (0, State::Ready));
    table.reload(PATIENCE).unwrap_err();
}

#[test]
fn guard_does_not_compare_with_embedded_content() {
    let script = Script::default();
    script.fail("script: it is away");
    let start = Start::wait(Duration::ZERO).or_embedded("a 1\nb 2\nc 3\nd 4");
    let table = script.builder().guard(Guard::not_empty().max_shrink(0.1)).start(start).open().unwrap();
    reload(&table, &script, "a 1");
    assert_eq!(table.read().len(), 1);
}

#[test]
fn guard_refuses_a_first_content_that_is_empty_or_too_large() {
    let guard = Guard::not_empty().max_entries(2);
    let open = |content: &str| Script::new(content).builder().guard(guard).open();
    assert!(open("a 1\nb 2").is_ok());
    assert_eq!(open("").unwrap_err().to_string(), "the source has no rows, and an empty table is not allowed");
    assert_eq!(open("a 1\nb 2\nc 3").unwrap_err().to_string(), "the source has 3 rows, and 2 are allowed");
}

#[test]
fn quarantine_leaves_bad_rows_out_and_lists_them() {
    let script = Script::new("a 1\nb\nc 3\na 4");
    let table = script.builder().rows(RowPolicy::Quarantine { max: 2 }).open().unwrap();
    let status = table.status();
    assert_eq!((status.state(), status.entries(), status.quarantined_rows()), (State::Ready, 2, 2));
    let lines: Vec<u64> = status.quarantined().iter().map(|bad| bad.place.line).collect();
    assert_eq!(lines, [2, 4]);
    assert_eq!(table.get("a"), Some(1), "the first of two rows with one key stays");

    let error = refused(&table, &script, "a\nb\nc\nd 1").to_string();
    assert_eq!(error, "more than the 2 bad rows that are allowed; the first: rows:1:1: no row of a word and a number");
    assert_eq!(table.status().quarantined_rows(), 2, "those of the content that is there");
    reload(&table, &script, "a 1");
    assert_eq!(table.status().quarantined_rows(), 0);
}

#[test]
fn quarantine_does_not_help_a_file_that_is_broken() {
    let script = Script::new("a 1\n!\nb 2");
    let error = script.builder().rows(RowPolicy::Quarantine { max: 100 }).open().unwrap_err();
    assert_eq!(error.to_string(), "rows:2:1: the rest is broken");
}

#[test]
fn key_in_two_files_is_an_error_unless_the_later_may_win() {
    let script = Script::default();
    script.put_files(&[("10-base", "a 1\nb 2"), ("20-site", "c 3\nb 4")]);
    let error = script.builder().open().unwrap_err();
    assert_eq!(error.to_string(), "20-site:2: the key of this row was already at 10-base:2; keep one of the two");

    let table = script.builder().overlaps(Overlaps::LaterWins).open().unwrap();
    assert_eq!((table.read().len(), table.get("b")), (3, Some(4)));
    let error = refused(&table, &script, "a 1\na 2").to_string();
    assert!(error.contains("already at rows:1"), "twice in one file stays an error: {error}");
}

#[test]
fn table_does_not_open_without_its_source() {
    let script = Script::default();
    script.fail("script: it is away");
    let open = script.builder().start(Start::wait(Duration::from_millis(20))).open();
    let Err(OpenError::NotLoaded { error: Some(error), .. }) = open else { panic!("{open:?}") };
    assert_eq!(error.to_string(), "script: it is away");
    eventually("the feed ends", || script.is_dropped());
}

#[test]
fn start_waits_for_a_source_that_comes_late() {
    let script = Script::default();
    script.fail("script: it is away");
    script.pause(Duration::from_millis(1));
    let late = script.clone();
    let helper = thread::spawn(move || {
        eventually("a first look", || late.looks() > 0);
        late.put("a 1");
    });
    let table = script.builder().start(Start::wait(PATIENCE)).open().unwrap();
    assert_eq!(table.get("a"), Some(1));
    helper.join().unwrap();
}

#[test]
fn start_does_not_wait_for_content_that_is_wrong() {
    let script = Script::new("a");
    let began = Instant::now();
    let error = script.builder().start(Start::wait(PATIENCE)).open().unwrap_err();
    assert_eq!(error.to_string(), "rows:1:1: no row of a word and a number");
    assert!(began.elapsed() < PATIENCE);
}

#[test]
fn embedded_content_serves_until_the_source_can_be_had() {
    let script = Script::default();
    script.fail("script: it is away");
    let start = Start::wait(Duration::from_millis(20)).or_embedded("a 1");
    let table = script.builder().start(start).open().unwrap();
    let status = table.status();
    assert_eq!((status.state(), status.origin(), status.entries()), (State::Error, Origin::Embedded, 1));
    assert_eq!((table.get("a"), status.age()), (Some(1), None));
    reload(&table, &script, "a 2");
    assert_eq!((table.get("a"), table.status().origin()), (Some(2), Origin::Source));
}

#[test]
fn embedded_content_that_is_wrong_is_found_at_every_start() {
    let script = Script::new("a 1");
    let error = script.builder().start(Start::default().or_embedded("a")).open().unwrap_err();
    let expected = "the embedded content is wrong: embedded:1:1: no row of a word and a number";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn table_that_starts_empty_is_starting_until_its_first_load() {
    let script = Script::new("a 1");
    let gate = script.gate();
    let table = script.builder().start(Start::empty()).open().unwrap();
    gate.begun.recv().unwrap();
    let status = table.status();
    assert_eq!((status.state(), status.origin(), status.entries()), (State::Starting, Origin::Empty, 0));
    gate.go_on.send(()).unwrap();
    eventually("the first load", || table.status().state() == State::Ready);
}

#[test]
fn builder_without_source_or_format_says_what_to_call() {
    let error = Table::<String, u64>::builder().open().unwrap_err();
    assert_eq!(error.to_string(), "the table has no source: call `Builder::source`");
    let error = Table::<String, u64>::builder().source(Script::new("").source()).open().unwrap_err();
    assert_eq!(error.to_string(), "the table has no format: call `Builder::format`");
}

#[test]
fn age_counts_from_the_last_proof_and_not_from_the_last_change() {
    let script = Script::new("a 1");
    let table = open(&script);
    let opened = Instant::now();
    thread::sleep(Duration::from_millis(30));
    assert!(table.status().age().unwrap() >= Duration::from_millis(30));
    script.wake();
    eventually("a look that finds the same", || table.status().counts().unchanged == 1);
    assert!(table.status().age().unwrap() < opened.elapsed());
}

#[test]
fn table_is_stale_when_nothing_proves_it_current_and_says_so_once() {
    let script = Script::new("a 1");
    let stale = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&stale);
    let table = script.builder().stale_after(Duration::from_millis(50)).on_event(move |event| {
        count.fetch_add(usize::from(matches!(event, Event::Stale(_))), Ordering::Relaxed);
    });
    let table = table.open().unwrap();
    eventually("it is stale", || table.status().state() == State::Stale);
    eventually("it says so", || stale.load(Ordering::Relaxed) == 1);
    assert_eq!(table.get("a"), Some(1), "and goes on");
    thread::sleep(Duration::from_millis(20));
    assert_eq!(stale.load(Ordering::Relaxed), 1);
    table.reload(PATIENCE).unwrap();
    eventually("it is stale again", || stale.load(Ordering::Relaxed) == 2);
}

#[test]
fn source_that_hangs_shows_as_stale() {
    let script = Script::new("a 1");
    let table = script.builder().stale_after(Duration::from_millis(50)).open().unwrap();
    let gate = script.gate();
    script.wake();
    gate.begun.recv().unwrap();
    eventually("it is stale", || table.status().state() == State::Stale);
    assert!(matches!(table.reload(Duration::from_millis(10)), Err(ReloadError::TimedOut(_))));
    gate.go_on.send(()).unwrap();
    eventually("it is well again", || table.status().state() == State::Ready);
}

#[test]
fn table_without_proof_since_its_start_becomes_stale_too() {
    let script = Script::default();
    script.fail("script: it is away");
    let builder = script.builder().stale_after(Duration::from_millis(20)).start(Start::empty());
    let table = builder.open().unwrap();
    eventually("it is stale", || table.status().state() == State::Stale);
}

#[test]
fn change_during_a_load_leads_to_exactly_one_more() {
    let script = Script::new("a 1");
    let table = open(&script);
    let gate = script.gate();
    script.wake();
    gate.begun.recv().unwrap();
    script.put("a 2");
    for _ in 0..10 {
        script.wake();
    }
    gate.go_on.send(()).unwrap();
    eventually("the change is seen", || table.get("a") == Some(2));
    thread::sleep(Duration::from_millis(30));
    assert_eq!(script.looks(), 3, "the first, the one that waited, and one more");
}

#[test]
fn changes_that_come_close_together_make_one_load() {
    let script = Script::new("a 1");
    let table = script.builder().debounce(Duration::from_millis(200), PATIENCE).open().unwrap();
    for value in 2..12 {
        script.put(&format!("a {value}"));
        script.wake();
    }
    eventually("the last change is seen", || table.get("a") == Some(11));
    assert_eq!(script.looks(), 2);
}

#[test]
fn changes_that_never_stop_are_loaded_all_the_same() {
    let script = Script::new("a 1");
    let table = script.builder().debounce(PATIENCE, Duration::from_millis(20)).open().unwrap();
    eventually("a load amid changes", || {
        script.put("a 2");
        script.wake();
        table.get("a") == Some(2)
    });
}

#[test]
fn source_is_asked_again_after_its_pause() {
    let script = Script::new("a 1");
    script.pause(Duration::from_millis(1));
    let table = open(&script);
    script.put("a 2");
    eventually("the change is seen", || table.get("a") == Some(2));
}

#[test]
fn listener_hears_each_event_and_its_panic_harms_nobody() {
    let script = Script::new("a 1");
    let heard = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&heard);
    let builder = script.builder().keep(1).on_event(|_| panic!("a listener")).on_event(move |event| {
        let name = match event {
            Event::Published(_) => "published",
            Event::Unchanged(_) => "unchanged",
            Event::Failed(_) => "failed",
            Event::RolledBack(_) => "rolled back",
            _ => "other",
        };
        notes.lock().push((name, event.status().generation().get()));
    });
    let table = builder.open().unwrap();
    let first = table.generation();
    reload(&table, &script, "a 2");
    table.reload(PATIENCE).unwrap();
    refused(&table, &script, "a");
    refused(&table, &script, "a");
    table.rollback(first).unwrap();
    let expected = [("published", 1), ("published", 2), ("unchanged", 2), ("failed", 2), ("rolled back", 3)];
    eventually("all are heard", || heard.lock().len() >= expected.len());
    assert_eq!(*heard.lock(), expected);
}

#[test]
fn rollback_stays_until_the_source_has_other_content() {
    let script = Script::new("a 1");
    let table = open(&script);
    let good = table.generation();
    reload(&table, &script, "a 2\nb 3");
    let rolled = table.rollback(good).unwrap();
    assert!(rolled > good);
    assert_eq!((table.get("a"), table.read().len(), table.status().origin()), (Some(1), 1, Origin::Rollback));
    let age = table.status().age();
    script.wake();
    eventually("another look", || table.status().counts().unchanged == 1);
    assert_eq!(table.get("a"), Some(1));
    assert!(table.status().age() > age, "the source's content is not the table's");
    script.put("a 3");
    script.wake();
    eventually("other content", || table.get("a") == Some(3));
    assert_eq!(table.status().origin(), Origin::Source);
}

#[test]
fn rollback_to_a_generation_that_is_gone_changes_nothing() {
    let script = Script::new("a 1");
    let table = script.builder().open().unwrap();
    let first = table.generation();
    reload(&table, &script, "a 2");
    let error = table.rollback(first).unwrap_err();
    assert!(matches!(error, RollbackError::NotKept { .. }));
    assert_eq!(error.to_string(), "generation 1 is not kept, the current one is 2; keep more generations");
    assert_eq!(table.get("a"), Some(2));
}

#[test]
fn last_handle_ends_the_feed_and_read_buckets_outlive_it() {
    let script = Script::new("a 1");
    let table = open(&script);
    let (other, bucket) = (table.clone(), table.read());
    drop(table);
    reload(&other, &script, "a 2");
    drop(other);
    eventually("the feed ends", || script.is_dropped());
    assert_eq!(bucket.get("a"), Some(&1));
}

#[test]
fn readers_go_on_while_a_load_hangs() {
    let script = Script::new("a 1");
    let table = open(&script);
    let gate = script.gate();
    script.wake();
    gate.begun.recv().unwrap();
    let mut reader = table.reader();
    assert_eq!(reader.get("a"), Some(&1));
    assert_eq!(table.rollback(table.generation()).unwrap(), table.generation());
    drop(gate);
}
