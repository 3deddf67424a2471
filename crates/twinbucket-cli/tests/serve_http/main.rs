//! Runs the daemon and looks at what clients and operators see of it.

#![cfg(feature = "serve")]

mod admin;
#[cfg(target_os = "linux")]
mod clock;
mod config;
#[expect(dead_code, reason = "some is for tests of faults")]
#[path = "../common/daemon.rs"]
mod daemon;
mod endings;
mod limits;
mod page;
mod reads;
mod streams;
