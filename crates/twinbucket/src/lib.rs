//! A double-buffered read/write bucket store.
