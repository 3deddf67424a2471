//! Bytes of a table: at rest, with a pinned version, and at the peak of a full reload.
//!
//! Each rival is measured in a process of its own, once in each round, as memory that one table gave back is not always given
//! back to the system. The allocator counts the bytes of the structure; the system tells the resident set.
//!
//! A table whose size is a power of two is half empty just after it grew. So that the sizes of a user's choice flatter nobody,
//! every round has another one: they are spread evenly, by ratio, from n divided by the square root of two to twice that. Keys
//! that are given are what they are.

mod resident;

use std::cell::Cell;
use std::slice;

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

use self::resident::Resident;
use super::contestant::{Contestant, designs};
use super::session::{Job, Reading, Session};
use super::words;
use crate::counting;
use crate::item::Item;
use crate::plan::{Contents, Plan};
use crate::results::{Bench, Case, Metric, Unit};
use crate::rivals::{self, Build, Rival};
use crate::workload::{Changes, Keys};

/// One entry in so many is overwritten while a version is pinned.
const PINNED_SHARE: u64 = 100;

/// One rival's memory to be measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MemoryJob {
    /// [`Kind::id`](crate::rivals::Kind::id).
    pub rival: String,
    /// What the table holds: [`Contents::name`].
    pub item: String,
    /// Entries.
    pub n: u64,
    /// The keys, where they are given; as many as there are entries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<Vec<String>>,
}

/// What a table takes in each state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MemoryFigures {
    /// At rest, with a pinned version where the rival has views, and at the peak of a full reload.
    pub states: Vec<StateFigures>,
    /// Why the resident set is left out, where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_out: Option<String>,
}

/// What a table takes in one state, in bytes per entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StateFigures {
    /// `rest`, `pinned` or `reload`.
    pub state: String,
    /// What was asked of the allocator, without what keys and values point to. That is taken off once: where a design keeps
    /// clones of them, these are its own.
    pub structure: f64,
    /// Growth of the process's resident set, with all that keys and values point to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resident: Option<f64>,
}

/// Measures one rival's memory; to be called in a process that has done nothing else before.
///
/// The table starts with half of its entries and gets the rest in one publish. Then a view is held while one entry in a
/// hundred is overwritten in one publish; then it is let go, and everything is replaced. The rival frees what it can after
/// each step.
///
/// # Errors
/// If the rival or the item is unknown.
///
/// # Panics
/// If [`Counting`](counting::Counting) is not the global allocator.
pub fn measure(job: &MemoryJob) -> Result<MemoryFigures> {
    match (job.item.as_str(), &job.keys) {
        (_, Some(keys)) => table(job, &Keys::given(keys.clone())),
        (u64::NAME, None) => table(job, &Keys::<u64>::made(job.n)),
        (String::NAME, None) => table(job, &Keys::<String>::made(job.n)),
        (other, None) => bail!("unknown item {other:?}; known: {}, {}", u64::NAME, String::NAME),
    }
}

fn table<T: Item>(job: &MemoryJob, keys: &Keys<T>) -> Result<MemoryFigures> {
    let kind = rivals::select::<T>(slice::from_ref(&job.rival))?.remove(0).kind;
    let mut resident = Resident::new();
    let mut account = Account::new(keys);
    let rival = account.step(|| grown(kind.build, keys));
    let mut states = vec![account.figures("rest", account.live, resident.now())];

    if let Some(view) = account.step(|| rival.hold()) {
        account.step(|| {
            let count = keys.n().div_ceil(PINNED_SHARE) as usize;
            rival.publish(&mut Changes::new(keys.clone()).overwrites(count));
            rival.settle();
        });
        states.push(account.figures("pinned", account.live, resident.now()));
        account.step(|| drop(view));
    }

    account.step(|| rival.settle());
    resident.forget_peak();
    account.step(|| rival.reload(&mut keys.version(1)));
    states.push(account.figures("reload", account.peak, resident.peak()));
    Ok(MemoryFigures { states, left_out: resident.left_out() })
}

