//! Refuses parts that end within a line.

use crate::format::text::{Cursor, error_at, unmarked};
use crate::{Format, Part, RowError, Rows};

/// Reads what another format reads, but refuses a part that does not end with the end of a line.
///
/// Text that is cut within its last line may still be read: of `limit,100` is left `limit,1`. Writers of such files end
/// each line, so a missing end tells that the file is not complete. Meant for [`Csv`](crate::format::Csv),
/// [`Toml`](crate::format::Toml) and [`Yaml`](crate::format::Yaml); cut JSON is always seen.
///
/// ```
/// use twinbucket_feed::format::{self, Csv, WholeLines};
/// use twinbucket_feed::{Overlaps, Part, RowPolicy};
///
/// let read = |text: &str| {
///     let part = Part { name: "limits.csv".into(), bytes: text.into() };
///     format::read::<String, u32>(&WholeLines(Csv::new()), &[part], RowPolicy::AllOrNothing, Overlaps::Error)
/// };
/// assert!(read("user,limit\nguest,100\n").is_ok());
/// let error = read("user,limit\nguest,1").unwrap_err();
/// assert!(error.to_string().starts_with("limits.csv:2:8: the last line has no end"));
/// ```
#[derive(Clone, Debug)]
pub struct WholeLines<F>(pub F);

impl<K, V, F: Format<K, V>> Format<K, V> for WholeLines<F> {
    fn read(&self, part: &Part, rows: &mut Rows<'_, K, V>) -> Result<(), RowError> {
        let text = unmarked(part)?;
        match text.last() {
            None | Some(b'\n' | b'\r') => self.0.read(part, rows),
            Some(_) => {
                let place = Cursor::new(text).find(text.len());
                Err(error_at(part, place, "the last line has no end; the file may not be complete"))
            }
        }
    }
}
