//! A fleet of worker threads, each with a `Reader` of its own, while a writer keeps publishing.
//!
//! A reader caches the read bucket it saw last and checks by one atomic load whether there is a newer one. That is
//! the fastest way to look things up, and it never waits for the writer.
//!
//! Prints:
//!
//! ```text
//! 4 workers answered 40000 requests, each from one generation
//! 500 generations were published meanwhile
//! ```

use std::thread;

use twinbucket::{Reader, Store};

const WORKERS: usize = 4;
const REQUESTS: usize = 10_000;
const PUBLISHES: u64 = 500;

/// Answers requests and checks that each one is served from a single generation, and never from an older one than
/// before.
fn work(mut reader: Reader<&str, u64>) -> usize {
    let mut newest = reader.read().generation();
    let mut answered = 0;
    for _ in 0..REQUESTS {
        // For one lookup, `reader.get` is all it takes. Several that must agree go to one read bucket.
        let bucket = reader.read();
        assert_eq!(bucket.get("price"), bucket.get("price in the index"));
        assert!(bucket.generation() >= newest);
        newest = bucket.generation();
        answered += 1;
    }
    // A thread that goes idle lets go of its read bucket, so that old entries can be freed. Here, dropping the reader
    // does that, too.
    reader.release();
    answered
}

fn main() {
    let catalogue: Store<&str, u64> = Store::from([("price", 0), ("price in the index", 0)]);
    let start = catalogue.generation();

    let answered: usize = thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS)
            .map(|_| {
                let reader = catalogue.reader();
                scope.spawn(move || work(reader))
            })
            .collect();

        for price in 1..=PUBLISHES {
            let mut write = catalogue.write();
            write.insert("price", price);
            write.insert("price in the index", price);
            write.publish();
        }
        workers.into_iter().map(|worker| worker.join().expect("no worker panics")).sum()
    });

    assert_eq!(answered, WORKERS * REQUESTS);
    println!("{WORKERS} workers answered {answered} requests, each from one generation");
    let published = catalogue.generation().get() - start.get();
    assert_eq!(published, PUBLISHES);
    assert_eq!(catalogue.get("price"), Some(PUBLISHES));
    println!("{published} generations were published meanwhile");
}
