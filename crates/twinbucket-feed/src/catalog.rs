//! Several tables as one: what changes in some of them is published in one swap, so that what a reader sees of all of them
//! is of one moment.
//!
//! Each table keeps a store of its own that nobody reads but through views; `view` is what readers hold, `round` works for
//! the tables that have a source, `write` is for those that the program writes itself, and `shared` publishes.

mod builder;
mod content;
mod error;
mod member;
mod round;
mod shared;
mod status;
mod view;
mod write;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use twinbucket::{Generation, Pin};

pub use self::builder::{Absence, Builder};
pub use self::error::CatalogError;
use self::shared::Shared;
pub use self::status::{CatalogEvent, CatalogStatus};
pub use self::view::{Key, Reader, View};
pub use self::write::Write;

/// Several tables, of any types, that are published together. Cheap to clone; the last handle to go ends the feeds.
///
/// - **One moment.** A [`View`] shows all tables as they were published together. Files that belong together, such as
///   routes and the clusters that they lead to, are never seen half.
/// - **All or none.** Sources that change at about the same time are loaded in one round. If a table's load fails, or the
///   catalog's [validation](Builder::validate) refuses, then nothing of the round is published and the view stays; what was
///   good is loaded again as soon as what held it back has changed.
/// - **Readers** wait for nobody and free nothing, as with a [`Store`](twinbucket::Store).
///
/// # Examples
/// ```
/// use twinbucket_feed::{Catalog, Key, Table};
/// # use twinbucket_feed::{Fetched, Format, Part, Revision, RowError, Rows, Source, SourceError};
/// # struct Fixed(&'static str);
/// # impl Source for Fixed {
/// #     fn name(&self) -> String { "fixed".into() }
/// #     fn fetch(&mut self, _: Option<&Revision>) -> Result<Fetched, SourceError> {
/// #         let part = Part { name: "fixed".into(), bytes: self.0.into() };
/// #         Ok(Fetched::New { parts: vec![part], revision: Revision::new("1") })
/// #     }
/// #     fn pause(&mut self) -> std::time::Duration { std::time::Duration::from_secs(60) }
/// # }
/// # struct Words;
/// # impl Format<String, String> for Words {
/// #     fn read(&self, part: &Part, rows: &mut Rows<'_, String, String>) -> Result<(), RowError> {
/// #         for (at, line) in (1..).zip(String::from_utf8_lossy(&part.bytes).lines()) {
/// #             let (key, value) = line.split_once(' ').unwrap();
/// #             if rows.push(at, key.into(), value.into()).is_break() { break }
/// #         }
/// #         Ok(())
/// #     }
/// # }
/// # let (routes_source, clusters_source) = (Fixed("/pay blue"), Fixed("blue 10.0.0.1\ngreen 10.0.0.2"));
///
/// let mut tables = Catalog::builder();
/// let routes: Key<String, String> = tables.table("routes", Table::builder().source(routes_source).format(Words));
/// let clusters: Key<String, String> = tables.table("clusters", Table::builder().source(clusters_source).format(Words));
/// let catalog = tables
///     .validate({
///         let (routes, clusters) = (routes.clone(), clusters.clone());
///         move |_old, new| {
///             let known = new.table(&clusters);
///             match new.table(&routes).iter().find(|(_, cluster)| !known.contains_key(*cluster)) {
///                 Some((route, cluster)) => Err(format!("route {route} leads to {cluster}, which is no cluster")),
///                 None => Ok(()),
///             }
///         }
///     })
///     .open()?;
///
/// let view = catalog.view();
/// let cluster = view.table(&routes).get("/pay").unwrap();
/// assert_eq!(view.table(&clusters)[cluster], "10.0.0.1");
/// # Ok::<(), twinbucket_feed::CatalogError>(())
/// ```
#[derive(Clone)]
pub struct Catalog {
    /// What all handles share.
    handle: Arc<Handle>,
}

/// Ends the feeds when the last handle goes.
struct Handle {
    /// The catalog.
    shared: Arc<Shared>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.signal.stop();
    }
}

impl Catalog {
    /// Starts the settings of a new catalog.
    pub fn builder() -> Builder {
        Builder::new()
    }

    fn new(shared: Arc<Shared>) -> Self {
        Self { handle: Arc::new(Handle { shared }) }
    }

    /// Takes the current view. Never waits.
    #[track_caller]
    pub fn view(&self) -> View<'static> {
        self.shared().view()
    }

    /// Makes a reader, the fastest way to look up again and again on one thread. Never waits.
    #[track_caller]
    pub fn reader(&self) -> Reader {
        Reader { tables: self.shared().views.reader() }
    }

    /// Returns the view of a generation that is [kept](Builder::keep) or current.
    #[track_caller]
    pub fn at(&self, generation: Generation) -> Option<View<'static>> {
        self.shared().views.at(generation).map(View::owned)
    }

    /// Returns the generation of the current view.
    pub fn generation(&self) -> Generation {
        self.shared().views.generation()
    }

    /// Begins to change tables without a source. Waits for others that publish, never for readers or sources.
    ///
    /// # Panics
    /// If this thread has begun already, or is in a validation of this catalog: it would wait for itself.
    #[track_caller]
    pub fn write(&self) -> Write<'_> {
        Write::new(self.shared())
    }

    /// Returns what is known of the catalog and its tables. Takes no lock, and does not wait for a load.
    pub fn status(&self) -> CatalogStatus {
        self.shared().status()
    }

    /// Returns who holds views.
    pub fn pins(&self) -> Vec<Pin> {
        self.shared().views.pins()
    }

    /// Asks for a look at all sources now, and returns at once.
    pub fn request_reload(&self) {
        self.shared().signal.request(false);
    }

    /// Asks for a look at all sources now, and waits for the end of a round that begins after this call.
    ///
    /// # Errors
    /// If something holds back the round, and the view stays; or if it has not ended within `timeout`, and goes on.
    pub fn reload(&self, timeout: Duration) -> Result<CatalogStatus, CatalogError> {
        self.await_reload(false, timeout)
    }

    /// As [`reload`](Self::reload), and for once without the tables' guards.
    ///
    /// # Errors
    /// As `reload`.
    pub fn reload_unguarded(&self, timeout: Duration) -> Result<CatalogStatus, CatalogError> {
        self.await_reload(true, timeout)
    }

    fn await_reload(&self, unguarded: bool, timeout: Duration) -> Result<CatalogStatus, CatalogError> {
        let signal = &self.shared().signal;
        let ticket = signal.request(unguarded);
        if !signal.wait_for(ticket, timeout) {
            return Err(CatalogError::TimedOut(timeout));
        }
        let status = self.status();
        match status.error() {
            Some(error) => Err(CatalogError::clone(error)),
            None => Ok(status),
        }
    }

    fn shared(&self) -> &Shared {
        &self.handle.shared
    }
}

impl fmt::Debug for Catalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.shared().tables.iter().map(|table| &table.name);
        f.debug_struct("Catalog")
            .field("tables", &names.collect::<Vec<_>>())
            .field("state", &self.status().state())
            .field("generation", &self.generation())
            .finish_non_exhaustive()
    }
}
