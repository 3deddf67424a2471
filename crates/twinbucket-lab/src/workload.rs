//! The entries, the keys looked up and the changes: the same for all rivals.

use std::collections::HashSet;
use std::iter;
use std::sync::Arc;

use rand::SeedableRng;
use rand::rngs::SmallRng;
use rand_distr::{Distribution, Zipf};

use crate::item::Item;
use crate::rng::Rng;

/// The sizes that tables have unless others are asked for.
pub const SIZES: [u64; 5] = [1_000, 10_000, 100_000, 1_000_000, 10_000_000];

/// Where the numbers of values start, so that no value is a key too.
const VALUES: u64 = 1 << 40;
/// Where the numbers of keys start that no table has.
const ABSENT: u64 = 1 << 39;
/// Exponent of the Zipf distribution, as in YCSB (Cooper et al., SoCC 2010).
const SKEW: f64 = 0.99;

/// The keys of a table.
#[derive(Debug, Clone)]
pub struct Keys<T> {
    /// The keys of a user; `None` if they are made from numbers.
    given: Option<Arc<[T]>>,
    /// How many there are.
    n: u64,
}

/// How often which key is looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spread {
    /// All keys alike.
    Uniform,
    /// The k-th key in proportion to k^-0.99.
    Zipf,
}

impl<T: Item> Keys<T> {
    /// Makes `n` keys from numbers.
    pub fn made(n: u64) -> Self {
        Self { given: None, n }
    }

    /// Takes the given keys, of which no two are equal.
    pub fn given(keys: Vec<T>) -> Self {
        Self { n: keys.len() as u64, given: Some(keys.into()) }
    }

    /// Returns how many there are.
    pub fn n(&self) -> u64 {
        self.n
    }

    /// Returns one of them, counted from 0.
    ///
    /// # Panics
    /// If there are not so many and they were given.
    pub fn key(&self, number: u64) -> T {
        self.given.as_ref().map_or_else(|| T::nth(number), |keys| keys[number as usize].clone())
    }

    /// Returns the entry of a key with its value in the given version.
    pub fn entry(&self, number: u64, version: u64) -> (T, T) {
        (self.key(number), T::nth((VALUES << 1).wrapping_mul(version) + VALUES + number))
    }

    /// Returns the entries that a table starts with.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = (T, T)> + Clone + '_ {
        self.version(0)
    }

    /// Returns all entries with their values in the given version, as a full reload brings them.
    pub fn version(&self, version: u64) -> impl ExactSizeIterator<Item = (T, T)> + Clone + '_ {
        (0..self.n as usize).map(move |number| self.entry(number as u64, version))
    }

    /// Returns all entries as a full reload with small changes brings them: every tenth has its value in the given version.
    pub fn revised(&self, version: u64) -> impl ExactSizeIterator<Item = (T, T)> + Clone + '_ {
        (0..self.n as usize).map(move |number| self.entry(number as u64, if number % 10 == 0 { version } else { 0 }))
    }

    /// Returns `length` keys to look up, each of them in the table.
    ///
    /// Uniform ones are in random order, and none comes again before all others were there. They are clones that lie next to
    /// each other in memory. A small table needs many, in order not to be learnt by branch prediction.
    pub fn hits(&self, length: usize, spread: Spread, seed: u64) -> Vec<T> {
        self.numbers(length, spread, seed).into_iter().map(|number| self.key(number)).collect()
    }

    /// Returns `length` keys to look up, none of them in the table.
    pub fn misses(&self, length: usize, spread: Spread, seed: u64) -> Vec<T> {
        let given: HashSet<&T> = self.given.iter().flat_map(|keys| keys.iter()).collect();
        let numbers = self.numbers(length, spread, seed);
        let absent = numbers.into_iter().map(|number| T::nth(ABSENT + number));
        absent.filter(|key| !given.contains(key)).collect()
    }

    /// Returns numbers of keys as they are looked up.
    fn numbers(&self, length: usize, spread: Spread, seed: u64) -> Vec<u64> {
        match spread {
            Spread::Uniform => self.uniform(length, &mut Rng::new(seed)),
            Spread::Zipf => self.zipf(length, seed),
        }
    }

    fn uniform(&self, length: usize, rng: &mut Rng) -> Vec<u64> {
        let mut numbers: Vec<u64> = Vec::with_capacity(length + self.n as usize);
        while numbers.len() < length {
            let start = numbers.len();
            numbers.extend(0..self.n);
            rng.shuffle(&mut numbers[start..]);
        }
        numbers.truncate(length);
        numbers
    }

    fn zipf(&self, length: usize, seed: u64) -> Vec<u64> {
        let ranks = Zipf::new(self.n as f64, SKEW).expect("there is a key, and the exponent is positive");
        let ranks = ranks.sample_iter(SmallRng::seed_from_u64(seed));
        ranks.map(|rank| rank as u64 - 1).take(length).collect()
    }
}

