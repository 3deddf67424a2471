//! Go's failures, replayed (1): iterate while writing.
//!
//! After the first step of a walk, all that the visited account holds moves to one that comes later. Then a second write
//! starts in the middle of another. The map with Go's layout does this once without the runtime's detection and once
//! with it; then the same happens to a store.
//!
//! Prints:
//!
//! ```text
//! unchecked walk: 10 accounts holding 1000 in total seem to hold 1100
//! checked walk: the map was written to during the iteration
//! second write: two operations on the map overlap, and one of them writes
//! store: the walk counts 1000, the second write waits for the first
//! ```

use std::thread;

use twinbucket::Store;
use twinbucket_alternatives::{ConcurrentWrite, FailFastMap};

const ACCOUNTS: u32 = 10;

fn main() -> Result<(), ConcurrentWrite> {
    let balances: FailFastMap<u32, i64> = (0..ACCOUNTS).map(|account| (account, 100)).collect();
    let transfer = |from: u32| {
        balances.update(&from, |balance| *balance -= 100)?;
        balances.update(&((from + 1) % ACCOUNTS), |balance| *balance += 100)
    };

    // Without detection, the walk sees the money in both places.
    let mut walk = balances.walk_unchecked();
    let (first, balance) = walk.next().expect("there are ten accounts");
    transfer(first)?;
    let total = balance + walk.map(|(_, balance)| balance).sum::<i64>();
    assert_eq!(total, 1_100);
    println!("unchecked walk: {ACCOUNTS} accounts holding 1000 in total seem to hold {total}");

    // With it, the walk ends.
    let mut walk = balances.iter();
    let first = walk.next().expect("there are ten accounts");
    let (first, _) = first.expect("nobody has written yet");
    transfer(first)?;
    let failure = walk.next().expect("nine are left").expect_err("the map was changed");
    println!("checked walk: {failure}");

    // The write goes on until this closure is over.
    let second = balances.update(&0, |_| {
        thread::scope(|scope| scope.spawn(|| balances.insert(ACCOUNTS, 0)).join().expect("it does not panic"))
    })?;
    let failure = second.expect("there is an account 0").expect_err("it met the first write");
    println!("second write: {failure}");

    on_a_store();
    Ok(())
}

/// The same schedule, on a store.
fn on_a_store() {
    let balances: Store<u32, i64> = (0..ACCOUNTS).map(|account| (account, 100)).collect();

    // The walk goes over what was there when it began.
    let bucket = balances.read();
    let mut walk = bucket.iter();
    let (&first, &balance) = walk.next().expect("there are ten accounts");
    let mut write = balances.write();
    write.modify(&first, |balance| *balance -= 100);
    write.modify(&((first + 1) % ACCOUNTS), |balance| *balance += 100);
    write.publish();
    let total = balance + walk.map(|(_, balance)| balance).sum::<i64>();
    assert_eq!(total, 1_000);

    // The second write comes after the first. Reads wait for neither.
    let mut write = balances.write();
    write.insert(0, 7);
    thread::scope(|scope| {
        let second = scope.spawn(|| balances.insert(0, 8));
        assert_ne!(balances.get(&0), Some(7));
        write.publish();
        assert_eq!(second.join().expect("it does not panic"), Some(7));
    });
    println!("store: the walk counts {total}, the second write waits for the first");
}
