//! What a write bucket makes of many entries at once, and what it shows.

use twinbucket::{Changes, Store};

/// Ten entries, each key its own value.
fn ten() -> Store<u64, u64> {
    (0..10).map(|key| (key, key)).collect()
}

#[test]
fn sync_counts_what_it_changed() {
    let store = ten();
    let mut write = store.write();
    let changes = write.sync([(0, 0), (1, 10), (20, 20)]);
    let Changes { added, changed, removed, unchanged, .. } = changes;
    assert_eq!((added, changed, removed, unchanged, changes.is_empty()), (1, 1, 8, 1, false));
    let again = write.sync([(20, 20), (1, 10), (0, 0)]);
    assert_eq!((again.unchanged, again.is_empty()), (3, true));
    write.publish();
    assert_eq!(store.read(), Store::from([(0, 0), (1, 10), (20, 20)]).read());
}

#[test]
fn sync_with_one_difference_alone_is_a_change() {
    let changes = |entries: &[(u64, u64)]| ten().write().sync(entries.iter().copied()).is_empty();
    let same: Vec<_> = (0..10).map(|key| (key, key)).collect();
    assert!(changes(&same));
    assert!(!changes(&[&same[..], &[(10, 10)]].concat()), "one more");
    assert!(!changes(&same[1..]), "one less");
    assert!(!changes(&[&same[1..], &[(0, 1)]].concat()), "one that differs");
}

#[test]
fn sync_fills_an_empty_store() {
    let store = Store::new();
    let mut write = store.write();
    assert_eq!(write.sync((0..1_000).map(|key| (key, key))).added, 1_000);
    write.publish();
    assert!((0..1_000).all(|key| store.get(&key) == Some(key)));
}

#[test]
fn sync_takes_the_last_of_equal_keys() {
    let store = ten();
    let mut write = store.write();
    let changes = write.sync([(3, 1), (3, 2), (4, 1), (3, 3), (4, 4)]);
    assert_eq!((changes.changed, changes.unchanged, changes.removed), (0, 2, 8));
    assert_eq!((write.get(&3), write.get(&4), write.len()), (Some(&3), Some(&4), 2));
}

#[test]
fn replace_all_needs_no_length() {
    let store = Store::<u64, u64>::from_iter((0..1_000).map(|key| (key, key)));
    store.replace_all((900..3_000).map(|key| (key, 1)).filter(|(key, _)| key % 3 == 0));
    let bucket = store.read();
    assert_eq!((bucket.len(), bucket.contains_key(&0), bucket.contains_key(&901)), (700, false, false));
    assert!((900..3_000).step_by(3).all(|key| bucket[&key] == 1));
    store.replace_all(std::iter::from_fn(|| None));
    assert!(store.is_empty());
}

#[test]
fn write_bucket_shows_and_walks_its_own_changes() {
    let store = Store::from([(1, 1)]);
    let mut write = store.write();
    write.insert(1, 2);
    assert_eq!(format!("{write:?}"), "{1: 2}");
    let mut seen = Vec::new();
    for (key, value) in &write {
        seen.push((*key, *value));
    }
    assert_eq!(seen, [(1, 2)]);
}
