//! The benches.

pub mod memory;
