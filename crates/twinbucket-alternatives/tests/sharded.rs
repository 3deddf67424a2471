//! Routers and resharding: which keys move, how even the shards are, and that every key is found afterwards.
//!
//! The tables are shown by `cargo test -p twinbucket-alternatives --test sharded -- --nocapture`.

use std::collections::HashMap;
use std::fs;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hasher};
use std::iter;
use std::sync::Arc;

use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};
use proptest::test_runner::Config;
use twinbucket_alternatives::{
    CannotRemove, ConcurrentMap, Load, LoadFactor, Modulo, Ring, Router, ShardedMap, Weighted,
};

#[path = "common/weak.rs"]
mod weak;

use weak::{Constant, Identity};

/// The standard hash without a seed: the figures below are the same in each run.
type Fixed = BuildHasherDefault<DefaultHasher>;

/// The code points of `data/UnicodeData.txt`.
fn code_points() -> Vec<u32> {
    let table = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/UnicodeData.txt");
    let table = fs::read_to_string(table).expect("the repository has a data/UnicodeData.txt");
    let code_point = |row: &str| row.split(';').next().and_then(|field| u32::from_str_radix(field, 16).ok());
    table.lines().map(|row| code_point(row).expect("a row starts with a code point")).collect()
}

/// An empty map of this router, in which keys are placed the same way in each run.
fn with<R: Router>(router: R) -> ShardedMap<u32, u32, R, Fixed> {
    ShardedMap::with_router_and_hasher(router, Fixed::default())
}

/// The same with a hasher that does not mix at all.
fn with_weak<R: Router>(router: R) -> ShardedMap<u32, u32, R, BuildHasherDefault<Identity>> {
    ShardedMap::with_router_and_hasher(router, BuildHasherDefault::new())
}

/// A map in which each of the keys has itself as its value.
fn filled<R: Router, S: BuildHasher + Send + Sync>(
    mut map: ShardedMap<u32, u32, R, S>,
    keys: &[u32],
) -> ShardedMap<u32, u32, R, S> {
    map.extend(keys.iter().map(|&key| (key, key)));
    map
}

/// The shard of each key; it has one, by lookups too.
fn shards<R: Router, S: BuildHasher + Send + Sync>(map: &ShardedMap<u32, u32, R, S>, keys: &[u32]) -> Vec<usize> {
    let shard = |key| {
        assert_eq!(map.get(key), Some(*key), "lost");
        map.shard_of(key).expect("what is found lives somewhere")
    };
    keys.iter().map(shard).collect()
}

/// What moved when a shard was added to eight, and when one of the nine was removed again.
struct Moves {
    /// Keys that moved on adding.
    added: usize,
    /// Those of them that moved to another shard than the new one.
    added_between_old: usize,
    /// Keys that moved on removing.
    removed: usize,
    /// Those of them that were not in the shard removed.
    removed_between_old: usize,
}

/// Fills a map of eight shards, adds one and removes the fourth; counts what moved by where the keys live, and holds the
/// map to its own count.
fn moves<R: Router>(map: ShardedMap<u32, u32, R, Fixed>, keys: &[u32]) -> Moves {
    const NEW: usize = 8;
    const GONE: usize = 3;
    let mut map = filled(map, keys);
    let before = shards(&map, keys);
    let said = map.add_shard();
    let between = shards(&map, keys);
    let moved = || iter::zip(&before, &between).filter(|(before, after)| before != after);
    let added = moved().count();
    assert_eq!(said, added);
    let added_between_old = moved().filter(|&(_, &after)| after != NEW).count();

    let said = map.remove_shard(GONE).expect("it is one of nine");
    let after = shards(&map, keys);
    let renumbered = |shard: usize| if shard > GONE { shard - 1 } else { shard };
    let moved = || {
        let pairs = iter::zip(&between, &after);
        pairs.filter(|&(&before, &after)| before == GONE || renumbered(before) != after)
    };
    let removed = moved().count();
    assert_eq!(said, removed);
    let removed_between_old = moved().filter(|&(&before, _)| before != GONE).count();
    Moves { added, added_between_old, removed, removed_between_old }
}

