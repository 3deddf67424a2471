//! What all connections of the RESP front end share.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::RespLimits;
use super::counts::Counts;
use super::scans::Scans;
use super::session::{Client, Said};

/// The version of Redis whose commands and answers clients may expect; they choose what they send by it.
pub(crate) const REDIS_VERSION: &str = "7.0.0";

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Server {
    /// What clients may do at most.
    pub(crate) limits: RespLimits,
    /// What has happened.
    pub(crate) counts: Counts,
    /// The scans that are open.
    pub(crate) scans: Scans,
    /// When it began.
    pub(crate) started: Instant,
    /// The connections, by their numbers.
    clients: Mutex<BTreeMap<u64, Arc<Client>>>,
    /// Number of the next connection.
    next: AtomicU64,
}

impl Server {
    /// Begins without connections.
    pub(crate) fn new(limits: RespLimits) -> Self {
        Self {
            scans: Scans::new(&limits),
            limits,
            counts: Counts::default(),
            started: Instant::now(),
            clients: Mutex::default(),
            next: AtomicU64::new(1),
        }
    }

    /// Takes in a connection, unless there are too many.
    pub(crate) fn admit(self: &Arc<Self>, peer: SocketAddr, local: SocketAddr) -> Option<Admitted> {
        let mut clients = self.lock();
        if clients.len() >= self.limits.connections {
            self.counts.refused.add(1);
            return None;
        }
        self.counts.connections.add(1);
        // Relaxed: only the number must be another.
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let said = Mutex::new(Said { protocol: 2, ..Said::default() });
        let client = Arc::new(Client { id, peer, local, since: Instant::now(), said });
        clients.insert(id, Arc::clone(&client));
        Some(Admitted { server: Arc::clone(self), client })
    }

    /// Returns how many connections there are.
    pub(crate) fn connected(&self) -> usize {
        self.lock().len()
    }

    /// Returns the connections, the oldest first.
    pub(crate) fn clients(&self) -> Vec<Arc<Client>> {
        self.lock().values().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Client>>> {
        // No panic can leave it half changed.
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that was taken in, until this is dropped.
#[derive(Debug)]
pub(crate) struct Admitted {
    /// What it is taken out of.
    pub(crate) server: Arc<Server>,
    /// The connection.
    pub(crate) client: Arc<Client>,
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.server.lock().remove(&self.client.id);
    }
}
