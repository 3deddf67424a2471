//! Watching a store: waiting for something newer than what was seen last.

use std::fmt;
use std::panic::Location;
use std::time::{Duration, Instant};

use hashbrown::DefaultHashBuilder;

use crate::shared::Shared;
use crate::sync::Arc;
use crate::sync::event::Listener;
use crate::{Generation, ReadBucket};

/// Waits for publishes; always gives the newest read bucket, however many publishes there were meanwhile.
///
/// A publish that happens between two waits is not missed. Writers never wait for watchers. A watch keeps the store
/// alive, so waiting without a time limit ends only with a publish.
///
/// # Examples
/// ```
/// use std::thread;
///
/// let store = twinbucket::Store::from([("level", "info")]);
/// let mut watch = store.watch();
/// let seen = thread::spawn(move || watch.wait().get("level").copied());
/// store.insert("level", "debug");
/// assert_eq!(seen.join().unwrap(), Some("debug"));
/// ```
pub struct Watch<K, V, S = DefaultHashBuilder> {
    /// The store.
    shared: Arc<Shared<K, V, S>>,
    /// Generation that was given out last.
    seen: Generation,
}

impl<K, V, S> Watch<K, V, S> {
    pub(crate) fn new(shared: Arc<Shared<K, V, S>>) -> Self {
        let seen = shared.slot.load().generation;
        Self { shared, seen }
    }

    /// Waits until there is a newer read bucket than the last one this watch gave out, and returns it.
    ///
    /// # Examples
    /// ```
    /// let store = twinbucket::Store::from([(1, 1)]);
    /// let mut watch = store.watch();
    /// store.insert(2, 2);
    /// store.insert(3, 3);
    /// assert_eq!(watch.wait().len(), 3);
    /// ```
    #[track_caller]
    pub fn wait(&mut self) -> ReadBucket<K, V, S> {
        let location = Location::caller();
        loop {
            if let Some(newer) = self.newer(location) {
                return newer;
            }
            let listener = self.shared.events.listen();
            // Once more: a publish before `listen` does not notify this listener.
            if !cfg!(planted = "lost-wakeup") {
                if let Some(newer) = self.newer(location) {
                    return newer;
                }
            }
            listener.wait();
        }
    }

    /// As [`wait`](Self::wait), but gives up after `timeout`.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    ///
    /// let store = twinbucket::Store::from([(1, 1)]);
    /// let mut watch = store.watch();
    /// assert!(watch.wait_timeout(Duration::from_millis(1)).is_none());
    /// store.insert(2, 2);
    /// assert!(watch.wait_timeout(Duration::from_millis(1)).is_some());
    /// ```
    #[track_caller]
    pub fn wait_timeout(&mut self, timeout: Duration) -> Option<ReadBucket<K, V, S>> {
        let location = Location::caller();
        // A time too far away to be told is as good as none.
        let Some(deadline) = Instant::now().checked_add(timeout) else { return Some(self.wait()) };
        loop {
            let listener = self.shared.events.listen();
            if let Some(newer) = self.newer(location) {
                return Some(newer);
            }
            if listener.wait_deadline(deadline).is_none() {
                return self.newer(location);
            }
        }
    }

    /// As [`wait`](Self::wait), for any executor. Dropping the future loses nothing.
    ///
    /// The publishing thread calls the waker while it has the writer's turn: a waker is to hand the task to its executor,
    /// as all common ones do, and not to use a watch of the same store itself, nor to panic: after that, other watches might
    /// not be woken any more.
    ///
    /// # Examples
    /// ```
    /// # use std::task::{Context, Poll, Waker};
    /// # fn block_on<F: Future>(future: F) -> F::Output {
    /// #     let mut future = std::pin::pin!(future);
    /// #     loop {
    /// #         if let Poll::Ready(it) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) { return it }
    /// #         std::thread::yield_now();
    /// #     }
    /// # }
    /// let store = twinbucket::Store::from([(1, 1)]);
    /// let mut watch = store.watch();
    /// store.insert(2, 2);
    /// let newest = block_on(async { watch.changed().await });
    /// assert_eq!(newest.len(), 2);
    /// ```
    #[cfg(feature = "async")]
    #[track_caller]
    pub fn changed(&mut self) -> impl Future<Output = ReadBucket<K, V, S>> + use<'_, K, V, S> {
        let location = Location::caller();
        async move {
            loop {
                let listener = self.shared.events.listen();
                if let Some(newer) = self.newer(location) {
                    return newer;
                }
                listener.await;
            }
        }
    }

    fn newer(&mut self, location: &'static Location<'static>) -> Option<ReadBucket<K, V, S>> {
        let current = self.shared.slot.load();
        (current.generation > self.seen).then(|| {
            self.seen = current.generation;
            self.shared.give_out(current, location)
        })
    }
}

impl<K, V, S> Clone for Watch<K, V, S> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), seen: self.seen }
    }
}

impl<K, V, S> fmt::Debug for Watch<K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("seen", &self.seen).finish_non_exhaustive()
    }
}
