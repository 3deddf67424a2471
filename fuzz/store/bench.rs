//! Does what a program says, on a store and on its model, and compares them.

use std::collections::HashMap;
use std::rc::Rc;

use twinbucket::{Builder, Change, Entry, EntryRef, Generation, IntoIter, ReadBucket, Reader, Store, WriteBucket};

use crate::counted::Counted;
use crate::hashing::Hashing;
use crate::program::{Operation, Program, Run, SLOTS};

/// What a bucket should hold.
type Model = HashMap<u16, u16>;

/// The store.
type Subject = Store<Counted, Counted, Hashing>;

/// Does what `program` says.
pub(crate) fn run(program: &Program) {
    let builder: Builder<Counted, Counted> = Store::builder();
    let builder = builder.hasher(program.hashing).keep(program.keep).capacity(program.capacity);
    // Counted things never leave the thread, but the store is asked only for what it needs.
    let store = builder.publish_every(program.publish_every + 1).build();
    let mut bench = Bench::new(&store, program);
    for &operation in &program.operations {
        bench.take(operation);
    }
    bench.check_garbage();
    let held = std::mem::take(&mut bench.held);
    drop(bench);
    match program.outlived {
        true => {
            drop(store);
            held.into_iter().flatten().for_each(Held::release);
        }
        false => {
            held.into_iter().flatten().for_each(Held::release);
            drop(store);
        }
    }
    assert_eq!(Counted::alive(), 0, "each key and value is dropped once");
}

/// Something of one generation that is held, and what that generation has.
struct Held {
    /// What is held.
    what: What,
    /// Its generation.
    generation: Generation,
    /// What the generation has.
    model: Rc<Model>,
}

/// What can be held.
enum What {
    /// A read bucket.
    Bucket(ReadBucket<Counted, Counted, Hashing>),
    /// A walk, and what it gave so far.
    Walk(IntoIter<Counted, Counted, Hashing>, Model),
    /// One entry.
    Entry(EntryRef<Counted, Counted, Hashing>),
}

impl Held {
    /// The read bucket, where there is one.
    fn bucket(&self) -> Option<&ReadBucket<Counted, Counted, Hashing>> {
        match &self.what {
            What::Bucket(bucket) => Some(bucket),
            What::Walk(..) => None,
            What::Entry(entry) => Some(entry.bucket()),
        }
    }

    /// Compares it with its model.
    fn check(&self) {
        if let Some(bucket) = self.bucket() {
            assert_eq!(bucket.generation(), self.generation);
            check(bucket, &self.model);
        }
        if let What::Entry(entry) = &self.what {
            assert_eq!(self.model.get(&entry.key().get()), Some(&entry.value().get()));
        }
    }

    /// Compares it with its model, and drops it.
    fn release(self) {
        self.check();
        if let What::Walk(walk, mut walked) = self.what {
            collect_into(&mut walked, walk.map(numbers));
            assert_eq!(walked, *self.model, "a walk gives what was there when it began");
        }
    }
}

/// An owned entry as numbers.
fn numbers((key, value): (Counted, Counted)) -> (u16, u16) {
    (key.get(), value.get())
}

/// Puts entries into a model; none may come twice.
fn collect_into(model: &mut Model, entries: impl Iterator<Item = (u16, u16)>) {
    for (key, value) in entries {
        assert_eq!(model.insert(key, value), None, "key {key} comes once");
    }
}

/// All ways to see a read bucket agree with its model.
fn check(bucket: &ReadBucket<Counted, Counted, Hashing>, model: &Model) {
    assert_eq!((bucket.len(), bucket.is_empty(), bucket.iter().len()), (model.len(), model.is_empty(), model.len()));
    let mut walked = Model::new();
    collect_into(&mut walked, bucket.iter().map(|(key, value)| (key.get(), value.get())));
    assert_eq!(walked, *model);
    // Where all hashes are the same a look-up is a walk: some will do.
    for (key, value) in model.iter().take(64) {
        assert_eq!(bucket.get(key).map(Counted::get), Some(*value));
    }
    for key in (0..64).map(|step| step * 61) {
        assert_eq!(bucket.get(&key).map(Counted::get), model.get(&key).copied(), "key {key}");
    }
}

