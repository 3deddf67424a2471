//! How many tables fit into memory beside each other.

use anyhow::{Result, ensure};

use super::proc;
use crate::item::Item;
use crate::rivals::Selected;
use crate::workload::Keys;

/// Rivals that every group has, so that all groups can be compared.
const ANCHORS: [&str; 2] = ["store", "bare"];
/// Room for so many entries is taken for each entry of a table: a design may have two tables, of which each is half empty
/// after it grew.
const ROOM: u64 = 4;
/// Bytes that an allocation takes beyond what was asked for, about.
const ALLOCATION: u64 = 8;

/// Splits rivals into groups whose tables fit into memory beside each other: all of them if they can.
///
/// # Errors
/// If not even one fits beside the anchors.
pub(super) fn groups<T: Item>(rivals: Vec<Selected<T>>, keys: &Keys<T>) -> Result<Vec<Vec<Selected<T>>>> {
    split(rivals, keys.n(), bytes(keys), available())
}

/// Returns about how many bytes a table takes.
fn bytes<T: Item>(keys: &Keys<T>) -> u64 {
    let (key, value) = keys.entry(0, 0);
    let item = |item: &T| match item.heap_bytes() as u64 {
        0 => size_of::<T>() as u64,
        heap => size_of::<T>() as u64 + heap + ALLOCATION,
    };
    keys.n().saturating_mul(ROOM).saturating_mul(item(&key) + item(&value))
}

/// Returns how many bytes may be taken, if the system tells: three quarters of those that are free.
fn available() -> Option<u64> {
    Some(proc::bytes("/proc/meminfo", "MemAvailable:").ok()? / 4 * 3)
}

fn split<T: Clone>(
    rivals: Vec<Selected<T>>,
    n: u64,
    table: u64,
    available: Option<u64>,
) -> Result<Vec<Vec<Selected<T>>>> {
    let fit = available.map_or(u64::MAX, |available| available / table.max(1));
    if rivals.len() as u64 <= fit {
        return Ok(vec![rivals]);
    }
    let (anchors, others): (Vec<_>, Vec<_>) = rivals.into_iter().partition(|rival| ANCHORS.contains(&rival.kind.id));
    let room = fit.saturating_sub(anchors.len() as u64) as usize;
    let beside = match anchors.len() + others.len().min(1) {
        1 => String::new(),
        least => format!("and {least} must stand beside each other, "),
    };
    ensure!(
        room > 0 && !others.is_empty(),
        "a table of {n} entries takes up to {:.1} GB, {beside}where {:.1} GB may be taken; \
         ask for fewer entries or rivals",
        table as f64 / 1e9,
        available.unwrap_or(u64::MAX) as f64 / 1e9,
    );
    Ok(others.chunks(room).map(|group| [&anchors, group].concat()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rivals;

    fn ids(groups: &[Vec<Selected<u64>>]) -> Vec<Vec<&str>> {
        groups.iter().map(|group| group.iter().map(|rival| rival.kind.id).collect()).collect()
    }

    fn asked() -> Vec<Selected<u64>> {
        let asked = ["store", "bare", "rwlock", "striped", "left-right"].map(String::from);
        rivals::select(&asked).expect("all are known")
    }

    #[test]
    fn rivals_that_do_not_fit_at_once_are_split_beside_the_anchors() {
        let groups = split(asked(), 1_000, 10, Some(45)).expect("four fit");
        let expected = [vec!["store", "bare", "rwlock", "striped"], vec!["store", "bare", "left-right"]];
        assert_eq!(ids(&groups), expected);
    }

    #[test]
    fn rivals_that_fit_or_may_fit_stay_together() {
        let together = |available| ids(&split(asked(), 1_000, 10, available).expect("they fit")).len();
        assert_eq!((together(Some(50)), together(None)), (1, 1));
    }

    #[test]
    fn table_too_large_for_memory_is_refused_with_its_size() {
        let refused = split(asked(), 1_000, 3_000_000_000, Some(8_000_000_000)).unwrap_err().to_string();
        assert!(refused.starts_with("a table of 1000 entries takes up to 3.0 GB, and 3 must stand"), "{refused}");
        let alone = rivals::select::<u64>(&["bare".to_owned()]).expect("it is known");
        let refused = split(alone, 1_000, 3_000_000_000, Some(8)).unwrap_err().to_string();
        assert!(refused.starts_with("a table of 1000 entries takes up to 3.0 GB, where 0.0 GB may"), "{refused}");
    }

    #[test]
    fn estimate_is_above_what_a_table_takes_and_within_reason() {
        let bytes = bytes(&Keys::<String>::made(1_000)) / 1_000;
        assert!((150..500).contains(&bytes), "{bytes}");
    }
}
