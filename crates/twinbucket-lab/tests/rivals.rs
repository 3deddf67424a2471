//! Every rival does the same job: what differs is what it promises, and each promise is put to the test.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use twinbucket_alternatives::{View, WaitsFor};
use twinbucket_lab::Item;
use twinbucket_lab::rivals::{self, Kind, Lookups, MISSING, Rival};
use twinbucket_lab::workload::{Changes, Keys, Spread};

/// Entries in a table.
const N: u64 = 1_000;

fn keys<T: Item>() -> Keys<T> {
    Keys::made(N)
}

/// Runs a check with every rival, holding the entries of `keys`.
fn each<T: Item>(keys: &Keys<T>, check: impl Fn(&Kind<T>, &dyn Rival<T>)) {
    for kind in rivals::kinds::<T>() {
        check(&kind, (kind.build)(&mut keys.entries()).as_ref());
    }
}

/// Runs a check with every rival that is meant for several threads.
fn each_concurrent<T: Item>(keys: &Keys<T>, check: impl Fn(&Kind<T>, &dyn Rival<T>)) {
    for kind in rivals::kinds::<T>().into_iter().filter(|kind| kind.concurrent) {
        check(&kind, (kind.build)(&mut keys.entries()).as_ref());
    }
}

/// Makes a reader of each way, with its name.
fn readers<'a, T: Item>(kind: &Kind<T>, rival: &'a dyn Rival<T>) -> Vec<(&'static str, Box<dyn Lookups<T> + 'a>)> {
    kind.ways.iter().enumerate().map(|(way, named)| (named.id, rival.reader(way))).collect()
}

fn weights<'a, T: Item>(values: impl IntoIterator<Item = &'a T>) -> u64 {
    values.into_iter().fold(0, |sum, value| sum.wrapping_add(value.weigh()))
}

/// Checks that a rival holds exactly this, however it is asked.
fn holds<T: Item>(name: &str, kind: &Kind<T>, rival: &dyn Rival<T>, content: &BTreeMap<T, T>) {
    assert_eq!(rival.len(), content.len(), "{name}");
    assert_eq!(rival.walk(), weights(content.values()), "{name}");
    for (way, mut reader) in readers(kind, rival) {
        for (key, value) in content {
            assert_eq!(reader.mark(key), Some(value.mark()), "{way}, {key:?}");
        }
    }
}

fn lookups_find_the_values_of_all_keys<T: Item>() {
    let keys = keys::<T>();
    let table: HashMap<T, T> = keys.entries().collect();
    let hits = keys.hits(3_000, Spread::Uniform, 1);
    let misses = keys.misses(500, Spread::Zipf, 2);
    let both = [hits.clone(), misses.clone()].concat();
    let found = weights(hits.iter().map(|key| &table[key]));
    let missed = MISSING.wrapping_mul(500);
    each(&keys, |kind, rival| {
        for (way, mut reader) in readers(kind, rival) {
            assert_eq!(reader.sum(&hits), found, "{way}");
            assert_eq!(reader.sum(&misses), missed, "{way}");
            assert_eq!(reader.sum(&both), found.wrapping_add(missed), "{way}");
            assert_eq!((reader.mark(&hits[0]), reader.mark(&misses[0])), (Some(table[&hits[0]].mark()), None), "{way}");
        }
    });
}

#[test]
fn lookups_find_the_values_of_all_keys_and_no_others() {
    lookups_find_the_values_of_all_keys::<u64>();
    lookups_find_the_values_of_all_keys::<String>();
}

fn publishes_add_up<T: Item>() {
    let keys = keys::<T>();
    each(&keys, |kind, rival| {
        let mut content: BTreeMap<T, T> = keys.entries().collect();
        let mut changes = Changes::new(keys.clone());
        holds(kind.id, kind, rival, &content);
        for count in [1, 10, 500] {
            let mut delta = changes.mixed(count);
            content.extend(delta.iter().cloned());
            rival.publish(&mut delta);
            assert!(delta.is_empty(), "{}", kind.id);
            holds(kind.id, kind, rival, &content);
            rival.settle();
            holds(kind.id, kind, rival, &content);
        }
    });
}

