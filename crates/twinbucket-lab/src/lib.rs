//! The lab: workloads, recorders and reports that measure the store beside other maps.

pub mod baseline;
mod bench;
pub mod budget;
pub mod counting;
mod environment;
pub mod item;
pub mod plan;
pub mod report;
pub mod results;
pub mod rivals;
pub mod rng;
pub mod run;
mod schedule;
pub mod statistics;
pub mod workload;

pub use crate::bench::memory;
pub use crate::item::Item;
