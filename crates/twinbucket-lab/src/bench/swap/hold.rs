//! What is held while somebody publishes.

use std::collections::VecDeque;
use std::thread;
use std::time::Duration;

use crate::item::Item;
use crate::plan::Hold;
use crate::rivals::{Rival, View};
use crate::run::Stop;

/// How long a slow reader stays inside,
const INSIDE: Duration = Duration::from_millis(2);
/// and how long it stays away then.
const AWAY: Duration = Duration::from_micros(500);
/// A view is taken before each tenth publish,
const EVERY: usize = 10;
/// and held for a hundred, so that there are ten after a while.
const FOR: usize = 100;

/// Goes into the map, stays for a while, leaves and comes back, until it is over.
pub(super) fn slow_reader<T: Item>(rival: &dyn Rival<T>, key: &T, over: &Stop) {
    while !over.asked() {
        rival.linger(key, &mut || thread::sleep(INSIDE));
        thread::sleep(AWAY);
    }
}

/// Views that are held while publishing.
pub(super) struct Held<'a, T> {
    /// Oldest first.
    views: VecDeque<Box<dyn View<T> + 'a>>,
    /// Publishes so far.
    publishes: usize,
    /// Whether there is to be any view.
    wanted: bool,
}

impl<'a, T: Item> Held<'a, T> {
    /// Starts with none.
    pub(super) fn new(hold: Hold) -> Self {
        Self { views: VecDeque::new(), publishes: 0, wanted: hold == Hold::Snapshot }
    }

    /// Lets go of an old view and takes a new one, where it is time; to be called before each publish.
    pub(super) fn turn(&mut self, rival: &'a dyn Rival<T>) {
        if self.wanted && self.publishes % EVERY == 0 {
            if self.views.len() == FOR / EVERY {
                self.views.pop_front();
            }
            self.views.extend(rival.hold());
        }
        self.publishes += 1;
    }
}
