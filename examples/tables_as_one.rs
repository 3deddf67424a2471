//! Tables as one: routes name the clusters that they lead to, and both files change. A catalog publishes the two in one
//! swap, so that a reader never follows a route to a cluster that is not there yet, or not there any more.
//!
//! Prints:
//!
//! ```text
//! /pay leads to blue at 10.0.0.1
//! refused: the tables are not valid together: route /pay leads to green, which is no cluster
//! still /pay leads to blue at 10.0.0.1
//! /pay leads to green at 10.0.0.2
//! the view of before: /pay leads to blue at 10.0.0.1
//! ```

use std::error::Error;
use std::fs;
use std::path::Path;
use std::time::Duration;

use twinbucket_feed::catalog::View;
use twinbucket_feed::format::Csv;
use twinbucket_feed::{Catalog, File, Key, Table};

/// How long a reload may take.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::temp_dir().join(format!("twinbucket-tables-as-one-{}", std::process::id()));
    fs::create_dir_all(&directory)?;
    let outcome = follow(&directory);
    fs::remove_dir_all(&directory)?;
    outcome
}

/// Opens a catalog of two files, and changes them under it.
fn follow(directory: &Path) -> Result<(), Box<dyn Error>> {
    let [routes_file, clusters_file] = ["routes.csv", "clusters.csv"].map(|name| directory.join(name));
    fs::write(&routes_file, "path,cluster\n/pay,blue\n")?;
    fs::write(&clusters_file, "cluster,address\nblue,10.0.0.1\n")?;

    let mut tables = Catalog::builder();
    let settings = |file: &Path| Table::builder().source(File::watch(file)).format(Csv::new());
    let routes: Key<String, String> = tables.table("routes", settings(&routes_file));
    let clusters: Key<String, String> = tables.table("clusters", settings(&clusters_file));
    let validate = {
        let (routes, clusters) = (routes.clone(), clusters.clone());
        move |_old: &View<'_>, new: &View<'_>| match new
            .table(&routes)
            .iter()
            .find(|(_, cluster)| !new.table(&clusters).contains_key(*cluster))
        {
            Some((route, cluster)) => Err(format!("route {route} leads to {cluster}, which is no cluster")),
            None => Ok(()),
        }
    };
    let catalog = tables.validate(validate).open()?;
    let lead = |view: &View<'_>| {
        let cluster = &view.table(&routes)["/pay"];
        format!("/pay leads to {cluster} at {}", view.table(&clusters)[cluster])
    };
    let before = catalog.view();
    println!("{}", lead(&before));

    // One file is there before the other, as happens when two are copied.
    replace(&routes_file, "path,cluster\n/pay,green\n")?;
    let refused = catalog.reload(PATIENCE).expect_err("there is no green");
    println!("refused: {refused}");
    println!("still {}", lead(&catalog.view()));

    replace(&clusters_file, "cluster,address\ngreen,10.0.0.2\n")?;
    catalog.reload(PATIENCE)?;
    println!("{}", lead(&catalog.view()));
    println!("the view of before: {}", lead(&before));
    Ok(())
}

/// Replaces a file as a whole: a reader of it sees the old text or the new one.
fn replace(file: &Path, text: &str) -> std::io::Result<()> {
    let new = file.with_extension("new");
    fs::write(&new, text)?;
    fs::rename(new, file)
}
