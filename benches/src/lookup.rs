//! Lookups: hits in random order, the loop taken off.

use std::hint::black_box;

use crate::item::Item;
use crate::measure::{Figure, interleave, median, nanos};
use crate::rivals::{LookUp, Rival, empty_loop, names};
use crate::workload;

/// Lookups timed in one go: long for the clock, short for the scheduler, so that few are interrupted.
const CHUNK: usize = 1 << 12;
/// Chunks in a round, at least.
const CHUNKS: usize = 64;

/// Measures a lookup through every reader of every rival; each holds the same `n` entries, and one is the bare map.
///
/// In a round, each first goes through the keys once without being timed, so that nobody pays for what the one before left
/// in the caches; what counts is the median of the chunks of the next passes.
///
/// # Panics
/// If two readers find different values.
pub fn measure<T: Item>(rivals: &[Box<dyn Rival<T>>], n: u64, rounds: usize) -> Vec<Figure> {
    let keys = workload::lookups::<T>(n);
    let passes = CHUNKS.div_ceil(keys.len() / CHUNK);
    let mut readers: Vec<(&str, LookUp<'_, T>)> = vec![("", Box::new(empty_loop))];
    readers.extend(rivals.iter().flat_map(|rival| rival.readers()));

    let found = readers[1].1(&keys);
    for (name, read) in &mut readers[1..] {
        assert_eq!(read(&keys), found, "{name} finds something else");
    }
    let results = interleave(&mut readers, rounds, |(_, read)| {
        black_box(read(black_box(&keys)));
        let chunks = (0..passes).flat_map(|_| keys.chunks_exact(CHUNK));
        let times: Vec<f64> = chunks.map(|chunk| nanos(|| _ = black_box(read(black_box(chunk))))).collect();
        median(&times) / CHUNK as f64
    });
    let medians: Vec<f64> = results.iter().map(|times| median(times)).collect();
    net(&readers.iter().map(|(name, _)| *name).collect::<Vec<_>>(), &medians)
}

/// Takes the first median, that of the empty loop, off the others, and compares them with the bare map's.
fn net(names: &[&'static str], medians: &[f64]) -> Vec<Figure> {
    let costs = medians.iter().map(|median| median - medians[0]);
    let bare = names.iter().zip(costs.clone()).find(|(name, _)| **name == names::BARE);
    let bare = bare.expect("the bare map is among the rivals").1;
    names.iter().zip(costs).skip(1).map(|(name, cost)| Figure { name, cost, ratio: cost / bare }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loop_is_taken_off_both_sides_of_the_ratio() {
        let figures = net(&["", names::BARE, names::READER], &[1.0, 3.0, 4.0]);
        assert_eq!((figures[1].cost, figures[1].ratio), (3.0, 1.5));
    }
}
