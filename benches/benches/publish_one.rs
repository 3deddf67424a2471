//! Criterion: publishing one change, with nothing held and with a view taken before each tenth publish and held for a
//! hundred. For percentiles, see the program `table`.

use std::time::{Duration, Instant};

use criterion::{Bencher, BenchmarkId, Criterion, criterion_group, criterion_main};
use twinbucket_benches::publish::Held;
use twinbucket_benches::rivals::Build;
use twinbucket_benches::workload::{self, Changes, SIZES};
use twinbucket_benches::{Item, Rival, rivals};

fn publish_one<T: Item>(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group(format!("publish_one/{}", T::NAME));
    group.sample_size(10).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    for n in SIZES {
        for build in rivals::all::<T>() {
            let small = build(&mut workload::entries(1));
            let mut rival = None;
            group.bench_function(BenchmarkId::new(format!("{}, free", small.name()), n), |bencher| {
                run(bencher, made(&mut rival, build, n), n, None);
            });
            if small.hold().is_some() {
                group.bench_function(BenchmarkId::new(format!("{}, held", small.name()), n), |bencher| {
                    run(bencher, made(&mut rival, build, n), n, Some(Held::new()));
                });
            }
        }
    }
}

/// Returns the rival, made if it is not yet.
fn made<T: Item>(rival: &mut Option<Box<dyn Rival<T>>>, build: Build<T>, n: u64) -> &mut dyn Rival<T> {
    rival.get_or_insert_with(|| build(&mut workload::entries(n))).as_mut()
}

fn run<T: Item>(bencher: &mut Bencher<'_>, rival: &mut dyn Rival<T>, n: u64, mut held: Option<Held<T>>) {
    let mut changes = Changes::new(n);
    bencher.iter_custom(|publishes| {
        let mut total = Duration::ZERO;
        for _ in 0..publishes {
            if let Some(held) = &mut held {
                held.turn(rival);
            }
            let mut change = vec![changes.rewrite()];
            let start = Instant::now();
            rival.publish(&mut change);
            total += start.elapsed();
        }
        total
    });
}

criterion_group!(benches, publish_one::<u64>, publish_one::<String>);
criterion_main!(benches);
