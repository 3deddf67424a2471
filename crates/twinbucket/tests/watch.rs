//! Waiting for the next generation.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use twinbucket::Store;

use crate::common::finishes::finishes;

/// Helpers shared with the other test binaries.
mod common {
    pub(crate) mod finishes;
}

/// Longer than any publish takes to be noticed.
const LONG: Duration = Duration::from_secs(60);

#[test]
fn watch_wakes_at_the_next_publish() {
    let store = Store::from([(1, 1)]);
    let mut watch = store.watch();
    let (ready, is_ready) = mpsc::channel();
    let waiter = thread::spawn(move || {
        ready.send(()).expect("the test listens");
        watch.wait()
    });
    is_ready.recv().expect("the waiter starts");
    store.insert(1, 2);
    let bucket =
        finishes("a watch whose store has published", || waiter.join().expect("the waiter finds nothing amiss"));
    assert_eq!((bucket.get(&1), bucket.generation()), (Some(&2), store.generation()));
}

#[test]
fn watch_gives_the_newest_of_several_publishes_once() {
    let store = Store::new();
    let mut watch = store.watch();
    for round in 1..=5 {
        store.insert(1, round);
    }
    assert_eq!(watch.wait().get(&1), Some(&5));
    assert!(watch.wait_timeout(Duration::from_millis(20)).is_none(), "five publishes are one piece of news");
    store.insert(1, 6);
    assert_eq!(watch.wait_timeout(LONG).expect("there is news").get(&1), Some(&6));
}

#[test]
fn watch_starts_at_the_current_generation() {
    let store = Store::from([(1, 1)]);
    store.insert(1, 2);
    assert!(store.watch().wait_timeout(Duration::from_millis(20)).is_none());
}

#[test]
fn watch_hears_nothing_of_staged_or_discarded_changes() {
    let store = Store::new();
    let mut watch = store.watch();
    let mut write = store.write();
    write.insert(1, 1);
    write.stage();
    let mut write = store.write();
    write.insert(2, 2);
    write.discard();
    assert!(watch.wait_timeout(Duration::from_millis(20)).is_none());
    store.publish();
    assert_eq!(watch.wait_timeout(LONG).expect("there is news").len(), 1);
}

#[test]
fn watch_holds_no_generation_back() {
    let store = Store::from([(1, 1)]);
    let _watch = store.watch();
    store.insert(1, 2);
    store.collect();
    assert_eq!((store.pins().len(), store.stats().retired_leaves), (0, 0));
}

#[test]
fn watches_miss_no_publish_however_the_threads_meet() {
    let store = Store::<u64, u64>::new();
    finishes("watches that follow a store to its last publish", move || {
        thread::scope(|scope| {
            for _ in 0..3 {
                let mut watch = store.watch();
                scope.spawn(move || {
                    let mut last = 0;
                    while last < 2_000 {
                        let seen = watch.wait().get(&0).copied().expect("every generation has it");
                        assert!(seen > last, "{seen} after {last}");
                        last = seen;
                    }
                });
            }
            for round in 1..=2_000 {
                store.insert(0, round);
            }
        });
    });
}

/// Watching from asynchronous code.
#[cfg(feature = "async")]
mod asynchronous {
    use std::future::Future;
    use std::pin::pin;
    use std::sync::Arc;
    use std::task::{Context, Poll, Wake, Waker};
    use std::thread::{self, Thread};

    use twinbucket::Store;

    use crate::common::finishes::finishes;

    /// Wakes a thread.
    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    /// Runs a future on this thread.
    fn block_on<F: Future>(future: F) -> F::Output {
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let (mut future, mut context) = (pin!(future), Context::from_waker(&waker));
        loop {
            match future.as_mut().poll(&mut context) {
                Poll::Ready(output) => return output,
                Poll::Pending => thread::park(),
            }
        }
    }

    #[test]
    fn changed_is_pending_until_a_publish() {
        let store = Store::new();
        let mut watch = store.watch();
        let mut changed = pin!(watch.changed());
        let mut context = Context::from_waker(Waker::noop());
        assert!(changed.as_mut().poll(&mut context).is_pending());
        store.insert(1, 1);
        let Poll::Ready(bucket) = changed.as_mut().poll(&mut context) else { panic!("there is news") };
        assert_eq!(bucket.get(&1), Some(&1));
    }

    #[test]
    fn changed_dropped_while_pending_misses_nothing() {
        let store = Store::new();
        let mut watch = store.watch();
        let mut context = Context::from_waker(Waker::noop());
        assert!(pin!(watch.changed()).poll(&mut context).is_pending());
        store.insert(1, 1);
        assert_eq!(finishes("a watch with news", move || block_on(watch.changed()).len()), 1);
    }

    #[test]
    fn changed_wakes_its_task_at_every_publish() {
        let store = Store::<u64, u64>::new();
        let mut watch = store.watch();
        let writer = thread::spawn(move || {
            for round in 1..=1_000 {
                store.insert(0, round);
            }
            store
        });
        finishes("a task that follows a store to its last publish", move || {
            block_on(async {
                let mut last = 0;
                while last < 1_000 {
                    let seen = watch.changed().await.get(&0).copied().expect("every generation has it");
                    assert!(seen > last, "{seen} after {last}");
                    last = seen;
                }
            });
        });
        writer.join().expect("the writer finds nothing amiss");
    }

    #[test]
    fn changed_can_be_awaited_on_any_thread() {
        fn assert_send<T: Send>(_: &T) {}
        let store = Store::<String, String>::new();
        let mut watch = store.watch();
        assert_send(&watch.changed());
    }
}
