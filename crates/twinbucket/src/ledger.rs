//! The writer's account of replaced leaves and chunks, and of who may still see them.
//!
//! Something born at stamp *b* and replaced after the version of stamp *r* was published is visible to exactly the
//! versions with stamps in [b, r]. The ledger keeps one `Arc` of every past version that something outside still held
//! when it was last checked (a pin), and hangs each replaced thing on the newest pin in its interval. When that pin
//! goes, the thing moves to the next older pin in the interval, or is given back to be freed if there is none.
//!
//! A version is unpinned when the ledger's `Arc` is the only one left ([`is_unpinned`]). No one can undo that: the
//! slot holds a newer version, and the ledger hands out no `Arc` of an unpinned one.
//!
//! What hangs on a pin is a heap with the youngest on top: those too young for the next older pin are taken off, and the
//! rest moves as one. So a thing costs the same whether one pin or a thousand went before it could go, and a publish,
//! which may free more than it replaces, catches up with whatever was left to it.
//!
//! The ledger frees nothing itself. It gives back what may go, a bounded number at a time, and knows nothing of leaves
//! or hashing. All of it is under one lock, which a publish holds for a bounded number of steps, each of O(log n) where
//! n things wait, and which is never held while user code runs.

mod heap;

use std::collections::{BTreeMap, VecDeque};

use self::heap::Heap;
use crate::sync::Arc;

/// A point on the writer's time axis: a number that grows with each savepoint and each publish.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Stamp(pub(crate) u64);

impl Stamp {
    /// Returns the next point in time.
    pub(crate) fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// Something that was replaced, and is freed by dropping it.
pub(crate) trait Retired {
    /// Returns when it was made.
    fn born(&self) -> Stamp;
    /// Returns how many leaves it is (a chunk is none) and its bytes.
    fn size(&self) -> (usize, usize);
}

/// Past versions checked for pins in one publish, besides the one just replaced.
const CHECKS: usize = 4;
/// Replaced things freed in one publish, besides twice what it replaced.
const FREES: usize = 16;
/// Versions that nobody holds and that are kept to be filled again: enough that short pins do not make the next publish
/// allocate one.
const SPARES: usize = 4;

/// Tells whether nothing outside the ledger holds this version any more.
///
/// `get_mut` synchronises with the drop of every other `Arc`, so all that its holders did with the version has happened.
pub(crate) fn is_unpinned<T>(version: &mut Arc<T>) -> bool {
    if cfg!(planted = "missing-fence") {
        return Arc::strong_count(version) == 1;
    }
    Arc::get_mut(version).is_some()
}

/// A past version and what hangs on it.
struct Past<T, R> {
    /// The ledger's own reference.
    version: Arc<T>,
    /// Replaced things whose newest possible holder is this version.
    retired: Heap<R>,
}

/// How much one pass may do.
struct Budget {
    /// Versions to look at.
    checks: usize,
    /// Things to give back.
    frees: usize,
}

impl Budget {
    const UNLIMITED: Self = Self { checks: usize::MAX, frees: usize::MAX };

    /// Budget of a publish that replaced `n` things.
    fn after_replacing(n: usize) -> Self {
        Self { checks: CHECKS, frees: FREES + 2 * n }
    }
}

/// Account of the past versions of a store (`T`) and of what was replaced since (`R`).
pub(crate) struct Ledger<T, R> {
    /// Past versions that were still held when last checked, by the stamp of their publish.
    past: BTreeMap<Stamp, Past<T, R>>,
    /// Where the next check goes on.
    cursor: Stamp,
    /// Stamps of the versions kept for `at` and `rollback`, oldest first: the newest in `past`.
    kept: VecDeque<Stamp>,
    /// How many versions to keep.
    keep: usize,
    /// Leaves that hang in `past`.
    leaves: usize,
    /// Bytes that hang in `past`.
    bytes: usize,
}

impl<T, R: Retired> Ledger<T, R> {
    /// Creates a ledger without past that keeps the last `keep` versions.
    pub(crate) fn new(keep: usize) -> Self {
        let (past, kept) = (BTreeMap::new(), VecDeque::new());
        Self { past, cursor: Stamp(0), kept, keep, leaves: 0, bytes: 0 }
    }

