//! Other designs of a map that many threads read and write: each complete, all behind one trait, to compare with the
//! [twinbucket store](twinbucket::Store) or to take instead of it.
//!
//! ```
//! use twinbucket_alternatives::{ConcurrentMap, RwLockMap, StripedMap};
//!
//! /// Works with any of the designs, and with a store.
//! fn note_lengths(words: &[&str], lengths: &impl ConcurrentMap<String, usize>) {
//!     for word in words {
//!         lengths.insert(word.to_string(), word.len());
//!     }
//! }
//!
//! let (simple, striped) = (RwLockMap::new(), StripedMap::new());
//! note_lengths(&["ant", "bee"], &simple);
//! note_lengths(&["ant", "antelope"], &striped);
//! assert_eq!((simple.get("bee"), striped.get("bee")), (Some(3), None));
//! ```
//!
//! # The designs
//!
//! | | how | a walk sees | a write during a walk | a lookup waits for | a write waits for |
//! |---|---|---|---|---|---|
//! | [`RwLockMap`] | one lock, one flat table | one moment | waits | any writer | any reader |
//! | [`StripedMap`] | 32 tables with a lock each | a mixture | waits if it goes to the same stripe | writers of the stripe | readers of the stripe |
//! | [`ShardedMap`] | any number of tables with a lock each, and a router | a mixture | waits if it goes to the same shard | writers of the shard | readers of the shard |
//! | [`ReadMostlyMap`] | a read map without a lock, a dirty map under one (Go's first `sync.Map`) | a mixture | goes on | nobody for keys in the read map, else any writer | nobody but writers of new keys |
//! | [`LeftRightMap`] | two tables and a log (crate left-right) | one moment | one goes on, the next waits | nobody | any slow reader |
//! | [`Store`](twinbucket::Store) | one table in small leaves, copied when written | one moment, kept as long as you like | goes on | nobody | nobody |
//!
//! Writers of the same part also wait for each other, everywhere. The table is [`ConcurrentMap::CAPABILITIES`] in words; the
//! conformance suite holds it against what each design does.
//!
//! | | a lookup costs | a write costs | memory |
//! |---|---|---|---|
//! | [`RwLockMap`] | a table lookup, two changes of a cache line that all share | the same | one table |
//! | [`StripedMap`] | a table lookup, two changes of a cache line that the stripe's users share | the same | one table |
//! | [`ShardedMap`] | the router, then the same; with load-aware placement, several shards for some keys | the same | one table |
//! | [`ReadMostlyMap`] | a table lookup, two protected loads and one more pointer to follow | an allocation; for the first new key after a promotion, O(n) | one allocation for each key and each value; at times two tables of pointers |
//! | [`LeftRightMap`] | a table lookup, two changes of the thread's own cache line | two table writes, clones of key and value, a publish that passes over all readers | two tables, and the log of the last publish |
//! | [`Store`](twinbucket::Store) | a table lookup and two more loads | a copy of a leaf and a publish, microseconds | one table, and what held versions differ in |
//!
//! # Which one
//!
//! - One map, a few threads, short lookups: [`RwLockMap`]. Measure before you take anything else.
//! - Many threads that write different keys: [`StripedMap`]; [`ShardedMap`] if shards are to come and go, to have weights
//!   or to be bounded.
//! - Keys that are written once and looked up ever after, or keys that each thread has its own of: [`ReadMostlyMap`].
//! - Lookups must be as fast as they can be, all of them are short, and there is memory for two maps: [`LeftRightMap`].
//! - Somebody walks, or needs several entries of one moment, while writers must go on: [`Store`](twinbucket::Store).
//!
//! # Do not use it if
//!
//! - [`RwLockMap`]: there are slow walks, as everybody waits for them; or many cores look up at the same time.
//! - [`StripedMap`], [`ShardedMap`]: two entries must be seen together, or changed together.
//! - [`ReadMostlyMap`]: new keys keep coming in, as each promotion is followed by a copy; or `len` is asked for often.
//! - [`LeftRightMap`]: a reader may be slow, or be interrupted for long, as writers spin until it is through; a thread might
//!   write inside of its own lookup, as it then waits for ever; or `Clone`, `Hash`, `Eq` or `Drop` may panic.
//!
//! And for teaching, there is [`FailFastMap`]: Go's own map with its runtime's detection of what must not happen.

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
