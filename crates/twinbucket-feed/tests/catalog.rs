//! What a catalog promises, whatever the sources and formats of its tables are.

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use twinbucket_feed::catalog::{Absence, Builder};
use twinbucket_feed::{Catalog, CatalogError, CatalogEvent, Guard, Key, LoadError, Origin, Start, State, View};

use crate::common::{PATIENCE, Script, eventually};

/// A table of words and numbers.
type Numbers = Key<String, u64>;

/// Two tables with a source each.
struct Pair {
    /// The catalog.
    catalog: Catalog,
    /// The sources of the tables `a` and `b`.
    scripts: [Script; 2],
    /// The tables.
    keys: [Numbers; 2],
}

impl Pair {
    /// Opens a catalog of two tables.
    fn open(a: &str, b: &str) -> Self {
        Self::open_with(a, b, |builder, _| builder)
    }

    /// Opens a catalog of two tables with further settings.
    fn open_with(a: &str, b: &str, set: impl FnOnce(Builder, &[Numbers; 2]) -> Builder) -> Self {
        let scripts = [Script::new(a), Script::new(b)];
        let mut builder = Catalog::builder();
        let keys = [builder.table("a", scripts[0].builder()), builder.table("b", scripts[1].builder())];
        Self { catalog: set(builder, &keys).open().unwrap(), scripts, keys }
    }

    /// The number of `n` in both tables.
    fn numbers(&self) -> [u64; 2] {
        numbers(&self.catalog.view(), &self.keys)
    }

    /// Replaces the content of both sources, and reloads.
    fn reload(&self, a: &str, b: &str) -> Result<(), CatalogError> {
        self.scripts[0].put(a);
        self.scripts[1].put(b);
        self.catalog.reload(PATIENCE).map(drop)
    }
}

/// The number of `n` in both tables; 0 for none.
fn numbers(view: &View<'_>, keys: &[Numbers; 2]) -> [u64; 2] {
    [0, 1].map(|at| view.table(&keys[at]).get("n").copied().unwrap_or_default())
}

/// Refuses tables in which `n` differs.
fn equal(keys: &[Numbers; 2]) -> impl FnMut(&View<'_>, &View<'_>) -> Result<(), String> + Send + 'static {
    let keys = keys.clone();
    move |_, new| match numbers(new, &keys) {
        [a, b] if a == b => Ok(()),
        [a, b] => Err(format!("a has {a} and b has {b}")),
    }
}

/// Two tables that the program writes.
fn plain() -> (Catalog, [Numbers; 2]) {
    let mut builder = Catalog::builder();
    let keys = [builder.plain("a"), builder.plain("b")];
    let set = equal(&keys);
    (builder.validate(set).open().unwrap(), keys)
}

/// Sets `n` in both tables.
fn set_both(catalog: &Catalog, keys: &[Numbers; 2], a: u64, b: u64) -> Result<(), CatalogError> {
    let mut write = catalog.write();
    write.table(&keys[0], |bucket| bucket.insert("n".to_owned(), a));
    write.table(&keys[1], |bucket| bucket.insert("n".to_owned(), b));
    write.publish().map(drop)
}

