//! Criterion: a pass of lookups, hits in random order, in every way to read every rival.
//!
//! Its loop is measured by itself as "empty loop". To choose: `cargo bench -p twinbucket-benches --bench lookup -- u64/.*/10000$`.

mod shared;

use std::cell::LazyCell;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use twinbucket_lab::workload::{Keys, SIZES, Spread};
use twinbucket_lab::{Item, rivals};

fn lookup<T: Item>(criterion: &mut Criterion) {
    let mut group = shared::group::<T>(criterion, "lookup");
    for &n in shared::sizes(&SIZES) {
        let keys = Keys::made(n);
        let length = n.clamp(1 << 16, 1 << 18);
        let hits: LazyCell<Vec<T>, _> = LazyCell::new(|| keys.hits(length as usize, Spread::Uniform, n));
        group.throughput(Throughput::Elements(length));
        group.bench_function(BenchmarkId::new("empty loop", n), |bencher| {
            bencher.iter(|| rivals::empty_loop(black_box(&hits[..])));
        });
        for kind in rivals::kinds::<T>() {
            // Made when the first of its ways is chosen.
            let rival = LazyCell::new(|| (kind.build)(&mut keys.entries()));
            for (way, named) in kind.ways.iter().enumerate() {
                group.bench_function(BenchmarkId::new(named.name, n), |bencher| {
                    let mut reader = rival.reader(way);
                    bencher.iter(|| reader.sum(black_box(&hits[..])));
                });
            }
        }
    }
}

criterion_group!(benches, lookup::<u64>, lookup::<String>);
criterion_main!(benches);
