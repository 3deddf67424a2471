//! Finds, among sorted addresses, the last one that is not after a given one.
//!
//! For IPv4, a table of the first 16 bits was the fastest of what was tried at the size of a GeoIP table (380,000 ranges,
//! addresses from random ranges, all in turns in one process): 59 ns, against 106 in a static B-tree, 123 by binary
//! search and 240 in Eytzinger order. Whole look-ups in the index took 0.7 to 0.8 of the time of prefix-trie 0.10's longest
//! prefix match.
//!
//! For IPv6 (300,000 ranges) they took about 1.3 times as long as prefix-trie's, at the quartile of passes on a busy
//! machine, and no other order tried was clearly ahead of prefix-trie. It is not used all the same: it has to cut ranges
//! into 2.4 times as many networks, each with a copy of the value, and does not know the range that was cut.

/// An address as a number, and how many of them are searched.
pub(super) trait Address: Copy + Ord {
    /// The last address.
    const MAX: Self;
    /// Sorted addresses of this family.
    type Starts: Starts<Self>;

    /// The next address, of one that is not the last.
    fn next(self) -> Self;
}

/// Sorted addresses, the first of which is 0, without duplicates.
pub(super) trait Starts<A> {
    fn new(starts: Vec<A>) -> Self;

    /// Returns the place of the last one that is not after `address`.
    fn find(&self, address: A) -> usize;
}

impl Address for u32 {
    const MAX: Self = Self::MAX;
    type Starts = V4;

    fn next(self) -> Self {
        self + 1
    }
}

impl Address for u128 {
    const MAX: Self = Self::MAX;
    type Starts = V6;

    fn next(self) -> Self {
        self + 1
    }
}

/// Most of an IPv4 address's upper bits that the table is indexed by: 2^16 places are 256 KiB.
const TABLE_BITS: u32 = 16;

/// Sorted IPv4 addresses.
pub(super) struct V4 {
    /// The addresses.
    starts: Box<[u32]>,
    /// How many addresses have lower upper bits, for each value of these bits and one more.
    before: Box<[u32]>,
    /// How far to shift an address to get its upper bits.
    shift: u32,
}

impl Starts<u32> for V4 {
    fn new(starts: Vec<u32>) -> Self {
        // No more places than addresses.
        let bits = starts.len().ilog2().min(TABLE_BITS);
        let shift = u32::BITS - bits;
        let mut before = Vec::with_capacity((1 << bits) + 1);
        for upper in 0..=1 << bits {
            let from = before.last().map_or(0, |&before| before as usize);
            let some = starts[from..].iter().take_while(|&&start| upper_bits(start, shift) < upper).count();
            before.push(u32::try_from(from + some).expect("there are fewer addresses than that"));
        }
        Self { starts: starts.into(), before: before.into(), shift }
    }

    fn find(&self, address: u32) -> usize {
        let upper = upper_bits(address, self.shift);
        let (from, to) = (self.before[upper] as usize, self.before[upper + 1] as usize);
        from + self.starts[from..to].partition_point(|&start| start <= address) - 1
    }
}

/// Returns what is left of `address` after the shift, which may be by all its bits.
fn upper_bits(address: u32, shift: u32) -> usize {
    (u64::from(address) >> shift) as usize
}

/// How many IPv6 addresses one place of the first level stands for.
const BLOCK: usize = 64;

/// Sorted IPv6 addresses, in halves: few have equal upper halves, so that mostly only these are searched.
pub(super) struct V6 {
    /// The first upper half of each block: few enough to stay in a near cache.
    blocks: Box<[u64]>,
    /// Upper halves.
    upper: Box<[u64]>,
    /// Lower halves.
    lower: Box<[u64]>,
}

impl Starts<u128> for V6 {
    fn new(starts: Vec<u128>) -> Self {
        let (upper, lower) = starts.into_iter().map(halves).unzip::<_, _, Vec<_>, Vec<_>>();
        let blocks = upper.iter().copied().step_by(BLOCK).collect();
        Self { blocks, upper: upper.into(), lower: lower.into() }
    }

    fn find(&self, address: u128) -> usize {
        let (upper, lower) = halves(address);
        let begin = (self.blocks.partition_point(|&first| first <= upper) - 1) * BLOCK;
        let block = &self.upper[begin..self.upper.len().min(begin + BLOCK)];
        let to = begin + block.partition_point(|&start| start <= upper);
        // Of those with that upper half, the last one has the largest lower half, which mostly is low enough. Both are
        // compared, as a branch between them is hard to foresee and cost 12 %.
        if (self.upper[to - 1] < upper) | (self.lower[to - 1] <= lower) {
            return to - 1;
        }
        let from = self.upper[..to].partition_point(|&start| start < upper);
        // If none of these is low enough, it is the last one with a lower upper half. The first one of all is 0.
        from + self.lower[from..to].partition_point(|&start| start <= lower) - 1
    }
}

/// Splits an address into its upper and its lower half.
fn halves(address: u128) -> (u64, u64) {
    ((address >> 64) as u64, address as u64)
}