/// Has readers look at both tables until `work` is done; they must always see the same number.
fn while_readers_look<R>(catalog: &Catalog, keys: &[Numbers; 2], work: impl FnOnce() -> R) -> R {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let mut reader = catalog.reader();
        scope.spawn(|| {
            let mut last = 0;
            while !done.load(Ordering::Relaxed) {
                let [a, b] = numbers(&catalog.view(), keys);
                assert!(a == b && a >= last, "a view has {a} and {b} after {last}");
                last = a;
            }
        });
        let done = &done;
        scope.spawn(move || {
            let mut last = 0;
            while !done.load(Ordering::Relaxed) {
                let [a, b] = numbers(&reader.view(), keys);
                assert!(a == b && a >= last, "a reader sees {a} and {b} after {last}");
                last = a;
            }
        });
        let result = catch_unwind(AssertUnwindSafe(work));
        done.store(true, Ordering::Relaxed);
        result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

#[test]
fn a_view_is_of_one_moment_while_the_program_writes() {
    let (catalog, keys) = plain();
    while_readers_look(&catalog, &keys, || {
        for n in 1..=3_000 {
            set_both(&catalog, &keys, n, n).unwrap();
        }
    });
    assert_eq!(numbers(&catalog.view(), &keys), [3_000, 3_000]);
}

#[test]
fn a_view_is_of_one_moment_while_sources_change() {
    let pair = Pair::open_with("n 1", "n 1", |builder, keys| builder.validate(equal(keys)));
    while_readers_look(&pair.catalog, &pair.keys, || {
        for n in 2..=200 {
            for script in &pair.scripts {
                script.put(&format!("n {n}"));
                script.wake();
                if n % 7 == 0 {
                    thread::yield_now();
                }
            }
        }
        eventually("the last content", || pair.numbers() == [200, 200]);
    });
}

#[test]
fn changes_of_several_tables_make_one_publish() {
    let pair = Pair::open("n 1", "n 1");
    let before = pair.catalog.generation();
    pair.reload("n 2", "n 2").unwrap();
    assert_eq!(pair.numbers(), [2, 2]);
    assert_eq!(pair.catalog.generation().get(), before.get() + 1);
}

#[test]
fn unchanged_content_publishes_nothing() {
    let pair = Pair::open("n 1\nm 1", "n 1");
    let view = pair.catalog.view();
    pair.reload("m 1\nn 1", "n 1").unwrap();
    assert_eq!(pair.catalog.generation(), view.generation());
    assert_eq!(pair.catalog.status().state(), State::Ready);
}

#[test]
fn a_change_of_one_source_asks_no_other() {
    let pair = Pair::open("n 1", "n 1");
    let looks = pair.scripts[1].looks();
    pair.scripts[0].put("n 2");
    pair.scripts[0].wake();
    eventually("the change", || pair.numbers() == [2, 1]);
    assert_eq!(pair.scripts[1].looks(), looks);
}

#[test]
fn a_failing_table_holds_back_the_round_and_status_says_which_and_why() {
    let pair = Pair::open("n 1", "n 1");
    let before = pair.catalog.generation();
    let error = pair.reload("n 2", "n").unwrap_err();
    assert_eq!(error.to_string(), "table \"b\": rows:1:1: no row of a word and a number");
    assert_eq!((pair.numbers(), pair.catalog.generation()), ([1, 1], before));

    let status = pair.catalog.status();
    assert_eq!(status.state(), State::Error);
    assert_eq!(status.error().unwrap().to_string(), error.to_string());
    let [a, b] = ["a", "b"].map(|name| status.table(name).unwrap().error().unwrap().to_string());
    assert_eq!(a, format!("held back by its catalog: {error}"));
    assert_eq!(b, "rows:1:1: no row of a word and a number");
}

#[test]
fn what_was_held_back_is_taken_when_the_failing_table_is_mended() {
    let pair = Pair::open("n 1", "n 1");
    pair.reload("n 2", "n").unwrap_err();
    // Nobody tells of the first source again.
    pair.scripts[1].put("n 3");
    pair.scripts[1].wake();
    eventually("both changes", || pair.numbers() == [2, 3]);
    eventually("an end of the round", || pair.catalog.status().state() == State::Ready);
    assert!(pair.catalog.status().error().is_none());
}

#[test]
fn what_was_held_back_is_taken_when_the_failing_table_is_as_before() {
    let pair = Pair::open("n 1", "n 1");
    pair.reload("n 2", "n").unwrap_err();
    pair.scripts[1].put("n 1");
    pair.scripts[1].wake();
    eventually("the change", || pair.numbers() == [2, 1]);
}

#[test]
fn what_is_held_back_is_not_loaded_again_while_nothing_changes() {
    let pair = Pair::open("n 1", "n 1");
    pair.reload("n 2", "n").unwrap_err();
    let (loads, looks) = (pair.scripts[0].looks(), pair.scripts[1].looks());
    for more in 1..=3 {
        pair.scripts[1].wake();
        eventually("another look", || pair.scripts[1].looks() == looks + more);
        eventually("its end", || {
            pair.catalog.status().table("b").unwrap().counts().attempts == pair.scripts[1].looks()
        });
    }
    assert_eq!(pair.scripts[0].looks(), loads);
    let error = pair.catalog.status().error().unwrap().to_string();
    assert!(error.starts_with("table \"b\""), "{error}");
}

#[test]
fn validation_sees_all_tables_together_and_refuses() {
    let pair = Pair::open_with("n 1", "n 1", |builder, keys| builder.validate(equal(keys)));
    let error = pair.reload("n 2", "n 3").unwrap_err();
    assert_eq!(error.to_string(), "the tables are not valid together: a has 2 and b has 3");
    assert_eq!(pair.numbers(), [1, 1]);
    assert_eq!(pair.catalog.status().state(), State::Error);
    // The other half comes later.
    pair.scripts[0].put("n 3");
    pair.scripts[0].wake();
    eventually("both", || pair.numbers() == [3, 3]);
}

#[test]
fn validation_sees_the_current_view_as_the_old_one() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let pair = Pair::open_with("n 1", "n 1", |builder, keys| {
        let (seen, keys) = (Arc::clone(&seen), keys.clone());
        builder.validate(move |old, new| {
            seen.lock().push((numbers(old, &keys), numbers(new, &keys)));
            if numbers(new, &keys)[0] == 2 { Err("two") } else { Ok(()) }
        })
    });
    pair.reload("n 2", "n 2").unwrap_err();
    pair.reload("n 3", "n 1").unwrap();
    let expected = [([0, 0], [1, 1]), ([1, 1], [2, 2]), ([1, 1], [3, 1])];
    assert_eq!(*seen.lock(), expected);
}

