//! What a run found, as plain data: reports, files, comparisons and budgets are all made from this.

use std::error::Error;
use std::fmt;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::statistics::{SIGNIFICANT, mann_whitney, sign_test};

/// Version of the layout of [`Results`] in files.
pub const FORMAT: u32 = 1;

/// All that one run found.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Results {
    /// [`FORMAT`] of the program that wrote it.
    pub format: u32,
    /// Where it was measured.
    pub environment: Environment,
    /// The command that made it, as words.
    pub command: Vec<String>,
    /// When the run began, in UTC as RFC 3339 has it.
    pub began: String,
    /// Whether the run went to its end; `false` after Ctrl-C.
    pub complete: bool,
    /// What was measured, in order.
    pub measurements: Vec<Measurement>,
}

/// Results of runs on different machines, or with different allocators, which make no one report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OtherMachine;

impl Results {
    /// Puts two runs on one machine together: what the later one measured takes the place of all that the earlier one has
    /// of the same bench. The command is both, and so is the commit if it differs.
    ///
    /// # Errors
    /// If they are not of one machine, compiler and allocator.
    pub fn with(mut self, later: Self) -> Result<Self, OtherMachine> {
        let commits = [self.environment.commit.clone(), later.environment.commit.clone()];
        if later.environment != (Environment { commit: commits[1].clone(), ..self.environment.clone() }) {
            return Err(OtherMachine);
        }
        self.measurements.retain(|one| later.measurements.iter().all(|other| other.bench != one.bench));
        self.measurements.extend(later.measurements);
        self.measurements.sort_by_key(|one| one.bench);
        if commits[0] != commits[1] {
            self.environment.commit = commits.join(" and ");
        }
        self.command.push("&&".to_owned());
        self.command.extend(later.command);
        self.complete &= later.complete;
        Ok(self)
    }
}

impl fmt::Display for OtherMachine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("these results are of another machine, compiler or allocator; measure all on one")
    }
}

impl Error for OtherMachine {}

/// The machine and the program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// Model of the processor.
    pub cpu: String,
    /// Cores that the process may use.
    pub cores: usize,
    /// Bytes of memory.
    pub memory: u64,
    /// Operating system and its kernel.
    pub kernel: String,
    /// The compiler, with its version.
    pub compiler: String,
    /// Version of the program and its commit, with `+` if the sources were changed since.
    pub commit: String,
    /// The allocator: `system` or `mimalloc`.
    pub allocator: String,
}

/// One figure of one rival in one case, measured in several rounds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Measurement {
    /// What was run.
    pub bench: Bench,
    /// What was measured of it.
    pub metric: Metric,
    /// [`Kind::id`](crate::rivals::Kind::id), or [`Way::id`](crate::rivals::Way::id) where it matters how it was read.
    pub rival: String,
    /// What tables call it.
    pub name: String,
    /// Under which circumstances.
    pub case: Case,
    /// Unit of `rounds`.
    pub unit: Unit,
    /// One value for each round; of latencies, the round's median: of publishes of `raw`, of all else of `corrected`.
    pub rounds: Vec<f64>,
    /// Latencies of all rounds, if it is a latency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<Latency>,
}

impl Measurement {
    /// Returns how likely chance alone makes two measurements differ at least as much as these.
    ///
    /// It is [`mann_whitney`] of the rounds. Those of memory are of different sizes, the same for all, so where both have as
    /// many they are compared one by one, by the [`sign_test`].
    pub fn chance(&self, other: &Self) -> f64 {
        if self.bench == Bench::Memory && self.rounds.len() == other.rounds.len() {
            sign_test(self.rounds.iter().copied().zip(other.rounds.iter().copied()))
        } else {
            mann_whitney(&self.rounds, &other.rounds)
        }
    }

    /// Tells whether two measurements differ by more than chance explains.
    pub fn differs(&self, other: &Self) -> bool {
        self.chance(other) < SIGNIFICANT
    }
}

/// Latencies in nanoseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// From when an operation began to its end.
    #[serde(with = "crate::results::v2")]
    pub raw: Histogram<u64>,
    /// From when an operation was due to its end, where there was a schedule; that it began late counts. What was due and never
    /// began counts too, with the time that it had waited by the end of the turn.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "crate::results::v2_option")]
    pub corrected: Option<Histogram<u64>>,
}

impl Latency {
    /// Adds the latencies of another turn.
    pub fn add(&mut self, other: &Self) {
        self.raw += &other.raw;
        if let (Some(sum), Some(corrected)) = (&mut self.corrected, &other.corrected) {
            *sum += corrected;
        }
    }
}