#[test]
fn publishes_change_what_they_name_and_nothing_else() {
    publishes_add_up::<u64>();
    publishes_add_up::<String>();
}

fn readers_follow<T: Item>() {
    let keys = keys::<T>();
    each(&keys, |kind, rival| {
        let mut readers = readers(kind, rival);
        for version in 1..4 {
            let (key, value) = keys.entry(7, version);
            rival.publish(&mut vec![(key.clone(), value)]);
            for (way, (name, reader)) in readers.iter_mut().enumerate() {
                let seen = if kind.ways[way].follows { version } else { 0 };
                assert_eq!(reader.mark(&key), Some(keys.entry(7, seen).1.mark()), "{name}");
            }
        }
    });
}

#[test]
fn a_reader_that_follows_sees_what_was_published_and_a_frozen_one_does_not() {
    readers_follow::<u64>();
    readers_follow::<String>();
}

#[test]
fn a_publish_tells_once_that_it_begins_to_show_what_nobody_has_seen_by_then() {
    let keys = keys::<u64>();
    each_concurrent(&keys, |kind, rival| {
        let ((key, old), (_, new)) = (keys.entry(7, 0), keys.entry(7, 1));
        let mut seen = Vec::new();
        rival.publish_staged(&mut vec![(key, new)], &mut || seen.push(rival.reader(0).mark(&key)));
        assert_eq!(seen, [Some(old.mark())], "{}", kind.id);
        assert_eq!(rival.reader(0).mark(&key), Some(new.mark()), "{}", kind.id);
    });
}

fn reloads_replace<T: Item>() {
    let keys = keys::<T>();
    let larger = Keys::<T>::made(2 * N);
    each(&keys, |kind, rival| {
        let second_half = || larger.version(1).skip(N as usize / 2);
        for content in [second_half().collect(), BTreeMap::new(), keys.version(2).collect()] {
            rival.reload(&mut content.clone().into_iter());
            holds(kind.id, kind, rival, &content);
            for (way, mut reader) in readers(kind, rival) {
                let gone = keys.entries().find(|(key, _)| !content.contains_key(key));
                assert!(gone.is_none_or(|(key, _)| reader.mark(&key).is_none()), "{way}");
            }
        }
    });
}

#[test]
fn a_reload_leaves_nothing_of_what_was_there() {
    reloads_replace::<u64>();
    reloads_replace::<String>();
}

fn views_are_frozen<T: Item>() {
    let keys = keys::<T>();
    let before: BTreeMap<T, T> = keys.entries().collect();
    each(&keys, |kind, rival| {
        let view = rival.hold();
        assert_eq!(view.is_some(), kind.promises.view == View::Held, "{}", kind.id);
        let mut changes = Changes::new(keys.clone());
        if let Some(view) = view {
            (0..5).for_each(|_| rival.publish(&mut changes.mixed(300)));
            rival.reload(&mut keys.version(3));
            rival.settle();
            assert_eq!(view.contents().into_iter().collect::<BTreeMap<T, T>>(), before, "{}", kind.id);
            assert_eq!(rival.walk(), weights(keys.version(3).map(|(_, value)| value).collect::<Vec<T>>().iter()));
        }
    });
}

#[test]
fn those_that_promise_views_have_them_and_they_stay_as_they_were() {
    views_are_frozen::<u64>();
    views_are_frozen::<String>();
}

