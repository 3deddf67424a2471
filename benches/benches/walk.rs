//! Criterion: a walk over all entries of every rival.

mod shared;

use std::cell::LazyCell;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use twinbucket_lab::workload::{Keys, SIZES};
use twinbucket_lab::{Item, rivals};

fn walk<T: Item>(criterion: &mut Criterion) {
    let mut group = shared::group::<T>(criterion, "walk");
    for &n in shared::sizes(&SIZES) {
        group.throughput(Throughput::Elements(n));
        for kind in rivals::kinds::<T>() {
            let rival = LazyCell::new(|| (kind.build)(&mut Keys::made(n).entries()));
            group.bench_function(BenchmarkId::new(kind.name, n), |bencher| bencher.iter(|| rival.walk()));
        }
    }
}

criterion_group!(benches, walk::<u64>, walk::<String>);
criterion_main!(benches);
