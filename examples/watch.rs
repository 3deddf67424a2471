//! Watch: a thread sleeps until something is published, then brings an index of its own up to date from the
//! difference.
//!
//! A watch hands out the newest read bucket. If several were published since, it skips those between, and the
//! difference still holds every change.
//!
//! Prints:
//!
//! ```text
//! three publishes, one wake-up: generation 3
//! the index agrees with generation 103: blue 1, green 50, red 50
//! ```

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use twinbucket::{Change, Store};

fn main() {
    let colours: Store<u32, &str> = Store::new();

    // Three publishes before the first look: the watch gives the last of them, and then nothing until the next.
    let mut watch = colours.watch();
    colours.insert(0, "red");
    colours.insert(0, "green");
    colours.insert(0, "blue");
    let start = watch.wait();
    assert_eq!(start.get(&0), Some(&"blue"));
    assert!(watch.wait_timeout(Duration::ZERO).is_none());
    println!("three publishes, one wake-up: generation {}", start.generation());

    // The indexer keeps the number of entries of each colour.
    let indexer = thread::spawn(move || {
        let mut counts = BTreeMap::from([("blue", 1)]);
        let mut seen = start;
        while seen.len() < 101 {
            let bucket = watch.wait();
            for change in bucket.diff(&seen) {
                let (old, new) = match change {
                    Change::Added { value, .. } => (None, Some(value)),
                    Change::Removed { value, .. } => (Some(value), None),
                    Change::Changed { old, new, .. } => (Some(old), Some(new)),
                };
                if let Some(&colour) = old {
                    *counts.entry(colour).or_insert(0) -= 1;
                }
                if let Some(&colour) = new {
                    *counts.entry(colour).or_insert(0) += 1;
                }
            }
            seen = bucket;
        }
        (seen.generation(), counts)
    });

    for n in 1..=100 {
        colours.insert(n, if n % 2 == 0 { "green" } else { "red" });
    }

    let (generation, counts) = indexer.join().expect("the indexer does not panic");
    let newest = colours.read();
    let count = |wanted| newest.values().filter(|&&colour| colour == wanted).count();
    for (&colour, &counted) in &counts {
        assert_eq!(counted, count(colour));
    }
    assert_eq!(counts.len(), 3);
    let counts: Vec<_> = counts.iter().map(|(colour, count)| format!("{colour} {count}")).collect();
    println!("the index agrees with generation {generation}: {}", counts.join(", "));
}
