//! A source that does what a test says, and a format that is easy to get wrong.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use twinbucket_feed::{Builder, Fetched, Format, Part, Revision, RowError, Rows, Source, SourceError, Table, Wake};

/// Longest time that a test waits for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// What a [`Scripted`] source has and does.
#[derive(Clone, Default)]
pub(crate) struct Script {
    /// What all clones share.
    state: Arc<Mutex<State>>,
}

/// The state behind a script.
#[derive(Default)]
struct State {
    /// The content, one text per file; `Err` says why there is none.
    content: Option<Result<Vec<(String, String)>, String>>,
    /// Tells the feed of changes.
    wake: Option<Wake>,
    /// Looks so far.
    looks: u64,
    /// Time until the next look.
    pause: Option<Duration>,
    /// Makes the next look wait: it says that it has begun, and goes on when it may.
    gate: Option<(SyncSender<()>, Receiver<()>)>,
    /// Whether the next look panics.
    panics: bool,
    /// Whether the source was dropped.
    dropped: bool,
}

/// The other end of a look that waits.
pub(crate) struct Gate {
    /// The look has begun.
    pub(crate) begun: Receiver<()>,
    /// The look may go on.
    pub(crate) go_on: SyncSender<()>,
}

impl Script {
    /// Makes a source with that content.
    pub(crate) fn new(content: &str) -> Self {
        let script = Self::default();
        script.put(content);
        script
    }

    /// Replaces the content, and tells nobody.
    pub(crate) fn put(&self, content: &str) {
        self.put_files(&[("rows", content)]);
    }

    /// Replaces the content by several files, and tells nobody.
    pub(crate) fn put_files(&self, files: &[(&str, &str)]) {
        let files = files.iter().map(|&(name, text)| (name.to_owned(), text.to_owned())).collect();
        self.state.lock().content = Some(Ok(files));
    }

    /// Makes the content impossible to have.
    pub(crate) fn fail(&self, why: &str) {
        self.state.lock().content = Some(Err(why.to_owned()));
    }

    /// Makes the next look panic.
    pub(crate) fn panic_once(&self) {
        self.state.lock().panics = true;
    }

    /// Sets the time between two looks.
    pub(crate) fn pause(&self, pause: Duration) {
        self.state.lock().pause = Some(pause);
    }

    /// Tells the feed that something changed.
    pub(crate) fn wake(&self) {
        let wake = self.state.lock().wake.clone().expect("the feed has begun to watch");
        wake.wake();
    }

    /// Makes the next look wait for the test.
    pub(crate) fn gate(&self) -> Gate {
        let ((say, begun), (go_on, may)) = (sync_channel(1), sync_channel(1));
        self.state.lock().gate = Some((say, may));
        Gate { begun, go_on }
    }

    /// Looks so far.
    pub(crate) fn looks(&self) -> u64 {
        self.state.lock().looks
    }

    /// Whether the feed has let go of the source.
    pub(crate) fn is_dropped(&self) -> bool {
        self.state.lock().dropped
    }

    /// The source.
    pub(crate) fn source(&self) -> Scripted {
        Scripted { script: self.clone() }
    }

    /// Settings of a table on this source, without waiting between change and load.
    pub(crate) fn builder(&self) -> Builder<String, u64> {
        Table::builder().source(self.source()).format(Lines).debounce(Duration::ZERO, Duration::ZERO)
    }
}

/// The source of a [`Script`].
pub(crate) struct Scripted {
    /// What to do.
    script: Script,
}

impl Source for Scripted {
    fn name(&self) -> String {
        "script".to_owned()
    }

    fn watch(&mut self, wake: Wake) {
        self.script.state.lock().wake = Some(wake);
    }

    fn fetch(&mut self, known: Option<&Revision>) -> Result<Fetched, SourceError> {
        let gate = {
            let mut state = self.script.state.lock();
            state.looks += 1;
            state.gate.take()
        };
        // What is there when the look begins counts.
        let content = self.script.state.lock().content.clone();
        if let Some((say, may)) = gate {
            say.send(()).expect("the test waits for it");
            let _ = may.recv();
        }
        assert!(!std::mem::take(&mut self.script.state.lock().panics), "the script says so");
        let files = content.expect("the script has content").map_err(SourceError::new)?;
        let mut hasher = DefaultHasher::new();
        files.hash(&mut hasher);
        let revision = Revision::new(format!("{:x}", hasher.finish()));
        if known == Some(&revision) {
            return Ok(Fetched::Same);
        }
        let part = |(name, text): (String, String)| Part { name: name.into(), bytes: text.into_bytes() };
        Ok(Fetched::New { parts: files.into_iter().map(part).collect(), revision })
    }

    fn pause(&mut self) -> Duration {
        self.script.state.lock().pause.unwrap_or(Duration::from_secs(3600))
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.script.state.lock().dropped = true;
    }
}

/// Rows of a word and a number; a line that begins with `!` breaks the file, one with `?` the program.
pub(crate) struct Lines;

impl Format<String, u64> for Lines {
    fn read(&self, part: &Part, rows: &mut Rows<'_, String, u64>) -> Result<(), RowError> {
        for (line, text) in (1..).zip(String::from_utf8_lossy(&part.bytes).lines()) {
            assert!(!text.starts_with('?'), "a line says so");
            if text.starts_with('!') {
                return Err(RowError::new(rows.place(line, 1), "the rest is broken"));
            }
            let row = text.split_once(' ').and_then(|(key, value)| Some((key, value.parse().ok()?)));
            let flow = match row {
                Some((key, value)) => rows.push(line, key.to_owned(), value),
                None => rows.reject(RowError::new(rows.place(line, 1), "no row of a word and a number")),
            };
            if flow.is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// Waits until `is_so`, or fails.
#[track_caller]
pub(crate) fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
