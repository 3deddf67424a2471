//! The watch over directories: which ones, and which of their events matter.
//!
//! Directories are watched, never files: a file that is replaced takes its watch with it. Each is watched by its path
//! without links, since the system knows one watch per directory, whatever it is called. An event is a hint that it is
//! time to look, and says nothing about what there is to see.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use parking_lot::Mutex;

use super::names::Names;
use super::stamp::Identity;
use super::trail::Trail;
use crate::Wake;
use crate::source::try_thread;

/// What is to be watched.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Interests {
    /// The directories; `None` for one that cannot be looked at.
    dirs: BTreeMap<PathBuf, Option<Identity>>,
    /// Paths in them of which every change matters.
    places: BTreeSet<PathBuf>,
    /// A directory of which changes of some names matter.
    some: Option<(PathBuf, Names)>,
}

impl Interests {
    /// Adds what would change the way to a file, and the file.
    pub(super) fn add(&mut self, trail: &Trail) {
        for lookup in &trail.lookups {
            self.places.insert(lookup.place());
            self.add_dir(&lookup.dir);
        }
    }

    /// Adds what would change the way to a directory.
    pub(super) fn add_way(&mut self, trail: &Trail) {
        for lookup in trail.lookups.iter().filter(|lookup| lookup.is_link || trail.end.is_err()) {
            self.places.insert(lookup.place());
            self.add_dir(&lookup.dir);
        }
    }

    /// Adds the files of `dir` that are so named.
    pub(super) fn add_some(&mut self, dir: &Path, names: &Names) {
        self.add_dir(dir);
        self.some = Some((dir.to_owned(), names.clone()));
    }

    fn add_dir(&mut self, dir: &Path) {
        if !self.dirs.contains_key(dir) {
            self.dirs.insert(dir.to_owned(), fs::metadata(dir).ok().map(|meta| Identity::of(&meta)));
        }
    }

    /// The directories.
    pub(super) fn dirs(&self) -> impl Iterator<Item = &Path> {
        self.dirs.keys().map(PathBuf::as_path)
    }

    /// Tells whether something that happened to `path` matters.
    fn have(&self, path: &Path) -> bool {
        let is_some = |(dir, names): &(PathBuf, Names)| {
            path.parent() == Some(dir) && path.file_name().is_some_and(|name| names.match_name(name))
        };
        self.dirs.contains_key(path) || self.places.contains(path) || self.some.as_ref().is_some_and(is_some)
    }
}

/// A watch over directories.
pub(super) struct Watch {
    /// Asks the system; `None` only while this is dropped.
    watcher: Option<RecommendedWatcher>,
    /// What the watcher's thread hears with; gone if that thread is.
    ear: Weak<Ear>,
    /// The directories that are watched.
    armed: BTreeMap<PathBuf, Option<Identity>>,
}

/// Takes the events, on the watcher's thread.
struct Ear {
    /// Tells the feed.
    wake: Wake,
    /// What is listened to.
    inner: Mutex<Listening>,
}

/// What is listened to, and what was heard.
#[derive(Default)]
struct Listening {
    /// What matters.
    interests: Interests,
    /// Whether something that matters happened since that was last asked.
    heard: bool,
    /// Whether a watched directory may not be watched any more.
    is_broken: bool,
}

impl Watch {
    /// Starts a watch over nothing, with a thread of its own.
    ///
    /// # Errors
    /// If the system has no such watch, or no thread.
    pub(super) fn new(wake: Wake) -> notify::Result<Self> {
        // A watcher that gets no thread cannot be dropped, nor its descriptors closed. So it is not made where there is no
        // thread to be had; this is tried again with each look.
        try_thread().map_err(notify::Error::io)?;
        let ear = Arc::new(Ear { wake, inner: Mutex::default() });
        let weak = Arc::downgrade(&ear);
        let watcher = notify::recommended_watcher(move |event| ear.hear(event))?;
        let watch = Self { watcher: Some(watcher), ear: weak, armed: BTreeMap::new() };
        if watch.ear.strong_count() == 0 {
            return Err(notify::Error::generic("its thread does not start"));
        }
        Ok(watch)
    }

    /// Tells whether nothing is known that would make this watch useless.
    pub(super) fn is_sound(&self) -> bool {
        self.ear.upgrade().is_some_and(|ear| !ear.inner.lock().is_broken)
    }

    /// Tells whether something that matters happened since this was last asked.
    pub(super) fn take_heard(&self) -> bool {
        self.ear.upgrade().is_some_and(|ear| mem::take(&mut ear.inner.lock().heard))
    }

    /// Tells whether something that matters happened since [`take_heard`](Self::take_heard).
    pub(super) fn has_heard(&self) -> bool {
        self.ear.upgrade().is_some_and(|ear| ear.inner.lock().heard)
    }

    /// Watches just what is in `interests`; tells whether that makes a difference.
    ///
    /// # Errors
    /// For the last directory that cannot be watched, or if the watcher's thread is gone. The others are watched.
    pub(super) fn arm(&mut self, interests: &Interests) -> notify::Result<bool> {
        let gone = || notify::Error::generic("its thread has ended");
        let (Some(ear), Some(watcher)) = (self.ear.upgrade(), &mut self.watcher) else { return Err(gone()) };
        // Before the directories are, so that nothing of them is missed.
        ear.inner.lock().interests = interests.clone();
        let (mut differs, mut failed) = (false, None);
        let unwanted = |(dir, identity): &(&PathBuf, &Option<Identity>)| interests.dirs.get(*dir) != Some(*identity);
        let unwanted: Vec<PathBuf> = self.armed.iter().filter(unwanted).map(|(dir, _)| dir.clone()).collect();
        for dir in unwanted {
            // An error says that it is not watched any more.
            let _ = watcher.unwatch(&dir);
            self.armed.remove(&dir);
            differs = true;
        }
        for (dir, identity) in &interests.dirs {
            if self.armed.contains_key(dir) {
                continue;
            }
            match watcher.watch(dir, RecursiveMode::NonRecursive) {
                Ok(()) => drop(self.armed.insert(dir.clone(), *identity)),
                Err(error) => failed = Some(error),
            }
            differs = true;
        }
        failed.map_or(Ok(differs), Err)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let watcher = self.watcher.take();
        if self.ear.strong_count() == 0 {
            // A watcher whose thread is gone panics when it is dropped.
            mem::forget(watcher);
        }
    }
}

impl Ear {
    /// Takes an event.
    fn hear(&self, event: notify::Result<Event>) {
        let mut listening = self.inner.lock();
        match event {
            Ok(event) if event.need_rescan() || event.paths.is_empty() => {}
            Ok(event) => {
                if !changes_something(event.kind) || !event.paths.iter().any(|path| listening.interests.have(path)) {
                    return;
                }
                // A directory that is moved or deleted, or comes anew, is not the one that is watched.
                let is_about_names = !matches!(
                    event.kind,
                    EventKind::Access(_) | EventKind::Modify(ModifyKind::Metadata(_) | ModifyKind::Data(_))
                );
                listening.is_broken |=
                    is_about_names && event.paths.iter().any(|path| listening.interests.dirs.contains_key(path));
            }
            Err(_) => listening.is_broken = true,
        }
        listening.heard = true;
        drop(listening);
        self.wake.wake();
    }
}

/// Tells whether an event is about a change, and not one that reading makes.
fn changes_something(kind: EventKind) -> bool {
    match kind {
        // The end of writing; the feed then waits for no more.
        EventKind::Access(access) => access == AccessKind::Close(AccessMode::Write),
        _ => true,
    }
}
