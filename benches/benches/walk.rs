//! Criterion: a walk over all entries of every rival.

use std::cell::LazyCell;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use twinbucket_benches::workload::{self, SIZES};
use twinbucket_benches::{Item, rivals};

fn walk<T: Item>(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group(format!("walk/{}", T::NAME));
    group.sample_size(10).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    for n in SIZES {
        group.throughput(Throughput::Elements(n));
        for build in rivals::all::<T>() {
            let name = build(&mut workload::entries(1)).name();
            let rival = LazyCell::new(|| build(&mut workload::entries(n)));
            group.bench_function(BenchmarkId::new(name, n), |bencher| bencher.iter(|| rival.walk()));
        }
    }
}

criterion_group!(benches, walk::<u64>, walk::<String>);
criterion_main!(benches);
