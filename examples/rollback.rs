//! Rollback: the last few generations are kept, so a bad publish can be looked at and taken back.
//!
//! Rolling back publishes the old content as a new generation. History only moves forward, and readers never go back
//! in it.
//!
//! Prints:
//!
//! ```text
//! generation 3 broke the route of /pay: nowhere
//! generation 4 has the content of generation 2: /pay goes to pay-2
//! refused: generation 1 is not kept (the oldest one at hand is 2)
//! ```

use twinbucket::{Generation, Store};

fn main() {
    let routes: Store<&str, &str> = Store::builder().keep(2).build();
    let deploy = |backend| -> Generation {
        let mut write = routes.write();
        write.insert("/pay", backend);
        write.publish()
    };

    let first = deploy("pay-1");
    let good = deploy("pay-2");
    let bad = deploy("nowhere");
    println!("generation {bad} broke the route of /pay: {}", routes.read()["/pay"]);

    // The kept generations can be read at any time.
    let before = routes.at(good).expect("one of the last two is kept");
    assert_eq!(before["/pay"], "pay-2");

    // And published again.
    let mended = routes.rollback(good).expect("one of the last two is kept");
    assert!(mended > bad);
    assert_eq!(routes.read(), before);
    println!("generation {mended} has the content of generation {good}: /pay goes to {}", routes.read()["/pay"]);

    // What is older was given up, and says so.
    assert!(routes.at(first).is_none());
    let refusal = routes.rollback(first).expect_err("only two generations before the current one are kept");
    assert_eq!(routes.generation(), mended);
    println!("refused: {refusal}");
}