/// One row of the table of moves, with the shares of all keys that should move.
struct MovesRow {
    /// The router.
    name: &'static str,
    /// What moved.
    moves: Moves,
    /// Share that should move on adding.
    added: f64,
    /// Share that should move on removing.
    removed: f64,
}

/// The table of moves.
fn moves_table(rows: &[MovesRow], keys: usize) -> String {
    let mut table =
        format!("{keys} code points, 8 shards: moved, its share, the share by theory, moved between old shards\n");
    table += &format!("{:<22} {:>27} | {:>27}\n", "router", "a shard more", "a shard less");
    for MovesRow { name, moves, added, removed } in rows {
        let half = |moved: usize, theory: &f64, between_old: usize| {
            format!("{moved:>6} {:>6.3} {theory:>6.3} {between_old:>6}", moved as f64 / keys as f64)
        };
        let added = half(moves.added, added, moves.added_between_old);
        let removed = half(moves.removed, removed, moves.removed_between_old);
        table += &format!("{name:<22} {added} | {removed}\n");
    }
    table
}

#[test]
fn adding_and_removing_a_shard_moves_only_what_the_router_must() {
    let keys = code_points();
    let row = |name, moves, added, removed| MovesRow { name, moves, added, removed };
    // Of the weighted shards, that which comes weighs 1 of 17, that which goes 4.
    let weights = [1, 1, 2, 4, 1, 2, 1, 4];
    let aware = with(Ring::new(8)).load_aware(LoadFactor::default(), keys.len());
    let rows = [
        row("modulo", moves(with(Modulo::new(8)), &keys), 8.0 / 9.0, 8.0 / 9.0),
        row("ring", moves(with(Ring::new(8)), &keys), 1.0 / 9.0, 1.0 / 9.0),
        row("weighted", moves(with(Weighted::new(&weights)), &keys), 1.0 / 17.0, 4.0 / 17.0),
        row("ring, load-aware", moves(aware, &keys), 1.0 / 9.0, 1.0 / 9.0),
    ];
    print!("{}", moves_table(&rows, keys.len()));

    for MovesRow { name, moves, added, removed } in &rows {
        for (moved, theory) in [(moves.added, added), (moves.removed, removed)] {
            let ratio = moved as f64 / keys.len() as f64 / theory;
            assert!((0.8..1.25).contains(&ratio), "{name}: {moved} keys moved, {ratio} times what should");
        }
    }
    for MovesRow { name, moves, .. } in &rows[1..] {
        assert_eq!((moves.added_between_old, moves.removed_between_old), (0, 0), "{name}");
    }
}

/// One row of the table of balances.
struct BalanceRow {
    /// Router and number of shards.
    name: String,
    /// What the shards hold.
    loads: Vec<Load>,
    /// The maximum by its share.
    balance: f64,
    /// What that may be at most.
    bound: f64,
}

/// Fills the map and sees how even it is.
fn balance<R: Router, S: BuildHasher + Send + Sync>(
    name: impl Into<String>,
    map: ShardedMap<u32, u32, R, S>,
    keys: &[u32],
    bound: f64,
) -> BalanceRow {
    let map = filled(map, keys);
    BalanceRow { name: name.into(), loads: map.loads(), balance: map.balance(), bound }
}

/// The table of balances.
fn balance_table(rows: &[BalanceRow], keys: usize) -> String {
    let mut table = format!("{keys} code points: fewest and most per shard, the most by its share, bound, keys away\n");
    for BalanceRow { name, loads, balance, bound } in rows {
        let fewest = loads.iter().map(|load| load.entries).min().unwrap_or(0);
        let most = loads.iter().map(|load| load.entries).max().unwrap_or(0);
        let away = away(loads);
        table += &format!("{name:<33} {fewest:>6} {most:>6} {balance:>8.3} {bound:>6.2} {away:>6}\n");
    }
    table
}

