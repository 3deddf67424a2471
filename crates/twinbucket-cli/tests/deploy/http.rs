//! The page on HTTP lists what the daemon answers.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::content;

/// The sources of the HTTP front end.
fn sources() -> String {
    let serve = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/serve");
    let files = fs::read_dir(serve.join("http")).unwrap().map(|entry| entry.unwrap().path());
    let rust = files.filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    rust.chain([serve.join("http.rs")]).map(|path| fs::read_to_string(path).unwrap()).collect()
}

/// What stands in quotes after each `before`, and at most white space or a status.
fn quoted_after(text: &str, before: &str) -> BTreeSet<String> {
    let rest = text.split(before).skip(1);
    let quoted = rest.filter_map(|rest| {
        let (between, rest) = rest.split_once('"')?;
        let is_near = between.chars().all(|c| c.is_ascii_alphabetic() || " \n:_,".contains(c));
        is_near.then(|| rest.split('"').next().unwrap_or_default().to_owned())
    });
    quoted.collect()
}

#[test]
fn every_route_is_in_the_page_and_every_one_there_exists() {
    let page = content("docs/http.md");
    let routes = quoted_after(&sources(), ".route(");
    assert!(routes.len() >= 12, "{routes:?}");
    let listed = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once(" /")?.1.split('`').next());
    assert_eq!(listed.map(|path| format!("/{path}")).collect::<BTreeSet<_>>(), routes);
}

#[test]
fn every_problem_is_in_the_page_and_every_one_there_exists() {
    let page = content("docs/http.md");
    let problems = quoted_after(&sources(), "new(StatusCode::");
    let problems: BTreeSet<String> = problems.union(&quoted_after(&sources(), "Problem::new(\n")).cloned().collect();
    assert!(problems.len() >= 20, "{problems:?}");
    let rows = page.lines().skip_while(|line| !line.starts_with("| type |")).skip(2);
    let listed = rows.map_while(|line| line.strip_prefix("| `")?.split('`').next());
    assert_eq!(listed.map(str::to_owned).collect::<BTreeSet<_>>(), problems);
}