/// The store and its models.
struct Bench<'s> {
    /// The store.
    store: &'s Subject,
    /// The open write bucket, if there is one.
    open: Option<WriteBucket<'s, Counted, Counted, Hashing>>,
    /// A reader, if there is one.
    reader: Option<Reader<Counted, Counted, Hashing>>,
    /// What is held.
    held: [Option<Held>; SLOTS],
    /// What the current read bucket has.
    published: Rc<Model>,
    /// What the write bucket has when none is open.
    staged: Rc<Model>,
    /// What the open write bucket has.
    working: Rc<Model>,
    /// Every generation so far.
    history: Vec<(Generation, Rc<Model>)>,
    /// Generations that the store keeps before the current one.
    keep: usize,
    /// Whether the read bucket of each publish is held.
    holds_all: bool,
    /// Single writes that make a publish.
    publish_every: usize,
    /// Single writes that changed something since the last publish.
    unpublished: usize,
}

impl<'s> Bench<'s> {
    /// A bench for a store that is empty.
    fn new(store: &'s Subject, program: &Program) -> Self {
        let empty = Rc::new(Model::new());
        Self {
            store,
            open: None,
            reader: None,
            held: Default::default(),
            published: Rc::clone(&empty),
            staged: Rc::clone(&empty),
            working: Rc::clone(&empty),
            history: vec![(store.generation(), empty)],
            keep: program.keep,
            holds_all: program.holds_all,
            publish_every: program.publish_every + 1,
            unpublished: 0,
        }
    }

    /// Does one thing, and looks at what can be seen at once.
    fn take(&mut self, operation: Operation) {
        match operation {
            Operation::Insert(..)
            | Operation::Remove(_)
            | Operation::Modify(..)
            | Operation::Retain(..)
            | Operation::Clear
            | Operation::Look(_) => self.write(operation),
            Operation::EntryOrInsert(..)
            | Operation::EntryModify(..)
            | Operation::EntryReplace(..)
            | Operation::EntryFlip(..) => self.write_entry(operation),
            Operation::Extend(run) | Operation::RemoveRun(run) | Operation::Sync(run) | Operation::ReplaceAll(run) => {
                self.write_run(operation, run);
            }
            Operation::Publish | Operation::Stage | Operation::Discard | Operation::DropWriteBucket => {
                self.finish(operation);
            }
            Operation::StoreInsert(..) | Operation::StoreRemove(_) => self.write_singly(operation),
            Operation::TryWrite
            | Operation::StoreExtend(_)
            | Operation::StoreReplaceAll(_)
            | Operation::StorePublish
            | Operation::Rollback(_)
            | Operation::Collect => self.order(operation),
            Operation::ReaderGet(_) | Operation::ReaderRelease | Operation::ReaderClone => self.read(operation),
            _ => self.hold(operation),
        }
        if let Some(open) = &self.open {
            assert_eq!((open.len(), open.is_empty()), (self.working.len(), self.working.is_empty()));
        }
        assert_eq!((self.store.len(), self.store.is_empty()), (self.published.len(), self.published.is_empty()));
        let stats = self.store.stats();
        assert!(stats.slots <= 8 * stats.leaves + 64, "the directory stays small: {stats:?}");
    }

    /// The open write bucket, opened if need be, with its model.
    fn writing(&mut self) -> (&mut WriteBucket<'s, Counted, Counted, Hashing>, &mut Model) {
        let open = self.open.get_or_insert_with(|| {
            self.working = Rc::clone(&self.staged);
            self.store.write()
        });
        (open, Rc::make_mut(&mut self.working))
    }

