//! When to look at a file again: keeps the watch, judges how far it can be relied on, and sets the pace.
//!
//! The watch is never trusted alone. However well it seems, there is a slow re-check, and where it is known to be
//! deaf, a fast poll.

use std::time::Duration;

use super::remote;
use super::watch::{Interests, Watch};
use crate::Wake;

/// How often what is to be watched may change while the watch is set up.
const ATTEMPTS: usize = 5;

/// Keeps watch over a path.
pub(super) struct Lookout {
    /// Time to the next look while the watch is well, and between two looks that certainly read the content.
    pub(super) recheck: Duration,
    /// Time to the next look otherwise.
    pub(super) poll: Duration,
    /// Whether there is to be a watch at all.
    is_wanted: bool,
    /// Tells the feed of changes.
    wake: Option<Wake>,
    /// The watch, if it could be had.
    watch: Option<Watch>,
    /// How far the watch can be relied on.
    hearing: Hearing,
    /// Whether the last look went well.
    went_well: bool,
}

/// How far a watch can be relied on.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Hearing {
    /// Nothing is known against it.
    Well,
    /// There is none.
    None,
    /// A change came without an event, and since then no event came at all.
    Deaf,
    /// The file system tells nothing of changes that others make.
    Remote,
    /// The watch, or a part of it, cannot be had; it is tried again.
    Failed(String),
}

impl Lookout {
    /// Looks now and then, and watches unless told not to.
    pub(super) fn new(is_wanted: bool) -> Self {
        Self {
            recheck: Duration::from_secs(30),
            poll: Duration::from_secs(1),
            is_wanted,
            wake: None,
            watch: None,
            hearing: Hearing::None,
            went_well: false,
        }
    }

    /// Says whom to tell of changes.
    pub(super) fn start(&mut self, wake: Wake) {
        self.wake = Some(wake).filter(|_| self.is_wanted);
    }

    /// Sees to it that the watch is over what is of interest now, before a look. Returns whether there is reason to
    /// think that something changed since this was last called.
    pub(super) fn arm(&mut self, interests: impl FnMut() -> Interests) -> bool {
        let Some(wake) = self.wake.clone() else { return false };
        let heard = self.watch.as_ref().is_some_and(Watch::take_heard);
        if self.watch.as_ref().is_none_or(|watch| !watch.is_sound()) {
            self.watch = None;
        }
        let before = self.hearing.clone();
        let differs = match self.set_up(wake, interests) {
            Ok(differs) => differs,
            Err(problem) => {
                self.hearing = Hearing::Failed(problem);
                true
            }
        };
        if heard && self.hearing == Hearing::Deaf {
            self.hearing = Hearing::Well;
        }
        self.tell(&before);
        heard || differs
    }

    /// Sets the watch up; tells whether it is another one now.
    fn set_up(&mut self, wake: Wake, mut interests: impl FnMut() -> Interests) -> Result<bool, String> {
        let is_new = self.watch.is_none();
        let watch = match self.watch.take() {
            Some(watch) => watch,
            None => Watch::new(wake).map_err(|error| error.to_string())?,
        };
        let watch = self.watch.insert(watch);
        let mut differs = is_new;
        for _ in 0..ATTEMPTS {
            let wanted = interests();
            // What changes before all is watched is seen by the next walk, what changes later is an event.
            if watch.arm(&wanted).map_err(|error| error.to_string())? {
                differs = true;
                continue;
            }
            if differs || matches!(self.hearing, Hearing::Failed(_) | Hearing::None) {
                let is_remote = wanted.dirs().any(remote::is_remote);
                let is_deaf = self.hearing == Hearing::Deaf;
                self.hearing = match () {
                    () if is_remote => Hearing::Remote,
                    () if is_deaf => Hearing::Deaf,
                    () => Hearing::Well,
                };
            }
            return Ok(differs);
        }
        Err("the directories change too fast".to_owned())
    }

    /// Takes note that the content changed and nothing was heard of it: gets another watch, and does not rely on it
    /// until it hears something.
    pub(super) fn missed_a_change(&mut self) {
        let has_heard = self.watch.as_ref().is_none_or(Watch::has_heard);
        if self.hearing == Hearing::Well && !has_heard {
            self.hearing = Hearing::Deaf;
            self.watch = None;
            self.tell(&Hearing::Well);
        }
    }

    /// Takes note of whether a look went well.
    pub(super) fn note(&mut self, went_well: bool) {
        self.went_well = went_well;
    }

    /// Tells how long after the last look to look again.
    pub(super) fn pause(&self) -> Duration {
        if self.went_well && self.hearing == Hearing::Well { self.recheck } else { self.poll.min(self.recheck) }
    }

    /// Logs when the watch can no longer be relied on, and when it can be again.
    #[cfg(feature = "tracing")]
    fn tell(&self, before: &Hearing) {
        if self.hearing == *before {
            return;
        }
        let poll = self.poll;
        match &self.hearing {
            Hearing::Failed(problem) => tracing::warn!("a file cannot be watched, looking every {poll:?}: {problem}"),
            Hearing::Deaf => tracing::warn!("a file changed without an event, looking every {poll:?}"),
            Hearing::Remote => tracing::info!("a file system tells nothing of changes, looking every {poll:?}"),
            Hearing::Well | Hearing::None => tracing::debug!("a file is watched"),
        }
    }

    /// Nobody is told.
    #[cfg(not(feature = "tracing"))]
    fn tell(&self, _: &Hearing) {}
}
