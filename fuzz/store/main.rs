//! Programs on a store, compared with `std::collections::HashMap`: whatever the hasher, and whichever read buckets are
//! held meanwhile. What an input stands for is printed as a program, one operation a line.

#![no_main]

mod bench;
mod counted;
mod hashing;
mod program;

use libfuzzer_sys::fuzz_target;

use crate::program::Program;

fuzz_target!(|program: Program| bench::run(&program));