/// What the tool can run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bench {
    /// Publishing.
    Swap,
    /// Lookups.
    Read,
    /// Lookups and writes.
    Mixed,
    /// Walks over all entries.
    Scan,
    /// Bytes.
    Memory,
    /// Latency of readers while publishes go on.
    Pause,
    /// How evenly the routers of the sharded map spread keys.
    Balance,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// Swap: from the first write of a delta to the end of publish.
    Publish,
    /// Swap: from the start of publish until every reader has seen it.
    Visible,
    /// Read: one lookup. Mixed, pause: latency of lookups.
    Lookup,
    /// Mixed: latency of writes.
    Write,
    /// Read, mixed: operations per second of all threads together.
    Throughput,
    /// Scan: one entry of a walk.
    Walk,
    /// Memory: bytes of the structure per entry.
    Structure,
    /// Memory: bytes of resident memory of the process per entry.
    Resident,
    /// Balance: entries of the fullest shard by the mean.
    MaxByMean,
}

/// Unit of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Nanoseconds; less is better.
    Nanos,
    /// Operations per second; more is better.
    PerSecond,
    /// Bytes per entry; less is better.
    BytesPerEntry,
    /// A plain ratio; less is better.
    Ratio,
}

/// The circumstances of a measurement. What does not apply is `None`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Case {
    /// Type of keys and values: `u64` or `String`; `table` for the keys of a file.
    pub item: String,
    /// Entries.
    pub n: u64,
    /// Changes in one publish.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delta: Option<u64>,
    /// What is held: `none`, `slow-reader` or `snapshot`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<String>,
    /// Threads that read (mixed: that there are for the tasks).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threads: Option<u64>,
    /// Tasks spread over the threads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tasks: Option<u64>,
    /// How keys are chosen: `uniform` or `zipf`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<String>,
    /// What lookups find: `hits` or `misses`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finds: Option<String>,
    /// Shares of reads and writes: `95/5`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mix: Option<String>,
    /// Memory: `rest`, `pinned` or `reload`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Pause: whether publishes go on: `yes` or `no`, or `reload` where full reloads follow each other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publishing: Option<String>,
}

impl Case {
    /// Returns the name and value of each dimension that applies, in a fixed order.
    pub fn dimensions(&self) -> Vec<(&'static str, String)> {
        let number = |value: Option<u64>| value.map(|value| value.to_string());
        let all = [
            ("item", Some(self.item.clone())),
            ("n", Some(self.n.to_string())),
            ("delta", number(self.delta)),
            ("hold", self.hold.clone()),
            ("threads", number(self.threads)),
            ("tasks", number(self.tasks)),
            ("keys", self.keys.clone()),
            ("finds", self.finds.clone()),
            ("mix", self.mix.clone()),
            ("state", self.state.clone()),
            ("publishing", self.publishing.clone()),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

/// The name as the command line has it.
fn kebab(value: &impl Serialize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    value.serialize(f)
}

impl fmt::Display for Bench {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        kebab(self, f)
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        kebab(self, f)
    }
}

/// Makes an empty histogram of nanoseconds, to three digits.
///
/// It grows with the longest time in it: 90 KB if that is a millisecond, 250 KB if it is ten minutes.
///
/// # Panics
/// Never: three digits are allowed.
pub fn histogram() -> Histogram<u64> {
    Histogram::new(3).expect("three digits are allowed")
}

/// A histogram in a file: base64 of the compressed V2 encoding, as other tools for HDR histograms read it.
mod v2 {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use hdrhistogram::Histogram;
    use hdrhistogram::serialization::{Deserializer as Reader, Serializer as _, V2DeflateSerializer};
    use serde::de::Error as _;
    use serde::ser::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(histogram: &Histogram<u64>, serializer: S) -> Result<S::Ok, S::Error> {
        let mut bytes = Vec::new();
        V2DeflateSerializer::new().serialize(histogram, &mut bytes).map_err(S::Error::custom)?;
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Histogram<u64>, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = STANDARD.decode(text).map_err(D::Error::custom)?;
        Reader::new().deserialize(&mut bytes.as_slice()).map_err(D::Error::custom)
    }
}

/// The same for a histogram that may be missing.
mod v2_option {
    use hdrhistogram::Histogram;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(option: &Option<Histogram<u64>>, serializer: S) -> Result<S::Ok, S::Error> {
        match option {
            Some(histogram) => super::v2::serialize(histogram, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Histogram<u64>>, D::Error> {
        #[derive(Deserialize)]
        struct Wrapped(#[serde(with = "super::v2")] Histogram<u64>);
        Ok(Option::<Wrapped>::deserialize(d)?.map(|wrapped| wrapped.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_back_from_json_as_they_were() {
        let mut raw = histogram();
        raw.record_n(1_234, 56).unwrap();
        for corrected in [None, Some(raw.clone())] {
            let latency = Latency { raw: raw.clone(), corrected };
            let text = serde_json::to_string(&latency).unwrap();
            assert_eq!(serde_json::from_str::<Latency>(&text).unwrap(), latency, "{text}");
        }
    }

    #[test]
    fn names_are_those_of_the_command_line() {
        assert_eq!(Bench::Swap.to_string(), "swap");
        assert_eq!(Metric::MaxByMean.to_string(), "max-by-mean");
    }
}