#[test]
fn what_validation_refused_is_tried_again_beside_what_was_there_before() {
    let pair = Pair::open_with("n 1", "n 1", |builder, keys| {
        let keys = keys.clone();
        builder.validate(move |_, new| if numbers(new, &keys)[0] == 2 { Err("two") } else { Ok(()) })
    });
    pair.reload("n 2", "n 3").unwrap_err();
    pair.scripts[0].put("n 1");
    pair.scripts[0].wake();
    eventually("the good half", || pair.numbers() == [1, 3]);
}

#[test]
fn what_validation_refused_is_tried_again_beside_what_the_program_writes() {
    let script = Script::new("n 0");
    let mut builder = Catalog::builder();
    let keys: [Numbers; 2] = [builder.table("fed", script.builder()), builder.plain("plain")];
    let judge = {
        let keys = keys.clone();
        move |_: &View<'_>, new: &View<'_>| match numbers(new, &keys) {
            [fed, plain] if fed > plain => Err(format!("{fed} is more than {plain}")),
            _ => Ok(()),
        }
    };
    let catalog = builder.validate(judge).open().unwrap();
    script.put("n 5");
    catalog.reload(PATIENCE).unwrap_err();
    let looks = script.looks();
    for n in [4, 5] {
        let mut write = catalog.write();
        write.table(&keys[1], |bucket| bucket.insert("n".to_owned(), n));
        write.publish().unwrap();
        eventually("another try", || script.looks() > looks && catalog.status().error().is_none() == (n == 5));
    }
    assert_eq!(numbers(&catalog.view(), &keys), [5, 5]);
}

#[test]
fn a_source_is_asked_again_after_its_pause() {
    let script = Script::new("n 1");
    script.pause(Duration::from_millis(1));
    let mut builder = Catalog::builder();
    let keys: [Numbers; 2] = [builder.table("a", script.builder()), builder.plain("b")];
    let catalog = builder.open().unwrap();
    script.put("n 2");
    eventually("the change", || numbers(&catalog.view(), &keys) == [2, 0]);
}

