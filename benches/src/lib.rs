//! Workloads that measure the store against its rivals, shared by the criterion benches and the program `table`.
//!
//! A [`Rival`] is one way to do the store's job behind one small trait; [`workload`] makes the entries, keys and changes,
//! the same for all of them; [`lookup`], [`publish`], [`walk`] and [`memory`] each measure one thing, interleaved:
//! every round runs every rival, in an order that rotates. [`report`] turns what they found into Markdown and judges the
//! targets.

pub mod counting;
pub mod item;
pub mod lookup;
pub mod measure;
pub mod memory;
pub mod publish;
pub mod report;
pub mod rivals;
pub mod rng;
pub mod walk;
pub mod workload;

pub use crate::item::Item;
pub use crate::rivals::Rival;