#[test]
fn shards_of_a_real_table_are_as_even_as_the_router_promises() {
    let keys = code_points();
    let factor = LoadFactor::default();
    let weights = [1, 1, 2, 4, 1, 2, 1, 4];
    let mut rows = Vec::new();
    for n in [8, 13, 16] {
        rows.push(balance(format!("modulo, {n} shards"), with(Modulo::new(n)), &keys, 1.06));
        rows.push(balance(format!("modulo, {n} shards, weak hasher"), with_weak(Modulo::new(n)), &keys, 1.06));
    }
    for n in [8, 13, 16] {
        rows.push(balance(format!("ring, {n} shards"), with(Ring::new(n)), &keys, 1.3));
        rows.push(balance(format!("ring, {n} shards, weak hasher"), with_weak(Ring::new(n)), &keys, 1.3));
        let aware = with(Ring::new(n)).load_aware(factor, 0);
        rows.push(balance(format!("ring, {n} shards, load-aware"), aware, &keys, 1.25));
    }
    let aware = with(Ring::with_nodes(8, 1)).load_aware(factor, 0);
    rows.push(balance("ring, 8 shards of 1 node, aware", aware, &keys, 1.25));
    rows.push(balance("weighted, 8 shards", with(Weighted::new(&weights)), &keys, 1.3));
    let aware = with(Weighted::new(&weights)).load_aware(factor, 0);
    rows.push(balance("weighted, 8 shards, load-aware", aware, &keys, 1.25));
    print!("{}", balance_table(&rows, keys.len()));

    for BalanceRow { name, balance, bound, .. } in &rows {
        assert!(balance <= bound, "{name}: {balance} is more than {bound}");
    }
}

#[test]
fn shares_stay_even_when_shards_come_after_others_went() {
    fn check<R: Router>(router: R) {
        let mut map = filled(with(router), &code_points());
        for _ in 0..10 {
            map.remove_shard(2).expect("there are eight");
            map.add_shard();
            assert!(map.balance() < 1.4, "{:?}", map.loads());
        }
    }
    check(Modulo::new(8));
    check(Ring::new(8));
    check(Weighted::new(&[1; 8]));
}

#[test]
fn keys_that_agree_in_their_low_bits_fill_all_shards() {
    let keys: Vec<u32> = (0..8_000).map(|n| n * 4_096).collect();
    assert!(filled(with_weak(Modulo::new(16)), &keys).balance() < 1.2);
    assert!(filled(with_weak(Ring::new(16)), &keys).balance() < 1.4);
}

#[test]
fn a_hash_s_home_and_detour_are_all_shards_each_once() {
    fn check<R: Router>(mut router: R) {
        for change in 0..6 {
            for hash in (0..1_000_u64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15)).chain([0, u64::MAX]) {
                let mut order: Vec<_> = router.detour(hash).collect();
                assert!(!order.contains(&router.home(hash)));
                order.push(router.home(hash));
                order.sort_unstable();
                assert_eq!(order, (0..router.shards()).collect::<Vec<_>>(), "{router:?}");
            }
            if change % 3 == 2 { router.remove(1) } else { router.add() }
        }
    }
    check(Modulo::new(1));
    check(Ring::new(1));
    check(Ring::with_nodes(5, 1));
    check(Weighted::new(&[1, 5, 2]));
}

#[test]
fn a_power_of_two_masks_and_agrees_with_the_remainder() {
    for shards in 1..=70_u64 {
        let router = Modulo::new(shards as usize);
        for hash in [0, 1, 63, 64, 1 << 40, u64::MAX - 1, u64::MAX] {
            assert_eq!(router.home(hash) as u64, hash % shards);
        }
    }
}

/// A load-aware map with a most uneven ring, and room for 100 entries at first.
fn uneven(shards: usize) -> ShardedMap<u32, u32, Ring, Fixed> {
    with(Ring::with_nodes(shards, 1)).load_aware(LoadFactor::default(), 100)
}

/// Keys that live away from home.
fn away(loads: &[Load]) -> usize {
    loads.iter().map(|load| load.away).sum()
}