    /// Takes in the version that was just replaced and what its successor replaced; gives back what may go.
    ///
    /// What may be freed is appended to `doomed`: at most a constant plus twice the length of `retired`, which is left
    /// empty. Versions that nobody holds go to `spares`, for the writer to use again, while there are few. Never waits.
    pub(crate) fn retire(
        &mut self,
        version: Arc<T>,
        stamp: Stamp,
        retired: &mut Vec<R>,
        doomed: &mut Vec<R>,
        spares: &mut Vec<Arc<T>>,
    ) {
        let is_kept = self.keep > 0;
        if is_kept {
            self.kept.push_back(stamp);
            if self.kept.len() > self.keep {
                self.kept.pop_front();
            }
        }
        let mut budget = Budget::after_replacing(retired.len());
        for (leaves, bytes) in retired.iter().map(R::size) {
            self.leaves += leaves;
            self.bytes += bytes;
        }
        let mut past = Past { version, retired: Heap::EMPTY };
        if !is_kept && is_unpinned(&mut past.version) {
            budget.frees -= self.let_go(stamp, retired, doomed);
            spare(spares, past.version);
        } else {
            retired.drain(..).for_each(|one| past.retired.push(one));
            self.past.insert(stamp, past);
        }
        self.sweep(&mut budget, doomed, spares);
    }

    /// Gives back all that may go now.
    pub(crate) fn collect(&mut self, doomed: &mut Vec<R>) {
        let mut budget = Budget { checks: self.past.len(), ..Budget::UNLIMITED };
        // Newest first, so that what moves to an older version is looked at again.
        self.cursor = Stamp(u64::MAX);
        self.sweep(&mut budget, doomed, &mut Vec::new());
    }

    /// Ends the account: returns what some pin still sees, and the versions.
    pub(crate) fn close(mut self, doomed: &mut Vec<R>) -> (Vec<R>, Vec<Arc<T>>) {
        self.kept.clear();
        self.collect(doomed);
        let (mut retired, mut versions) = (Vec::new(), Vec::new());
        for (_, mut past) in self.past {
            past.retired.empty(|one| retired.push(one));
            versions.push(past.version);
        }
        (retired, versions)
    }

    /// Returns the versions that are kept, oldest first. They need no further reference: no sweep looks at them.
    pub(crate) fn kept(&self) -> impl Iterator<Item = &Arc<T>> {
        self.past.range(self.oldest_kept()..).map(|(_, past)| &past.version)
    }

    /// Returns the stamp from which on versions are kept.
    fn oldest_kept(&self) -> Stamp {
        self.kept.front().copied().unwrap_or(Stamp(u64::MAX))
    }

    /// Returns the past versions in the account, oldest first, each with the number of references outside of it.
    pub(crate) fn pinned(&self) -> impl Iterator<Item = (&T, usize)> {
        self.past.values().filter_map(|past| {
            let holders = Arc::strong_count(&past.version) - 1;
            (holders > 0).then_some((&*past.version, holders))
        })
    }

    /// Returns how many leaves and bytes wait to be freed.
    pub(crate) fn waiting(&self) -> (usize, usize) {
        (self.leaves, self.bytes)
    }

    /// Looks at past versions, from newer to older and around, and drains those that are not kept and nobody holds.
    fn sweep(&mut self, budget: &mut Budget, doomed: &mut Vec<R>, spares: &mut Vec<Arc<T>>) {
        let end = self.oldest_kept();
        while budget.checks > 0 {
            budget.checks -= 1;
            let newest_below = |end| self.past.range(..end).next_back().map(|(&stamp, _)| stamp);
            let Some(stamp) = newest_below(self.cursor.min(end)).or_else(|| newest_below(end)) else { return };
            let past = self.past.get_mut(&stamp).expect("the key was just read");
            if is_unpinned(&mut past.version) {
                let mut past = self.past.remove(&stamp).expect("still there");
                if !self.drain(stamp, &mut past.retired, budget, doomed) {
                    self.past.insert(stamp, past);
                    return;
                }
                spare(spares, past.version);
            }
            self.cursor = stamp;
        }
    }

    /// Moves what hung on the version of `stamp` to the next older one, and gives back what that one cannot see.
    ///
    /// Returns whether all of it went within the budget.
    fn drain(&mut self, stamp: Stamp, retired: &mut Heap<R>, budget: &mut Budget, doomed: &mut Vec<R>) -> bool {
        let mut older = older(&mut self.past, stamp);
        while retired.youngest().is_some_and(|born| !is_seen(&older, born)) {
            if budget.frees == 0 {
                return false;
            }
            budget.frees -= 1;
            let one = retired.pop().expect("the youngest is there");
            let (leaves, bytes) = one.size();
            self.leaves -= leaves;
            self.bytes -= bytes;
            doomed.push(one);
        }
        if let Some((_, past)) = &mut older {
            past.retired.append(std::mem::replace(retired, Heap::EMPTY));
        }
        true
    }

