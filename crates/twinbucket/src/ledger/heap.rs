//! Replaced things that wait, the youngest on top.
//!
//! A leftist heap (C. A. Crane, 1972; Knuth, The Art of Computer Programming, 5.2.3): two heaps become one in O(log n)
//! steps, however large both are, and so all that hangs on a pin moves to an older one at once. Taking the youngest and
//! adding one costs O(log n), too. Each thing has an allocation of its own, which goes with it.

use super::{Retired, Stamp};

/// A heap of replaced things by the time of their birth.
pub(super) struct Heap<R> {
    /// The youngest, with all others below.
    root: Tree<R>,
}

type Tree<R> = Option<Box<Node<R>>>;

/// A thing that is not older than any below it.
struct Node<R> {
    /// The thing.
    one: R,
    /// Nodes on the way down that always turns right, this one included: of all ways down the shortest.
    rank: u32,
    /// The child of the higher rank; ways down here may be as long as the heap is large.
    left: Tree<R>,
    /// The other child.
    right: Tree<R>,
}

impl<R: Retired> Heap<R> {
    /// Returns when the youngest thing was made.
    pub(super) fn youngest(&self) -> Option<Stamp> {
        self.root.as_ref().map(|root| root.one.born())
    }

    /// Adds a thing.
    pub(super) fn push(&mut self, one: R) {
        let single = Node { one, rank: 1, left: None, right: None };
        self.root = meld(self.root.take(), Some(Box::new(single)));
    }

    /// Takes the youngest thing out.
    pub(super) fn pop(&mut self) -> Option<R> {
        let Node { one, left, right, .. } = *self.root.take()?;
        self.root = meld(left, right);
        Some(one)
    }

    /// Takes in all things of another heap.
    pub(super) fn append(&mut self, mut other: Self) {
        self.root = meld(self.root.take(), other.root.take());
    }
}

impl<R> Heap<R> {
    /// A heap without things.
    pub(super) const EMPTY: Self = Self { root: None };

    /// Takes all things out, in no order. Costs O(n), and no depth of the stack.
    pub(super) fn empty(&mut self, mut each: impl FnMut(R)) {
        let mut rest: Vec<_> = self.root.take().into_iter().collect();
        while let Some(node) = rest.pop() {
            let Node { one, left, right, .. } = *node;
            rest.extend([left, right].into_iter().flatten());
            each(one);
        }
    }
}

impl<R> Drop for Heap<R> {
    fn drop(&mut self) {
        self.empty(drop);
    }
}

/// Makes one heap of two. Goes down the right sides alone, which have at most log2(n + 1) nodes.
fn meld<R: Retired>(a: Tree<R>, b: Tree<R>) -> Tree<R> {
    let (mut top, mut below) = match (a, b) {
        (Some(a), Some(b)) => (a, b),
        (tree, None) | (None, tree) => return tree,
    };
    if top.one.born() < below.one.born() {
        std::mem::swap(&mut top, &mut below);
    }
    top.right = meld(top.right.take(), Some(below));
    let rank = |tree: &Tree<R>| tree.as_ref().map_or(0, |node| node.rank);
    if rank(&top.left) < rank(&top.right) {
        let Node { left, right, .. } = &mut *top;
        std::mem::swap(left, right);
    }
    top.rank = rank(&top.right) + 1;
    Some(top)
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    /// Checks the order and the ranks; returns how many things there are.
    fn checked(heap: &Heap<u64>) -> usize {
        let (mut rest, mut count) = (Vec::from_iter(&heap.root), 0);
        while let Some(node) = rest.pop() {
            let rank = |tree: &Tree<u64>| tree.as_ref().map_or(0, |node| node.rank);
            assert!(rank(&node.left) >= rank(&node.right));
            assert_eq!(node.rank, rank(&node.right) + 1);
            let children = node.left.iter().chain(&node.right);
            rest.extend(children.inspect(|child| assert!(child.one <= node.one)));
            count += 1;
        }
        count
    }

    #[test]
    fn the_youngest_comes_first_whatever_was_put_together() {
        let mut all = Heap::EMPTY;
        for part in 0..20u64 {
            let mut heap = Heap::EMPTY;
            (0..100).for_each(|number| heap.push((number * 7919 + part * 104_729) % 1_009));
            all.append(heap);
            assert_eq!(checked(&all), 100 * (part as usize + 1));
        }
        let mut last = u64::MAX;
        for left in (0..2_000).rev() {
            let Stamp(youngest) = all.youngest().unwrap();
            let one = all.pop().unwrap();
            assert_eq!(one, youngest);
            assert!(one <= last);
            last = one;
            assert_eq!(checked(&all), left);
        }
        assert_eq!((all.youngest(), all.pop()), (None, None));
    }

    #[test]
    fn a_heap_that_is_one_long_way_down_is_dropped_without_depth() {
        let mut heap = Heap::EMPTY;
        // Each is younger than all before, and has them to its left.
        (0..1_000_000u64).for_each(|born| heap.push(born));
        drop(heap);
    }
}
