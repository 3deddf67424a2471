//! All outputs, from results that are made up.

mod baseline;
mod budget;
mod choosing;
mod csv;
mod hdr;
mod html;
mod json;
mod made;
mod several;
mod terminal;
