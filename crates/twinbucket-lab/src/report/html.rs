//! One self-contained page: charts, tables, the machine and the command.

use std::fmt::Write as _;

use crate::report::charts::{self, Captioned, Looks};
use crate::report::grid::{self, FLOOR, Grid, Latencies};
use crate::report::html_tables::{grid_table, latency_table};
use crate::report::numbers::memory;
use crate::report::svg::{Look, escape};
use crate::report::{command, doubts};
use crate::results::{Bench, Results};

/// How the page looks.
const STYLE: &str = include_str!("page.css");
/// What hides and highlights rivals; the page is complete without it.
const SCRIPT: &str = include_str!("page.js");

/// Returns one page that holds all it needs: no file or server beside it, no script to be readable.
pub fn html(results: &Results) -> String {
    let rivals = rivals(results);
    let looks = Look::of(rivals.iter().map(|(rival, _)| *rival));
    let (grids, latencies) = (grid::grids(results), grid::latencies(results));
    let mut benches: Vec<Bench> = grids.iter().map(|grid| grid.bench).collect();
    benches.dedup();
    let sections: String = benches.iter().map(|bench| section(*bench, &grids, &latencies, &looks)).collect();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>twinbucket bench, {began}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n{head}\
         <div class=\"columns\">\n<aside>\n{contents}{legend}</aside>\n<main>\n{sections}</main>\n</div>\n\
         <script>\n{SCRIPT}</script>\n</body>\n</html>\n",
        began = escape(&results.began),
        head = head(results),
        contents = contents(&benches),
        legend = legend(&rivals, &looks),
    )
}

/// Returns id and name of all rivals that have curves or bars of their own, the store first.
fn rivals(results: &Results) -> Vec<(&str, &str)> {
    let mut rivals: Vec<(&str, &str)> = Vec::new();
    for one in results.measurements.iter().filter(|one| one.bench != Bench::Balance) {
        if !rivals.iter().any(|(rival, _)| *rival == one.rival) {
            rivals.push((&one.rival, &one.name));
        }
    }
    let own = ["store", "reader", "bucket"];
    rivals.sort_by_key(|(rival, _)| (*rival == FLOOR, own.iter().position(|own| own == rival).unwrap_or(own.len())));
    rivals
}

/// Returns the title, the machine, the command, and what to be wary of.
fn head(results: &Results) -> String {
    let machine = &results.environment;
    let facts = [
        ("Processor", machine.cpu.clone()),
        ("Cores", machine.cores.to_string()),
        ("Memory", memory(machine.memory)),
        ("Kernel", machine.kernel.clone()),
        ("Compiler", machine.compiler.clone()),
        ("Commit", machine.commit.clone()),
        ("Allocator", machine.allocator.clone()),
        ("Began", results.began.clone()),
    ];
    let mut text = "<header>\n<h1>twinbucket bench</h1>\n<dl>\n".to_owned();
    for (name, fact) in facts {
        let _ = writeln!(text, "<div><dt>{name}</dt><dd>{}</dd></div>", escape(&fact));
    }
    let _ = writeln!(text, "</dl>\n<pre><code>{}</code></pre>", escape(&command(results)));
    for doubt in doubts(results) {
        let _ = writeln!(text, "<p class=\"doubt\">{}</p>", escape(&doubt));
    }
    text + "<p>Figures are medians of the rounds, ± how far their 95 % interval goes (bootstrap), and times the store’s; \
            <b>~</b> stands where the difference is not significant (Mann–Whitney; of memory, the sign test; p ≥ 0.05). \
            Raw latencies count from when an operation began, corrected ones from when it was due; what was due and did not \
            begin in time counts as corrected, and is missing in “done”.</p>\n</header>\n"
}

fn contents(benches: &[Bench]) -> String {
    let entry = |bench: &Bench| format!("<li><a href=\"#{bench}\">{}</a></li>\n", name(*bench));
    let entries: String = benches.iter().map(entry).collect();
    format!("<nav aria-label=\"Contents\">\n<ul>\n{entries}</ul>\n</nav>\n")
}

/// Returns all rivals with a sample of their look; the script makes them show and hide.
fn legend(rivals: &[(&str, &str)], looks: &Looks<'_>) -> String {
    let mut text = "<section class=\"legend\" aria-label=\"Legend\">\n<ul>\n".to_owned();
    for ((rival, name), (_, look)) in rivals.iter().zip(looks) {
        let (rival, name, sample) = (escape(rival), escape(name), look.sample());
        let id = if rival == name { String::new() } else { format!(" <small>{rival}</small>") };
        let _ = writeln!(
            text,
            "<li data-rival=\"{rival}\"><label><input type=\"checkbox\" checked>{sample}<span>{name}{id}</span></label></li>"
        );
    }
    text + "</ul>\n</section>\n"
}

/// Returns what a bench is called, as a heading.
fn name(bench: Bench) -> &'static str {
    match bench {
        Bench::Swap => "Swap",
        Bench::Read => "Read",
        Bench::Mixed => "Mixed",
        Bench::Scan => "Scan",
        Bench::Memory => "Memory",
        Bench::Pause => "Pause",
        Bench::Balance => "Balance",
    }
}

/// Returns all charts and tables of a bench.
fn section(bench: Bench, grids: &[Grid<'_>], latencies: &[Latencies<'_>], looks: &Looks<'_>) -> String {
    let mut text = format!("<section id=\"{bench}\">\n<h2>{}</h2>\n", name(bench));
    let grids: Vec<&Grid<'_>> = grids.iter().filter(|grid| grid.bench == bench).collect();
    for group in grids.chunk_by(|a, b| a.metric == b.metric) {
        let metric = group[0].metric;
        let _ = writeln!(text, "<h3>{metric}: {}</h3>", escape(grid::title(bench, metric)));
        if bench != Bench::Pause {
            text.push_str(&figures(group.iter().flat_map(|grid| charts::of_grid(grid, looks))));
        }
        text.push_str(&details("Figures", group.iter().map(|grid| grid_table(grid))));
        for table in latencies.iter().filter(|table| table.bench == bench && table.metric == metric) {
            let case = grid::case(&table.case);
            let _ = writeln!(text, "<h4>Percentiles, {}</h4>", escape(&case));
            let charts = charts::of_pauses(table, looks).into_iter().chain(charts::of_latencies(table, looks));
            text.push_str(&figures(charts));
            text.push_str(&details("Figures", std::iter::once(latency_table(table))));
        }
    }
    text + "</section>\n"
}

/// Returns charts side by side.
fn figures(charts: impl Iterator<Item = Captioned>) -> String {
    let figure = |(caption, drawing): Captioned| {
        format!("<figure>\n<figcaption>{}</figcaption>\n{}</figure>\n", escape(&caption), drawing.svg())
    };
    format!("<div class=\"figures\">\n{}</div>\n", charts.map(figure).collect::<String>())
}

/// Returns what opens on demand.
fn details(summary: &str, tables: impl Iterator<Item = String>) -> String {
    format!("<details>\n<summary>{summary}</summary>\n{}</details>\n", tables.collect::<String>())
}
