//! Criterion: publishing 10,000 changes at once, new values and new keys by turns, in a table of a million entries.

use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use twinbucket_benches::workload::{self, Changes};
use twinbucket_benches::{Item, rivals};

/// Entries in the table.
const N: u64 = 1_000_000;
/// Changes at once.
const CHANGES: usize = 10_000;

fn publish_bulk<T: Item>(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group(format!("publish_bulk/{}", T::NAME));
    group.sample_size(10).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    group.throughput(Throughput::Elements(CHANGES as u64));
    for build in rivals::all::<T>() {
        let name = build(&mut workload::entries(1)).name();
        let mut rival = None;
        let mut changes = Changes::new(N);
        group.bench_function(name, |bencher| {
            let rival = rival.get_or_insert_with(|| build(&mut workload::entries(N)));
            bencher.iter_batched_ref(
                || changes.mixed(CHANGES),
                |changes| rival.publish(changes),
                BatchSize::PerIteration,
            );
        });
    }
}

criterion_group!(benches, publish_bulk::<u64>, publish_bulk::<String>);
criterion_main!(benches);