/// An endless source of changes to a table.
#[derive(Debug, Clone)]
pub struct Changes<T> {
    /// The keys of the table.
    keys: Keys<T>,
    /// Picks the entry to change.
    rng: Rng,
    /// How many changes were made; each gives its entry a value it never had.
    made: u64,
}

impl<T: Item> Changes<T> {
    /// Starts anew; the same keys give the same changes.
    pub fn new(keys: Keys<T>) -> Self {
        Self { rng: Rng::new(!keys.n()), keys, made: 0 }
    }

    /// Returns the value that a random entry started with. No rival compares values, so this costs what any change does,
    /// and the contents stay the same for what is measured next.
    pub fn rewrite(&mut self) -> (T, T) {
        let number = self.rng.below(self.keys.n());
        self.keys.entry(number, 0)
    }

    /// Returns a new value for a random entry.
    pub fn overwrite(&mut self) -> (T, T) {
        self.made += 1;
        let number = self.rng.below(self.keys.n());
        self.keys.entry(number, self.made)
    }

    /// Returns an entry with a new key.
    pub fn insert(&mut self) -> (T, T) {
        self.made += 1;
        (T::nth(self.keys.n() + self.made), T::nth(VALUES + self.made))
    }

    /// Returns `count` new values for random entries.
    pub fn overwrites(&mut self, count: usize) -> Vec<(T, T)> {
        iter::repeat_with(|| self.overwrite()).take(count).collect()
    }

    /// Returns `count` changes: new values for random entries and new keys by turns.
    pub fn mixed(&mut self, count: usize) -> Vec<(T, T)> {
        (0..count).map(|turn| if turn % 2 == 0 { self.overwrite() } else { self.insert() }).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn counts(keys: &[u64]) -> HashMap<u64, usize> {
        keys.iter().fold(HashMap::new(), |mut counts, key| {
            *counts.entry(*key).or_default() += 1;
            counts
        })
    }

    #[test]
    fn uniform_lookups_ask_for_each_key_as_often_as_for_the_others() {
        let counts = counts(&Keys::<u64>::made(100).hits(1_000, Spread::Uniform, 7));
        assert_eq!((counts.len(), counts.values().all(|&count| count == 10)), (100, true));
    }

    #[test]
    fn zipf_lookups_ask_for_the_first_key_twice_as_often_as_for_the_second() {
        let keys = Keys::<u64>::made(1_000);
        let counts = counts(&keys.hits(1_000_000, Spread::Zipf, 7));
        let share = |number| counts[&keys.key(number)] as f64;
        let close = |found: f64, wanted: f64| assert!((found / wanted - 1.0).abs() < 0.05, "{found} is not {wanted}");
        close(share(0) / share(1), 2_f64.powf(SKEW));
        close(share(0) / share(9), 10_f64.powf(SKEW));
    }

    #[test]
    fn misses_are_in_no_table() {
        let keys =
            Keys::<String>::given((0..100).map(|number| String::nth(ABSENT + number)).chain(["a".into()]).collect());
        let all: HashSet<String> = keys.entries().map(|(key, _)| key).collect();
        let misses = keys.misses(1_000, Spread::Uniform, 7);
        assert!(!misses.is_empty() && misses.iter().all(|key| !all.contains(key)));
    }

    #[test]
    fn a_new_value_was_never_there_before() {
        let mut changes = Changes::new(Keys::<u64>::made(10));
        let values: HashSet<u64> = changes.mixed(1_000).into_iter().map(|(_, value)| value).collect();
        assert_eq!(values.len(), 1_000);
    }
}
