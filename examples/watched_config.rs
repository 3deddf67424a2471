//! Watched configuration: a table follows a TOML file that others replace. A file with an error in it leaves the last
//! good version in service, and the status says where the error is.
//!
//! A program would leave the file to its watch. Here `reload` looks at once, so that what is printed has an order.
//!
//! Prints:
//!
//! ```text
//! before there is a file: port 80
//! with the file: port 8080
//! changed: 1 of 2 routes, generation 3
//! refused: routes.toml:2:8: invalid type: string "none", expected u16
//! still port 8081, ERROR
//! repaired: port 8082, READY
//! ```

use std::error::Error;
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use twinbucket_feed::format::Toml;
use twinbucket_feed::{File, Guard, Start, Table};

/// How long a reload may take.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Clone, PartialEq, Deserialize)]
struct Route {
    port: u16,
}

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::temp_dir().join(format!("twinbucket-watched-config-{}", std::process::id()));
    fs::create_dir_all(&directory)?;
    std::env::set_current_dir(&directory)?;
    let outcome = follow(Path::new("routes.toml"));
    fs::remove_dir_all(&directory)?;
    outcome
}

/// Opens a table of the file, and changes that under it.
fn follow(file: &Path) -> Result<(), Box<dyn Error>> {
    let routes: Table<String, Route> = Table::builder()
        .source(File::watch(file))
        .format(Toml)
        .validate(|_old, new| if new.contains_key("pay") { Ok(()) } else { Err("nobody could pay") })
        .guard(Guard::not_empty().max_shrink(0.5))
        .start(Start::wait(Duration::ZERO).or_embedded("[pay]\nport = 80\n"))
        .open()?;
    let mut reader = routes.reader();
    let mut port = || reader.get("pay").expect("the validation sees to it").port;
    println!("before there is a file: port {}", port());

    replace(file, "[pay]\nport = 8080\n[help]\nport = 90\n")?;
    routes.reload(PATIENCE)?;
    println!("with the file: port {}", port());

    replace(file, "[pay]\nport = 8081\n[help]\nport = 90\n")?;
    let before = routes.read();
    routes.reload(PATIENCE)?;
    let now = routes.read();
    println!("changed: {} of {} routes, generation {}", now.diff(&before).count(), now.len(), now.generation());

    replace(file, "[pay]\nport = \"none\"\n")?;
    let error = routes.reload(PATIENCE).expect_err("that is no port");
    println!("refused: {error}");
    println!("still port {}, {}", port(), routes.status().state());

    replace(file, "[pay]\nport = 8082\n[help]\nport = 90\n")?;
    routes.reload(PATIENCE)?;
    println!("repaired: port {}, {}", port(), routes.status().state());
    Ok(())
}

/// Replaces a file as a whole: a reader of it sees the old text or the new one.
fn replace(file: &Path, text: &str) -> std::io::Result<()> {
    let new = file.with_extension("new");
    fs::write(&new, text)?;
    fs::rename(new, file)
}
