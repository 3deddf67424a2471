//! What there is to say of an interface that no bench measures: how old it is, and what it offers.
//!
//! Versions and dates are those published by 2026-11-25, yanked releases left out; the version is the one that the lab
//! measures, which a test compares to `Cargo.lock`. What an interface offers is from the documentation of that version.

use crate::report::choosing::markdown::{plain, words};

/// The interface of one design, as a crate offers it.
#[derive(Debug)]
pub(crate) struct Interface {
    /// [`Kind::id`](crate::rivals::Kind::id) of the design.
    pub(crate) rival: &'static str,
    /// The crate that one depends on; of `twinbucket` and `twinbucket-alternatives`, this repository has the source.
    pub(crate) package: &'static str,
    /// The version that is measured.
    pub(crate) version: &'static str,
    /// When that was released; empty for this repository.
    released: &'static str,
    /// Releases so far, and the year of the first.
    releases: &'static str,
    /// Whether changes can be given up before anyone saw them.
    abort: &'static str,
    /// What there is for async code.
    asynchronous: &'static str,
    /// What it is made for; nothing that depends on measurements.
    purpose: &'static str,
    /// Whether the whole map, or a view of it, is serialized with serde.
    serde: &'static str,
}

const OWN: &str = "this repository";

/// All interfaces, in the order of tables.
pub(crate) const INTERFACES: [Interface; 15] = [
    Interface {
        rival: "store",
        package: "twinbucket",
        version: "0.1.0",
        released: "",
        releases: OWN,
        abort: "yes, exactly",
        asynchronous: "waits for changes",
        purpose: "many lookups that must never wait, beside deltas that are small against the map, with views that may be held",
        serde: "writes",
    },
    own("rwlock", "no", "lookups and walks that are short, and writers that may wait for them"),
    own("read-mostly", "no", "keys that are written once and then read for long"),
    own("sharded", "no", "keys that a rule of your own spreads over shards, which come and go"),
    own("striped", "no", "many writers of single keys"),
    own("left-right", "yes, a batch", "one writer, and readers that never wait and never stay inside for long"),
    Interface {
        rival: "clone-swap",
        package: "arc-swap",
        version: "1.9.5",
        released: "2026-11-09",
        releases: "42 since 2018",
        abort: "yes, drop the clone",
        asynchronous: "none needed",
        purpose: "maps that are small or seldom change, with views that may be held",
        serde: "both ways",
    },
    Interface {
        rival: "imbl",
        package: "imbl",
        version: "7.0.2",
        released: "2026-09-09",
        releases: "14 since 2021",
        abort: "yes, drop the clone",
        asynchronous: "none needed",
        purpose: "many versions that are kept or branched",
        serde: "both ways",
    },
    Interface {
        rival: "concread",
        package: "concread",
        version: "0.5.12",
        released: "2026-10-31",
        releases: "66 since 2018",
        abort: "yes, a transaction",
        asynchronous: "waits for the writer",
        purpose: "transactions, with views that may be held",
        serde: "both ways",
    },
    Interface {
        rival: "evmap",
        package: "evmap",
        version: "11.0.0",
        released: "2025-10-18",
        releases: "58 since 2017",
        abort: "no",
        asynchronous: "none",
        purpose: "several values for each key, one writer, and readers that never stay inside for long",
        serde: "no",
    },
    Interface {
        rival: "flashmap",
        package: "flashmap",
        version: "0.2.0",
        released: "2026-02-08",
        releases: "6 since 2022",
        abort: "no",
        asynchronous: "none",
        purpose: "one writer, and readers that never stay inside for long",
        serde: "no",
    },
    Interface {
        rival: "papaya",
        package: "papaya",
        version: "0.2.5",
        released: "2026-08-21",
        releases: "14 since 2024",
        abort: "no",
        asynchronous: "guards may cross await",
        purpose: "many readers and writers of single keys, of whom none waits for another",
        serde: "both ways",
    },
    Interface {
        rival: "dashmap",
        package: "dashmap",
        version: "6.2.1",
        released: "2026-05-17",
        releases: "73 since 2019",
        abort: "no",
        asynchronous: "none",
        purpose: "many readers and writers of single keys, edited in place",
        serde: "both ways",
    },
    Interface {
        rival: "scc",
        package: "scc",
        version: "3.8.8",
        released: "2026-09-01",
        releases: "54 since 2025",
        abort: "no",
        asynchronous: "every method",
        purpose: "many readers and writers of single keys, in async code too",
        serde: "both ways",
    },
    Interface {
        rival: "bare",
        package: "hashbrown",
        version: "0.17.2",
        released: "2026-11-22",
        releases: "53 since 2018",
        abort: "no",
        asynchronous: "none needed",
        purpose: "one thread",
        serde: "both ways",
    },
];

/// Returns one of the designs of `twinbucket-alternatives`.
const fn own(rival: &'static str, abort: &'static str, purpose: &'static str) -> Interface {
    Interface {
        rival,
        package: "twinbucket-alternatives",
        version: "0.1.0",
        released: "",
        releases: OWN,
        abort,
        asynchronous: "none",
        purpose,
        serde: "no",
    }
}

/// Returns the interfaces as a table.
pub(crate) fn maturity_table() -> String {
    let headings = ["rival", "crate", "released", "releases", "abort", "async", "serde"];
    let row = |one: &Interface| {
        let package = format!("{} {}", one.package, one.version);
        [one.rival, &package, one.released, one.releases, one.abort, one.asynchronous, one.serde].map(plain).to_vec()
    };
    words(&headings, &INTERFACES.iter().map(row).collect::<Vec<_>>())
}

/// Returns what a design is made for; `None` if it is unknown here.
pub(crate) fn purpose(rival: &str) -> Option<&'static str> {
    INTERFACES.iter().find(|one| one.rival == rival).map(|one| one.purpose)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_those_that_are_measured() {
        let lock = include_str!("../../../../../Cargo.lock");
        for Interface { package, version, .. } in &INTERFACES {
            let entry = format!("name = \"{package}\"\nversion = \"{version}\"\n");
            assert!(lock.contains(&entry), "{package} {version} is not in Cargo.lock; look its facts up again");
        }
    }

    #[test]
    fn every_kind_of_rival_has_its_interface_told() {
        for kind in crate::rivals::kinds::<u64>() {
            assert!(purpose(kind.id).is_some(), "{}", kind.id);
        }
    }
}