#[test]
fn a_validation_that_writes_to_its_catalog_refuses_and_does_not_hang() {
    let own: Arc<Mutex<Option<Catalog>>> = Arc::default();
    let pair = Pair::open_with("n 1", "n 1", |builder, _| {
        let own = Arc::clone(&own);
        builder.validate(move |_, _| {
            if let Some(catalog) = &*own.lock() {
                drop(catalog.write());
            }
            Ok::<_, String>(())
        })
    });
    *own.lock() = Some(pair.catalog.clone());
    let error = pair.reload("n 2", "n 2").unwrap_err();
    assert!(error.to_string().contains("already writes to this catalog"), "{error}");
    // Or else it holds itself.
    drop(own.lock().take());
    pair.reload("n 2", "n 2").unwrap();
}

#[test]
fn a_validation_that_panics_refuses() {
    let pair = Pair::open_with("n 1", "n 1", |builder, keys| {
        let key = keys[0].clone();
        builder.validate(move |_, new| {
            assert!(new.table(&key)["n"] != 2, "two");
            Ok::<_, String>(())
        })
    });
    let error = pair.reload("n 2", "n 2").unwrap_err();
    assert_eq!(error.to_string(), "the catalog's validation panicked: two");
    pair.reload("n 3", "n 3").unwrap();
    assert_eq!(pair.numbers(), [3, 3]);
}

#[test]
fn what_was_taken_back_leaves_no_trace_in_counts_and_generations() {
    let pair = Pair::open("n 1\nm 1", "n 1");
    pair.reload("n 2\nk 1", "n").unwrap_err();
    pair.reload("n 3\nm 1", "n 2").unwrap();
    let status = pair.catalog.status();
    let changes = status.table("a").unwrap().changes();
    assert_eq!((changes.added, changes.changed, changes.removed, changes.unchanged), (0, 1, 0, 1));
    let view = pair.catalog.view();
    for (name, key) in ["a", "b"].into_iter().zip(&pair.keys) {
        assert_eq!(status.table(name).unwrap().generation(), view.table(key).generation());
    }
    pair.reload("n 9", "n").unwrap_err();
    pair.reload("m 1\nn 3", "n 2").unwrap();
    assert_eq!(pair.catalog.generation(), view.generation(), "it is as before");
    let view = pair.catalog.view();
    assert_eq!(pair.catalog.status().table("a").unwrap().generation(), view.table(&pair.keys[0]).generation());
}

#[test]
fn a_guard_compares_with_what_was_published() {
    let script = [Script::new("a 1\nb 1\nc 1\nd 1"), Script::new("n 1")];
    let mut builder = Catalog::builder();
    let guarded = script[0].builder().guard(Guard::none().max_shrink(0.5));
    let key: Numbers = builder.table("a", guarded);
    let _: Numbers = builder.table("b", script[1].builder());
    let catalog = builder.open().unwrap();
    script[0].put("a 1\nb 1");
    script[1].put("n");
    catalog.reload(PATIENCE).unwrap_err();
    script[0].put("a 1");
    script[1].put("n 2");
    let error = catalog.reload(PATIENCE).unwrap_err();
    assert_eq!(error.to_string(), "table \"a\": the table would shrink from 4 to 1 entries, and may lose 50% at most");
    catalog.reload_unguarded(PATIENCE).unwrap();
    assert_eq!(catalog.view().table(&key).len(), 1);
}

