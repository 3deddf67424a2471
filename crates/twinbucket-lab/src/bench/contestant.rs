//! Who takes part in a trial: a design, or one way to read it.

use crate::rivals::{Kind, Selected, Way};

/// Who takes part in a trial.
#[derive(Debug, Clone, Copy)]
pub(super) struct Contestant {
    /// Index of its table; `None` if it needs none.
    pub(super) table: Option<usize>,
    /// Index of the way in which it is read.
    pub(super) way: usize,
    /// What files call it.
    pub(super) id: &'static str,
    /// What tables call it.
    pub(super) name: &'static str,
}

impl Contestant {
    /// Makes one that stands for a design, whatever the way it is read, which is the best one.
    fn design<T>(table: usize, rival: &Selected<T>) -> Self {
        let Kind { id, name, .. } = rival.kind;
        Self { table: Some(table), way: best(rival), id, name }
    }

    /// Makes one that stands for a way to read.
    fn way<T>(table: usize, rival: &Selected<T>, way: usize) -> Self {
        let Way { id, name, .. } = rival.kind.ways[way];
        Self { table: Some(table), way, id, name }
    }
}

/// Returns each design that `admits` lets in.
pub(super) fn designs<T>(rivals: &[Selected<T>], admits: impl Fn(&Kind<T>) -> bool) -> Vec<Contestant> {
    let admitted = rivals.iter().enumerate().filter(|(_, rival)| admits(&rival.kind));
    admitted.map(|(table, rival)| Contestant::design(table, rival)).collect()
}

/// Returns each selected way that `admits` lets in.
pub(super) fn ways<T>(rivals: &[Selected<T>], admits: impl Fn(&Kind<T>, &Way) -> bool) -> Vec<Contestant> {
    let all =
        rivals.iter().enumerate().flat_map(|(table, rival)| rival.ways.iter().map(move |&way| (table, rival, way)));
    let admitted = all.filter(|(_, rival, way)| admits(&rival.kind, &rival.kind.ways[*way]));
    admitted.map(|(table, rival, way)| Contestant::way(table, rival, way)).collect()
}

/// Returns the best way to read what is published later: the last that follows, of those selected or else of all.
fn best<T>(rival: &Selected<T>) -> usize {
    let ways = rival.kind.ways;
    let selected = rival.ways.iter().rev().copied().find(|&way| ways[way].follows);
    selected.or_else(|| ways.iter().rposition(|way| way.follows)).unwrap_or(0)
}
