//! The tables of the daemon as the front end sees them.
//!
//! Each thread keeps its views from one batch to the next, until the tables are others. It holds no table open by that:
//! a table that is taken out of the configuration ends at once.

use std::cell::RefCell;
use std::sync::{Arc, Weak};

use super::views::{Reading, Tables, View, Views};
use crate::serve::content::Content;
use crate::serve::served::Served;
use crate::serve::tables;

/// The views of one thread.
#[derive(Default)]
struct Kept {
    /// The tables that they are of. While this refers to them, no others can be in the same place.
    tables: Option<Weak<[Arc<Served>]>>,
    /// The views.
    views: Views,
}

thread_local! {
    /// The views of this thread.
    static KEPT: RefCell<Kept> = RefCell::default();
}

impl Tables for tables::Tables {
    fn lend<R>(&self, run: impl FnOnce(&mut Views) -> R) -> R {
        let all = self.all();
        KEPT.with_borrow_mut(|kept| {
            let is_current =
                kept.tables.as_ref().is_some_and(|tables| std::ptr::addr_eq(tables.as_ptr(), Arc::as_ptr(&all)));
            if !is_current {
                *kept = Kept { tables: Some(Arc::downgrade(&all)), views: Views::new(all.iter().map(view).collect()) };
            }
            drop(all);
            run(&mut kept.views)
        })
    }
}

/// Makes this thread's view of a table.
fn view(served: &Arc<Served>) -> View {
    let reading = match &served.content {
        Content::Map(table) => Reading::Map(table.reader()),
        Content::Ranges(table) => Reading::Ranges(table.reader()),
    };
    View::new(Arc::clone(&served.spec.name), reading)
}

/// Lets go of all that this thread's views hold; for a thread that goes to sleep.
pub(crate) fn release() {
    // A thread that ends has none any more.
    let _ = KEPT.try_with(|kept| {
        let Ok(mut kept) = kept.try_borrow_mut() else { return };
        if kept.tables.as_ref().is_some_and(|tables| tables.strong_count() > 0) {
            kept.views.release();
        } else {
            *kept = Kept::default();
        }
    });
}
