//! The catalog's thread: asks the sources that woke or are due, and publishes what all of them gave, or none of it.
//!
//! Nothing that a source, a format, a validation or a listener does ends the thread. It ends when the last handle is gone.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

use super::builder::Absence;
use super::error::CatalogError;
use super::member::{Member, Standing};
use super::shared::Shared;
use super::status::CatalogEvent;
use crate::LoadError;
use crate::load::Judges;
use crate::signal::{Call, Debounce};
use crate::worker::message;

/// What works through the rounds of a catalog.
pub(crate) struct Rounds {
    /// The catalog.
    pub(crate) shared: Arc<Shared>,
    /// Its tables with a source.
    pub(crate) members: Vec<Box<dyn Member>>,
    /// How changes are gathered.
    pub(crate) debounce: Debounce,
    /// What becomes of a round when a source cannot be had.
    pub(crate) absence: Absence,
}

impl Rounds {
    /// Starts the thread. The first round is what was asked for before.
    pub(crate) fn start(mut self) -> io::Result<()> {
        thread::Builder::new().name("twinbucket-feed".into()).spawn(move || self.run()).map(drop)
    }

    /// Works until the last handle is gone.
    fn run(&mut self) {
        for member in &mut self.members {
            member.watch(&self.shared.signal);
        }
        loop {
            let until = self.members.iter().filter_map(|member| member.due()).min();
            let call = self.shared.signal.next(until, self.debounce);
            if call == Call::Stop {
                return;
            }
            self.round(call);
            let ticket = if let Call::ByHand { ticket, .. } = call { Some(ticket) } else { None };
            self.shared.signal.serve(ticket);
        }
    }

    /// Asks those that are to be asked, and brings what they have into one view.
    fn round(&mut self, call: Call) {
        let (by_hand, judges) = match call {
            Call::ByHand { unguarded: true, .. } => (true, Judges::Unguarded),
            Call::ByHand { unguarded: false, .. } => (true, Judges::All),
            _ => (false, Judges::All),
        };
        let faults = self.faults();
        let was_written_to = self.shared.take_retry();
        let called: Vec<bool> = self.members.iter_mut().map(|member| member.is_called() | by_hand).collect();
        if !called.contains(&true) && !was_written_to {
            return;
        }
        self.look(&called, by_hand, judges);
        // What was held back gets another chance beside anything that is not as it was then.
        let has_news = self.members.iter().any(|member| member.has_news());
        if (was_written_to || has_news || self.faults() != faults) && self.first_fault().is_none() {
            let held_back: Vec<bool> =
                self.members.iter().map(|member| member.standing() == Standing::HeldBack).collect();
            self.look(&held_back, true, judges);
        }
        self.conclude();
    }

    /// Asks some members' sources, and loads what they give.
    fn look(&mut self, called: &[bool], anew: bool, judges: Judges) {
        let mut called: Vec<_> =
            self.members.iter_mut().zip(called).filter(|&(_, &called)| called).map(|(member, _)| member).collect();
        // First all questions: what belongs together was changed together.
        called.iter_mut().for_each(|member| member.ask(anew));
        called.iter_mut().for_each(|member| member.load(judges));
    }

    /// Publishes what was loaded or sees to it that it is taken back, and tells everybody.
    fn conclude(&mut self) {
        let before = self.shared.views.generation();
        let verdict = catch_unwind(AssertUnwindSafe(|| self.publish()))
            .unwrap_or_else(|panic| Err(Arc::new(CatalogError::Panicked(message(panic.as_ref())))));
        let known = self.shared.record.load().error.as_ref().map(ToString::to_string);
        let why = verdict.as_ref().err().map(ToString::to_string);
        self.shared.note(|record| {
            record.error = verdict.as_ref().err().cloned();
            record.is_complete |= verdict.is_ok();
        });
        let view = self.shared.view();
        for member in &mut self.members {
            let entry = view.entry(member.at()).expect("a view has all tables");
            member.conclude(entry, why.as_deref());
        }
        let is_new = view.generation() != before;
        drop(view);
        let ended: Vec<usize> = self.members.iter().map(|member| member.at()).collect();
        // A destructor that panics keeps nobody from the view.
        let _ = catch_unwind(AssertUnwindSafe(|| self.shared.collect(&ended)));
        let status = self.shared.status();
        match why {
            None if is_new => self.shared.tell(&CatalogEvent::Published(status)),
            None => self.shared.tell(&CatalogEvent::Unchanged(status)),
            Some(_) if why == known => {}
            Some(_) => self.shared.tell(&CatalogEvent::Failed(status)),
        }
    }

    /// Publishes what was loaded, if nothing speaks against it.
    fn publish(&self) -> Result<(), Arc<CatalogError>> {
        if let Some((at, error)) = self.first_fault() {
            let table = Arc::clone(&self.shared.tables[at].name);
            return Err(Arc::new(CatalogError::Table { table, error: error.clone() }));
        }
        let record = self.shared.record.load_full();
        if let Some(error) = record.error.as_ref().filter(|_| self.any(Standing::HeldBack)) {
            return Err(Arc::clone(error));
        }
        let ahead = self.members.iter().filter(|member| member.standing() == Standing::Ahead);
        let ahead: Vec<usize> = ahead.map(|member| member.at()).collect();
        if ahead.is_empty() && record.is_complete {
            return Ok(());
        }
        self.shared.publisher().publish(&ahead).map(drop).map_err(Arc::new)
    }

    /// Tells whether a member stands there.
    fn any(&self, standing: Standing) -> bool {
        self.members.iter().any(|member| member.standing() == standing)
    }

    /// Tells which members have failed by themselves.
    fn faults(&self) -> Vec<bool> {
        self.members.iter().map(|member| member.fault().is_some()).collect()
    }

    /// Returns the first failure that holds back the others, and whose it is.
    fn first_fault(&self) -> Option<(usize, &LoadError)> {
        let is_tolerated = |member: &dyn Member, error: &LoadError| {
            self.absence == Absence::Tolerated && matches!(error, LoadError::Source(_)) && member.can_be_absent()
        };
        let faults = self.members.iter().filter_map(|member| Some((member, member.fault()?)));
        faults
            .filter(|(member, error)| !is_tolerated(&***member, error))
            .map(|(member, error)| (member.at(), error))
            .next()
    }
}
