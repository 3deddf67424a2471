//! When the source asks again.

use std::time::Duration;

use twinbucket_feed::{Http, Source};

use crate::server::{Server, answer, ok};
use crate::{failure, new, source};

/// Asserts that the pause lies between two numbers of seconds.
#[track_caller]
fn assert_pause(source: &mut Http, least: f64, most: f64) {
    let pause = source.pause().as_secs_f64();
    assert!((least..=most).contains(&pause), "{pause} s is not from {least} to {most}");
}

#[test]
fn the_pause_after_a_success_is_about_the_interval() {
    let server = Server::start([ok(&[], "one")]);
    let mut source = source(&server);
    new(&mut source, None);
    assert_pause(&mut source, 27.0, 33.0);
}

#[test]
fn two_sources_do_not_ask_in_step() {
    let pause = || Http::poll("http://localhost/", Duration::from_secs(3_600)).unwrap().pause();
    assert_ne!(pause(), pause());
}

#[test]
fn pauses_after_failures_double_and_a_success_ends_them() {
    let broken = answer("500 Internal Server Error", &[], "");
    let server =
        Server::start([broken.clone(), broken.clone(), broken.clone(), broken.clone(), ok(&[], "one"), broken]);
    let mut source = source(&server).max_backoff(Duration::from_secs(10));
    for (least, most) in [(1.5, 3.0), (3.0, 6.0), (5.0, 10.0), (5.0, 10.0)] {
        failure(&mut source);
        assert_pause(&mut source, least, most);
    }
    new(&mut source, None);
    assert_pause(&mut source, 27.0, 33.0);
    failure(&mut source);
    assert_pause(&mut source, 1.5, 3.0);
}

#[test]
fn retry_after_is_heeded_up_to_the_longest_pause() {
    let busy = |header: &str| answer("503 Service Unavailable", &[header, "date: Tue, 03 Mar 2026 10:00:00 GMT"], "");
    let server = Server::start([
        busy("retry-after: 120"),
        busy("retry-after: Tue, 03 Mar 2026 10:02:00 GMT"),
        busy("retry-after: 99999999999"),
        busy("retry-after: Tue, 03 Mar 2026 09:00:00 GMT"),
        busy("retry-after: soon"),
    ]);
    let mut source = source(&server);
    for (least, most) in [(120.0, 132.0), (120.0, 132.0), (300.0, 330.0), (12.0, 24.0), (24.0, 48.0)] {
        failure(&mut source);
        assert_pause(&mut source, least, most);
    }
}
