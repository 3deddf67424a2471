//! Reads rows that have the first and the last address of a range in two columns.

use crate::format::text::unmarked;
use crate::{Format, Part, RowError, Rows};

/// Reads what another format reads from delimited text, where the range stands in the first two columns: its first and
/// its last address, separated by a comma.
///
/// The two become one column, `first-last`, which [`Range`](crate::ranges::Range) reads; the header's two names become
/// one likewise. Lines that begin with `#` count as blank. Places in messages stay right.
///
/// So the files of Tor's GeoIP (Debian package `tor-geoipdb`) can be read as they are, both in one table. A file with
/// networks in one column needs none of this.
///
/// # Examples
/// ```
/// # #[cfg(feature = "csv")] {
/// use twinbucket_feed::format::{self, Csv};
/// use twinbucket_feed::ranges::{FirstLast, Range};
/// use twinbucket_feed::{Overlaps, Part, RowPolicy};
///
/// let format = FirstLast(Csv::new().columns(["range", "country"]));
/// let text = "# IPv4, then IPv6\n16777216,16777471,AU\n2001:200::,2001:200:134:ffff:ffff:ffff:ffff:ffff,JP\n";
/// let part = Part { name: "geoip".into(), bytes: text.into() };
/// let content = format::read::<Range, String>(&format, &[part], RowPolicy::AllOrNothing, Overlaps::Error)?;
/// assert_eq!(content.entries[0], ("1.0.0.0/24".parse().unwrap(), "AU".to_owned()));
/// assert_eq!(content.entries.len(), 2);
/// # }
/// # Ok::<(), twinbucket_feed::LoadError>(())
/// ```
#[derive(Clone, Debug)]
pub struct FirstLast<F>(pub F);

impl<K, V, F: Format<K, V>> Format<K, V> for FirstLast<F> {
    fn read(&self, part: &Part, rows: &mut Rows<'_, K, V>) -> Result<(), RowError> {
        let part = Part { name: part.name.clone(), bytes: rewrite(unmarked(part)?) };
        self.0.read(&part, rows)
    }
}

/// Leaves out comments, but not their lines, and makes one field of the first two in all other lines.
fn rewrite(text: &[u8]) -> Vec<u8> {
    let mut new = Vec::with_capacity(text.len());
    // Of `\r\n`, the second is a line of its own, which does no harm.
    for line in text.split_inclusive(|byte| matches!(byte, b'\r' | b'\n')) {
        if line.first() == Some(&b'#') {
            let end = line.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n')).map_or(0, |last| last + 1);
            // Without the comment between them, the two would end one line.
            if let (Some(before @ b'\r'), b"\n") = (new.last_mut(), &line[end..]) {
                *before = b'\n';
            }
            new.extend_from_slice(&line[end..]);
        } else {
            let from = new.len();
            new.extend_from_slice(line);
            join(&mut new[from..]);
        }
    }
    new
}

/// Makes one field of the first two, and moves nothing, so that columns in messages stay right.
fn join(line: &mut [u8]) {
    let Some(comma) = line.iter().position(|&byte| byte == b',') else { return };
    line[comma] = b'-';
    if let Some([before @ b'"', _, after @ b'"']) = line.get_mut(comma.saturating_sub(1)..comma + 2) {
        (*before, *after) = (b' ', b' ');
    }
}
