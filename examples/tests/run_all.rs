//! Runs every example and holds it to its word: it must succeed, and print exactly what its documentation says it
//! prints.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Source files of all examples: every `.rs` file beside this package's manifest.
fn sources() -> Vec<PathBuf> {
    let mut sources: Vec<_> = fs::read_dir(env!("CARGO_MANIFEST_DIR"))
        .expect("the package directory can be read")
        .map(|entry| entry.expect("its entries can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect();
    sources.sort();
    sources
}

/// Name of the example in the file `source`.
fn name(source: &Path) -> &str {
    source.file_stem().and_then(|stem| stem.to_str()).expect("an example has a name in UTF-8")
}

/// The text block in the module documentation of `source`.
fn documented_output(source: &Path) -> String {
    let text = fs::read_to_string(source).expect("an example can be read");
    text.lines()
        .map_while(|line| line.strip_prefix("//!"))
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .skip_while(|line| *line != "```text")
        .skip(1)
        .take_while(|line| *line != "```")
        .map(|line| format!("{line}\n"))
        .collect()
}

/// The built example: Cargo puts it into `examples`, next to the `deps` that this test runs from, whatever the
/// profile and target directory.
fn binary(name: &str) -> PathBuf {
    let test = env::current_exe().expect("a test knows its own file");
    let profile = test.ancestors().nth(2).expect("a test lies in `deps` of the profile's directory");
    profile.join("examples").join(name).with_extension(env::consts::EXE_EXTENSION)
}

/// Runs the example in `source`; tells what is wrong with it, if anything.
fn check(source: &Path) -> Result<(), String> {
    let binary = binary(name(source));
    let output = Command::new(&binary).output().map_err(|error| {
        let hint = "is it in Cargo.toml, and built (cargo build -p twinbucket-examples --examples)?";
        format!("{}: {error}; {hint}", binary.display())
    })?;
    let errors = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() || !errors.is_empty() {
        return Err(format!("{}\n{errors}", output.status));
    }
    let documented = documented_output(source);
    let printed = String::from_utf8_lossy(&output.stdout);
    if documented.is_empty() || printed != documented {
        return Err(format!("its documentation says\n{documented}but it printed\n{printed}"));
    }
    Ok(())
}

#[test]
fn every_example_prints_what_its_documentation_says() {
    let sources = sources();
    assert!(sources.len() >= 15, "some of the examples are gone: {sources:?}");
    let failures: Vec<_> = sources
        .iter()
        .filter_map(|source| check(source).err().map(|failure| format!("{}: {failure}", name(source))))
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_example_is_in_the_readme() {
    let readme =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md")).expect("there is a README.md");
    for source in sources() {
        let link = format!("(examples/{}.rs)", name(&source));
        assert!(readme.contains(&link), "README.md has no link to {link}");
    }
}
