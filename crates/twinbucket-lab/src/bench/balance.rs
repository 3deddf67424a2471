//! How evenly the routers of the sharded map spread real keys.
//!
//! The keys are those of the user's table, or else the code points of the Unicode character database. In each round every
//! router fills a map of its own, whose hasher has another seed.

use anyhow::Result;
use twinbucket_alternatives::{LoadFactor, Modulo, Ring, Router, ShardedMap, Weighted};

use super::contestant::Contestant;
use super::session::{Job, Reading, Session};
use super::words;
use crate::plan::{Contents, Plan};
use crate::results::{Bench, Case, Metric, Unit};

/// Shards of every map.
const SHARDS: usize = 32;
/// Weights of four shards out of the shards of the weighted router.
const WEIGHTS: [u32; 4] = [1, 2, 3, 4];
/// A real table, in which the first field of each line is the key.
const TABLE: &str = include_str!("../../../../data/UnicodeData.txt");

/// Fills a map with keys and returns what its fullest shard holds by its share.
type Fill = fn(&[&str]) -> f64;

/// All routers over one table.
pub(super) struct Balance<'a> {
    /// The keys.
    keys: Vec<&'a str>,
}

impl<'a> Balance<'a> {
    /// Takes the plan's keys, or else those of the real table.
    pub(super) fn of(plan: &'a Plan) -> Self {
        let given = plan.contents.iter().find_map(|contents| match contents {
            Contents::Given(keys) => Some(keys.iter().map(String::as_str).collect()),
            Contents::U64 | Contents::Strings => None,
        });
        let real = || TABLE.lines().filter_map(|line| line.split(';').next()).collect();
        Self { keys: given.unwrap_or_else(real) }
    }
}

/// Returns each router with its map.
fn routers() -> [(Contestant, Fill); 4] {
    let router = |id, name| Contestant { table: None, way: 0, id, name };
    [
        (router("modulo", "hash modulo"), |keys| filled(keys, ShardedMap::with_router(Modulo::new(SHARDS)))),
        (router("ring", "ring of virtual nodes"), |keys| filled(keys, ShardedMap::with_router(Ring::new(SHARDS)))),
        (router("weighted", "weighted virtual nodes"), |keys| {
            filled(keys, ShardedMap::with_router(Weighted::new(&WEIGHTS.repeat(SHARDS / WEIGHTS.len()))))
        }),
        (router("load-aware", "ring, load-aware"), |keys| {
            filled(keys, ShardedMap::with_router(Ring::new(SHARDS)).load_aware(LoadFactor::default(), 0))
        }),
    ]
}

fn filled<'k, R: Router>(keys: &[&'k str], mut map: ShardedMap<&'k str, (), R>) -> f64 {
    map.extend(keys.iter().map(|key| (*key, ())));
    map.balance()
}

impl Job for Balance<'_> {
    fn turns(&self, plan: &Plan) -> u64 {
        routers().len() as u64 * u64::from(plan.rounds)
    }

    fn run(self: Box<Self>, session: &mut Session<'_>) -> Result<()> {
        let case = Case { item: "table".to_owned(), n: self.keys.len() as u64, ..Case::default() };
        let routers = routers();
        let what = |which: usize| format!("{} {}: {}", Bench::Balance, words(&case), routers[which].0.name);
        let turn = |which: usize, _| {
            let (who, fill) = routers[which];
            Ok((who, vec![Reading::plain(&case, Metric::MaxByMean, Unit::Ratio, fill(&self.keys))]))
        };
        session.rounds(Bench::Balance, routers.len(), what, turn)
    }
}
