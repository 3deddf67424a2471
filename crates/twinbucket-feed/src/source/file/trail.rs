//! The way from a path to a file: each name that is looked up on it, and in which directory.
//!
//! A change of what a path leads to is a change of one of those names, so the directories that hold them are what is to
//! be watched. The content is never read by way of a trail: the system resolves the path anew, and a trail that is
//! wrong by then only costs a look.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

/// The most links that a path may lead through; the kernel's own limit.
const MOST_LINKS: usize = 40;

/// The way from a path to a file, or to where it ends.
#[derive(Debug)]
pub(super) struct Trail {
    /// The links on the way, and the last name: that of the file, or of what is missing.
    pub(super) lookups: Vec<Lookup>,
    /// The path without links, or why there is none.
    pub(super) end: io::Result<PathBuf>,
}

/// A name looked up in a directory.
#[derive(Debug)]
pub(super) struct Lookup {
    /// The directory, free of links.
    pub(super) dir: PathBuf,
    /// The name in it.
    pub(super) name: OsString,
    /// Whether it is a link.
    pub(super) is_link: bool,
}

impl Lookup {
    /// The path of what has that name.
    pub(super) fn place(&self) -> PathBuf {
        self.dir.join(&self.name)
    }
}

/// Follows `path`, which is absolute, link by link.
pub(super) fn follow(path: &Path) -> Trail {
    let mut lookups = Vec::new();
    let end = walk(path, &mut lookups);
    Trail { lookups, end }
}

/// Follows `path` and notes the names that are looked up.
fn walk(path: &Path, lookups: &mut Vec<Lookup>) -> io::Result<PathBuf> {
    let (mut at, mut rest) = (PathBuf::new(), path.to_owned());
    let mut links = 0;
    loop {
        let mut components = rest.components();
        let Some(component) = components.next() else { return Ok(at) };
        let after = components.as_path().to_owned();
        let Component::Normal(name) = component else {
            match component {
                // No link is left in `at`, so its parent is where `..` leads.
                Component::ParentDir => drop(at.pop()),
                Component::CurDir => {}
                _ => at.push(component),
            }
            rest = after;
            continue;
        };
        let lookup = |is_link| Lookup { dir: at.clone(), name: name.to_owned(), is_link };
        let found = fs::symlink_metadata(at.join(name));
        let is_link = found.as_ref().is_ok_and(fs::Metadata::is_symlink);
        if is_link || found.is_err() || after.as_os_str().is_empty() {
            lookups.push(lookup(is_link));
        }
        found?;
        if !is_link {
            at.push(name);
            rest = after;
            continue;
        }
        links += 1;
        if links > MOST_LINKS {
            return Err(io::Error::other("its links lead round in a circle"));
        }
        // An absolute target replaces `at` when its root is pushed.
        rest = fs::read_link(at.join(name))?.join(after);
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// The names looked up, below `root`.
    fn names(trail: &Trail, root: &Path) -> Vec<String> {
        let short = |lookup: &Lookup| lookup.place().strip_prefix(root).unwrap().display().to_string();
        trail.lookups.iter().map(short).collect()
    }

    #[test]
    fn every_link_and_the_file_itself_are_looked_up() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        fs::create_dir(root.join("..v1")).unwrap();
        fs::write(root.join("..v1/routes"), "").unwrap();
        symlink("..v1", root.join("..data")).unwrap();
        symlink("..data/routes", root.join("routes")).unwrap();
        symlink(&root, root.join("round")).unwrap();

        let trail = follow(&root.join("round/../").join(root.file_name().unwrap()).join("round/routes"));
        assert_eq!(trail.end.as_ref().unwrap(), &root.join("..v1/routes"));
        assert_eq!(names(&trail, &root), ["round", "round", "routes", "..data", "..v1/routes"]);
    }

    #[test]
    fn missing_directory_ends_at_the_nearest_one_that_exists() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let trail = follow(&root.join("a/b/c"));
        assert_eq!(trail.end.as_ref().unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(names(&trail, &root), ["a"]);
    }

    #[test]
    fn circle_of_links_ends() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        symlink("b", root.join("a")).unwrap();
        symlink("a", root.join("b")).unwrap();
        assert!(follow(&root.join("a")).end.is_err());
    }
}
