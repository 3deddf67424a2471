//! What all benches have in common.

use std::env;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion};
use twinbucket_lab::Item;

/// Returns the sizes, or a small one where `cargo test` wants to see that everything works.
pub(crate) fn sizes(sizes: &'static [u64]) -> &'static [u64] {
    if env::args().any(|argument| argument == "--bench") { sizes } else { &[1_000] }
}

/// Begins a group for the tables of one type: few samples, as there are many rivals.
pub(crate) fn group<'a, T: Item>(criterion: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(format!("{name}/{}", T::NAME));
    group.sample_size(10).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    group
}
