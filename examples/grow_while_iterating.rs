//! Grow while iterating: the store may grow a hundredfold under a walk, which still yields each of its entries once.
//!
//! The walk owns what it goes over, so it can even outlive the store.
//!
//! Prints:
//!
//! ```text
//! the store grew from 1000 to 101000 entries during the walk
//! the walk yielded 1000 entries, each once
//! ```

use std::collections::HashSet;

use twinbucket::Store;

fn main() {
    const START: u64 = 1_000;
    const PER_STEP: u64 = 200;

    let squares: Store<u64, u64> = (0..START).map(|n| (n, n * n)).collect();
    let leaves_before = squares.stats().leaves;

    // `into_iter` on a read bucket gives an iterator without a lifetime: it can go to another thread or into a
    // struct.
    let mut walk = squares.read().into_iter();
    let mut next = START;
    let mut seen = HashSet::new();
    for (n, square) in walk.by_ref().take(500) {
        assert_eq!(square, n * n);
        assert!(seen.insert(n), "{n} came twice");

        // Every step publishes more entries: leaves split and the directory doubles, but never those of the walk.
        let mut write = squares.write();
        write.extend((next..next + PER_STEP).map(|n| (n, n * n)));
        write.publish();
        next += PER_STEP;
    }
    let grown = squares.len();
    assert_eq!(grown as u64, START + START / 2 * PER_STEP);
    assert!(squares.stats().leaves > leaves_before);
    println!("the store grew from {START} to {grown} entries during the walk");

    // The second half of the walk goes on after the store is gone.
    drop(squares);
    for (n, _) in walk {
        assert!(seen.insert(n), "{n} came twice");
    }
    assert_eq!(seen, (0..START).collect());
    println!("the walk yielded {} entries, each once", seen.len());
}
