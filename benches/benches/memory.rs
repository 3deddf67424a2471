//! Bytes of the structure for each entry, averaged over sizes between two powers of two. Not a matter of time, so this is
//! a plain program that prints a table.

use std::env;

use twinbucket_benches::counting::Counting;
use twinbucket_benches::measure::Figure;
use twinbucket_benches::report::{Findings, Sized};
use twinbucket_benches::{Item, memory, rivals};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() {
    // `cargo test --benches` asks for a quick look at whether it works at all.
    let from = if env::args().any(|argument| argument == "--test") { 1 << 10 } else { 1 << 18 };
    let memory = vec![measure::<u64>(from), measure::<String>(from)];
    print!("{}", Findings { memory, ..Findings::default() }.markdown());
}

fn measure<T: Item>(from: u64) -> Sized<Figure> {
    Sized { item: T::NAME, n: from, results: memory::measure(&rivals::all::<T>(), from) }
}