#[test]
fn a_source_that_is_away_holds_back_the_round() {
    let pair = Pair::open("n 1", "n 1");
    pair.scripts[1].fail("script: it is away");
    pair.scripts[0].put("n 2");
    let error = pair.catalog.reload(PATIENCE).unwrap_err();
    assert_eq!(error.to_string(), "table \"b\": script: it is away");
    assert_eq!(pair.numbers(), [1, 1]);
    pair.scripts[0].put("n 3");
    pair.scripts[0].wake();
    eventually("a look", || pair.catalog.status().table("a").unwrap().counts().attempts == 3);
    assert_eq!(pair.numbers(), [1, 1], "it is still away");
    pair.scripts[1].put("n 1");
    pair.scripts[1].wake();
    eventually("the change", || pair.numbers() == [3, 1]);
}

#[test]
fn a_source_that_is_away_can_be_tolerated() {
    let pair = Pair::open_with("n 1", "n 1", |builder, _| builder.absence(Absence::Tolerated));
    pair.scripts[1].fail("script: it is away");
    pair.scripts[0].put("n 2");
    pair.catalog.reload(PATIENCE).unwrap();
    assert_eq!(pair.numbers(), [2, 1]);
    let status = pair.catalog.status();
    assert_eq!((status.state(), status.table("b").unwrap().state()), (State::Error, State::Error));
    assert!(status.error().is_none());
    let error = pair.reload("n 3", "n").unwrap_err();
    assert!(error.to_string().starts_with("table \"b\""), "content that is wrong is not tolerated: {error}");
}

#[test]
fn a_view_outlives_the_catalog() {
    let pair = Pair::open("n 1", "n 2");
    let (view, keys) = (pair.catalog.view(), pair.keys.clone());
    let scripts = pair.scripts.clone();
    drop(pair);
    eventually("the end of the feeds", || scripts.iter().all(Script::is_dropped));
    let seen = thread::spawn(move || (numbers(&view, &keys), view)).join().unwrap();
    assert_eq!(seen.0, [1, 2]);
}

#[test]
fn feeds_end_with_the_last_handle() {
    let pair = Pair::open("n 1", "n 1");
    let clone = pair.catalog.clone();
    let scripts = pair.scripts.clone();
    drop(pair);
    assert!(!scripts[0].is_dropped());
    clone.reload(PATIENCE).unwrap();
    drop(clone);
    eventually("the end of the feeds", || scripts.iter().all(Script::is_dropped));
}

/// A number that counts how many of its like were dropped by which threads.
#[derive(Clone)]
struct Counted {
    /// The number.
    number: u64,
    /// Threads that dropped one.
    dropped_by: Arc<Mutex<Vec<thread::ThreadId>>>,
}

impl PartialEq for Counted {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.dropped_by.lock().push(thread::current().id());
    }
}

#[test]
fn readers_never_free() {
    let dropped_by = Arc::default();
    let mut builder = Catalog::builder();
    let key: Key<u64, Counted> = builder.plain("counted");
    let other: Numbers = builder.plain("other");
    let catalog = builder.open().unwrap();
    let put = |number| {
        let mut write = catalog.write();
        let counted = Counted { number, dropped_by: Arc::clone(&dropped_by) };
        write.table(&key, |bucket| drop(bucket.insert(1, counted)));
        write.table(&other, |bucket| bucket.insert("n".to_owned(), number));
        write.publish().unwrap();
    };
    put(0);
    for number in 1..=20 {
        let (view, mut reader) = (catalog.view(), catalog.reader());
        let before = dropped_by.lock().len();
        put(number);
        let held = dropped_by.lock().len();
        assert_eq!(view.table(&key)[&1].number, number - 1);
        let id = thread::scope(|scope| {
            scope
                .spawn(|| {
                    assert_eq!(reader.table(&key)[&1].number, number);
                    reader.release();
                    drop((view, reader));
                    thread::current().id()
                })
                .join()
                .unwrap()
        });
        assert!(!dropped_by.lock().contains(&id), "a reader freed something");
        assert!(held >= before);
    }
    // What readers held is freed by those who write.
    put(21);
    let freed = dropped_by.lock().len();
    assert!(freed >= 20, "only {freed} of 21 are gone");
    drop(catalog);
}

