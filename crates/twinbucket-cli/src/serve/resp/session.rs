//! What the server knows of one connection, and the frame in which its commands run.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use redis_protocol::resp2::types::ERROR_BYTE;

use super::command::{self, Flow};
use super::reply::{Replies, Version};
use super::request::Words;
use super::server::Server;
use super::views::{View, Views};
use crate::serve::row::Row;

/// What others may see of a connection, in CLIENT LIST.
#[derive(Debug)]
pub(crate) struct Client {
    /// Its number; no other connection gets it.
    pub(crate) id: u64,
    /// The client's address.
    pub(crate) peer: SocketAddr,
    /// The address it connected to.
    pub(crate) local: SocketAddr,
    /// When it connected.
    pub(crate) since: Instant,
    /// What it says of itself.
    pub(crate) said: Mutex<Said>,
}

/// What a client says of itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said {
    /// Its name, by CLIENT SETNAME.
    pub(crate) name: Box<str>,
    /// The name of its library.
    pub(crate) library: Box<str>,
    /// The version of its library.
    pub(crate) version: Box<str>,
    /// Number of the table it selected.
    pub(crate) selected: usize,
    /// The version of the protocol it speaks.
    pub(crate) protocol: i64,
}

impl Client {
    /// Returns what it said of itself.
    pub(crate) fn said(&self) -> std::sync::MutexGuard<'_, Said> {
        // No panic can leave it half changed.
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the server knows of one connection.
#[derive(Debug)]
pub(crate) struct Session {
    /// What others may see of it.
    pub(crate) client: Arc<Client>,
    /// Number of the selected table.
    selected: usize,
    /// Its name, if it was selected by a command: then the number may come to mean another table, and the name not.
    selected_name: Option<Arc<str>>,
    /// Answers not yet sent.
    pub(crate) replies: Replies,
    /// Place for an answer whose length must be known before it is written.
    pub(crate) scratch: Vec<u8>,
    /// What the current batch adds to the totals.
    pub(crate) tally: Tally,
}

/// What a batch adds to the totals.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    /// Commands.
    pub(crate) commands: u64,
    /// Of these, answered with an error.
    pub(crate) errors: u64,
    /// Keys found.
    pub(crate) hits: u64,
    /// Keys not found.
    pub(crate) misses: u64,
}

/// One command while it runs.
pub(crate) struct Call<'a> {
    /// Its words, the command's name first.
    pub(crate) words: Words<'a>,
    /// The connection.
    pub(crate) session: &'a mut Session,
    /// The tables.
    pub(crate) views: &'a mut Views,
    /// What all connections share.
    pub(crate) server: &'a Server,
}

/// Longest answer for which the place is kept.
const KEPT_SCRATCH: usize = 64 * 1024;

impl Session {
    /// Begins with the first table and version 2 of the protocol.
    pub(crate) fn new(client: Arc<Client>) -> Self {
        Self {
            client,
            selected: 0,
            selected_name: None,
            replies: Replies::default(),
            scratch: Vec::new(),
            tally: Tally::default(),
        }
    }

    /// Runs one command and writes its answer.
    pub(crate) fn run(&mut self, words: Words<'_>, views: &mut Views, server: &Server) -> Flow {
        let before = self.replies.len();
        self.tally.commands += 1;
        let flow = command::run(&mut Call { words, session: self, views, server });
        self.check_length(before, server);
        flow
    }

    /// Replaces the answer that begins there by an error, if it is too long.
    #[inline]
    fn check_length(&mut self, before: usize, server: &Server) {
        let answer = &self.replies.bytes()[before..];
        if answer.len() > server.limits.reply_bytes && answer[0] != ERROR_BYTE {
            self.replies.truncate(before);
            self.refuse_long(server);
        }
        if self.scratch.capacity() > KEPT_SCRATCH {
            self.scratch = Vec::new();
        }
    }

