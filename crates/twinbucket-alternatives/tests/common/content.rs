//! What a map holds and returns, used by one thread.

use std::collections::HashMap;

use proptest::prelude::{Strategy, any, prop_oneof};
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use proptest::{collection, prop_assert_eq, sample};
use twinbucket_alternatives::ConcurrentMap;

use crate::design::{Design, Key, Value};
use crate::hashing::Hashing;

/// All entries, in order.
pub(crate) fn sorted<K: Key + Ord, V: Value + Ord>(map: &impl ConcurrentMap<K, V>) -> Vec<(K, V)> {
    let mut entries = Vec::new();
    map.for_each(|key, value| entries.push((key.clone(), value.clone())));
    entries.sort_unstable();
    entries
}

pub(crate) fn empty_map_has_nothing<D: Design>() {
    let map = D::make::<u64, u64>(Hashing::default());
    assert_eq!((map.len(), map.is_empty()), (0, true));
    assert_eq!((map.get(&1), map.remove(&1)), (None, None));
    assert_eq!(map.get_with(&1, |_| panic!("there is no value to look at")), None::<()>);
    map.for_each(|key, _| panic!("there is no entry {key} to visit"));
}

pub(crate) fn writes_return_what_was_there<D: Design>() {
    let map = D::make(Hashing::default());
    assert_eq!(map.insert(1, "a"), None);
    assert_eq!(map.insert(1, "b"), Some("a"));
    assert_eq!(map.insert(2, "c"), None);
    assert_eq!(map.remove(&1), Some("b"));
    assert_eq!(map.remove(&1), None);
    assert_eq!(map.insert(1, "d"), None);
    assert_eq!(map.remove(&2), Some("c"));
    assert_eq!(sorted(&map), [(1, "d")]);
}

pub(crate) fn lookups_find_what_is_there<D: Design>() {
    let map = D::make(Hashing::default());
    map.insert(1, "one".to_string());
    assert_eq!(map.get_with(&1, String::len), Some(3));
    assert_eq!((map.get(&1).as_deref(), map.get(&2)), (Some("one"), None));
    map.insert(1, "uno".to_string());
    assert_eq!(map.get(&1).as_deref(), Some("uno"));
    map.remove(&1);
    assert_eq!(map.get(&1), None);
}

pub(crate) fn len_counts_entries<D: Design>() {
    let map = D::make(Hashing::default());
    for key in 0..100_u64 {
        map.insert(key, key);
        map.insert(key / 2, key);
        assert_eq!(map.len() as u64, key + 1);
    }
    for key in 0..100 {
        map.remove(&key);
        map.remove(&(key / 2));
        assert_eq!((map.len() as u64, map.is_empty()), (99 - key, key == 99));
    }
}

pub(crate) fn borrowed_keys_find_owned_ones<D: Design>() {
    let map = D::make(Hashing::default());
    map.insert("a".to_string(), 1);
    assert_eq!((map.get("a"), map.get("b")), (Some(1), None));
    assert_eq!((map.remove("b"), map.remove("a"), map.remove("a")), (None, Some(1), None));
}

pub(crate) fn walk_visits_each_entry_once<D: Design>() {
    let map = D::make(Hashing::default());
    for key in 0..1000_u64 {
        map.insert(key, key * 2);
    }
    (0..1000).step_by(3).for_each(|key| assert_eq!(map.remove(&key), Some(key * 2)));
    let expected = (0..1000).filter(|key| key % 3 != 0).map(|key| (key, key * 2));
    assert_eq!(sorted(&map), Vec::from_iter(expected));
}

pub(crate) fn extended_map_has_the_last_values<D: Design>() {
    let mut map = D::make(Hashing::default());
    map.insert(1, "old");
    map.extend([(1, "b"), (2, "c"), (2, "d")]);
    map.extend([(3, "e")]);
    assert_eq!(sorted(&map), [(1, "b"), (2, "d"), (3, "e")]);
}

pub(crate) fn any_hasher_will_do<D: Design>() {
    for hashing in Hashing::all() {
        let story = format!("{hashing:?}");
        let map = D::make(hashing);
        for key in 0..400_u64 {
            assert_eq!(map.insert(key, key), None, "{story}");
        }
        for key in 0..400 {
            assert_eq!(map.insert(key, key + 1), Some(key), "{story}");
        }
        for key in (0..400).step_by(2) {
            assert_eq!(map.remove(&key), Some(key + 1), "{story}");
        }
        for key in 0..400 {
            assert_eq!(map.get(&key), (key % 2 == 1).then_some(key + 1), "{story}");
        }
        assert_eq!(map.len(), 200, "{story}");
    }
}

pub(crate) fn holds_a_hundred_thousand_entries<D: Design>() {
    let map = D::make(Hashing::default());
    for key in 0..100_000_u64 {
        map.insert(key, !key);
    }
    assert_eq!(map.len(), 100_000);
    for key in 0..100_000 {
        assert_eq!(map.get(&key), Some(!key));
    }
    for key in 0..99_990 {
        assert_eq!(map.remove(&key), Some(!key));
    }
    assert_eq!(sorted(&map), Vec::from_iter((99_990..100_000).map(|key| (key, !key))));
}

/// One operation of a random history.
#[derive(Clone, Debug)]
enum Step {
    /// Inserts a value.
    Insert(u64, u64),
    /// Removes a key.
    Remove(u64),
    /// Looks a key up.
    Get(u64),
    /// Walks the map.
    Walk,
}

pub(crate) fn random_operations_do_what_std_does<D: Design>() {
    let key = || 0..24_u64;
    let step = prop_oneof![
        4 => (key(), any::<u64>()).prop_map(|(key, value)| Step::Insert(key, value)),
        3 => key().prop_map(Step::Remove),
        4 => key().prop_map(Step::Get),
        1 => sample::select(vec![Step::Walk]),
    ];
    let histories = (sample::select(Hashing::all().to_vec()), collection::vec(step, 0..200));
    let mut runner = TestRunner::new(Config { cases: 100, failure_persistence: None, ..Config::default() });
    let replayed = runner.run(&histories, |(hashing, steps)| replay::<D>(hashing, steps));
    replayed.unwrap_or_else(|failure| panic!("{failure}"));
}

/// Does the same to a map and to std's, and compares what they return.
fn replay<D: Design>(hashing: Hashing, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let (map, mut model) = (D::make(hashing), HashMap::new());
    for step in steps {
        match step {
            Step::Insert(key, value) => prop_assert_eq!(map.insert(key, value), model.insert(key, value)),
            Step::Remove(key) => prop_assert_eq!(map.remove(&key), model.remove(&key)),
            Step::Get(key) => prop_assert_eq!(map.get(&key), model.get(&key).copied()),
            Step::Walk => {
                let mut expected = Vec::from_iter(model.clone());
                expected.sort_unstable();
                prop_assert_eq!(sorted(&map), expected);
                prop_assert_eq!(map.len(), model.len());
            }
        }
    }
    Ok(())
}