#[test]
fn a_write_that_is_dropped_or_panics_changes_nothing() {
    let (catalog, keys) = plain();
    set_both(&catalog, &keys, 1, 1).unwrap();
    let before = catalog.generation();

    let mut write = catalog.write();
    write.table(&keys[0], |bucket| bucket.insert("n".to_owned(), 2));
    write.table(&keys[0], |bucket| {
        assert_eq!(bucket.get("n"), Some(&2), "a second change sees the first");
        bucket.insert("m".to_owned(), 2);
        bucket.remove("n");
    });
    write.discard();

    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let mut write = catalog.write();
        write.table(&keys[0], |bucket| bucket.insert("n".to_owned(), 3));
        write.table(&keys[1], |bucket| {
            bucket.insert("n".to_owned(), 3);
            panic!("on purpose");
        });
    }));
    assert!(panicked.is_err());

    assert_eq!((numbers(&catalog.view(), &keys), catalog.generation()), ([1, 1], before));
    // The tables' own stores are as the view is, too.
    let mut write = catalog.write();
    for key in &keys {
        write.table(key, |bucket| {
            assert_eq!((bucket.len(), bucket.get("n")), (1, Some(&1)));
        });
    }
    assert_eq!(write.publish().unwrap(), before, "nothing was changed");
}

#[test]
fn a_write_that_validation_refuses_is_taken_back() {
    let (catalog, keys) = plain();
    set_both(&catalog, &keys, 1, 1).unwrap();
    let error = set_both(&catalog, &keys, 2, 3).unwrap_err();
    assert_eq!(error.to_string(), "the tables are not valid together: a has 2 and b has 3");
    assert_eq!(numbers(&catalog.view(), &keys), [1, 1]);
    // One of them alone is refused as well, since the other half is not there.
    let mut write = catalog.write();
    write.table(&keys[0], |bucket| bucket.insert("n".to_owned(), 3));
    assert_eq!(write.publish().unwrap_err().to_string(), "the tables are not valid together: a has 3 and b has 1");
}

#[test]
fn a_nested_write_panics_and_does_not_hang() {
    let (catalog, keys) = plain();
    let mut write = catalog.write();
    let nested = catch_unwind(AssertUnwindSafe(|| drop(catalog.write())));
    assert!(nested.is_err());
    write.table(&keys[0], |_| assert_eq!(numbers(&catalog.view(), &keys), [0, 0], "reading is no writing"));
    drop(write);
    set_both(&catalog, &keys, 1, 1).unwrap();
}

#[test]
fn the_program_cannot_write_to_a_table_that_has_a_source() {
    let script = Script::new("n 1");
    let mut builder = Catalog::builder();
    let key: Numbers = builder.table("a", script.builder());
    let plain: Numbers = builder.plain("b");
    let catalog = builder.open().unwrap();
    let refused = catch_unwind(AssertUnwindSafe(|| catalog.write().table(&key, |bucket| bucket.clear())));
    assert!(refused.is_err());
    let mut write = catalog.write();
    write.table(&plain, |bucket| bucket.insert("n".to_owned(), 2));
    write.publish().unwrap();
    assert_eq!(numbers(&catalog.view(), &[key, plain]), [1, 2]);
}

#[test]
fn writes_and_rounds_do_not_lose_each_others_changes() {
    let script = Script::new("n 0");
    let mut builder = Catalog::builder();
    let fed: Numbers = builder.table("fed", script.builder());
    let plain: Numbers = builder.plain("plain");
    let catalog = builder.open().unwrap();
    let keys = [fed, plain];
    for n in 1..=200 {
        script.put(&format!("n {n}"));
        script.wake();
        let mut write = catalog.write();
        write.table(&keys[1], |bucket| bucket.insert("n".to_owned(), n));
        write.publish().unwrap();
        assert_eq!(numbers(&catalog.view(), &keys)[1], n);
    }
    eventually("the last content", || numbers(&catalog.view(), &keys) == [200, 200]);
}