    /// As [`drain`](Self::drain), for what was replaced after a version that nobody holds. Returns how many things go.
    fn let_go(&mut self, stamp: Stamp, retired: &mut Vec<R>, doomed: &mut Vec<R>) -> usize {
        let before = doomed.len();
        let mut older = older(&mut self.past, stamp);
        for one in retired.drain(..) {
            if is_seen(&older, one.born()) {
                older.as_mut().expect("it sees the thing").1.retired.push(one);
            } else {
                let (leaves, bytes) = one.size();
                self.leaves -= leaves;
                self.bytes -= bytes;
                doomed.push(one);
            }
        }
        doomed.len() - before
    }
}

/// A past version with the stamp of its publish.
type Older<'a, T, R> = Option<(Stamp, &'a mut Past<T, R>)>;

/// Returns the next version that is older than the one of `stamp`.
fn older<T, R>(past: &mut BTreeMap<Stamp, Past<T, R>>, stamp: Stamp) -> Older<'_, T, R> {
    let mut older = past.range_mut(..stamp).map(|(&stamp, past)| (stamp, past));
    if cfg!(planted = "free-ignores-pins") {
        return None;
    }
    if cfg!(planted = "wrong-pin") { older.next() } else { older.next_back() }
}

/// Tells whether a version sees what was born then, and was replaced after it.
fn is_seen<T, R>(version: &Older<'_, T, R>, born: Stamp) -> bool {
    let is_early = cfg!(planted = "free-early");
    version.as_ref().is_some_and(|&(stamp, _)| born < stamp || !is_early && born == stamp)
}

