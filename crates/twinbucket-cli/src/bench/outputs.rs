//! What becomes of the results: tables on standard output, files, a comparison and verdicts.
//!
//! All that can be wrong with them is found before anything is measured.

use std::env;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{self, Path, PathBuf};

use anyhow::Context;
use twinbucket_lab::budget::Budget;
use twinbucket_lab::results::Results;
use twinbucket_lab::{baseline, report};

use crate::bench::args::What;
use crate::bench::folder::OutputFolder;
use crate::bench::options::OutputArgs;
use crate::error::bad_usage;
use crate::files::OutputFile;

/// Columns of a table that goes to no terminal, and the least and the most that one of a terminal has.
const WIDTH: u16 = 110;
/// See [`WIDTH`].
const NARROWEST: u16 = 80;
/// See [`WIDTH`].
const WIDEST: u16 = 160;

/// Makes a text of results.
type Render = fn(&Results) -> String;

/// Where results go.
#[derive(Debug)]
pub(crate) struct Outputs<'a> {
    /// Files, and what is written to each.
    files: Vec<(OutputFile, Render)>,
    /// A folder for logs of latencies.
    hdr: Option<OutputFolder>,
    /// The run to compare with.
    baseline: Option<Results>,
    /// Limits to be kept.
    budgets: &'a [Budget],
}

/// What came of the budgets, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Judgement {
    /// Each was kept in each case.
    Kept,
    /// One was broken.
    Broken,
    /// No measurement is about one of them.
    Impossible,
}

impl<'a> Outputs<'a> {
    /// Checks that every output can be written and the baseline be read.
    ///
    /// # Errors
    /// If one cannot, or if two files are the same.
    pub(crate) fn prepare(args: &'a OutputArgs, what: &What) -> anyhow::Result<Self> {
        let choosing = match what {
            What::Report(report) => report.choosing.as_deref(),
            _ => None,
        };
        let wanted: [(Option<&Path>, &str, Render); 4] = [
            (args.json.as_deref(), "JSON file", Results::to_json),
            (args.csv.as_deref(), "CSV file", report::csv),
            (args.html.as_deref(), "HTML file", report::html),
            (choosing, "Markdown file", report::choosing),
        ];
        let wanted: Vec<_> =
            wanted.into_iter().filter_map(|(path, kind, render)| Some((path?, kind, render))).collect();
        let files = wanted.iter().map(|&(path, kind, _)| (path, kind));
        refuse_same(&files.chain(what.hdr().map(|path| (path, "folder"))).collect::<Vec<_>>())?;
        let prepare = |(path, kind, render)| Ok((OutputFile::prepare(kind, path)?, render));
        Ok(Self {
            baseline: args.baseline.as_deref().map(read).transpose()?,
            budgets: &args.budget,
            files: wanted.into_iter().map(prepare).collect::<anyhow::Result<_>>()?,
            hdr: what.hdr().map(OutputFolder::prepare).transpose()?,
        })
    }

    /// Writes all files.
    ///
    /// # Errors
    /// If one cannot be written; the others are written nevertheless.
    pub(crate) fn save(&self, results: &Results) -> anyhow::Result<()> {
        let files = self.files.iter().map(|(file, render)| file.write(&render(results)));
        let folder = self.hdr.iter().map(|folder| folder.write(&report::hdr(results)));
        let saved: Vec<anyhow::Result<()>> = files.chain(folder).collect();
        saved.into_iter().collect()
    }

    /// Prints the tables, what changed since the baseline, and a verdict on each budget.
    ///
    /// # Errors
    /// If `out` cannot be written to.
    pub(crate) fn print(&self, results: &Results, out: &mut impl Write) -> io::Result<Judgement> {
        let (width, colors) = screen();
        writeln!(out, "{}", report::terminal(results, width, colors).trim_end())?;
        if let Some(before) = &self.baseline {
            writeln!(out, "\n{}", baseline::compare(results, before).to_string().trim_end())?;
        }
        if !self.budgets.is_empty() {
            writeln!(out, "\nBudgets")?;
        }
        let mut worst = Judgement::Kept;
        for budget in self.budgets {
            worst = worst.max(judge(budget, results, out)?);
        }
        Ok(worst)
    }
}

/// Refuses two outputs in one place, of which the one would replace the other.
fn refuse_same(outputs: &[(&Path, &str)]) -> anyhow::Result<()> {
    // Without `./` and the like. Where the folder we are in is unknown, a path stands for itself.
    let place = |path: &Path| path::absolute(path).unwrap_or_else(|_| path.to_owned());
    for (at, (path, kind)) in outputs.iter().enumerate() {
        if let Some((_, other)) = outputs[..at].iter().find(|(before, _)| place(before) == place(path)) {
            return Err(bad_usage(format!("{} is to be both {other} and {kind}; name two", path.display())));
        }
    }
    Ok(())
}

/// Prints what came of one budget.
fn judge(budget: &Budget, results: &Results, out: &mut impl Write) -> io::Result<Judgement> {
    match budget.check(results) {
        Ok(verdicts) => {
            for verdict in &verdicts {
                writeln!(out, "  {verdict}")?;
            }
            let kept = verdicts.iter().all(|verdict| verdict.kept);
            Ok(if kept { Judgement::Kept } else { Judgement::Broken })
        }
        Err(unjudged) => {
            writeln!(out, "  {unjudged}")?;
            Ok(Judgement::Impossible)
        }
    }
}

/// Reads the results of earlier runs as those of one.
///
/// # Errors
/// If a file cannot be read, holds no results that this program knows, or those of another machine than the first.
///
/// # Panics
/// If there is no file.
pub(crate) fn read_all(paths: &[PathBuf]) -> anyhow::Result<Results> {
    let (first, later) = paths.split_first().expect("a run without files measures");
    later.iter().try_fold(read(first)?, |results, path| {
        results.with(read(path)?).map_err(|error| bad_usage(format!("{}: {error}", path.display())))
    })
}

/// Reads the results of an earlier run.
///
/// # Errors
/// If the file cannot be read, or holds no results that this program knows.
pub(crate) fn read(path: &Path) -> anyhow::Result<Results> {
    let unreadable = |error: io::Error| bad_usage(format!("{}: cannot read the file: {error}", path.display()));
    let text = fs::read(path).map_err(unreadable)?;
    let results = String::from_utf8(text).context("this is not UTF-8; give a file that --json wrote");
    let results = results.and_then(|text| Ok(Results::from_json(&text)?));
    results.map_err(|error| bad_usage(format!("{}: {error}", path.display())))
}

/// How wide the terminal behind standard output is, and whether it has colors.
fn screen() -> (usize, bool) {
    if !io::stdout().is_terminal() {
        return (WIDTH.into(), false);
    }
    let width = terminal_size::terminal_size().map_or(WIDTH, |(width, _)| width.0.clamp(NARROWEST, WIDEST));
    // See no-color.org: any value but an empty one counts.
    (width.into(), env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()))
}
