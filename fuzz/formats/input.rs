//! What an input stands for: a format, a type, and a text.

use std::fmt;

use arbitrary::{Arbitrary, Result, Unstructured};

/// A format, a type, and a text. The first byte chooses both, the rest is the text.
pub(crate) struct Input<'a> {
    /// The format.
    pub(crate) kind: Kind,
    /// The type that rows are read into.
    pub(crate) row: Row,
    /// The text, which need not be UTF-8.
    pub(crate) text: &'a [u8],
}

/// The formats.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// `Csv::new()`.
    Csv,
    /// `Csv::new().key("id")`.
    CsvKey,
    /// `Csv::of_file("table.txt")`, with columns that are given.
    CsvColumns,
    /// `Tsv::new()`.
    Tsv,
    /// `WholeLines(Csv::new())`.
    WholeLines,
    /// `Json`.
    Json,
    /// `Json.key("id")`.
    JsonKey,
    /// `Ndjson`.
    Ndjson,
    /// `Ndjson.key("id")`.
    NdjsonKey,
    /// `Toml`.
    Toml,
    /// `Toml::array("rows").key("id")`.
    TomlKey,
    /// `Yaml`.
    Yaml,
    /// `Yaml.key("id")`.
    YamlKey,
    /// `Csv::new()`, with ranges of addresses as keys.
    Ranges,
    /// `FirstLast(Csv::new().columns(["range", "name"]))`, likewise.
    FirstLast,
    /// `Json`, likewise.
    JsonRanges,
}

impl Kind {
    /// All of them; the lower four bits of the first byte are a place in this list.
    const ALL: [Self; 16] = [
        Self::Csv,
        Self::CsvKey,
        Self::CsvColumns,
        Self::Tsv,
        Self::WholeLines,
        Self::Json,
        Self::JsonKey,
        Self::Ndjson,
        Self::NdjsonKey,
        Self::Toml,
        Self::TomlKey,
        Self::Yaml,
        Self::YamlKey,
        Self::Ranges,
        Self::FirstLast,
        Self::JsonRanges,
    ];
}

/// What rows are read into.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Row {
    /// Texts as keys, and values of any kind.
    Any,
    /// Numbers as keys, and maps from texts to small numbers.
    Map,
    /// Texts as keys, and numbers.
    Number,
    /// Texts as keys, and structs.
    Struct,
}

impl Row {
    /// All of them; the upper four bits of the first byte are a place in this list.
    const ALL: [Self; 4] = [Self::Any, Self::Map, Self::Number, Self::Struct];
}

impl<'a> Arbitrary<'a> for Input<'a> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let choice = usize::from(u8::arbitrary(u)?);
        let text = u.bytes(u.len())?;
        Ok(Self { kind: Kind::ALL[choice % 16], row: Row::ALL[choice / 16 % 4], text })
    }
}

impl fmt::Debug for Input<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:?} into {:?}, of the text", self.kind, self.row)?;
        let lines = self.text.split_inclusive(|&byte| byte == b'\n');
        lines.into_iter().try_for_each(|line| writeln!(f, "    b\"{}\"", line.escape_ascii()))
    }
}