fn spare<T>(spares: &mut Vec<Arc<T>>, version: Arc<T>) {
    if spares.len() < SPARES {
        spares.push(version);
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    /// A replaced thing; its number is its birth stamp.
    impl Retired for u64 {
        fn born(&self) -> Stamp {
            Stamp(*self)
        }

        fn size(&self) -> (usize, usize) {
            (1, 10)
        }
    }

    /// Replaces the version of `stamp`, held by `hold`, by one that does without `retired`; returns what may be freed.
    fn retire(ledger: &mut Ledger<u64, u64>, stamp: u64, hold: &mut Vec<Arc<u64>>, retired: &[u64]) -> Vec<u64> {
        let version = Arc::new(stamp);
        hold.push(Arc::clone(&version));
        let mut doomed = Vec::new();
        ledger.retire(version, Stamp(stamp), &mut retired.to_vec(), &mut doomed, &mut Vec::new());
        doomed.sort_unstable();
        doomed
    }

    fn collect(ledger: &mut Ledger<u64, u64>) -> Vec<u64> {
        let mut doomed = Vec::new();
        ledger.collect(&mut doomed);
        doomed.sort_unstable();
        doomed
    }

    #[test]
    fn what_nobody_can_see_is_given_back_at_once_and_the_version_with_it() {
        let (mut ledger, mut retired, mut doomed) = (Ledger::new(0), vec![0, 1], Vec::new());
        let mut spares = Vec::new();
        ledger.retire(Arc::new(7), Stamp(1), &mut retired, &mut doomed, &mut spares);
        assert_eq!(spares, [Arc::new(7)]);
        doomed.sort_unstable();
        assert_eq!(doomed, [0, 1]);
        assert_eq!(ledger.waiting(), (0, 0));
    }

    #[test]
    fn a_thing_waits_for_the_newest_pin_that_sees_it_then_for_the_next_older_one() {
        let (mut ledger, mut held) = (Ledger::new(0), Vec::new());
        // 0 was born before all three versions, 2 after the first.
        assert!(retire(&mut ledger, 1, &mut held, &[]).is_empty());
        assert!(retire(&mut ledger, 2, &mut held, &[]).is_empty());
        assert!(retire(&mut ledger, 3, &mut held, &[0, 2]).is_empty());
        assert_eq!(ledger.waiting(), (2, 20));

        held.remove(2);
        assert!(collect(&mut ledger).is_empty(), "version 2 sees both");
        held.remove(1);
        assert_eq!(collect(&mut ledger), [2], "version 1 is older than what was born at 2");
        held.clear();
        assert_eq!(collect(&mut ledger), [0]);
        assert_eq!(ledger.waiting(), (0, 0));
    }

    #[test]
    fn a_pin_older_than_a_thing_does_not_keep_it() {
        let (mut ledger, mut held) = (Ledger::new(0), Vec::new());
        assert!(retire(&mut ledger, 1, &mut held, &[]).is_empty());
        let mut doomed = Vec::new();
        ledger.retire(Arc::new(0), Stamp(2), &mut vec![2], &mut doomed, &mut Vec::new());
        assert_eq!(doomed, [2]);
    }

    #[test]
    fn a_publish_frees_at_most_a_constant_and_twice_what_it_replaced() {
        let (mut ledger, mut held) = (Ledger::new(0), Vec::new());
        let many: Vec<u64> = vec![0; 1_000];
        assert!(retire(&mut ledger, 1, &mut held, &many).is_empty());
        held.clear();
        let mut freed = 0;
        for stamp in 2.. {
            let doomed = retire(&mut ledger, stamp, &mut held, &[0, 0, 0]).len();
            held.clear();
            assert!(doomed <= FREES + 2 * 3);
            freed += doomed;
            // The last version was held when it was retired: what it replaced waits for the next publish.
            if ledger.waiting().0 <= 3 {
                break;
            }
            assert!(stamp < 1_000, "the backlog shrinks");
        }
        assert!(freed >= 1_000, "{freed}");
    }

    #[test]
    fn what_a_publish_frees_at_once_counts_with_what_it_frees_of_a_backlog() {
        let (mut ledger, mut held) = (Ledger::new(0), Vec::new());
        assert!(retire(&mut ledger, 1, &mut held, &[0; 1_000]).is_empty());
        held.clear();
        // Born after the only past version, so that it is seen by nobody.
        let (mut retired, mut doomed) = (vec![2; 100], Vec::new());
        ledger.retire(Arc::new(0), Stamp(2), &mut retired, &mut doomed, &mut Vec::new());
        assert_eq!(doomed.iter().filter(|&&born| born == 2).count(), 100);
        assert_eq!(doomed.len(), FREES + 2 * 100);
    }

    #[test]
    fn a_publish_looks_at_a_constant_number_of_pins() {
        let (mut ledger, mut held) = (Ledger::new(0), Vec::new());
        for stamp in 0..1_000 {
            retire(&mut ledger, stamp, &mut held, &[]);
        }
        held.clear();
        let before = ledger.past.len();
        retire(&mut ledger, 1_000, &mut held, &[]);
        assert!(before - ledger.past.len() <= CHECKS);
        held.clear();
        for stamp in 1_001..1_500 {
            retire(&mut ledger, stamp, &mut Vec::new(), &[]);
        }
        assert_eq!(ledger.past.len(), 1, "all that are gone were seen in time");
    }

    /// Numbers that look random (xorshift).
    struct Random(u64);

    impl Random {
        fn below(&mut self, end: u64) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0 % end
        }
    }

    #[test]
    fn publishes_catch_up_after_many_pins_went_at_once() {
        const LEAVES: u64 = 500;
        let (mut ledger, mut random) = (Ledger::<u64, u64>::new(0), Random(1));
        let (mut born, mut held) = (vec![0; LEAVES as usize], BTreeMap::new());
        let (mut replaced, mut doomed) = (Vec::<(u64, u64)>::new(), Vec::new());
        for stamp in 1..60_000 {
            // Each version is held, one order of magnitude of time as likely as another; or many, and then none.
            let (version, age) = (Arc::new(stamp), 1 << random.below(14));
            held.insert(stamp + age + random.below(age), Arc::clone(&version));
            let is_whole = stamp % 500 == 0;
            let leaves =
                (0..if is_whole { LEAVES } else { 6 }).map(|n| if is_whole { n } else { random.below(LEAVES) });
            let births = leaves.map(|leaf| std::mem::replace(&mut born[leaf as usize], stamp + 1));
            let mut retired: Vec<u64> = births.filter(|&born| born <= stamp).collect();
            replaced.extend(retired.iter().map(|&born| (born, stamp)));
            ledger.retire(version, Stamp(stamp), &mut retired, &mut doomed, &mut Vec::new());
            if stamp % 20_000 == 9_000 {
                held.clear();
            }
            held = held.split_off(&(stamp + 1));
            if stamp % 20_000 == 19_999 {
                let pins: Vec<u64> = held.values().map(|pin| **pin).collect();
                let is_seen = |&(born, replaced): &_| pins.iter().any(|pin| (born..=replaced).contains(pin));
                replaced.retain(is_seen);
                let (waiting, seen) = (ledger.waiting().0, replaced.len());
                assert!(waiting <= seen + seen / 20, "{waiting} wait, pins see {seen} of them");
            }
        }
    }

    #[test]
    fn a_kept_version_is_found_until_it_is_the_oldest_of_too_many() {
        let (mut ledger, mut held) = (Ledger::<u64, u64>::new(2), Vec::new());
        for stamp in 1..=3 {
            retire(&mut ledger, stamp, &mut held, &[]);
        }
        held.clear();
        assert!(ledger.kept().map(|version| **version).eq([2, 3]));
        assert!(collect(&mut ledger).is_empty());
        assert_eq!(ledger.past.len(), 2, "the first one is gone");
        assert_eq!(ledger.pinned().count(), 0, "the store's own references are no pins");
    }
}