/// Two threads publish the entries of one half each, one by one, while two others read in every way.
fn all_is_there_in_the_end<T: Item>() {
    let keys = keys::<T>();
    let marks: Vec<[u64; 2]> =
        (0..N).map(|number| [0, 1].map(|version| keys.entry(number, version).1.mark())).collect();
    each_concurrent(&keys, |kind, rival| {
        let done = AtomicBool::new(false);
        let write = |numbers: Range<u64>| {
            numbers.for_each(|number| rival.publish(&mut vec![keys.entry(number, 1)]));
        };
        let read = || {
            while !done.load(Ordering::Acquire) {
                for (way, mut reader) in readers(kind, rival) {
                    for (number, marks) in marks.iter().enumerate() {
                        let mark = reader.mark(&keys.key(number as u64)).expect("no key is ever removed");
                        assert!(marks.contains(&mark), "{way} sees what nobody published");
                    }
                }
            }
        };
        thread::scope(|scope| {
            let writers = [0..N / 2, N / 2..N].map(|half| scope.spawn(|| write(half)));
            scope.spawn(read);
            scope.spawn(read);
            let ends = writers.map(thread::ScopedJoinHandle::join);
            done.store(true, Ordering::Release);
            assert!(ends.iter().all(Result::is_ok), "{}", kind.id);
        });
        holds(kind.id, kind, rival, &keys.version(1).collect());
    });
}

#[test]
fn no_publish_is_lost_among_several_threads() {
    all_is_there_in_the_end::<u64>();
    all_is_there_in_the_end::<String>();
}

/// Entries of a table that is published as a whole, again and again: so many that a publish takes a while.
const MANY: u64 = 2_000;
/// How often.
const VERSIONS: u64 = 40;

/// Publishes a new version of all entries at once, again and again, and meanwhile looks: at least once before each publish,
/// so that many a look meets one.
fn while_all_change<T: Item>(kind: &Kind<T>, rival: &dyn Rival<T>, keys: &Keys<T>, look: impl Fn() + Sync) {
    let (done, looks) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        let looker = scope.spawn(|| {
            while !done.load(Ordering::Acquire) {
                look();
                looks.fetch_add(1, Ordering::Relaxed);
            }
        });
        for version in 1..=VERSIONS {
            let mut changes = keys.version(version).collect();
            let before = looks.load(Ordering::Relaxed);
            while looks.load(Ordering::Relaxed) == before && !looker.is_finished() {
                thread::yield_now();
            }
            rival.publish(&mut changes);
        }
        done.store(true, Ordering::Release);
        assert!(looker.join().is_ok(), "{}", kind.id);
    });
}

fn walks_see_all_or_nothing<T: Item>() {
    let keys = Keys::<T>::made(MANY);
    let sum = |version| weights(keys.version(version).map(|(_, value)| value).collect::<Vec<T>>().iter());
    let sums: HashSet<u64> = (0..=VERSIONS).map(sum).collect();
    each_concurrent(&keys, |kind, rival| {
        if kind.all_at_once {
            while_all_change(kind, rival, &keys, || {
                assert!(sums.contains(&rival.walk()), "{}: a walk saw half of a publish", kind.id);
            });
        }
    });
}

#[test]
fn where_a_publish_is_one_step_no_walk_sees_half_of_it() {
    // Sums of strings' lengths hardly differ between versions.
    walks_see_all_or_nothing::<u64>();
}

fn lookups_see_all_or_nothing<T: Item>() {
    let keys = Keys::<T>::made(MANY);
    let version_of: HashMap<u64, u64> = (0..=VERSIONS)
        .flat_map(|version| keys.version(version).map(move |(_, value)| (value.mark(), version)))
        .collect();
    each_concurrent(&keys, |kind, rival| {
        let look = || {
            for (way, named) in kind.ways.iter().enumerate() {
                let mut reader = rival.reader(way);
                let mut version = |number| version_of[&reader.mark(&keys.key(number)).expect("no key is ever removed")];
                let versions: Vec<u64> = (0..MANY).map(&mut version).collect();
                assert!(versions.is_sorted(), "{} saw a change before one that came with it: {versions:?}", named.id);
                assert!(named.follows || versions[0] == version(MANY - 1), "{} changes: {versions:?}", named.id);
            }
        };
        if kind.all_at_once {
            while_all_change(kind, rival, &keys, look);
        }
    });
}

#[test]
fn where_a_publish_is_one_step_who_saw_one_change_sees_the_others() {
    lookups_see_all_or_nothing::<u64>();
    lookups_see_all_or_nothing::<String>();
}