    /// Writes one entry, or asks for one, or writes all of them.
    fn write(&mut self, operation: Operation) {
        let (open, model) = self.writing();
        match operation {
            Operation::Insert(key, value) => {
                let old = open.insert(Counted::new(key), Counted::new(value.into()));
                assert_eq!(old.map(|old| old.get()), model.insert(key, value.into()));
            }
            Operation::Remove(key) => {
                assert_eq!(open.remove(&key).map(|old| old.get()), model.remove(&key));
                assert!(!open.contains_key(&key));
            }
            Operation::Modify(key, value) => {
                let found = model.get_mut(&key).map(|old| *old = value.into()).is_some();
                assert_eq!(open.modify(&key, |old| *old = Counted::new(value.into())), found);
            }
            Operation::Retain(modulus, rest) => {
                let keep = |key: u16| usize::from(key) % (modulus + 1) != rest;
                model.retain(|&key, _| keep(key));
                open.retain(|key, _| keep(key.get()));
            }
            Operation::Clear => {
                model.clear();
                open.clear();
            }
            Operation::Look(key) => {
                assert_eq!(open.get(&key).map(Counted::get), model.get(&key).copied());
                assert_eq!(open.contains_key(&key), model.contains_key(&key));
                let mut walked = Model::new();
                collect_into(&mut walked, open.iter().map(|(key, value)| (key.get(), value.get())));
                assert_eq!(walked, *model, "the write bucket sees its own writes");
            }
            _ => unreachable!("{operation:?} is another kind"),
        }
    }

    /// Writes one entry by `WriteBucket::entry`.
    fn write_entry(&mut self, operation: Operation) {
        let (Operation::EntryOrInsert(key, value)
        | Operation::EntryModify(key, value)
        | Operation::EntryReplace(key, value)
        | Operation::EntryFlip(key, value)) = operation
        else {
            unreachable!("{operation:?} has no entry")
        };
        let (open, model) = self.writing();
        let (value, old) = (u16::from(value), model.get(&key).copied());
        match (operation, open.entry(Counted::new(key))) {
            (Operation::EntryOrInsert(..), entry) => {
                let held = entry.or_insert(Counted::new(value)).get();
                assert_eq!(held, *model.entry(key).or_insert(value));
            }
            (Operation::EntryModify(..), entry) => {
                let entry = entry.and_modify(|old| *old = Counted::new(value));
                let held = entry.or_insert_with(|| Counted::new(7)).get();
                assert_eq!(held, *model.entry(key).and_modify(|old| *old = value).or_insert(7));
            }
            (Operation::EntryReplace(..), Entry::Occupied(mut entry)) => {
                assert_eq!((entry.key().get(), Some(entry.get().get())), (key, old));
                assert_eq!(Some(entry.insert(Counted::new(value)).get()), old);
                model.insert(key, value);
            }
            (Operation::EntryReplace(..), Entry::Vacant(entry)) => {
                assert_eq!((entry.into_key().get(), old), (key, None));
            }
            (_, Entry::Occupied(entry)) => assert_eq!(Some(entry.remove().get()), model.remove(&key)),
            (_, Entry::Vacant(entry)) => {
                assert_eq!(entry.insert(Counted::new(value)).get(), value);
                assert_eq!(model.insert(key, value), None);
            }
        }
    }

    /// Writes a run of entries.
    fn write_run(&mut self, operation: Operation, run: Run) {
        let incoming: Model = run.entries().collect();
        let (open, model) = self.writing();
        match operation {
            Operation::Extend(_) => {
                open.extend(counted(run));
                model.extend(incoming);
            }
            Operation::RemoveRun(_) => {
                for (key, _) in run.entries() {
                    assert_eq!(open.remove(&key).map(|old| old.get()), model.remove(&key));
                }
            }
            Operation::Sync(_) => {
                let unchanged = incoming.iter().filter(|(key, value)| model.get(key) == Some(value)).count();
                let common = incoming.keys().filter(|key| model.contains_key(key)).count();
                let changes = open.sync(counted(run));
                assert_eq!((changes.changed, changes.unchanged), (common - unchanged, unchanged));
                assert_eq!((changes.added, changes.removed), (incoming.len() - common, model.len() - common));
                assert_eq!(changes.is_empty(), incoming == *model);
                *model = incoming;
            }
            _ => {
                open.replace_all(counted(run));
                *model = incoming;
            }
        }
    }

