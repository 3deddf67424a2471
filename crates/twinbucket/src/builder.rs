//! How a store is set up.

use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use hashbrown::DefaultHashBuilder;

use crate::observer::Observers;
use crate::shared::{Policy, Shared};
use crate::timer::{self, LongPins, OnLongPin};
use crate::{Observer, Pin, Store};

/// Settings for a new [`Store`].
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use twinbucket::Store;
///
/// let store: Store<String, u64> = Store::builder()
///     .capacity(100_000)
///     .publish_every(1_000)
///     .publish_within(Duration::from_millis(50))
///     .keep(3)
///     .build();
/// store.insert("a".into(), 1);
/// assert_eq!(store.get("a"), None);
/// store.publish();
/// assert_eq!(store.get("a"), Some(1));
/// ```
#[must_use = "`build` makes the store"]
pub struct Builder<K, V, S = DefaultHashBuilder> {
    /// The hasher.
    hasher: S,
    /// When changes are published, and what is kept.
    policy: Policy,
    /// When a pin is a long one, and what to call then.
    on_long_pin: Option<(Duration, OnLongPin)>,
    /// Who is told what the store does.
    observers: Observers,
    /// The store to come.
    store: PhantomData<fn() -> (K, V)>,
}

impl<K, V> Builder<K, V> {
    pub(crate) fn new() -> Self {
        let (hasher, policy) = (DefaultHashBuilder::default(), Policy::DEFAULT);
        Self { hasher, policy, on_long_pin: None, observers: Observers::default(), store: PhantomData }
    }
}

impl<K, V, S> Builder<K, V, S> {
    /// Sets the hasher. Any will do: a bad one makes lookups and copies slower, and nothing else.
    ///
    /// # Examples
    /// ```
    /// use std::hash::RandomState;
    /// use twinbucket::Store;
    ///
    /// let store = Store::<u64, u64>::builder().hasher(RandomState::new()).build();
    /// store.insert(1, 2);
    /// assert_eq!(store.get(&1), Some(2));
    /// ```
    pub fn hasher<T>(self, hasher: T) -> Builder<K, V, T> {
        let Self { policy, on_long_pin, observers, .. } = self;
        Builder { hasher, policy, on_long_pin, observers, store: PhantomData }
    }

    /// Makes room for `entries` from the start, so that loading them hardly ever splits a leaf.
    ///
    /// # Panics
    /// [`build`](Self::build) panics if that many can be in no memory.
    ///
    /// # Examples
    /// ```
    /// let store = twinbucket::Store::<u64, u64>::builder().capacity(1_000_000).build();
    /// assert!(store.is_empty());
    /// ```
    pub fn capacity(mut self, entries: usize) -> Self {
        self.policy.capacity = entries;
        self
    }

    /// Lets single writes collect in the write bucket until there are `writes`, then publishes them: the threshold.
    ///
    /// Counts single writes, and each staged write bucket as one. A write bucket that is published takes along what is
    /// staged. 1, the default, publishes at once.
    ///
    /// # Panics
    /// If `writes` is 0.
    ///
    /// # Examples
    /// ```
    /// let store = twinbucket::Store::builder().publish_every(2).build();
    /// store.insert("a", 1);
    /// assert_eq!(store.get("a"), None);
    /// store.insert("b", 2);
    /// assert_eq!(store.get("a"), Some(1));
    /// ```
    pub fn publish_every(mut self, writes: usize) -> Self {
        assert!(writes > 0, "publish_every(0) would never publish: 1 publishes each write at once");
        self.policy.publish_every = writes;
        self
    }

    /// Bounds how long a write may stay unpublished, also when no further write comes.
    ///
    /// By itself it concerns only what is [staged](crate::WriteBucket::stage): for single writes, set
    /// [`publish_every`](Self::publish_every) as well. Starts a thread that publishes what is staged that long after its first write (waiting, if need be, for a write
    /// bucket that is held at that time). The thread ends with the store.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    ///
    /// let store = twinbucket::Store::builder()
    ///     .publish_every(1_000)
    ///     .publish_within(Duration::from_millis(1))
    ///     .build();
    /// let mut watch = store.watch();
    /// store.insert("a", 1);
    /// assert_eq!(watch.wait().get("a"), Some(&1));
    /// ```
    pub fn publish_within(mut self, time: Duration) -> Self {
        self.policy.publish_within = Some(time);
        self
    }

    /// Keeps that many generations before the current one, for [`Store::at`] and [`Store::rollback`].
    ///
    /// Each costs the leaves that later ones replaced, and their destructors run on the writer's thread.
    ///
    /// # Examples
    /// ```
    /// let store = twinbucket::Store::builder().keep(1).build();
    /// store.insert("a", 1);
    /// let good = store.generation();
    /// store.insert("a", 2);
    /// assert_eq!(store.at(good).unwrap()["a"], 1);
    /// ```
    pub fn keep(mut self, generations: usize) -> Self {
        self.policy.keep = generations;
        self
    }