#[test]
fn a_key_of_another_catalog_panics() {
    let ((catalog, keys), (_other, others)) = (plain(), plain());
    let view = catalog.view();
    assert!(view.table(&keys[0]).is_empty());
    assert!(catch_unwind(AssertUnwindSafe(|| view.table(&others[0]).len())).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| catalog.write().table(&others[0], |_| ()))).is_err());
}

#[test]
fn two_tables_of_one_name_panic() {
    let mut builder = Catalog::builder();
    let _: Numbers = builder.plain("a");
    assert!(catch_unwind(AssertUnwindSafe(|| builder.plain::<u8, u8>("a"))).is_err());
}

#[test]
fn the_first_view_has_all_tables_or_the_catalog_does_not_open() {
    let scripts = [Script::new("n 1"), Script::new("n")];
    let mut builder = Catalog::builder();
    let _: Numbers = builder.table("a", scripts[0].builder());
    let _: Numbers = builder.table("b", scripts[1].builder());
    let began = Instant::now();
    let error = builder.open().unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(4), "content that is wrong ends the wait");
    assert_eq!(error.to_string(), "table \"b\": rows:1:1: no row of a word and a number");
    eventually("the end of the feeds", || scripts.iter().all(Script::is_dropped));
}

#[test]
fn a_catalog_waits_for_a_source_that_is_away_and_says_whose_it_is() {
    let scripts = [Script::new("n 1"), Script::new("n 1")];
    let open = || {
        let mut builder = Catalog::builder();
        let start = Start::wait(Duration::from_millis(50));
        let keys: [Numbers; 2] = [
            builder.table("a", scripts[0].builder().start(start.clone())),
            builder.table("b", scripts[1].builder().start(start)),
        ];
        builder.open().map(|catalog| numbers(&catalog.view(), &keys))
    };
    scripts[1].fail("script: it is away");
    assert_eq!(open().unwrap_err().to_string(), "table \"b\": script: it is away");
    let gate = scripts[1].gate();
    let error = open().unwrap_err();
    assert!(matches!(&error, CatalogError::Opening { table, .. } if &**table == "a"), "{error:?}");
    drop(gate);
    scripts[1].put("n 1");
    assert_eq!(open().unwrap(), [1, 1]);
}

#[test]
fn a_catalog_that_can_begin_without_its_sources_begins_with_embedded_content() {
    let scripts = [Script::new("n 1"), Script::new("n 1")];
    scripts[1].fail("script: it is away");
    let mut builder = Catalog::builder();
    let start = Start::wait(Duration::from_millis(20));
    let keys: [Numbers; 2] = [
        builder.table("a", scripts[0].builder().start(start.clone().or_empty())),
        builder.table("b", scripts[1].builder().start(start.or_embedded("n 7"))),
    ];
    let catalog = builder.open().unwrap();
    assert_eq!(numbers(&catalog.view(), &keys), [0, 7], "the good one is held back");
    assert_eq!(catalog.status().table("b").unwrap().origin(), Origin::Embedded);
    scripts[1].put("n 1");
    catalog.reload(PATIENCE).unwrap();
    assert_eq!(numbers(&catalog.view(), &keys), [1, 1]);
    assert_eq!(catalog.status().table("b").unwrap().origin(), Origin::Source);
}

#[test]
fn embedded_content_that_is_wrong_does_not_open_and_names_the_table() {
    let mut builder = Catalog::builder();
    let _: Numbers = builder.table("a", Script::new("n 1").builder().start(Start::empty().or_embedded("n")));
    let error = builder.open().unwrap_err();
    assert!(error.to_string().starts_with("table \"a\": the embedded content is wrong: embedded:1:1"), "{error}");
}

#[test]
fn older_views_are_kept_as_asked() {
    let pair = Pair::open_with("n 1", "n 1", |builder, _| builder.keep(1));
    let first = pair.catalog.generation();
    pair.reload("n 2", "n 2").unwrap();
    assert_eq!(numbers(&pair.catalog.at(first).unwrap(), &pair.keys), [1, 1]);
    pair.reload("n 3", "n 3").unwrap();
    assert!(pair.catalog.at(first).is_none());
}

