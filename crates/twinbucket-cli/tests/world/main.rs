//! Faults of the world: what the system refuses, kills and fills up, and what clients do that mean no good. Afterwards the
//! table is the last good one, memory and threads are what they were, and all that is asked is answered.
//!
//! By itself a small sample runs, always the same. `WORLD=ci` runs a larger one and `WORLD=all` everything; `WORLD_SEED`
//! chooses the sample, and `WORLD_CASE` runs only those cases of the sweeps whose name has that text. What a test needs and
//! is not there (strace, libfaketime, the rights of root) is told on stderr and the test passes, but where `CI` is set it
//! fails.

#![cfg(all(feature = "serve", target_os = "linux"))]

mod clients;
mod clock;
mod connections;
#[expect(dead_code, reason = "what is for tests of the front ends")]
#[path = "../common/daemon.rs"]
mod daemon;
mod disk;
mod errors;
mod floods;
mod kills;
mod level;
mod life;
mod limits;
mod remote;
mod scale;
mod trace;
