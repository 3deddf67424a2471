//! Bytes of the structure for each entry.

use crate::counting;
use crate::item::Item;
use crate::measure::Figure;
use crate::rivals::{Build, Rival, names};
use crate::workload;

/// Sizes measured between two powers of two.
const SIZES: u64 = 8;

/// Measures the bytes that every rival takes for an entry, without what keys and values point to, averaged over sizes
/// spread evenly from `from` to twice that: a table just after doubling flatters nobody.
///
/// Every table starts with half of its entries and gets the rest in one publish, and then frees what it can. The program
/// must use [`Counting`](counting::Counting).
pub fn measure<T: Item>(builds: &[Build<T>], from: u64) -> Vec<Figure> {
    let sizes: Vec<u64> = (0..SIZES).map(|step| from + from * (2 * step + 1) / (2 * SIZES)).collect();
    let averages: Vec<(&str, f64)> = builds.iter().map(|&build| average(build, &sizes)).collect();
    let bare = averages.iter().find(|(name, _)| *name == names::BARE).expect("the bare map is among the rivals").1;
    averages.into_iter().map(|(name, cost)| Figure { name, cost, ratio: cost / bare }).collect()
}

fn average<T: Item>(build: Build<T>, sizes: &[u64]) -> (&'static str, f64) {
    let mut name = "";
    let mut sum = 0.0;
    for &n in sizes {
        let (rival, bytes) = counting::measure(|| grown(build, n));
        name = rival.name();
        let heap: usize = workload::entries::<T>(n).map(|(key, value)| key.heap_bytes() + value.heap_bytes()).sum();
        sum += (bytes - heap as i64) as f64 / n as f64;
    }
    (name, sum / sizes.len() as f64)
}

fn grown<T: Item>(build: Build<T>, n: u64) -> Box<dyn Rival<T>> {
    let mut entries = workload::entries(n);
    let mut rival = build(&mut entries.by_ref().take(n as usize / 2));
    rival.publish(&mut entries.collect());
    rival.settle();
    rival
}
