//! Every key and value is dropped exactly once, and so is every clone.

use std::thread;

use twinbucket_alternatives::ConcurrentMap;

use crate::census::{Census, Tracked};
use crate::design::Design;
use crate::hashing::Hashing;

pub(crate) fn everything_is_dropped_once<D: Design>() {
    let census = Census::open();
    let map = D::make::<Tracked, Tracked>(Hashing::default());
    for key in (0..200).chain(100..300) {
        map.insert(census.tracked(key), census.tracked(key));
    }
    for key in (0..400).step_by(3) {
        map.remove(&census.tracked(key));
    }
    (0..300).for_each(|key| drop(map.get(&census.tracked(key))));
    (0..300).step_by(6).for_each(|key| drop(map.insert(census.tracked(key), census.tracked(key))));
    assert_eq!(map.len(), 250);
    drop(map);
    census.assert_settled("inserted, overwritten, removed, inserted again, and dropped with the map");
}

pub(crate) fn everything_is_dropped_once_by_threads_that_meet<D: Design>() {
    let census = Census::open();
    let map = D::make::<Tracked, Tracked>(Hashing::default());
    thread::scope(|scope| {
        for offset in 0..3 {
            let map = &map;
            scope.spawn(move || {
                for round in 0..300 {
                    let key = (round + offset) % 20;
                    map.insert(census.tracked(key), census.tracked(round));
                    map.get(&census.tracked(key + 1));
                    if round % 3 == 0 {
                        map.remove(&census.tracked(key + 2));
                    }
                }
            });
        }
    });
    drop(map);
    census.assert_settled("three threads wrote to the same keys");
}