#[test]
fn no_shard_is_over_its_limit_while_a_load_aware_map_fills() {
    let map = uneven(8);
    for key in 0..5_000 {
        map.insert(key, key);
        if key % 100 == 84 {
            let loads = map.loads();
            assert!(loads.iter().all(|load| load.entries <= load.limit.expect("it is load-aware")), "{loads:?}");
        }
    }
    assert!(away(&map.loads()) > 1_000, "that hardly tests passing over");
    assert!(map.balance() <= 1.25);
}

#[test]
fn no_shard_is_filled_over_its_limit_by_keys_that_move() {
    let over = |load: &Load| load.entries > load.limit.expect("it is load-aware");
    let mut map = filled(uneven(8), &Vec::from_iter(0..5_000));
    while map.loads().len() > 1 {
        map.remove_shard(0).expect("there is another");
        assert!(!map.loads().iter().any(over), "{:?}", map.loads());
    }
    for added in 1..8 {
        map.add_shard();
        assert!(!over(&map.loads()[added]), "{:?}", map.loads());
    }
    assert_eq!(map.len(), 5_000);
}

#[test]
fn new_keys_pass_over_at_eighty_five_percent_and_not_before() {
    // Room for 20 in each of five shards: 17 is 85 %.
    let map = ShardedMap::<u32, u32, _, _>::with_router_and_hasher(Ring::new(5), BuildHasherDefault::<Constant>::new())
        .load_aware(LoadFactor::default(), 100);
    for key in 0..17 {
        map.insert(key, key);
    }
    assert_eq!(away(&map.loads()), 0);
    for key in 17..85 {
        map.insert(key, key);
    }
    assert!(map.loads().iter().all(|load| (load.entries, load.limit) == (17, Some(17))));
    assert_eq!(away(&map.loads()), 68);

    // All are full: the capacity grows by a quarter, to 125.
    map.insert(85, 85);
    assert!(map.loads().iter().all(|load| load.limit == Some(22)));
    assert!((0..86).all(|key| map.get(&key) == Some(key)));
}

#[test]
fn every_key_is_found_after_loads_drop_and_shards_come_and_go() {
    let mut map = uneven(6);
    let all: Vec<u32> = (0..3_000).collect();
    map.extend(all.iter().map(|&key| (key, key)));
    assert!(away(&map.loads()) > 500, "that hardly tests passing over");

    let (gone, left): (Vec<u32>, Vec<u32>) = all.iter().partition(|&key| key % 3 > 0);
    for key in &gone {
        assert_eq!(map.remove(key), Some(*key));
    }
    shards(&map, &left);

    // Now there is room at home, so old keys are away where new ones with the same home are not.
    for key in &left {
        assert_eq!(map.insert(*key, *key), Some(*key), "lives twice");
    }
    for key in &gone {
        assert_eq!(map.insert(*key, *key), None);
    }
    for step in 0..8 {
        if step % 2 == 0 {
            map.add_shard();
        } else {
            map.remove_shard(2).expect("there are enough");
        }
        shards(&map, &all);
        assert_eq!(map.len(), all.len());
    }
    for key in &all {
        assert_eq!(map.remove(key), Some(*key));
        assert_eq!(map.get(key), None);
    }
    assert!(map.is_empty());
    assert_eq!(away(&map.loads()), 0);
}

#[test]
fn an_entry_that_moves_is_dropped_once_with_the_map() {
    let value = Arc::new(());
    let mut map: ShardedMap<u32, _, _> = ShardedMap::with_router(Ring::new(2));
    map.extend((0..1_000).map(|key| (key, value.clone())));
    map.add_shard();
    map.remove_shard(0).expect("there are three");
    assert_eq!(Arc::strong_count(&value), 1_001);
    drop(map);
    assert_eq!(Arc::strong_count(&value), 1);
}

/// Number of keys in the model.
const KEYS: u32 = 256;

/// One step against the model.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Inserts this key and value.
    Insert(u32, u32),
    /// Removes this key.
    Remove(u32),
    /// Adds a shard, unless there are nine.
    AddShard,
    /// Removes this shard of those there are, unless it is the only one.
    RemoveShard(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (0..KEYS, any::<u32>()).prop_map(|(key, value)| Step::Insert(key, value)),
        8 => (0..KEYS).prop_map(Step::Remove),
        1 => Just(Step::AddShard),
        1 => any::<usize>().prop_map(Step::RemoveShard),
    ]
}