fn grown<T: Item>(build: Build<T>, keys: &Keys<T>) -> Box<dyn Rival<T>> {
    let mut entries = keys.entries();
    let rival = build(&mut entries.by_ref().take(keys.n() as usize / 2));
    rival.publish(&mut entries.collect());
    rival.settle();
    rival
}

/// Bytes that were asked of the allocator so far.
struct Account {
    /// Entries.
    n: u64,
    /// Bytes that keys and values point to.
    heap: i64,
    /// Now.
    live: i64,
    /// At the highest in the last step.
    peak: i64,
}

impl Account {
    fn new<T: Item>(keys: &Keys<T>) -> Self {
        let heap = keys.entries().map(|(key, value)| key.heap_bytes() + value.heap_bytes()).sum::<usize>() as i64;
        Self { n: keys.n(), heap, live: 0, peak: 0 }
    }

    /// Does something and counts what it allocates and frees.
    fn step<R>(&mut self, step: impl FnOnce() -> R) -> R {
        let (result, bytes) = counting::measure(step);
        self.peak = self.live + bytes.peak;
        self.live += bytes.live;
        result
    }

    fn figures(&self, state: &str, bytes: i64, resident: Option<u64>) -> StateFigures {
        let n = self.n as f64;
        StateFigures {
            state: state.to_owned(),
            structure: (bytes - self.heap) as f64 / n,
            resident: resident.map(|bytes| bytes as f64 / n),
        }
    }
}

/// Measures all rivals with one size of table.
pub(super) struct Probes<'a> {
    /// Whom.
    contestants: Vec<Contestant>,
    /// The circumstances, but for the state.
    case: Case,
    /// The keys, where they are given.
    keys: Option<&'a [String]>,
}

impl<'a> Probes<'a> {
    /// Prepares for one size of table.
    ///
    /// # Errors
    /// If a rival is unknown.
    pub(super) fn of(plan: &Plan, contents: &'a Contents, case: Case) -> Result<Self> {
        // Kinds are the same for all types of items.
        let contestants = designs(&rivals::select::<u64>(&plan.rivals)?, |_| true);
        let keys = match contents {
            Contents::Given(keys) => Some(&keys[..]),
            Contents::U64 | Contents::Strings => None,
        };
        Ok(Self { contestants, case, keys })
    }

    /// Returns the number of entries in a round.
    fn size(&self, round: u32, rounds: u32) -> u64 {
        if self.keys.is_some() {
            return self.case.n;
        }
        let place = (f64::from(round) + 0.5) / f64::from(rounds) - 0.5;
        ((self.case.n as f64 * place.exp2()).round() as u64).max(1)
    }

    fn readings(&self, figures: MemoryFigures) -> Vec<Reading> {
        let of_state = |StateFigures { state, structure, resident }| {
            let case = Case { state: Some(state), ..self.case.clone() };
            let reading = |metric, bytes| Reading::plain(&case, metric, Unit::BytesPerEntry, bytes);
            let resident = resident.map(|bytes| reading(Metric::Resident, bytes));
            [Some(reading(Metric::Structure, structure)), resident]
        };
        figures.states.into_iter().flat_map(of_state).flatten().collect()
    }
}

impl Job for Probes<'_> {
    fn turns(&self, plan: &Plan) -> u64 {
        self.contestants.len() as u64 * u64::from(plan.rounds)
    }

    fn run(self: Box<Self>, session: &mut Session<'_>) -> Result<()> {
        let (probe, progress, rounds) = (session.probe, session.progress, session.plan.rounds);
        let noted = Cell::new(false);
        let what = |which: usize| format!("{} {}: {}", Bench::Memory, words(&self.case), self.contestants[which].name);
        let turn = |which: usize, round| {
            let who = self.contestants[which];
            let (rival, item) = (who.id.to_owned(), self.case.item.clone());
            let figures = probe(&MemoryJob {
                rival,
                item,
                n: self.size(round, rounds),
                keys: self.keys.map(<[String]>::to_vec),
            })?;
            if let (Some(reason), false) = (&figures.left_out, noted.replace(true)) {
                progress.note(&format!("the resident set is left out: {reason}"));
            }
            Ok((who, self.readings(figures)))
        };
        session.rounds(Bench::Memory, self.contestants.len(), what, turn)
    }
}
