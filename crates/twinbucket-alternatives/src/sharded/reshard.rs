//! Adding and removing shards: which entries move, and where to.
//!
//! An entry moves if its shard goes, or if it lives at home and gets another home that has room. Else it stays, also away
//! from home: all that changes then is the account that its home keeps.

use std::error::Error;
use std::fmt::{self, Display};
use std::hash::{BuildHasher, Hash};
use std::iter;

use crossbeam_utils::CachePadded;

use super::ShardedMap;
use super::load::{self, LoadFactor};
use super::ring::Weighted;
use super::router::{Router, spread};
use super::shard::{Away, Shard};

impl<K: Hash + Eq, V, R: Router, S: BuildHasher> ShardedMap<K, V, R, S> {
    /// Adds a shard, of weight 1 where there are weights, and returns how many entries moved to it.
    ///
    /// With a [`Ring`](super::Ring) of k shards about one entry in k + 1 moves, all of them to the new shard; with
    /// [`Modulo`](super::Modulo) all but about one in k + 1. Costs O(n): every key is hashed.
    ///
    /// # Examples
    /// ```
    /// use twinbucket_alternatives::{ConcurrentMap, ShardedMap};
    ///
    /// let mut map = ShardedMap::new(1);
    /// map.extend([("a", 1), ("b", 2)]);
    /// let moved = map.add_shard();
    /// assert_eq!(map.loads()[1].entries, moved);
    /// assert_eq!(map.get("b"), Some(2));
    /// ```
    pub fn add_shard(&mut self) -> usize {
        let mut router = self.router.clone();
        router.add();
        self.reshard(router, None)
    }

    /// Removes a shard and returns how many entries moved. Those behind it move up by one number.
    ///
    /// With a ring only the entries of the shard move. Costs O(n): every key is hashed.
    ///
    /// # Errors
    /// If there is no such shard, or no other.
    ///
    /// # Examples
    /// ```
    /// use twinbucket_alternatives::{CannotRemove, ConcurrentMap, Ring, ShardedMap};
    ///
    /// let mut map: ShardedMap<&str, u32, _> = ShardedMap::with_router(Ring::new(2));
    /// map.extend([("a", 1), ("b", 2)]);
    /// let entries = map.loads()[0].entries;
    /// assert_eq!(map.remove_shard(0), Ok(entries));
    /// assert_eq!(map.remove_shard(0), Err(CannotRemove::Last));
    /// assert_eq!(map.len(), 2);
    /// ```
    pub fn remove_shard(&mut self, shard: usize) -> Result<usize, CannotRemove> {
        let shards = self.shards.len();
        if shard >= shards {
            return Err(CannotRemove::Missing { shard, shards });
        }
        if shards == 1 {
            return Err(CannotRemove::Last);
        }
        let mut router = self.router.clone();
        router.remove(shard);
        Ok(self.reshard(router, Some(shard)))
    }

    /// Exchanges the router for one that has a shard more, at the end, or has `gone` no more.
    fn reshard(&mut self, router: R, gone: Option<usize>) -> usize {
        let hash = |(key, _): &(K, V)| self.hasher.hash_one(key);
        // Hashing is not our code: should it panic, then before anything has changed.
        let hashes: Vec<Vec<u64>> =
            self.shards.iter().map(|shard| shard.table.read().entries.iter().map(hash).collect()).collect();

        let mut plan = Plan::new(&self.router, &router, gone);
        plan.entries.extend(hashes.iter().enumerate().filter(|&(old, _)| Some(old) != gone).map(|(_, of)| of.len()));
        plan.entries.resize(router.shards(), 0);
        if let Some(bound) = &mut self.bound {
            plan.bind(bound.factor, *bound.capacity.get_mut());
        }

        let mut moving = Vec::new();
        for (old, (shard, hashes)) in self.shards.iter_mut().zip(hashes).enumerate() {
            let now = plan.renumber(old);
            let targets: Vec<usize> = hashes.iter().map(|&hash| plan.target(spread(hash), now)).collect();
            // The table is walked in the order in which its keys were hashed.
            let mut next = targets.iter().copied();
            let leaving = shard.table.get_mut().entries.extract_if(|_| next.next() != now);
            let to = iter::zip(targets.iter().copied(), hashes).filter(|&(target, _)| Some(target) != now);
            moving.extend(iter::zip(to, leaving));
        }

        match gone {
            Some(gone) => drop(self.shards.remove(gone)),
            None => self.shards.push(CachePadded::new(Shard::new(usize::MAX))),
        }
        if let (Some(bound), Some((_, capacity))) = (&mut self.bound, plan.bound) {
            *bound.capacity.get_mut() = capacity;
        }
        for (shard, (limit, away)) in self.shards.iter_mut().zip(iter::zip(plan.limits, plan.away)) {
            let table = shard.table.get_mut();
            table.limit = limit;
            table.away = away;
        }
        self.router = router;

        let moved = moving.len();
        for ((target, hash), entry) in moving {
            let table = self.shards[target].table.get_mut();
            table.entries.insert_unique(hash, entry, |(key, _)| self.hasher.hash_one(key));
        }
        moved
    }
}

