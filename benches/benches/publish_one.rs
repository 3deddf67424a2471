//! Criterion: publishing one change, with nothing held and with a view taken before each tenth publish and held for a
//! hundred. For percentiles, see `twinbucket bench swap`.

mod shared;

use std::cell::LazyCell;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

use criterion::{Bencher, BenchmarkId, Criterion, criterion_group, criterion_main};
use twinbucket_lab::rivals::{Rival, View};
use twinbucket_lab::workload::{Changes, Keys, SIZES};
use twinbucket_lab::{Item, rivals};

/// A view is taken before each tenth publish,
const HOLD_EVERY: u64 = 10;
/// and ten are held at a time.
const HELD: usize = 10;

fn publish_one<T: Item>(criterion: &mut Criterion) {
    let mut group = shared::group::<T>(criterion, "publish_one");
    for &n in shared::sizes(&SIZES) {
        let keys = Keys::<T>::made(n);
        for kind in rivals::kinds::<T>() {
            let rival = LazyCell::new(|| (kind.build)(&mut keys.entries()));
            group.bench_function(BenchmarkId::new(format!("{}, free", kind.name), n), |bencher| {
                run(bencher, rival.as_ref(), &keys, |_| ());
            });
            // A small one tells whether it has views, so that a large one is made only if it is chosen.
            if (kind.build)(&mut keys.entries().take(1)).hold().is_some() {
                group.bench_function(BenchmarkId::new(format!("{}, held", kind.name), n), |bencher| {
                    let mut views = VecDeque::new();
                    run(bencher, rival.as_ref(), &keys, |publish| turn(publish, &mut views, rival.as_ref()));
                });
            }
        }
    }
}

/// Measures publishes, each after a call of `before` with its number, which does not count.
fn run<T: Item>(bencher: &mut Bencher<'_>, rival: &dyn Rival<T>, keys: &Keys<T>, mut before: impl FnMut(u64)) {
    let mut changes = Changes::new(keys.clone());
    bencher.iter_custom(|publishes| {
        let mut total = Duration::ZERO;
        for publish in 0..publishes {
            before(publish);
            let mut change = vec![changes.rewrite()];
            let start = Instant::now();
            rival.publish(&mut change);
            total += start.elapsed();
        }
        total
    });
}

/// Takes a view where it is time, and lets go of the oldest.
fn turn<'a, T: Item>(publish: u64, views: &mut VecDeque<Box<dyn View<T> + 'a>>, rival: &'a dyn Rival<T>) {
    if publish % HOLD_EVERY == 0 {
        if views.len() == HELD {
            views.pop_front();
        }
        views.extend(rival.hold());
    }
}

criterion_group!(benches, publish_one::<u64>, publish_one::<String>);
criterion_main!(benches);