    /// Calls `report` once for each read bucket or reader's copy of one that is held longer than `limit`.
    ///
    /// The report has its generation, its age and the place that took it. A read bucket and its clones count as one, from
    /// the time it was taken, whether or not something newer was published since; what a [`Reader`](crate::Reader) keeps
    /// counts from when it saw it first, at the place that made the reader. Starts a thread, which looks every quarter
    /// of `limit`, at least every 100 ms, and calls `report`. It ends with the store. A slow `report` holds up the next
    /// look, and meanwhile notes pile up.
    ///
    /// In a store with this, taking a read bucket allocates a note of some 50 bytes; readers still never wait.
    /// [`Store::get`] holds nothing, and takes no note.
    ///
    /// # Examples
    /// ```
    /// use std::sync::mpsc;
    /// use std::time::Duration;
    ///
    /// let (sender, pins) = mpsc::channel();
    /// let store = twinbucket::Store::<u64, u64>::builder()
    ///     .on_long_pin(Duration::from_millis(1), move |pin| sender.send(pin.clone()).unwrap())
    ///     .build();
    /// let held = store.read();
    /// let pin = pins.recv().unwrap();
    /// assert_eq!(pin.generation(), held.generation());
    /// assert!(pin.location().unwrap().file().ends_with(".rs"));
    /// ```
    pub fn on_long_pin(mut self, limit: Duration, report: impl Fn(&Pin) + Send + Sync + 'static) -> Self {
        self.on_long_pin = Some((limit, Box::new(report)));
        self
    }

    /// Tells `observer` of each publish, discard, long pin and free. Called again, it adds one more.
    ///
    /// With an observer, a publish reads the clock twice more and waits for the observer; reads cost what they did.
    ///
    /// # Examples
    /// ```
    /// use std::sync::mpsc::{Sender, channel};
    /// use twinbucket::{Observer, Published, Store};
    ///
    /// struct Publishes(Sender<Published>);
    ///
    /// impl Observer for Publishes {
    ///     fn published(&self, event: &Published) {
    ///         let _ = self.0.send(*event);
    ///     }
    /// }
    ///
    /// let (sender, publishes) = channel();
    /// let store = Store::builder().observer(Publishes(sender)).build();
    /// store.replace_all([("a", 1), ("b", 2)]);
    /// let event = publishes.recv().unwrap();
    /// assert_eq!((event.generation, event.entries), (store.generation(), 2));
    /// ```
    pub fn observer(mut self, observer: impl Observer + 'static) -> Self {
        self.observers.add(observer);
        self
    }

    /// Makes the store.
    ///
    /// # Panics
    /// If it needs a thread ([`publish_within`](Self::publish_within), [`on_long_pin`](Self::on_long_pin)) and the
    /// system has no more of them; [`try_build`](Self::try_build) then gives an error.
    ///
    /// # Examples
    /// ```
    /// let store = twinbucket::Store::<u64, u64>::builder().build();
    /// assert_eq!(store.generation().get(), 0);
    /// ```
    pub fn build(self) -> Store<K, V, S>
    where
        K: Send + Sync + 'static,
        V: Send + Sync + 'static,
        S: Send + Sync + 'static,
    {
        self.try_build().expect("the system can start a thread")
    }

    /// As [`build`](Self::build), for programs that can do without the store, or try again later.
    ///
    /// # Errors
    /// If the store needs a thread and the system has no more of them.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    ///
    /// let store = twinbucket::Store::<u64, u64>::builder().publish_within(Duration::from_secs(1)).try_build()?;
    /// assert_eq!(store.generation().get(), 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn try_build(self) -> io::Result<Store<K, V, S>>
    where
        K: Send + Sync + 'static,
        V: Send + Sync + 'static,
        S: Send + Sync + 'static,
    {
        let Self { hasher, policy, on_long_pin, observers, .. } = self;
        let observers = observers.shared();
        let long_pins = on_long_pin.map(|(limit, report)| LongPins {
            records: Arc::default(),
            limit,
            report,
            observers: observers.clone(),
        });
        if long_pins.is_none() && policy.publish_within.is_none() {
            return Ok(Store::from_shared(Shared::new(hasher, policy, None, None, observers)));
        }
        let records = long_pins.as_ref().map(|long_pins| Arc::clone(&long_pins.records));
        let (timer, alarm) = timer::channel();
        let store = Store::from_shared(Shared::new(hasher, policy, records, Some(timer), observers));
        alarm.start(store.shared(), long_pins)?;
        Ok(store)
    }
}

impl<K, V, S> fmt::Debug for Builder<K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Policy { publish_every, publish_within, keep, capacity } = self.policy;
        f.debug_struct("Builder")
            .field("capacity", &capacity)
            .field("publish_every", &publish_every)
            .field("publish_within", &publish_within)
            .field("keep", &keep)
            .field("on_long_pin", &self.on_long_pin.as_ref().map(|(limit, _)| limit))
            .field("observers", &self.observers)
            .finish_non_exhaustive()
    }
}
