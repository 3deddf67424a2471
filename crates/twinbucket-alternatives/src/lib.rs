//! Other designs of a concurrent map, each complete, behind one trait.

mod fail_fast;
mod left_right;
mod map;
mod read_mostly;
mod rwlock;
mod sharded;
mod store;
mod striped;

pub use hashbrown::{DefaultHashBuilder, Equivalent};

pub use crate::fail_fast::{
    ConcurrentIteration, ConcurrentWrite, FailFastIter, FailFastLayout, FailFastMap, FailFastWalk,
};
pub use crate::left_right::{LeftRightBatch, LeftRightMap, LeftRightReader};
pub use crate::map::{Capabilities, ConcurrentMap, View, WaitsFor, WhileWalking};
pub use crate::read_mostly::ReadMostlyMap;
pub use crate::rwlock::RwLockMap;
pub use crate::sharded::{CannotRemove, Load, LoadFactor, Modulo, Ring, Router, ShardedMap, Weighted};
pub use crate::striped::{Snapshot, StripedMap};