    /// Ends the write bucket.
    fn finish(&mut self, operation: Operation) {
        self.writing();
        let open = self.open.take().expect("it was opened just now");
        match operation {
            Operation::Publish => {
                let generation = open.publish();
                self.staged = Rc::clone(&self.working);
                self.published_now(generation);
            }
            Operation::Stage => {
                open.stage();
                self.staged = Rc::clone(&self.working);
            }
            Operation::Discard => open.discard(),
            _ => drop(open),
        }
    }

    /// Writes one entry without a write bucket.
    fn write_singly(&mut self, operation: Operation) {
        self.open = None;
        let model = Rc::make_mut(&mut self.staged);
        let is_change = match operation {
            Operation::StoreInsert(key, value) => {
                let old = self.store.insert(Counted::new(key), Counted::new(value.into()));
                assert_eq!(old.map(|old| old.get()), model.insert(key, value.into()));
                true
            }
            Operation::StoreRemove(key) => {
                let old = model.remove(&key);
                assert_eq!(self.store.remove(&key).map(|old| old.get()), old);
                old.is_some()
            }
            _ => unreachable!("{operation:?} is no single write"),
        };
        self.unpublished += usize::from(is_change);
        let generation = self.store.generation();
        if self.publish_every == 1 || generation > self.history[self.history.len() - 1].0 {
            self.published_now(generation);
        }
        assert!(self.unpublished < self.publish_every, "it is time to publish");
    }

    /// Does what concerns the whole store.
    fn order(&mut self, operation: Operation) {
        if matches!(operation, Operation::TryWrite) {
            assert_eq!(self.store.try_write().is_some(), self.open.is_none());
            return;
        }
        if matches!(operation, Operation::Collect) {
            self.store.collect();
            return;
        }
        self.open = None;
        match operation {
            Operation::StoreExtend(run) => {
                Rc::make_mut(&mut self.staged).extend(run.entries());
                self.store.clone().extend(counted(run));
                self.published_now(self.store.generation());
            }
            Operation::StoreReplaceAll(run) => {
                self.staged = Rc::new(run.entries().collect());
                let generation = self.store.replace_all(counted(run));
                self.published_now(generation);
            }
            Operation::Rollback(back) => self.roll_back(back),
            _ => {
                let generation = self.store.publish();
                self.published_now(generation);
            }
        }
    }

    /// Goes back so many generations, if the store still has them.
    fn roll_back(&mut self, back: usize) {
        let Some(index) = (self.history.len() - 1).checked_sub(back) else { return };
        let (generation, model) = self.history[index].clone();
        let outcome = self.store.rollback(generation);
        assert_eq!(outcome.is_ok(), back <= self.keep, "{outcome:?}");
        if let Ok(generation) = outcome {
            self.staged = model;
            self.published_now(generation);
        }
    }

    /// Notes that what was staged is published now.
    fn published_now(&mut self, generation: Generation) {
        let (last, before) = self.history.last().expect("a store begins with one generation");
        let grown = generation.get() - last.get();
        assert!(grown == 1 || (grown == 0 && **before == *self.staged), "{last} to {generation}");
        assert_eq!(self.store.generation(), generation);
        self.published = Rc::clone(&self.staged);
        self.unpublished = 0;
        if grown == 1 {
            self.history.push((generation, Rc::clone(&self.staged)));
            if self.holds_all {
                let slot = generation.get().trailing_zeros() as usize;
                self.hold(Operation::Hold(slot.min(SLOTS - 1), 0));
            }
        }
    }

    /// Looks by a reader.
    fn read(&mut self, operation: Operation) {
        let reader = self.reader.get_or_insert_with(|| self.store.reader());
        match operation {
            Operation::ReaderGet(key) => {
                assert_eq!(reader.get(&key).map(Counted::get), self.published.get(&key).copied());
                assert_eq!(reader.read().generation(), self.history[self.history.len() - 1].0);
            }
            Operation::ReaderRelease => reader.release(),
            _ => *reader = reader.clone(),
        }
    }

