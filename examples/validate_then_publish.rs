//! Validate, then publish or discard: a reload that turns out to be bad leaves no trace.
//!
//! Dropping a write bucket without `publish` undoes all it did. So `?` is enough to keep the last good version in
//! service.
//!
//! Prints:
//!
//! ```text
//! first load: 4 added
//! refused: line 2: `fifty` is not a number
//! refused: 3 of 4 limits would go
//! still serving generation 1
//! reload: 1 changed, 3 unchanged
//! ```

use std::error::Error;

use twinbucket::{Changes, Store};

/// Brings `limits` to the content of `table`, or returns an error and leaves it as it was.
fn reload(limits: &Store<String, u32>, table: &str) -> Result<Changes, Box<dyn Error>> {
    let mut write = limits.write();
    let before = write.len();

    let mut rows = Vec::new();
    for (index, row) in table.lines().enumerate() {
        let line = index + 1;
        let (name, limit) = row.split_once('=').ok_or_else(|| format!("line {line}: no `=`"))?;
        let limit = limit.parse().map_err(|_| format!("line {line}: `{limit}` is not a number"))?;
        rows.push((name.to_string(), limit));
    }

    // `sync` turns the full reload into a delta, and tells its size. A sudden loss of most rows looks like a cut-off
    // file.
    let changes = write.sync(rows);
    if changes.removed * 2 > before {
        return Err(format!("{} of {before} limits would go", changes.removed).into());
    }
    write.publish();
    Ok(changes)
}

fn main() -> Result<(), Box<dyn Error>> {
    let limits: Store<String, u32> = Store::new();

    let changes = reload(&limits, "guest=10\nuser=50\nbot=5\nadmin=900")?;
    println!("first load: {} added", changes.added);
    let good = limits.read();

    for bad in ["guest=10\nuser=fifty", "guest=10"] {
        let refusal = reload(&limits, bad).expect_err("the table is bad");
        println!("refused: {refusal}");
        assert_eq!(limits.read(), good);
    }
    assert_eq!(limits.generation(), good.generation());
    println!("still serving generation {}", limits.generation());

    // The store works as if nothing had happened. Only what differs is written.
    let changes = reload(&limits, "guest=10\nuser=60\nbot=5\nadmin=900")?;
    assert_eq!(limits.get("user"), Some(60));
    println!("reload: {} changed, {} unchanged", changes.changed, changes.unchanged);
    Ok(())
}