fn slow_readers_are_waited_for<T: Item>() {
    let keys = keys::<T>();
    each_concurrent(&keys, |kind, rival| {
        let waits = kind.promises.writers_wait_for != WaitsFor::Nobody;
        // Where there are two sides, the first publish passes and the second one waits.
        let publish_twice = || (1..3).for_each(|version| rival.publish(&mut vec![keys.entry(7, version)]));
        thread::scope(|scope| {
            let mut calls = 0;
            rival.linger(&keys.key(7), &mut || {
                let (tell, told) = mpsc::channel();
                scope.spawn(move || {
                    publish_twice();
                    _ = tell.send(());
                });
                let patience = Duration::from_millis(if waits { 50 } else { 20_000 });
                assert_eq!(told.recv_timeout(patience).is_err(), waits, "{}: whether a writer waits", kind.id);
                calls += 1;
            });
            assert_eq!(calls, 1, "{}", kind.id);
        });
        assert_eq!(rival.reader(0).mark(&keys.key(7)), Some(keys.entry(7, 2).1.mark()), "{}", kind.id);
    });
}

#[test]
fn a_writer_waits_for_a_slow_reader_where_its_design_says_so_and_nowhere_else() {
    slow_readers_are_waited_for::<u64>();
    slow_readers_are_waited_for::<String>();
}

#[test]
fn ids_tell_kinds_and_ways_apart() {
    let kinds = rivals::kinds::<u64>();
    let ways: Vec<&str> = kinds.iter().flat_map(|kind| kind.ways).map(|way| way.id).collect();
    let names: HashSet<&str> = kinds.iter().flat_map(|kind| kind.ways).map(|way| way.name).collect();
    assert_eq!(ways.iter().collect::<HashSet<_>>().len(), ways.len());
    assert_eq!(names.len(), ways.len());
    assert!(kinds.iter().all(|kind| kind.ways[0].id == kind.id));
    assert_eq!(kinds.iter().filter(|kind| !kind.concurrent).map(|kind| kind.id).collect::<Vec<_>>(), ["bare"]);
}

/// Selects, and returns the ids of what was selected.
fn selected(ids: &[&str]) -> Vec<Vec<&'static str>> {
    let ids: Vec<String> = ids.iter().map(|&id| id.to_owned()).collect();
    let selected = rivals::select::<u64>(&ids).unwrap();
    selected.iter().map(|one| one.ways.iter().map(|&way| one.kind.ways[way].id).collect()).collect()
}

#[test]
fn a_kind_stands_for_all_its_ways_and_a_way_for_itself() {
    assert_eq!(selected(&["bucket", "reader"]), [["reader", "bucket"]]);
    assert_eq!(selected(&["rwlock", "reader", "store", "rwlock"]), [vec!["store", "reader", "bucket"], vec!["rwlock"]]);
}

#[test]
fn nothing_selects_everything() {
    let all: Vec<Vec<&str>> =
        rivals::kinds::<u64>().iter().map(|kind| kind.ways.iter().map(|way| way.id).collect()).collect();
    assert_eq!(selected(&[]), all);
}

#[test]
fn an_unknown_rival_is_named_with_those_there_are() {
    let unknown = rivals::select::<String>(&["store".into(), "btree".into()]).unwrap_err().to_string();
    let known = "store, reader, bucket, bare, rwlock, read-mostly, sharded, striped, left-right";
    assert!(unknown.starts_with(&format!("unknown rival \"btree\"; known: {known}")), "{unknown}");
    assert_eq!(unknown.ends_with("papaya, papaya-guard, dashmap, scc"), cfg!(feature = "peers"), "{unknown}");
}

#[cfg(not(feature = "peers"))]
#[test]
fn a_peer_that_was_left_out_is_named_with_the_way_to_have_it() {
    for peer in ["papaya", "papaya-guard"] {
        let left_out = rivals::select::<u64>(&[peer.into()]).unwrap_err().to_string();
        let expected = format!("\"{peer}\" is a peer, which this build leaves out; build with --features peers");
        assert_eq!(left_out, expected);
    }
}
