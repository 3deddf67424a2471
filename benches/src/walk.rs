//! A walk over all entries.

use std::hint::black_box;

use crate::item::Item;
use crate::measure::{Figure, interleave, median, nanos};
use crate::rivals::{Rival, names};

/// Entries that are visited in one go, at least.
const PASS: u64 = 1 << 18;

/// Measures a full walk over every rival, by entry; each holds the same `n` entries, and one is the bare map.
///
/// Before each timed walk comes one that is not.
///
/// # Panics
/// If two rivals hold different values.
pub fn measure<T: Item>(rivals: &mut [Box<dyn Rival<T>>], n: u64, rounds: usize) -> Vec<Figure> {
    let walks = PASS.div_ceil(n);
    let seen = rivals[0].walk();
    let results = interleave(rivals, rounds, |rival| {
        assert_eq!(rival.walk(), seen, "{} holds something else", rival.name());
        let time = nanos(|| {
            for _ in 0..walks {
                black_box(rival.walk());
            }
        });
        time / (walks * n) as f64
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