    /// Takes, looks at or lets go of what is held. An open write bucket stays as it is.
    fn hold(&mut self, operation: Operation) {
        match operation {
            Operation::Hold(slot, steps) => {
                let (generation, model) = self.history[self.history.len() - 1].clone();
                let bucket = self.store.read();
                let what = match steps {
                    0 => What::Bucket(bucket),
                    _ => {
                        let (mut walk, mut walked) = (bucket.into_iter(), Model::new());
                        collect_into(&mut walked, walk.by_ref().take(steps.into()).map(numbers));
                        What::Walk(walk, walked)
                    }
                };
                self.put(slot, Held { what, generation, model });
            }
            Operation::HoldOlder(slot, back) => {
                let Some(index) = (self.history.len() - 1).checked_sub(back) else { return };
                let (generation, model) = self.history[index].clone();
                let found = self.store.at(generation);
                assert_eq!(found.is_some(), back <= self.keep);
                if let Some(bucket) = found {
                    self.put(slot, Held { what: What::Bucket(bucket), generation, model });
                }
            }
            Operation::CloneHeld(from, to) => {
                let Some(held) = &self.held[from] else { return };
                let Some(bucket) = held.bucket().cloned() else { return };
                let (generation, model) = (held.generation, Rc::clone(&held.model));
                self.put(to, Held { what: What::Bucket(bucket), generation, model });
            }
            Operation::HoldEntry(slot, key) => {
                let Some(held) = self.held[slot].take() else { return };
                let Some(bucket) = held.bucket() else { return held.release() };
                let entry = bucket.entry(&key);
                assert_eq!(entry.as_ref().map(|entry| entry.get()), held.model.get(&key).copied());
                let Some(entry) = entry else { return held.release() };
                let (generation, model) = (held.generation, Rc::clone(&held.model));
                self.put(slot, Held { what: What::Entry(entry), generation, model });
                held.release();
            }
            Operation::LookAtHeld(slot) => self.held[slot].iter().for_each(Held::check),
            Operation::Release(slot) => self.held[slot].take().into_iter().for_each(Held::release),
            Operation::Diff(new, old) => {
                if let (Some(new), Some(old)) = (&self.held[new], &self.held[old]) {
                    check_diff(new, old);
                }
            }
            _ => unreachable!("{operation:?} is another kind"),
        }
    }

    /// Puts something into a slot, and lets go of what was there.
    fn put(&mut self, slot: usize, held: Held) {
        self.held[slot].replace(held).into_iter().for_each(Held::release);
    }

    /// With nothing held but the current generation, a collection leaves its entries alone.
    fn check_garbage(&mut self) {
        self.open = None;
        self.reader = None;
        if self.keep > 0 || self.held.iter().any(Option::is_some) {
            return;
        }
        self.holds_all = false;
        self.published_now(self.store.publish());
        self.store.collect();
        let entries = i64::try_from(2 * self.published.len()).expect("there are few");
        assert_eq!(Counted::alive(), entries, "what nobody can see is freed");
    }
}

/// The entries of a run, as keys and values.
fn counted(run: Run) -> impl Iterator<Item = (Counted, Counted)> {
    run.entries().map(|(key, value)| (Counted::new(key), Counted::new(value)))
}

/// The difference between two read buckets is that of their models.
fn check_diff(new: &Held, old: &Held) {
    let (Some(newer), Some(older)) = (new.bucket(), old.bucket()) else { return };
    let mut found = HashMap::new();
    for change in newer.diff(older) {
        let (key, values) = match change {
            Change::Added { key, value } => (key, (None, Some(value.get()))),
            Change::Removed { key, value } => (key, (Some(value.get()), None)),
            Change::Changed { key, old, new } => (key, (Some(old.get()), Some(new.get()))),
        };
        assert_eq!(found.insert(key.get(), values), None, "{key:?} comes once");
    }
    let keys = new.model.keys().chain(old.model.keys());
    let values = |key: &u16| (old.model.get(key).copied(), new.model.get(key).copied());
    let expected = keys.map(|key| (*key, values(key))).filter(|(_, (old, new))| old != new).collect();
    assert_eq!(found, expected);
    assert_eq!(newer == older, new.model == old.model);
}
