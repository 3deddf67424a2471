//! Publish and read: changes are private until `publish`, and then visible all at once.
//!
//! Prints:
//!
//! ```text
//! while writing: 2 drinks, coffee 420
//! generation 2: 2 drinks, coffee 450, no tea
//! the read bucket from before: tea 300, coffee 420
//! ```

use twinbucket::Store;

fn main() {
    let prices: Store<String, u32> = Store::from([("tea".into(), 300), ("coffee".into(), 420)]);
    let before = prices.read();

    let mut write = prices.write();
    write.insert("coffee".into(), 450);
    write.insert("cocoa".into(), 390);
    write.remove("tea");

    // The write bucket sees its own changes. Nobody else does.
    assert_eq!(write.get("coffee"), Some(&450));
    assert_eq!(prices.get("coffee"), Some(420));
    println!("while writing: {} drinks, coffee {}", prices.len(), prices.read()["coffee"]);

    // One atomic swap makes all three changes visible.
    let generation = write.publish();
    let after = prices.read();
    assert_eq!(after.generation(), generation);
    assert_eq!(after.get_many(["tea", "coffee", "cocoa"]), [None, Some(&450), Some(&390)]);
    println!("generation {generation}: {} drinks, coffee {}, no tea", after.len(), after["coffee"]);

    // What was taken earlier stays what it was, for as long as it is held.
    assert_eq!(before.get_many(["tea", "coffee", "cocoa"]), [Some(&300), Some(&420), None]);
    println!("the read bucket from before: tea {}, coffee {}", before["tea"], before["coffee"]);
}
