//! A concurrent hash map for read-heavy services, in two buckets: writers change a private **write bucket**, and
//! [`publish`](WriteBucket::publish) makes it the **read bucket** by one atomic swap of a pointer. Readers hold
//! frozen read buckets: they see one point in time, never wait, and never free memory.
//!
//! ```
//! use twinbucket::Store;
//!
//! let limits = Store::from([("guest", 10), ("user", 50)]);
//! let before = limits.read();
//!
//! let mut write = limits.write();
//! write.insert("user", 60);
//! write.remove("guest");
//! assert_eq!(limits.get("user"), Some(50)); // nobody else sees it yet
//!
//! write.publish();
//! assert_eq!(limits.get("user"), Some(60));
//! assert_eq!(before.get("guest"), Some(&10)); // frozen
//! ```
//!
//! # What to use
//!
//! | to | use |
//! |---|---|
//! | look up once | [`Store::get`], which clones the value |
//! | look up several entries of one version, walk, keep or send it | [`Store::read`] |
//! | look up again and again on one thread, the fastest way | [`Store::reader`] |
//! | sleep until something is published | [`Store::watch`] |
//! | change one entry | [`Store::insert`], [`Store::remove`]; many of them: [`Builder::publish_every`] |
//! | change several entries as one | [`Store::write`], then [`WriteBucket::publish`] |
//! | load everything anew | [`WriteBucket::sync`], which writes only what differs; [`Store::replace_all`] |
//! | see what changed between two versions | [`ReadBucket::diff`] |
//! | go back to an older version | [`Builder::keep`], then [`Store::at`] or [`Store::rollback`] |
//! | find who keeps old versions in memory | [`Store::pins`], [`Builder::on_long_pin`] |
//! | measure and log what the store does | [`Store::stats`]; [`Builder::observer`], told of each publish |
//!
//! # Who waits for whom
//!
//! - Readers wait for nobody: to take, clone, walk, look up in and drop a [`ReadBucket`], a [`Reader`] or an
//!   iterator takes no lock.
//! - Writers wait for each other, from [`Store::write`] until the write bucket is published, staged or dropped. A
//!   single write is a short write bucket. They never wait for readers.
//! - [`Store::at`], [`Store::stats`], [`Store::pins`] and [`Store::collect`] wait for no write bucket, only for the
//!   moment in which a publish settles its account.
//! - A thread that holds a write bucket may read its store, but a second [`Store::write`], [`Store::insert`] or the
//!   like on the same store panics: it would wait for itself.
//!
//! # Guarantees
//!
//! 1. **Frozen.** A read bucket never changes: lookups and walks give the content of exactly one publish.
//! 2. **All or nothing.** A reader sees all of a publish or none of it; the generations it sees never go backwards;
//!    a publish that returned is seen by every read that starts later.
//! 3. **Readers never wait**, and a [`Reader`] allocates nothing while nothing is published.
//! 4. **Readers never free.** While the store lives, dropping what was read frees no entry. The writer does, a
//!    bounded number per publish and the rest on [`Store::collect`].
//! 5. **Writers never wait for readers.** Held read buckets cost memory, never publish latency, and the cost of a
//!    publish depends on what it touches, not on the size of the map.
//! 6. **Pay for what you hold.** An old read bucket keeps alive just the parts it refers to; versions in between,
//!    which nobody holds, are freed.
//! 7. **Discard is exact.** Dropping a write bucket without [`publish`](WriteBucket::publish) or
//!    [`stage`](WriteBucket::stage) leaves the store as it was, also after a panic in `Hash`, `Eq`, `Clone` or
//!    `Drop`.
//! 8. **Outlives.** Read buckets and owned iterators stay valid when the store is gone; the last one frees what is
//!    left.
//! 9. **Any hasher.** A bad or attacked hash makes lookups slow, never wrong, and does not blow up the structure.
//! 10. **No loss.** Every key and value that was inserted is dropped exactly once.
//!
//! # Do not use it if
//!
//! - the map is **written more than read**: writers take turns, and the first write to a leaf copies it;
//! - **one thread** has it all: a plain map is faster, and needs no `Clone`;
//! - **values change by themselves**: an atomic, a cell or a lock inside a value changes what should be frozen, and
//!   since values are cloned with their leaf, such a change may land in an old copy and be lost;
//! - keys or values are **slow to clone**: a write clones the neighbours in its leaf (put large ones into an
//!   `Arc`);
//! - readers must see **every version**: they get the newest, and skip those between.
//!
//! A read bucket, or an idle reader, that is kept for long keeps its version in memory: see [`Reader::release`].
//!
//! # How it works
//!
//! Some bits of a key's hash pick a slot of the **directory**, which refers to a **leaf**: a small flat hash table.
//! The first write to a leaf after a publish copies that leaf, and the directory likewise chunk by chunk;
//! everything else is shared between the versions. A publish swaps the store's pointer. What was replaced goes into
//! the **ledger**, which knows the generations that can see it, and frees it when none of them is held any more. A
//! full leaf splits, and sparse ones merge; where the directory doubles or halves, it is copied as a whole, some 40
//! bytes for each leaf.
//!
//! # Soundness
//!
//! Unsafe code is in one module, which aliases leaves and chunks bit by bit between versions. It rests on this:
//!
//! 1. **Leaf.** A leaf is changed only by the writer, and only if it was born since the writer's savepoint: then no
//!    directory but the private one refers to it. A changed header is written to every slot of the leaf.
//! 2. **Leaf.** Its entries have one owner, the write bucket or the ledger, which drops them once.
//! 3. **Ledger.** A leaf born at *b* and replaced at *r* is seen by the versions from *b* to just before *r*, and by
//!    no others. While one of them is held, it hangs on the newest such.
//! 4. **Ledger.** A version is let go of by `Arc::get_mut`, which synchronises with the drop of all other references,
//!    and which nobody can undo: the slot has a newer one, and the ledger gives out none that is not held.
//! 5. **Slot.** It holds one `Arc`; a swap happens before every load that returns the new one. The address that a
//!    reader compares is written before the swap, and is never followed.
//!
//! What is checked, how, and against which planted bugs is in `docs/verification.md` of the repository.
//!
//! # Features
//!
//! - `async`: `Watch::changed`, for any executor
//! - `serde`: `Serialize` for [`ReadBucket`], as a map
//! - `rayon`: `ReadBucket::par_iter`
//!
//! None is on by default. Needs Rust 1.85 or newer.

mod builder;
mod diff;
mod directory;
mod entry;
mod generation;
mod leaf;
mod ledger;
#[cfg(all(test, loom))]
mod loom_models;
mod observer;
mod pin;
mod read;
mod reader;
mod shared;
mod slot;
mod stats;
mod store;
mod sync;
mod timer;
mod watch;
mod write;
mod writer;

pub use hashbrown::{DefaultHashBuilder, Equivalent};

pub use crate::builder::Builder;
pub use crate::diff::Change;
pub use crate::entry::{Entry, OccupiedEntry, VacantEntry};
pub use crate::generation::Generation;
pub use crate::observer::{Discarded, Freed, Observer, Published};
pub use crate::pin::Pin;
pub use crate::read::{EntryRef, IntoIter, Iter, ReadBucket};
pub use crate::reader::Reader;
pub use crate::stats::Stats;
pub use crate::store::{NotKept, Store};
pub use crate::watch::Watch;
pub use crate::write::{Changes, WriteBucket};
