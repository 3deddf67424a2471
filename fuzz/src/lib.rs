//! The daemon in this process, for the targets `resp` and `http`: its front ends answer over pairs of sockets, without a
//! network. The daemon's sources are taken in as they are; the program has no library.

#![cfg(feature = "daemon")]

mod daemon;
mod pieces;
#[path = "../../crates/twinbucket-cli/src"]
#[expect(dead_code, reason = "the targets use no command line, no signals and no addresses")]
mod program {
    pub(crate) mod error;
    pub(crate) mod serve;
}

pub use crate::daemon::{Answers, Daemon, FrontEnd};
pub use crate::pieces::Pieces;
// Where the daemon's sources look for each other.
use crate::program::{error, serve};
