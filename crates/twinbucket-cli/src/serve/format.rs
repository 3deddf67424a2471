//! The formats of tables by name, all with the same kind of row.

use twinbucket_feed::{Format, Part, RowError, Rows};

use super::row::Row;
use super::spec::{FileFormat, TableSpec};

/// Any format for texts to rows.
pub(crate) struct Boxed(Box<dyn Format<String, Row>>);

impl Format<String, Row> for Boxed {
    fn read(&self, part: &Part, rows: &mut Rows<'_, String, Row>) -> Result<(), RowError> {
        self.0.read(part, rows)
    }
}

/// Makes the format of a table.
///
/// # Errors
/// If the spec asks for something that the format does not have.
pub(crate) fn of(spec: &TableSpec) -> Result<Boxed, String> {
    match spec.format {
        FileFormat::Csv => Ok(Boxed(Box::new(Tmp(spec.key.clone())))),
        other => Err(format!("format {other} is not there yet")),
    }
}
struct Tmp(Option<String>);
impl Format<String, Row> for Tmp {
    fn read(&self, part: &Part, rows: &mut Rows<'_, String, Row>) -> Result<(), RowError> {
        let mut r = csv::Reader::from_reader(&part.bytes[..]);
        let h = r.headers().unwrap().clone();
        let k = self.0.as_ref().map_or(0, |k| h.iter().position(|x| x == k).unwrap());
        let cols = super::row::Columns::new(h.iter().enumerate().filter(|(i, _)| *i != k).map(|(_, x)| x));
        for rec in r.records() {
            let rec = match rec {
                Ok(rec) => rec,
                Err(e) => {
                    let p = e.position().map_or(0, |p| p.line());
                    if rows.reject(RowError::new(rows.place(p, 1), e.to_string())).is_break() {
                        return Ok(());
                    }
                    continue;
                }
            };
            let row = Row::from_texts(&cols, rec.iter().enumerate().filter(|(i, _)| *i != k).map(|(_, x)| x)).unwrap();
            if rows.push(rec.position().map_or(0, |p| p.line()), rec[k].into(), row).is_break() {
                break;
            }
        }
        Ok(())
    }
}
