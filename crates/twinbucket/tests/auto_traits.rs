//! Which types may cross threads, each claim next to its negative.

use std::cell::{Cell, RefCell};
use std::hash::RandomState;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::MutexGuard;

use static_assertions::{assert_impl_all, assert_not_impl_any};
use twinbucket::{
    Builder, Change, Changes, Discarded, Entry, EntryRef, Freed, Generation, IntoIter, Iter, NotKept, Observer,
    OccupiedEntry, Pin, Published, ReadBucket, Reader, Stats, Store, VacantEntry, Watch, WriteBucket,
};

/// May not leave its thread, nor be shared.
type Local = Rc<u64>;
/// May leave its thread, but not be shared.
type Unshared = Cell<u64>;
/// May be shared, but not leave its thread.
type Bound = MutexGuard<'static, u64>;
/// A hasher that may not leave its thread.
type LocalState = (RandomState, PhantomData<Rc<()>>);

assert_impl_all!(Store<String, String>: Send, Sync, Clone);
assert_not_impl_any!(Store<Local, u64>: Send, Sync);
assert_not_impl_any!(Store<u64, Local>: Send, Sync);
assert_not_impl_any!(Store<Unshared, u64>: Send, Sync);
assert_not_impl_any!(Store<u64, Unshared>: Send, Sync);
assert_not_impl_any!(Store<u64, RefCell<u64>>: Send, Sync);
assert_not_impl_any!(Store<Bound, u64>: Send, Sync);
assert_not_impl_any!(Store<u64, Bound>: Send, Sync);
assert_impl_all!(Store<u64, u64, RandomState>: Send, Sync);
assert_not_impl_any!(Store<u64, u64, LocalState>: Send, Sync);

assert_impl_all!(ReadBucket<String, String>: Send, Sync, Clone);
assert_not_impl_any!(ReadBucket<Local, u64>: Send, Sync);
assert_not_impl_any!(ReadBucket<u64, Local>: Send, Sync);
assert_not_impl_any!(ReadBucket<Unshared, u64>: Send, Sync);
assert_not_impl_any!(ReadBucket<u64, Unshared>: Send, Sync);
assert_not_impl_any!(ReadBucket<u64, Bound>: Send, Sync);
assert_not_impl_any!(ReadBucket<u64, u64, LocalState>: Send, Sync);

assert_impl_all!(WriteBucket<'static, String, String>: Extend<(String, String)>);
assert_not_impl_any!(WriteBucket<'static, String, String>: Send, Sync, Clone);
assert_not_impl_any!(Entry<'static, 'static, String, String>: Send, Sync, Clone);
assert_not_impl_any!(OccupiedEntry<'static, 'static, String, String>: Send, Sync, Clone);
assert_not_impl_any!(VacantEntry<'static, 'static, String, String>: Send, Sync, Clone);

assert_impl_all!(Reader<String, String>: Send, Clone);
assert_not_impl_any!(Reader<Local, u64>: Send, Sync);
assert_not_impl_any!(Reader<u64, Unshared>: Send, Sync);
assert_not_impl_any!(Reader<u64, Bound>: Send, Sync);
assert_not_impl_any!(Reader<u64, u64, LocalState>: Send, Sync);

assert_impl_all!(Watch<String, String>: Send);
assert_not_impl_any!(Watch<Local, u64>: Send, Sync);
assert_not_impl_any!(Watch<u64, Unshared>: Send, Sync);
assert_not_impl_any!(Watch<u64, Bound>: Send, Sync);
assert_not_impl_any!(Watch<u64, u64, LocalState>: Send, Sync);

assert_impl_all!(Iter<'static, String, String>: Send, Sync, Clone);
assert_not_impl_any!(Iter<'static, Local, u64>: Send, Sync);
assert_not_impl_any!(Iter<'static, u64, Unshared>: Send, Sync);
assert_impl_all!(IntoIter<String, String>: Send, Iterator<Item = (String, String)>);
assert_not_impl_any!(IntoIter<u64, Local>: Send, Sync);
assert_not_impl_any!(IntoIter<Unshared, u64>: Send, Sync);
assert_not_impl_any!(IntoIter<u64, Bound>: Send, Sync);
assert_not_impl_any!(IntoIter<u64, u64, LocalState>: Send, Sync);

assert_impl_all!(EntryRef<String, String>: Send, Sync);
assert_not_impl_any!(EntryRef<u64, Local>: Send, Sync);
assert_not_impl_any!(EntryRef<u64, Unshared>: Send, Sync);
assert_not_impl_any!(EntryRef<u64, Bound>: Send, Sync);
assert_not_impl_any!(EntryRef<u64, u64, LocalState>: Send, Sync);

assert_impl_all!(Builder<String, String, RandomState>: Send);
// Its settings, not yet the entries.
assert_impl_all!(Builder<Local, Unshared, RandomState>: Send);
assert_not_impl_any!(Builder<String, String, LocalState>: Send);
assert_impl_all!(dyn Observer: Send, Sync);
assert_impl_all!(Change<'static, String, String>: Send, Sync);
assert_not_impl_any!(Change<'static, Local, u64>: Send, Sync);
assert_not_impl_any!(Change<'static, u64, Unshared>: Send, Sync);
assert_impl_all!(Generation: Send, Sync, Copy, Ord, std::hash::Hash, std::fmt::Display);
assert_impl_all!(Changes: Send, Sync);
assert_impl_all!(Published: Send, Sync, Copy);
assert_impl_all!(Discarded: Send, Sync, Copy);
assert_impl_all!(Freed: Send, Sync, Copy);
assert_impl_all!(Pin: Send, Sync);
assert_impl_all!(Stats: Send, Sync);
assert_impl_all!(NotKept: Send, Sync, std::error::Error);

/// Compiles only for types that borrow nothing.
fn assert_static<T: 'static>() -> &'static str {
    std::any::type_name::<T>()
}

#[test]
fn handles_borrow_nothing() {
    let names = [
        assert_static::<Store<String, String>>(),
        assert_static::<ReadBucket<String, String>>(),
        assert_static::<Reader<String, String>>(),
        assert_static::<Watch<String, String>>(),
        assert_static::<IntoIter<String, String>>(),
        assert_static::<EntryRef<String, String>>(),
    ];
    assert!(names.iter().all(|name| name.starts_with("twinbucket::")), "{names:?}");
}

#[test]
fn single_thread_types_work_on_one_thread() {
    let store = Store::<Local, RefCell<u64>>::from([(Rc::new(1), RefCell::new(1))]);
    *store.read()[&Rc::new(1)].borrow_mut() += 1;
    assert_eq!(store.read()[&Rc::new(1)], RefCell::new(2));
}
