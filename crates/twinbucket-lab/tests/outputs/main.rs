//! All outputs, from results that are made up.

mod json;
mod made;
mod terminal;
