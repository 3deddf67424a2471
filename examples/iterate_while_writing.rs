//! Iterate while writing: a walk sees one generation, whatever is published meanwhile.
//!
//! Between any two steps of the walk below, money moves from the account just visited to the next one and the move is
//! published. A map that lets a walk see updates in progress would count some of that money twice.
//!
//! Prints:
//!
//! ```text
//! the walk saw 1000 accounts holding 100000 in total
//! meanwhile 1000 transfers were published
//! ```

use twinbucket::Store;

fn main() {
    const ACCOUNTS: u32 = 1_000;

    let balances: Store<u32, i64> = (0..ACCOUNTS).map(|account| (account, 100)).collect();

    let bucket = balances.read();
    let mut visited = 0;
    let mut total = 0;
    for (&account, &balance) in &bucket {
        visited += 1;
        total += balance;

        // Neither side waits for the other: the walk goes over a frozen read bucket.
        let mut write = balances.write();
        write.modify(&account, |balance| *balance -= 60);
        write.modify(&((account + 1) % ACCOUNTS), |balance| *balance += 60);
        write.publish();
    }
    assert_eq!((visited, total), (ACCOUNTS, 100_000));
    println!("the walk saw {visited} accounts holding {total} in total");

    // Each publish held both halves of a transfer, so the newest generation adds up as well.
    let newest = balances.read();
    let transfers = newest.generation().get() - bucket.generation().get();
    assert_eq!(newest.values().sum::<i64>(), 100_000);
    assert_eq!(transfers, u64::from(ACCOUNTS));
    println!("meanwhile {transfers} transfers were published");
}
