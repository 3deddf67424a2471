//! All kinds there are, and the choice among them.

use std::error::Error;
use std::fmt;

#[cfg(feature = "peers")]
use super::peers;
use super::{Kind, alternatives, bare, store};
use crate::item::Item;

/// Ids of the kinds and ways that only a build with the feature `peers` has, in the order of tables.
const PEERS: [&str; 12] = [
    "clone-swap",
    "clone-swap-cache",
    "imbl",
    "imbl-cache",
    "concread",
    "concread-read",
    "evmap",
    "flashmap",
    "papaya",
    "papaya-guard",
    "dashmap",
    "scc",
];

/// Returns every kind of rival in this build, in the order of tables.
pub fn kinds<T: Item>() -> Vec<Kind<T>> {
    T::kinds()
}

/// What [`Item::kinds`] returns.
pub(crate) fn every<T: Item>() -> Vec<Kind<T>> {
    let mut kinds = vec![store::kind(), bare::kind()];
    kinds.extend(alternatives::kinds());
    #[cfg(feature = "peers")]
    kinds.extend(peers::kinds());
    kinds
}

/// A kind of rival that was asked for.
#[derive(Debug, Clone)]
pub struct Selected<T> {
    /// Which one.
    pub kind: Kind<T>,
    /// Indices into its [ways](Kind::ways), ascending: how it is to be read.
    pub ways: Vec<usize>,
}

/// Picks the rivals that `ids` name, in the order of tables: the id of a kind stands for all of its ways, the id of a way
/// for just that one. No ids stand for all that this build has.
///
/// # Errors
/// If an id is unknown, or that of a peer that this build leaves out.
///
/// # Examples
/// ```
/// use twinbucket_lab::rivals;
///
/// let selected = rivals::select::<u64>(&["bucket".into(), "bare".into()])?;
/// let ways: Vec<&str> = selected.iter().flat_map(|one| one.ways.iter().map(|&way| one.kind.ways[way].id)).collect();
/// assert_eq!(ways, ["bucket", "bare"]);
///
/// let unknown = rivals::select::<u64>(&["btree".into()]).unwrap_err();
/// assert!(unknown.to_string().starts_with(r#"unknown rival "btree"; known: store, reader, bucket"#));
/// # Ok::<(), rivals::UnknownRival>(())
/// ```
pub fn select<T: Item>(ids: &[String]) -> Result<Vec<Selected<T>>, UnknownRival> {
    let kinds = kinds();
    let known = known(&kinds);
    if let Some(id) = ids.iter().find(|id| !known.contains(&id.as_str())) {
        return Err(UnknownRival::new(id, known));
    }
    let asked = |id: &str| ids.is_empty() || ids.iter().any(|asked| asked == id);
    let pick = |kind: Kind<T>| {
        let ways = (0..kind.ways.len()).filter(|&way| asked(kind.id) || asked(kind.ways[way].id)).collect();
        Selected { kind, ways }
    };
    Ok(kinds.into_iter().map(pick).filter(|selected| !selected.ways.is_empty()).collect())
}

/// Returns the ids of kinds and their ways, each once.
fn known<T>(kinds: &[Kind<T>]) -> Vec<&'static str> {
    let mut ids: Vec<&str> =
        kinds.iter().flat_map(|kind| [kind.id].into_iter().chain(kind.ways.iter().map(|way| way.id))).collect();
    ids.dedup();
    ids
}

/// Why rivals could not be selected.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnknownRival {
    /// No build has it.
    NoSuch {
        /// What was asked for.
        id: String,
        /// What there is.
        known: Vec<&'static str>,
    },
    /// It is a peer, and this build was made without them.
    LeftOut {
        /// What was asked for.
        id: String,
    },
}

impl UnknownRival {
    /// Tells the reason why an id is not among those known.
    fn new(id: &str, known: Vec<&'static str>) -> Self {
        let id = id.to_owned();
        if PEERS.contains(&id.as_str()) { Self::LeftOut { id } } else { Self::NoSuch { id, known } }
    }
}

impl fmt::Display for UnknownRival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuch { id, known } => write!(f, "unknown rival \"{id}\"; known: {}", known.join(", ")),
            Self::LeftOut { id } => {
                write!(f, "\"{id}\" is a peer, which this build leaves out; build with --features peers")
            }
        }
    }
}

impl Error for UnknownRival {}

#[cfg(all(test, feature = "peers"))]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_peers_is_that_of_the_build_that_has_them() {
        assert_eq!(known(&peers::kinds::<u64>()), PEERS);
    }
}
