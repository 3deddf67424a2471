//! Criterion: publishing 10,000 changes at once, new values and new keys by turns, in a table of a million entries.

mod shared;

use std::cell::LazyCell;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use twinbucket_lab::workload::{Changes, Keys};
use twinbucket_lab::{Item, rivals};

/// Changes at once.
const CHANGES: usize = 10_000;

fn publish_bulk<T: Item>(criterion: &mut Criterion) {
    let mut group = shared::group::<T>(criterion, "publish_bulk");
    group.throughput(Throughput::Elements(CHANGES as u64));
    for &n in shared::sizes(&[1_000_000]) {
        let keys = Keys::made(n);
        for kind in rivals::kinds::<T>() {
            let rival = LazyCell::new(|| (kind.build)(&mut keys.entries()));
            let mut changes = Changes::new(keys.clone());
            group.bench_function(BenchmarkId::new(kind.name, n), |bencher| {
                bencher.iter_batched_ref(
                    || changes.mixed(CHANGES),
                    |changes| rival.publish(changes),
                    BatchSize::PerIteration,
                );
            });
        }
    }
}

criterion_group!(benches, publish_bulk::<u64>, publish_bulk::<String>);
criterion_main!(benches);
