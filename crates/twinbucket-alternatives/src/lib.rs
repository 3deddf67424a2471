//! Other designs of a concurrent map, each complete, behind one trait.

mod map;

pub use hashbrown::{DefaultHashBuilder, Equivalent};

pub use crate::map::{Capabilities, ConcurrentMap, View, WaitsFor, WhileWalking};
