//! The table that the program carries with it: the Unicode character database.

use twinbucket_feed::LoadError;
use twinbucket_feed::format::Csv;
use twinbucket_feed::format::delimited::Separator;

use crate::table::Table;

/// UnicodeData.txt as shipped in `data/`, where its source and licence are named.
const UNICODE_DATA: &[u8] = include_bytes!("../../../data/UnicodeData.txt");

/// Names of its columns, as Unicode Standard Annex #44 calls them; the file has no header.
const COLUMNS: [&str; 15] = [
    "code_point",
    "name",
    "general_category",
    "canonical_combining_class",
    "bidi_class",
    "decomposition",
    "decimal_digit",
    "digit",
    "numeric",
    "bidi_mirrored",
    "unicode_1_name",
    "iso_comment",
    "simple_uppercase_mapping",
    "simple_lowercase_mapping",
    "simple_titlecase_mapping",
];

/// Parses the built-in table.
///
/// # Errors
/// If the file in `data/` was changed into something that is no table.
pub(crate) fn unicode_data() -> Result<Table, LoadError> {
    let layout = Csv::new().separator(Separator::Semicolon).columns(COLUMNS);
    Table::parse("data/UnicodeData.txt (built in)", UNICODE_DATA, layout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_table_is_complete() {
        let table = unicode_data().unwrap();
        assert_eq!(table.rows.len(), 34_924);
        assert_eq!(table.columns.len(), 15);
        assert_eq!(&*table.rows[0x41].key, "0041");
        assert_eq!(&*table.rows[34_923].key, "10FFFD");
    }
}
