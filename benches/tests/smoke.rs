//! Every workload at a thousand entries, and all rivals with the same contents.

use std::collections::HashMap;

use twinbucket_benches::counting::Counting;
use twinbucket_benches::measure::Figure;
use twinbucket_benches::rivals::{self, empty_loop, names};
use twinbucket_benches::workload::{self, Changes};
use twinbucket_benches::{Item, Rival, lookup, memory, publish, walk};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const N: u64 = 1_000;

fn all<T: Item>() -> Vec<Box<dyn Rival<T>>> {
    rivals::all::<T>().into_iter().map(|build| build(&mut workload::entries(N))).collect()
}

fn sorted<T: Item>(entries: impl IntoIterator<Item = (T, T)>) -> Vec<(T, T)> {
    let mut entries: Vec<_> = entries.into_iter().collect();
    entries.sort();
    entries
}

fn rivals_agree_through_publishes<T: Item>() {
    let mut expected: HashMap<T, T> = workload::entries(N).collect();
    let mut rivals = all::<T>();
    let mut changes = Changes::new(N);
    for _ in 0..3 {
        let before = sorted(expected.clone());
        let batch = changes.mixed::<T>(500);
        expected.extend(batch.clone());
        let after = sorted(expected.clone());
        assert!(before.len() < after.len() && after.len() < before.len() + batch.len());
        for rival in &mut rivals {
            let name = rival.name();
            assert!(sorted(rival.contents()) == before, "{name} before");
            let view = rival.hold();
            rival.publish(&mut batch.clone());
            assert!(sorted(rival.contents()) == after, "{name} after");
            assert!(view.is_none_or(|view| sorted(view.contents()) == before), "{name} changes a view");
        }
    }
}

#[test]
fn rivals_agree_through_publishes_of_numbers() {
    rivals_agree_through_publishes::<u64>();
}

#[test]
fn rivals_agree_through_publishes_of_strings() {
    rivals_agree_through_publishes::<String>();
}

#[test]
fn lookups_find_every_key_and_sum_up_their_values() {
    let keys = workload::lookups::<u64>(N);
    let table: HashMap<u64, u64> = workload::entries(N).collect();
    let expected = keys.iter().fold(0_u64, |sum, key| sum.wrapping_add(table[key]));
    let rivals = all::<u64>();
    let mut readers: Vec<_> = rivals.iter().flat_map(|rival| rival.readers()).collect();
    for (name, read) in &mut readers {
        assert_eq!(read(&keys), expected, "{name}");
    }
    assert_ne!(empty_loop(&keys), expected);
}

#[test]
fn a_missing_key_changes_the_sum() {
    let keys = workload::lookups::<String>(N);
    let fewer = &mut workload::entries::<String>(N).skip(1);
    let (one_less, full) = (rivals::all::<String>()[0](fewer), &all::<String>()[0]);
    assert_ne!(one_less.readers()[0].1(&keys), full.readers()[0].1(&keys));
}

#[test]
fn the_rivals_that_have_views_are_held() {
    let held: Vec<&str> =
        all::<u64>().iter().filter(|rival| rival.hold().is_some()).map(|rival| rival.name()).collect();
    assert_eq!(held, [names::STORE, names::SWAPPED, names::IMBL]);
}

fn names_of(figures: &[Figure]) -> Vec<&'static str> {
    figures.iter().map(|figure| figure.name).collect()
}

#[test]
fn every_workload_gives_a_figure_for_every_rival() {
    let mut rivals = all::<String>();
    let readers = lookup::measure(&rivals, N, 1);
    assert_eq!(readers.len(), rivals.iter().map(|rival| rival.readers().len()).sum::<usize>());
    assert!(readers.iter().any(|figure| figure.name == names::READER));

    let every: Vec<&str> = rivals.iter().map(|rival| rival.name()).collect();
    assert_eq!(names_of(&walk::measure(&mut rivals, N, 1)), every);

    let latencies = publish::one(&mut rivals, N, 1);
    assert_eq!(latencies.iter().map(|latency| latency.name).collect::<Vec<_>>(), every);
    assert!(rivals.iter().all(|rival| sorted(rival.contents()) == sorted(workload::entries(N))));
    assert!(latencies.iter().all(|latency| latency.free.p50 <= latency.free.p999 && latency.free.count > 0));
    assert_eq!(names_of(&publish::bulk(&mut rivals, N, 100, 1)), every);
}

#[test]
fn memory_is_the_structure_without_the_strings() {
    let numbers = memory::measure(&rivals::all::<u64>(), 1 << 10);
    let strings = memory::measure(&rivals::all::<String>(), 1 << 10);
    // 1,024 to 1,792 entries take 2,048 buckets, more take 4,096; a bucket is an entry and a byte. The map is in a box.
    let average = |entry: f64| {
        let sizes = (0..8).map(|step| 1_024.0 + 128.0 * (0.5 + f64::from(step)));
        let buckets = |n| if n <= 1_792.0 { 2_048.0 } else { 4_096.0 };
        sizes.map(|n| (buckets(n) * (entry + 1.0) + 100.0) / n).sum::<f64>() / 8.0
    };
    for (figures, entry) in [(numbers, 16.0), (strings, 48.0)] {
        let (bare, least) = (&figures[0], average(entry));
        assert!((bare.cost - least).abs() < 0.1, "{}: {} bytes, not {least}", bare.name, bare.cost);
        for other in &figures[1..] {
            assert!(other.cost > entry, "{}: {} bytes for an entry of {entry}", other.name, other.cost);
        }
    }
}