impl<K: Hash + Eq, V, S: BuildHasher> ShardedMap<K, V, Weighted, S> {
    /// Adds a shard of this weight and returns how many entries moved to it: about its share of them. Costs O(n).
    ///
    /// # Panics
    /// If the weight is zero.
    ///
    /// # Examples
    /// ```
    /// use twinbucket_alternatives::{ShardedMap, Weighted};
    ///
    /// let mut map: ShardedMap<u32, u32, _> = ShardedMap::with_router(Weighted::new(&[1, 1]));
    /// map.extend((0..1_000).map(|n| (n, n)));
    /// let moved = map.add_shard_weighing(2);
    /// assert!((400..600).contains(&moved));
    /// ```
    pub fn add_shard_weighing(&mut self, weight: u32) -> usize {
        let mut router = self.router.clone();
        router.add_weighing(weight);
        self.reshard(router, None)
    }
}

/// Why a shard cannot be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CannotRemove {
    /// There is no such shard.
    Missing {
        /// The shard asked for.
        shard: usize,
        /// Number of shards there are, numbered from 0.
        shards: usize,
    },
    /// It is the only one.
    Last,
}

impl Display for CannotRemove {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { shard, shards } => write!(f, "there is no shard {shard}: they are 0 to {}", shards - 1),
            Self::Last => f.write_str("the only shard must stay: add another first"),
        }
    }
}

impl Error for CannotRemove {}

/// The state that is aimed at, while it is decided where the entries go. Shards have their new numbers.
struct Plan<'a, R> {
    /// The router so far.
    old: &'a R,
    /// The router to come.
    new: &'a R,
    /// The shard that goes, by its old number.
    gone: Option<usize>,
    /// How full shards may get, and the capacity they share; `None` without load-aware placement.
    bound: Option<(LoadFactor, usize)>,
    /// The limit of each shard.
    limits: Vec<usize>,
    /// Number of entries of each shard: where they are, or will be if that is decided.
    entries: Vec<usize>,
    /// The account of each shard.
    away: Vec<Away>,
}

impl<'a, R: Router> Plan<'a, R> {
    /// A plan without entries or limits.
    fn new(old: &'a R, new: &'a R, gone: Option<usize>) -> Self {
        let shards = new.shards();
        let away = vec![Away::default(); shards];
        Self { old, new, gone, bound: None, limits: vec![usize::MAX; shards], entries: Vec::new(), away }
    }

    /// Sets the limits that follow from this capacity.
    fn bind(&mut self, factor: LoadFactor, capacity: usize) {
        self.bound = Some((factor, capacity));
        self.limits = load::limits(self.new, factor, capacity);
    }

    /// The new number of a shard, if it stays.
    fn renumber(&self, old: usize) -> Option<usize> {
        match self.gone {
            Some(gone) if old == gone => None,
            Some(gone) if old > gone => Some(old - 1),
            _ => Some(old),
        }
    }

    /// Decides where an entry goes that lives in shard `now`, or in the one that goes.
    fn target(&mut self, hash: u64, now: Option<usize>) -> usize {
        let home = self.new.home(hash);
        let lived_at_home = now == self.renumber(self.old.home(hash));
        let target = match now {
            Some(now) if now == home || !lived_at_home || !self.has_room(home) => now,
            Some(_) => home,
            None => self.first_with_room(hash),
        };
        if now != Some(target) {
            self.entries[target] += 1;
            if let Some(now) = now {
                self.entries[now] -= 1;
            }
        }
        if target != home {
            let place = self.new.detour(hash).position(|shard| shard == target);
            self.away[home].note(1 + place.expect("a detour goes over all other shards"));
        }
        target
    }

    /// Tells whether another entry may come to a shard.
    fn has_room(&self, shard: usize) -> bool {
        self.entries[shard] < self.limits[shard]
    }

    /// The home of a hash, or the next shard on its detour that has room; makes room if there is none.
    fn first_with_room(&mut self, hash: u64) -> usize {
        loop {
            let home = self.new.home(hash);
            if self.has_room(home) {
                return home;
            }
            if let Some(shard) = self.new.detour(hash).find(|&shard| self.has_room(shard)) {
                return shard;
            }
            let (factor, capacity) = self.bound.expect("without a bound, there is room at home");
            self.bind(factor, load::grown(self.new, capacity));
        }
    }
}