#[test]
fn events_tell_of_each_publish_and_once_of_each_failure() {
    let events = Arc::new(Mutex::new(Vec::new()));
    let pair = Pair::open_with("n 1", "n 1", |builder, _| {
        let events = Arc::clone(&events);
        builder.on_event(|_| panic!("a listener that panics is no obstacle")).on_event(move |event| {
            events.lock().push(match event {
                CatalogEvent::Published(status) => format!("published {}", status.generation()),
                CatalogEvent::Failed(status) => format!("failed: {}", status.error().unwrap()),
                CatalogEvent::Unchanged(_) => "unchanged".to_owned(),
                _ => "another".to_owned(),
            });
        })
    });
    pair.reload("n 1", "n 1").unwrap();
    pair.reload("n 2", "n").unwrap_err();
    pair.reload("n 2", "n").unwrap_err();
    pair.reload("n 2", "n 2").unwrap();
    let failed = "failed: table \"b\": rows:1:1: no row of a word and a number";
    assert_eq!(*events.lock(), ["published 2", "unchanged", failed, "published 3"]);
}

#[test]
fn a_reload_that_takes_too_long_goes_on() {
    let pair = Pair::open("n 1", "n 1");
    let gate = pair.scripts[0].gate();
    pair.scripts[1].put("n 2");
    let error = pair.catalog.reload(Duration::from_millis(10)).unwrap_err();
    assert!(matches!(error, CatalogError::TimedOut(_)));
    assert_eq!(pair.numbers(), [1, 1]);
    gate.begun.recv().unwrap();
    gate.go_on.send(()).unwrap();
    eventually("the change", || pair.numbers() == [1, 2]);
}

#[test]
fn a_round_that_hangs_keeps_the_program_from_nothing() {
    let script = Script::new("n 1");
    let mut builder = Catalog::builder();
    let fed: Numbers = builder.table("fed", script.builder());
    let plain: Numbers = builder.plain("plain");
    let catalog = builder.open().unwrap();
    let gate = script.gate();
    script.wake();
    gate.begun.recv().unwrap();
    let mut write = catalog.write();
    write.table(&plain, |bucket| bucket.insert("n".to_owned(), 2));
    write.publish().unwrap();
    assert_eq!(numbers(&catalog.view(), &[fed, plain]), [1, 2]);
    drop(gate);
}

#[test]
fn a_table_that_panics_holds_back_the_round() {
    let pair = Pair::open("n 1", "n 1");
    let error = pair.reload("n 2", "?").unwrap_err();
    assert!(matches!(&error, CatalogError::Table { error: LoadError::Panicked(_), .. }), "{error:?}");
    pair.scripts[0].panic_once();
    let error = pair.reload("n 2", "n 2").unwrap_err();
    assert_eq!(error.to_string(), "table \"a\": the load panicked: the script says so");
    assert_eq!(pair.numbers(), [1, 1]);
    pair.reload("n 2", "n 2").unwrap();
    assert_eq!(pair.numbers(), [2, 2]);
}

#[test]
fn a_table_that_goes_without_proof_is_stale() {
    let script = Script::new("n 1");
    let stale = Arc::new(AtomicUsize::new(0));
    let told = Arc::clone(&stale);
    let mut builder = Catalog::builder();
    let settings = script.builder().stale_after(Duration::from_millis(20)).on_event(move |event| {
        if matches!(event, twinbucket_feed::Event::Stale(_)) {
            told.fetch_add(1, Ordering::Relaxed);
        }
    });
    let _: Numbers = builder.table("a", settings);
    let catalog = builder.open().unwrap();
    eventually("the event", || stale.load(Ordering::Relaxed) == 1);
    assert_eq!(catalog.status().state(), State::Stale);
}
