//! One suite for all designs: what any map must do, what threads may rely on, and that each design does what it says of
//! itself, no more and no less.
//!
//! The tests are named `design::claim`; `cargo test --test conformance striped` runs those of one design.

use libtest_mimic::{Arguments, Trial};
use twinbucket_alternatives::View;

#[path = "../../twinbucket/tests/common/census.rs"]
mod census;
#[path = "common/content.rs"]
mod content;
#[path = "common/design.rs"]
mod design;
#[path = "common/drops.rs"]
mod drops;
#[path = "../../twinbucket/tests/common/eventually.rs"]
mod eventually;
#[path = "../../twinbucket/tests/common/hashing.rs"]
mod hashing;
#[path = "common/promises.rs"]
mod promises;
#[path = "common/threads.rs"]
mod threads;

use design::Design;

/// All claims, about one design.
fn suite<D: Design>(design: &str) -> Vec<Trial> {
    let mut claims: Vec<(&str, fn())> = vec![
        ("empty_map_has_nothing", content::empty_map_has_nothing::<D>),
        ("writes_return_what_was_there", content::writes_return_what_was_there::<D>),
        ("lookups_find_what_is_there", content::lookups_find_what_is_there::<D>),
        ("len_counts_entries", content::len_counts_entries::<D>),
        ("borrowed_keys_find_owned_ones", content::borrowed_keys_find_owned_ones::<D>),
        ("walk_visits_each_entry_once", content::walk_visits_each_entry_once::<D>),
        ("extended_map_has_the_last_values", content::extended_map_has_the_last_values::<D>),
        ("any_hasher_will_do", content::any_hasher_will_do::<D>),
        ("holds_a_hundred_thousand_entries", content::holds_a_hundred_thousand_entries::<D>),
        ("random_operations_do_what_std_does", content::random_operations_do_what_std_does::<D>),
        ("everything_is_dropped_once", drops::everything_is_dropped_once::<D>),
        ("dropped_once_by_threads_that_meet", drops::everything_is_dropped_once_by_threads_that_meet::<D>),
        ("threads_with_keys_of_their_own_lose_nothing", threads::threads_with_keys_of_their_own_lose_nothing::<D>),
        ("every_value_is_taken_out_once", threads::every_value_is_taken_out_once::<D>),
        ("lookups_see_every_write_that_returned_before", threads::lookups_see_every_write_that_returned_before::<D>),
        ("walks_see_what_stays_exactly_once", threads::walks_see_what_stays_exactly_once::<D>),
        ("writes_during_a_walk_fare_as_promised", promises::writes_during_a_walk_fare_as_promised::<D>),
        ("writes_during_a_lookup_fare_as_promised", promises::writes_during_a_lookup_fare_as_promised::<D>),
        ("lookups_during_a_write_fare_as_promised", promises::lookups_during_a_write_fare_as_promised::<D>),
    ];
    if promises::promised::<D>().view != View::None {
        claims.push(("walks_see_one_moment", promises::walks_see_one_moment::<D>));
    }
    let trial = |(claim, check): (&str, fn())| {
        Trial::test(format!("{design}::{claim}"), move || {
            check();
            Ok(())
        })
    };
    claims.into_iter().map(trial).collect()
}

fn main() {
    let designs = [
        suite::<design::RwLocked>("rw_lock"),
        suite::<design::ReadMostly>("read_mostly"),
        suite::<design::Striped>("striped"),
        suite::<design::LeftRight>("left_right"),
        suite::<design::TheStore>("store"),
        suite::<design::ShardedModulo>("sharded_modulo"),
        suite::<design::ShardedRing>("sharded_ring"),
        suite::<design::ShardedWeighted>("sharded_weighted"),
        suite::<design::ShardedLoadAware>("sharded_load_aware"),
    ];
    libtest_mimic::run(&Arguments::from_args(), designs.into_iter().flatten().collect()).exit();
}
