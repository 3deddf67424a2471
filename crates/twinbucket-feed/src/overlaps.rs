//! What becomes of a key that several parts of a source have.

/// What becomes of a key that several files of a directory have.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Overlaps {
    /// The second row is a bad row.
    #[default]
    Error,
    /// The later file wins, in the order of the names.
    LaterWins,
}
