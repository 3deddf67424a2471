//! Where a run happens: what a reader needs to know to run it again, and nothing that tells whose machine it is.

use std::{env, fs, thread};

use crate::results::Environment;

impl Environment {
    /// Reads what this machine and this program are; `allocator` is the one that the program uses.
    ///
    /// What the system does not tell is `unknown`, or 0 bytes of memory. Compiler and commit are those of the build.
    pub fn read(allocator: &str) -> Self {
        Self {
            cpu: fact("/proc/cpuinfo", "model name").unwrap_or_else(|| env::consts::ARCH.to_owned()),
            cores: thread::available_parallelism().map_or(1, usize::from),
            memory: fact("/proc/meminfo", "MemTotal").and_then(|kib| bytes(&kib)).unwrap_or(0),
            kernel: kernel(),
            compiler: env!("LAB_COMPILER").to_owned(),
            commit: concat!(env!("CARGO_PKG_VERSION"), " (", env!("LAB_COMMIT"), ")").to_owned(),
            allocator: allocator.to_owned(),
        }
    }
}

/// Returns the value of the first line `name: value` of a file.
fn fact(path: &str, name: &str) -> Option<String> {
    value(&fs::read_to_string(path).ok()?, name)
}

fn value(text: &str, name: &str) -> Option<String> {
    let (_, value) = text.lines().filter_map(|line| line.split_once(':')).find(|(key, _)| key.trim() == name)?;
    Some(value.trim().to_owned())
}

/// Reads a size as `/proc/meminfo` has it, `16384 kB`.
fn bytes(kib: &str) -> Option<u64> {
    Some(kib.strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

/// Returns the name of the system, and the kernel's version where it tells.
fn kernel() -> String {
    let version = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{} {}", env::consts::OS, version.trim()).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_their_whole_name() {
        let text = "model\t\t: 85\nmodel name\t: A CPU @ 2:1\n";
        assert_eq!(value(text, "model name").as_deref(), Some("A CPU @ 2:1"));
        assert_eq!(value(text, "name"), None);
        assert_eq!(bytes("16 kB"), Some(16_384));
    }

    #[test]
    fn the_build_is_known() {
        let environment = Environment::read("system");
        assert!(environment.compiler.starts_with("rustc 1."), "{environment:?}");
        assert!(environment.commit.starts_with(concat!(env!("CARGO_PKG_VERSION"), " (")), "{environment:?}");
        assert!(environment.cores >= 1);
    }
}
