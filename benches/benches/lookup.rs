//! Criterion: a pass of lookups, hits in random order, through every reader of every rival.
//!
//! Its loop is measured by itself as "empty loop". To choose: `cargo bench -p twinbucket-benches --bench lookup -- u64/.*/10000$`.

use std::cell::LazyCell;
use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use twinbucket_benches::workload::{self, SIZES};
use twinbucket_benches::{Item, rivals};

fn lookup<T: Item>(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group(format!("lookup/{}", T::NAME));
    group.sample_size(20).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    for n in SIZES {
        let keys = LazyCell::new(|| workload::lookups::<T>(n));
        group.throughput(Throughput::Elements(n.clamp(1 << 16, 1 << 18)));
        group.bench_function(BenchmarkId::new("empty loop", n), |bencher| {
            bencher.iter(|| rivals::empty_loop(black_box(&keys[..])));
        });
        for build in rivals::all::<T>() {
            // A small one tells the names, so that a large one is made only if it is chosen.
            let small = build(&mut workload::entries(1));
            let rival = LazyCell::new(|| build(&mut workload::entries(n)));
            for (at, (name, _)) in small.readers().into_iter().enumerate() {
                group.bench_function(BenchmarkId::new(name, n), |bencher| {
                    let (_, mut read) = rival.readers().swap_remove(at);
                    bencher.iter(|| read(black_box(&keys[..])));
                });
            }
        }
    }
}

criterion_group!(benches, lookup::<u64>, lookup::<String>);
criterion_main!(benches);
