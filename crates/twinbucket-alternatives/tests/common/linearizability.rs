//! Decides whether a history of one key can have happened one operation after another.
//!
//! A history is linearizable if each operation can be given a moment between its call and its return such that, in the order
//! of these moments, every operation returns what it would return on a map used by one thread. Linearizability is local: a
//! history of many keys is linearizable if that of each key is (Herlihy and Wing, "Linearizability: a correctness condition
//! for concurrent objects", 1990), so each key is checked by itself.
//!
//! The search is that of Wing and Gong ("Testing and verifying concurrent objects", 1993): take an operation that may come
//! next, as none of the rest returned before it was called; if it returns what it should, go on with the rest, else go back
//! and take another one. Lowe ("Testing for linearizability", 2017) adds the memory of what was tried before: which
//! operations are done, and what the key's value is. As a thread does one operation after another, it is enough to know how
//! many each thread has done.

use std::collections::HashSet;
use std::fmt;

/// What an operation did to the key, and what it returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// A lookup that found this.
    Get(Option<u64>),
    /// An insert of the first, which returned the second.
    Insert(u64, Option<u64>),
    /// A removal that returned this.
    Remove(Option<u64>),
}

/// An operation and when it was under way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event {
    /// What it was.
    pub(crate) operation: Operation,
    /// A moment before it was called.
    pub(crate) called: u64,
    /// A moment after it returned.
    pub(crate) returned: u64,
}

/// A history that cannot have happened: the furthest that the search got.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotLinearizable {
    /// The key's value there.
    value: Option<u64>,
    /// What each thread would have had to do next, where none was possible.
    next: Vec<Operation>,
}

impl fmt::Display for NotLinearizable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "with {:?} as the value, none of these can come next: {:?}", self.value, self.next)
    }
}

impl Operation {
    /// The key's value after this operation, if it can be done with this value before.
    fn apply(self, before: Option<u64>) -> Option<Option<u64>> {
        let (returned, after) = match self {
            Self::Get(found) => (found, before),
            Self::Insert(new, previous) => (previous, Some(new)),
            Self::Remove(removed) => (removed, None),
        };
        (returned == before).then_some(after)
    }
}

/// How far a search has got.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Reached {
    /// Number of operations that each thread has done.
    done: Vec<usize>,
    /// The key's value.
    value: Option<u64>,
}

impl Reached {
    /// The operations that each thread would do next.
    fn next<'a>(&'a self, threads: &'a [Vec<Event>]) -> impl Iterator<Item = (usize, &'a Event)> {
        let next = |(thread, events): (usize, &'a Vec<Event>)| Some((thread, events.get(self.done[thread])?));
        threads.iter().enumerate().filter_map(next)
    }

    /// All that can be reached by one more operation.
    fn steps(&self, threads: &[Vec<Event>]) -> Vec<Self> {
        let first_return = self.next(threads).map(|(_, event)| event.returned).min().unwrap_or(u64::MAX);
        let may_come_next = self.next(threads).filter(|(_, event)| event.called <= first_return);
        let step = |(thread, event): (usize, &Event)| {
            let value = event.operation.apply(self.value)?;
            let mut done = self.done.clone();
            done[thread] += 1;
            Some(Self { done, value })
        };
        may_come_next.filter_map(step).collect()
    }

    /// Number of operations done.
    fn len(&self) -> usize {
        self.done.iter().sum()
    }
}

/// Checks what each thread did to one key, which began without a value. Each thread's events are in order.
///
/// # Errors
/// If no order explains what the operations returned.
pub(crate) fn check(threads: &[Vec<Event>]) -> Result<(), NotLinearizable> {
    let all = threads.iter().map(Vec::len).sum();
    let start = Reached { done: vec![0; threads.len()], value: None };
    let mut furthest = start.clone();
    let mut tried = HashSet::from([start.clone()]);
    let mut open = vec![start];
    while let Some(reached) = open.pop() {
        if reached.len() == all {
            return Ok(());
        }
        if reached.len() > furthest.len() {
            furthest = reached.clone();
        }
        open.extend(reached.steps(threads).into_iter().filter(|step| tried.insert(step.clone())));
    }
    let next = furthest.next(threads).map(|(_, event)| event.operation).collect();
    Err(NotLinearizable { value: furthest.value, next })
}