    /// Answers with what GET gives for a row, or that there is none.
    #[inline]
    pub(crate) fn answer_row(&mut self, row: Option<&Row>, server: &Server) {
        let before = self.replies.len();
        self.write_row(row);
        self.check_length(before, server);
    }

    /// Writes what GET gives for a row, or that there is none, however long that is.
    #[inline]
    pub(crate) fn write_row(&mut self, row: Option<&Row>) {
        let Some(row) = row else {
            self.tally.misses += 1;
            return self.replies.null();
        };
        self.tally.hits += 1;
        match row.single() {
            Some(field) => self.replies.bulk(field.text.as_bytes()),
            None => {
                self.scratch.clear();
                row.write_json(&mut self.scratch);
                self.replies.bulk(&self.scratch);
            }
        }
    }

    /// Answers that an answer would be too long.
    pub(crate) fn refuse_long(&mut self, server: &Server) {
        let most = server.limits.reply_bytes;
        self.fail(&format!("ERR the answer would have more than {most} bytes; ask for less at once"));
    }

    /// Answers that the selected table is gone.
    #[cold]
    pub(crate) fn fail_without_table(&mut self) {
        self.fail("ERR the selected table is not served any more; SELECT another");
    }

    /// Answers with an error.
    pub(crate) fn fail(&mut self, text: &str) {
        self.tally.errors += 1;
        self.replies.error(text);
    }

    /// Finds the selected table again, in case the tables are others now. To be called before each batch.
    pub(crate) fn settle(&mut self, views: &Views) {
        let Some(name) = &self.selected_name else { return };
        if views.name(self.selected) != Some(name) {
            // If it is gone, no number means it.
            self.selected = views.named(name.as_bytes()).unwrap_or(usize::MAX);
        }
    }

    /// Selects a table.
    pub(crate) fn select(&mut self, at: usize, views: &Views) {
        (self.selected, self.selected_name) = (at, views.name(at).cloned());
        self.client.said().selected = at;
    }

    /// Speaks a version of the protocol from now on.
    pub(crate) fn speak(&mut self, version: Version) {
        self.replies.version = version;
        self.client.said().protocol = version.number();
    }

    /// Takes everything back that commands have set.
    pub(crate) fn reset(&mut self) {
        (self.selected, self.selected_name) = (0, None);
        self.replies.version = Version::Two;
        let said = Said { protocol: Version::Two.number(), ..Said::default() };
        *self.client.said() = said;
    }

    /// Returns the number of the selected table.
    pub(crate) fn selected(&self) -> usize {
        self.selected
    }
}

impl<'a> Call<'a> {
    /// Returns the number of the table that a key is in, and the key without the table's name.
    #[inline]
    pub(crate) fn locate<'k>(&self, key: &'k [u8]) -> (usize, &'k [u8]) {
        self.views.locate(key, self.session.selected())
    }

    /// Returns the table that a key is in and the key without the table's name; answers with an error if there is none.
    pub(crate) fn view<'k>(&mut self, key: &'k [u8]) -> Option<(&mut View, &'k [u8])> {
        let (table, key) = self.locate(key);
        if table >= self.views.len() {
            self.session.fail_without_table();
            return None;
        }
        self.views.get(table).map(|view| (view, key))
    }

    /// Returns the selected table; answers with an error if it is gone.
    pub(crate) fn selected(&mut self) -> Option<&mut View> {
        let selected = self.session.selected();
        if selected >= self.views.len() {
            self.session.fail_without_table();
            return None;
        }
        self.views.get(selected)
    }

    /// Returns the answers.
    pub(crate) fn replies(&mut self) -> &mut Replies {
        &mut self.session.replies
    }

    /// Answers with an error.
    pub(crate) fn fail(&mut self, text: &str) {
        self.session.fail(text);
    }

    /// Returns a word as a text to show, and not too much of it.
    pub(crate) fn shown(word: &[u8]) -> String {
        const MOST: usize = 128;
        let mut text = String::from_utf8_lossy(&word[..word.len().min(MOST)]).into_owned();
        text.retain(|character| !character.is_control());
        text
    }
}
