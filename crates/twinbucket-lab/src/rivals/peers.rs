//! The maps of others, each by its own documentation: what it promises, and how it is meant to be used.

mod concread;
mod dashmap;
mod evmap;
mod flashmap;
mod papaya;
mod scc;
mod swapped;

use std::slice;

use twinbucket_alternatives::{Capabilities, View, WaitsFor, WhileWalking};

use super::{Build, Kind, Way};
use crate::item::Item;

/// The peers as rivals.
pub(super) fn kinds<T: Item>() -> Vec<Kind<T>> {
    vec![
        swapped::clone_swap(),
        swapped::imbl(),
        concread::kind(),
        evmap::kind(),
        flashmap::kind(),
        papaya::kind(),
        dashmap::kind(),
        scc::kind(),
    ]
}

/// What a map promises whose versions stay as they are.
const VERSIONED: Capabilities = Capabilities {
    view: View::Held,
    while_walking: WhileWalking::GoesOn,
    readers_wait_for: WaitsFor::Nobody,
    writers_wait_for: WaitsFor::Nobody,
};

/// What a pair of maps promises, of which one is read while the other is written.
const PAIRED: Capabilities = Capabilities {
    view: View::WhileWritersWait,
    while_walking: WhileWalking::GoesOnOnce,
    readers_wait_for: WaitsFor::Nobody,
    writers_wait_for: WaitsFor::Readers,
};

/// What a map promises that has a lock for each of its parts.
const LOCKED_BY_PART: Capabilities = Capabilities {
    view: View::None,
    while_walking: WhileWalking::WaitsForPart,
    readers_wait_for: WaitsFor::WritersOfPart,
    writers_wait_for: WaitsFor::ReadersOfPart,
};

/// A kind that is read in one way only.
fn single<T>(way: &'static Way, promises: Capabilities, all_at_once: bool, build: Build<T>) -> Kind<T> {
    let ways = slice::from_ref(way);
    Kind { id: way.id, name: way.name, ways, promises, all_at_once, concurrent: true, build }
}