/// Replays steps on the map and on a plain one; both must always agree.
fn replay<R: Router, H: Hasher + Default + Send + Sync>(
    mut map: ShardedMap<u32, u32, R, BuildHasherDefault<H>>,
    steps: &[Step],
) {
    let mut model = HashMap::new();
    for &step in steps {
        match step {
            Step::Insert(key, value) => assert_eq!(map.insert(key, value), model.insert(key, value)),
            Step::Remove(key) => assert_eq!(map.remove(&key), model.remove(&key)),
            Step::AddShard if map.loads().len() < 9 => _ = map.add_shard(),
            Step::RemoveShard(shard) if map.loads().len() > 1 => {
                map.remove_shard(shard % map.loads().len()).expect("it is one of several");
            }
            Step::AddShard | Step::RemoveShard(_) => {}
        }
        assert_eq!(map.len(), model.len());
    }
    for key in 0..KEYS {
        assert_eq!(map.get(&key), model.get(&key).copied());
    }
    let mut seen = HashMap::new();
    map.for_each(|&key, &value| assert_eq!(seen.insert(key, value), None, "{key} came twice"));
    assert_eq!(seen, model);
}

proptest! {
    #![proptest_config(Config { cases: 100, failure_persistence: None, ..Config::default() })]

    #[test]
    fn every_router_agrees_with_the_model(steps in proptest::collection::vec(step(), 1..300)) {
        replay(with(Modulo::new(2)), &steps);
        replay(with(Ring::with_nodes(2, 3)), &steps);
        replay(with(Weighted::with_nodes(&[1, 2], 3)), &steps);
    }

    #[test]
    fn load_aware_placement_agrees_with_the_model(steps in proptest::collection::vec(step(), 1..300)) {
        let factor = LoadFactor::default();
        let map = with(Modulo::new(3));
        replay(map.load_aware(factor, 0), &steps);
        let map = with_weak(Ring::with_nodes(3, 1));
        replay(map.load_aware(factor, 60), &steps);
        let map = ShardedMap::with_router_and_hasher(Weighted::new(&[3, 1]), BuildHasherDefault::<Constant>::new());
        replay(map.load_aware(factor, 20), &steps);
    }
}

#[test]
fn a_shard_that_is_missing_or_the_last_cannot_be_removed() {
    let mut map = filled(ShardedMap::with_router(Ring::new(2)), &[1, 2, 3]);
    let missing = map.remove_shard(2).expect_err("there are two");
    assert_eq!(missing, CannotRemove::Missing { shard: 2, shards: 2 });
    assert_eq!(missing.to_string(), "there is no shard 2: they are 0 to 1");
    map.remove_shard(1).expect("there are two");
    let last = map.remove_shard(0).expect_err("it is the last");
    assert_eq!(last, CannotRemove::Last);
    assert_eq!(last.to_string(), "the only shard must stay: add another first");
    assert_eq!(map.len(), 3);
}

#[test]
fn a_load_factor_is_from_a_hundredth_to_one() {
    for bad in [0.0, -0.5, f64::MIN_POSITIVE, 0.009, 1.01, f64::NAN, f64::INFINITY] {
        assert_eq!(LoadFactor::new(bad), None);
    }
    assert_eq!(LoadFactor::new(1.0).map(LoadFactor::get), Some(1.0));
}

#[test]
fn capacity_grows_as_far_as_the_least_load_factor_needs() {
    let factor = LoadFactor::new(0.01).expect("it may be a hundredth");
    let map = filled(with(Modulo::new(2)).load_aware(factor, 0), &Vec::from_iter(0..1_000));
    assert_eq!(map.len(), 1_000);
    assert!(map.balance() <= 1.25);
}

#[test]
#[should_panic(expected = "at least one shard")]
fn a_map_without_shards_is_refused() {
    Modulo::new(0);
}

#[test]
#[should_panic(expected = "weight must not be zero")]
fn a_weight_of_zero_is_refused() {
    Weighted::new(&[1, 0]);
}
