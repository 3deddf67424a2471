//! Threshold publish: single writes collect in the write bucket, and the swap happens every so many writes or so much
//! time.
//!
//! This suits a stream of small updates from which readers need not see each one at once: they get batches.
//!
//! Prints:
//!
//! ```text
//! after 250 hits: 200 visible in generation 2
//! after publish: 250 visible in generation 3
//! one late hit came out by time
//! ```

use std::time::Duration;

use twinbucket::Store;

fn main() {
    // The classic double buffer: swap at every hundredth write.
    let hits: Store<u32, &str> = Store::builder().publish_every(100).build();
    for visitor in 0..250 {
        hits.insert(visitor, "/index.html");
    }
    assert_eq!((hits.len(), hits.generation().get()), (200, 2));
    println!("after 250 hits: {} visible in generation {}", hits.len(), hits.generation());

    // The last 50 wait for the threshold, or for an explicit publish.
    let generation = hits.publish();
    assert_eq!((hits.len(), generation.get()), (250, 3));
    println!("after publish: {} visible in generation {generation}", hits.len());

    // A time limit bounds how long a write may stay unpublished, also when no other write follows it.
    let hits: Store<u32, &str> = Store::builder().publish_every(100).publish_within(Duration::from_millis(20)).build();
    let mut watch = hits.watch();
    hits.insert(7, "/late.html");
    let bucket = watch.wait();
    assert_eq!(bucket.get(&7), Some(&"/late.html"));
    println!("one late hit came out by time");
}
