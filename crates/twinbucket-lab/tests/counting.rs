//! The counting allocator, as the global one of a program.

use std::alloc::System;
use std::hint::black_box;
use std::sync::mpsc;
use std::thread;

use twinbucket_lab::counting::{Bytes, Counting, measure};

#[global_allocator]
static ALLOCATOR: Counting<System> = Counting::new(System);

fn block(bytes: usize) -> Vec<u8> {
    black_box(Vec::with_capacity(bytes))
}

#[test]
fn what_is_kept_is_live() {
    let (kept, bytes) = measure(|| [block(100), block(20)]);
    assert_eq!(bytes, Bytes { live: 120, peak: 120 });
    drop(kept);
}

#[test]
fn what_was_freed_meanwhile_is_in_the_peak() {
    let (kept, bytes) = measure(|| {
        drop(block(1_000));
        let kept = block(300);
        drop(block(500));
        kept
    });
    assert_eq!(bytes, Bytes { live: 300, peak: 1_000 });
    drop(kept);
}

#[test]
fn freeing_what_was_there_before_counts_down() {
    let before = block(700);
    let ((), bytes) = measure(|| drop(before));
    assert_eq!(bytes, Bytes { live: -700, peak: 0 });
}

#[test]
fn a_block_that_grows_or_shrinks_counts_once() {
    let (kept, bytes) = measure(|| {
        let mut kept = block(100);
        kept.reserve_exact(900);
        kept.shrink_to(40);
        kept
    });
    assert_eq!((kept.capacity(), bytes), (40, Bytes { live: 40, peak: 900 }));
}

#[test]
fn zeroed_blocks_count() {
    let (kept, bytes) = measure(|| black_box(vec![0_u8; 64]));
    assert_eq!(bytes.live, 64);
    assert!(kept.iter().all(|&byte| byte == 0));
}

#[test]
fn other_threads_do_not_count() {
    let (start, started) = mpsc::sync_channel(1);
    let other = thread::spawn(move || started.recv().map(|()| block(1 << 20)));
    let (made, bytes) = measure(move || {
        start.send(()).expect("the other thread waits");
        while !other.is_finished() {
            thread::yield_now();
        }
        other
    });
    assert_eq!(made.join().unwrap().unwrap().capacity(), 1 << 20);
    assert!(bytes.peak < 1 << 20, "{bytes:?}");
}

#[test]
#[should_panic(expected = "`make` measures nothing itself")]
fn measuring_within_measuring_is_refused() {
    measure(|| measure(|| ()));
}
