//! Any bytes, read by each format of the feeds into several types: none panics, what is wrong is told with a place in the
//! text, and bad rows are counted as the policies say.

#![no_main]

mod input;
mod ranges;
mod reading;

use libfuzzer_sys::fuzz_target;

use crate::input::Input;

fuzz_target!(|input: Input<'_>| reading::run(&input));
