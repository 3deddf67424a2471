//! A walk over all entries.

use std::hint::black_box;

use crate::item::Item;
use crate::measure::{Figure, interleave, median, nanos};
use crate::rivals::{Rival, names};

/// Entries visited in one go, at least: long for the clock, and for small tables short for the scheduler.
const CHUNK: u64 = 1 << 14;
/// Entries visited in a round, at least.
const PASS: u64 = 1 << 20;

/// Measures a full walk over every rival, by entry; each holds the same `n` entries, and one is the bare map.
///
/// In a round, each first walks once without being timed; what counts is the median of the next walks.
///
/// # Panics
/// If two rivals hold different values.
pub fn measure<T: Item>(rivals: &mut [Box<dyn Rival<T>>], n: u64, rounds: usize) -> Vec<Figure> {
    let walks = CHUNK.div_ceil(n);
    let chunks = PASS.div_ceil(walks * n);
    let seen = rivals[0].walk();
    let results = interleave(rivals, rounds, |rival| {
        assert_eq!(rival.walk(), seen, "{} holds something else", rival.name());
        let chunk = || (0..walks).for_each(|_| _ = black_box(rival.walk()));
        let times: Vec<f64> = (0..chunks).map(|_| nanos(chunk)).collect();
        median(&times) / (walks * n) as f64
    });
    let costs: Vec<f64> = results.iter().map(|times| median(times)).collect();
    compared(rivals, &costs)
}

/// Compares each rival's cost with the bare map's.
pub(crate) fn compared<T: Item>(rivals: &[Box<dyn Rival<T>>], costs: &[f64]) -> Vec<Figure> {
    let bare = rivals.iter().position(|rival| rival.name() == names::BARE).expect("the bare map is among the rivals");
    let figures = rivals.iter().zip(costs);
    figures.map(|(rival, &cost)| Figure { name: rival.name(), cost, ratio: cost / costs[bare] }).collect()
}
