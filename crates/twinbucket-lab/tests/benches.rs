//! Every bench, on tiny plans: who is measured in which case, and that the figures hang together.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use twinbucket_lab::counting::Counting;
use twinbucket_lab::memory;
use twinbucket_lab::plan::{Contents, Finds, Hold, Mix, Plan};
use twinbucket_lab::results::{Bench, Measurement, Metric};
use twinbucket_lab::rivals;
use twinbucket_lab::run::{Progress, Stop, run};
use twinbucket_lab::workload::Spread;

#[global_allocator]
static ALLOCATOR: Counting = Counting::system();

/// Lets one test measure at a time, so that their threads do not take each other's cores, and their tables not each other's
/// memory.
static ALONE: Mutex<()> = Mutex::new(());

/// Counts turns.
#[derive(Default)]
struct Counted {
    /// Turns announced.
    announced: AtomicU64,
    /// Turns begun.
    begun: AtomicU64,
    /// What each was.
    turns: Mutex<Vec<String>>,
    /// When to ask for an end: after so many turns.
    end: Option<(u64, &'static Stop)>,
    /// What the user was told.
    notes: Mutex<Vec<String>>,
}

impl Progress for Counted {
    fn begin(&self, turns: u64) {
        self.announced.store(turns, Ordering::Relaxed);
    }

    fn turn(&self, what: &str) {
        self.turns.lock().expect("no test panics with it").push(what.to_owned());
        let begun = self.begun.fetch_add(1, Ordering::Relaxed) + 1;
        if let Some((end, stop)) = self.end {
            if begun == end {
                stop.ask();
            }
        }
    }

    fn note(&self, what: &str) {
        self.notes.lock().expect("no test panics with it").push(what.to_owned());
    }
}

fn plan(bench: Bench, rivals: &[&str]) -> Plan {
    Plan {
        benches: vec![bench],
        rivals: rivals.iter().map(|rival| (*rival).to_owned()).collect(),
        contents: vec![Contents::U64],
        entries: vec![1_000],
        deltas: vec![1],
        holds: vec![Hold::None],
        threads: vec![1],
        spreads: vec![Spread::Uniform],
        finds: vec![Finds::Hits],
        mixes: vec![Mix(950)],
        tasks: vec![2],
        rounds: 2,
        turn: Duration::from_millis(8),
        publish_rate: 2_000.0,
        reloads: false,
        lookup_rate: 5_000.0,
    }
}

/// Runs a plan to its end.
fn all(plan: &Plan) -> Vec<Measurement> {
    let _alone = ALONE.lock();
    let counted = Counted::default();
    let found = run(plan, &counted, &Stop::new(), &memory::measure).expect("the plan can be run");
    let announced = counted.announced.load(Ordering::Relaxed);
    assert_eq!(announced, counted.begun.load(Ordering::Relaxed), "other turns than announced");
    found.iter().for_each(|measurement| hangs_together(plan, measurement));
    found
}

/// Checks what holds for every measurement.
fn hangs_together(plan: &Plan, found: &Measurement) {
    let name = format!("{found:?}");
    // A small table may fit into what was resident before.
    let least = if found.metric == Metric::Resident { 0.0 } else { f64::MIN_POSITIVE };
    assert!(found.rounds.iter().all(|round| round.is_finite() && *round >= least), "{name}");
    assert!(found.rounds.len() <= plan.rounds as usize, "{name}");
    if let Some(latency) = &found.latency {
        let corrected = latency.corrected.as_ref().expect("every latency has a schedule");
        assert!(latency.raw.len() >= found.rounds.len() as u64 && latency.raw.len() <= corrected.len(), "{name}");
        assert!(corrected.max() >= latency.raw.max(), "{name}");
    }
}

/// Names what was measured: metric, rival and the given dimensions.
fn names(found: &[Measurement], dimensions: &[&str]) -> BTreeSet<String> {
    let name = |found: &Measurement| {
        let all = found.case.dimensions();
        let value = |name: &&str| all.iter().find(|(dimension, _)| dimension == name).map(|(_, value)| value.clone());
        let values: Vec<String> = dimensions.iter().filter_map(value).collect();
        format!("{} {} {}", found.metric, found.rival, values.join(" ")).trim_end().to_owned()
    };
    let names: BTreeSet<String> = found.iter().map(name).collect();
    assert_eq!(names.len(), found.len(), "something was measured twice");
    names
}

/// Returns every combination of metrics with rivals and values.
fn product(metrics: &[&str], rivals: &[&str], values: &[&str]) -> BTreeSet<String> {
    let pairs = metrics.iter().flat_map(|metric| rivals.iter().map(move |rival| format!("{metric} {rival}")));
    pairs.flat_map(|pair| values.iter().map(move |value| format!("{pair} {value}").trim_end().to_owned())).collect()
}

fn union(sets: &[BTreeSet<String>]) -> BTreeSet<String> {
    sets.iter().flatten().cloned().collect()
}

#[test]
fn swap_measures_every_design_over_all_deltas_and_holds_it_has() {
    let mut plan = plan(Bench::Swap, &["store", "bare", "rwlock", "left-right"]);
    plan.deltas = vec![1, 100, 10_000];
    plan.holds = vec![Hold::None, Hold::SlowReader, Hold::Snapshot];
    let expected = union(&[
        product(&["publish"], &["bare"], &["1 none", "100 none"]),
        product(&["publish", "visible"], &["store"], &["1 snapshot", "100 snapshot"]),
        product(
            &["publish", "visible"],
            &["store", "rwlock", "left-right"],
            &["1 none", "100 none", "1 slow-reader", "100 slow-reader"],
        ),
    ]);
    assert_eq!(names(&all(&plan), &["delta", "hold"]), expected, "deltas above the number of entries are left out");
}

#[test]
fn left_right_waits_for_a_slow_reader_and_the_store_does_not() {
    let mut plan = plan(Bench::Swap, &["store", "left-right"]);
    plan.holds = vec![Hold::SlowReader];
    plan.turn = Duration::from_millis(100);
    let found = all(&plan);
    let waited = |rival: &str| {
        let mut publishes = found.iter().filter(|found| found.rival == rival && found.metric == Metric::Publish);
        let latency = publishes.next().and_then(|found| found.latency.as_ref()).expect("publishes have latencies");
        100.0 - latency.raw.percentile_below(500_000)
    };
    let (left_right, store) = (waited("left-right"), waited("store"));
    assert!(left_right > 5.0 && store < 5.0, "of 100 publishes, so many wait: left-right {left_right}, store {store}");
}

#[test]
fn read_measures_every_way_and_the_bare_map_with_one_thread() {
    let mut plan = plan(Bench::Read, &["store", "bare", "rwlock"]);
    plan.threads = vec![1, 2];
    plan.spreads = vec![Spread::Uniform, Spread::Zipf];
    plan.finds = vec![Finds::Hits, Finds::Misses];
    let rivals = ["store", "reader", "bucket", "rwlock"];
    let cases = |threads: u32| {
        ["uniform hits", "uniform misses", "zipf hits", "zipf misses"].map(|case| format!("{threads} {case}"))
    };
    let (one, two) = (cases(1), cases(2));
    let (one, two) = (one.each_ref().map(String::as_str), two.each_ref().map(String::as_str));
    let expected = union(&[
        product(&["lookup", "throughput"], &["bare"], &one),
        product(&["lookup", "throughput"], &rivals, &one),
        product(&["throughput"], &rivals, &two),
    ]);
    assert_eq!(names(&all(&plan), &["threads", "keys", "finds"]), expected);
}

#[test]
fn mixed_measures_all_mixes_with_more_tasks_than_cores() {
    let mut plan = plan(Bench::Mixed, &["store", "bare", "striped"]);
    plan.mixes = vec![Mix(500), Mix(1_000)];
    plan.tasks = vec![1, 1_000];
    plan.turn = Duration::from_millis(30);
    let rivals = ["store", "reader", "striped"];
    let expected = union(&[
        product(&["throughput", "lookup"], &rivals, &["1 50/50", "1000 50/50", "1 100/0", "1000 100/0"]),
        product(&["write"], &rivals, &["1 50/50", "1000 50/50"]),
    ]);
    assert_eq!(names(&all(&plan), &["tasks", "mix"]), expected);
}

#[test]
fn scan_measures_every_design_at_every_size() {
    let mut plan = plan(Bench::Scan, &["store", "bare", "sharded"]);
    plan.contents = vec![Contents::U64, Contents::Strings];
    plan.entries = vec![1, 1_000];
    let expected = product(&["walk"], &["store", "bare", "sharded"], &["u64 1", "u64 1000", "String 1", "String 1000"]);
    assert_eq!(names(&all(&plan), &["item", "n"]), expected);
}

#[test]
fn memory_measures_every_state_and_the_pinned_one_where_there_are_views() {
    let mut plan = plan(Bench::Memory, &["store", "bare", "left-right"]);
    plan.contents = vec![Contents::U64, Contents::Strings];
    let found = all(&plan);
    let structure: Vec<Measurement> = found.into_iter().filter(|found| found.metric == Metric::Structure).collect();
    let expected = union(&[
        product(&["structure"], &["store"], &["u64 pinned", "String pinned"]),
        product(
            &["structure"],
            &["store", "bare", "left-right"],
            &["u64 rest", "u64 reload", "String rest", "String reload"],
        ),
    ]);
    assert_eq!(names(&structure, &["item", "state"]), expected);
    let of = |item: &str, rival: &str, state: &str| {
        let is = |found: &&Measurement| {
            found.rival == rival && found.case.state.as_deref() == Some(state) && found.case.item == item
        };
        structure.iter().find(is).expect("it was measured").rounds[0]
    };
    let bytes = |rival: &str, state: &str| of("u64", rival, state);
    assert!((17.0..80.0).contains(&bytes("bare", "rest")), "a number, another and a byte: {}", bytes("bare", "rest"));
    let strings = of("String", "bare", "rest") / bytes("bare", "rest");
    assert!((2.7..3.1).contains(&strings), "49 to 17 bytes, without what strings point to: {strings}");
    assert!(bytes("left-right", "rest") > 1.9 * bytes("bare", "rest"), "left-right has two maps");
    assert!(bytes("store", "pinned") > bytes("store", "rest"), "what is pinned is kept");
    assert!(bytes("bare", "reload") >= bytes("bare", "rest"), "the peak is at least what there was before");
}

#[test]
fn memory_without_a_resident_set_says_why_once() {
    let plan = plan(Bench::Memory, &["store", "rwlock"]);
    let counted = Counted::default();
    let probe = |_: &memory::MemoryJob| {
        let rest = memory::StateFigures { state: "rest".to_owned(), structure: 20.0, resident: None };
        Ok(memory::MemoryFigures { states: vec![rest], left_out: Some("no such file".to_owned()) })
    };
    let found = run(&plan, &counted, &Stop::new(), &probe).expect("the plan can be run");
    assert_eq!(names(&found, &["state"]), product(&["structure"], &["store", "rwlock"], &["rest"]));
    let notes = counted.notes.lock().expect("no test panics with it");
    assert_eq!(notes[..], ["the resident set is left out: no such file"]);
}

#[test]
fn resident_set_of_a_process_grows_with_its_table() {
    let job = |n: u64| memory::MemoryJob { rival: "store".to_owned(), item: "u64".to_owned(), n, keys: None };
    let _alone = ALONE.lock();
    let figures = memory::measure(&job(1_000_000)).expect("the store is known");
    assert_eq!(figures.left_out, None, "this needs Linux");
    for state in figures.states {
        let resident = state.resident.expect("it was not left out");
        assert!((10.0..200.0).contains(&resident), "{}: {resident} bytes per entry", state.state);
    }
}

#[test]
fn pause_measures_with_publishes_and_without_beside_the_floor() {
    let mut plan = plan(Bench::Pause, &["store", "bare", "left-right"]);
    plan.spreads = vec![Spread::Zipf];
    let expected = union(&[
        product(&["lookup"], &["store", "reader", "left-right"], &["zipf no", "zipf yes"]),
        product(&["lookup"], &["floor"], &["zipf no"]),
    ]);
    assert_eq!(names(&all(&plan), &["keys", "publishing"]), expected);
}

#[test]
fn pause_measures_with_full_reloads_beside_a_table_with_a_feed() {
    let mut plan = plan(Bench::Pause, &["reader", "rwlock"]);
    (plan.spreads, plan.reloads) = (vec![Spread::Uniform], true);
    plan.contents = vec![Contents::Strings];
    let expected = union(&[
        product(&["lookup"], &["reader", "rwlock", "feed"], &["uniform no", "uniform reload"]),
        product(&["lookup"], &["floor"], &["uniform no"]),
    ]);
    assert_eq!(names(&all(&plan), &["keys", "publishing"]), expected);
}

#[test]
fn balance_measures_every_router_on_a_real_table() {
    let found = all(&plan(Bench::Balance, &[]));
    assert_eq!(
        names(&found, &["n"]),
        product(&["max-by-mean"], &["modulo", "ring", "weighted", "load-aware"], &["34924"])
    );
    for measurement in &found {
        let possible = measurement.rounds.iter().all(|ratio| (1.0..2.0).contains(ratio));
        assert!(possible, "{}: {:?}", measurement.rival, measurement.rounds);
    }
}

#[test]
fn keys_of_the_user_are_the_table() {
    let mut plan = plan(Bench::Read, &["store"]);
    plan.contents = vec![Contents::Given(["Bern", "Basel", "Zürich"].map(String::from).to_vec())];
    plan.finds = vec![Finds::Hits, Finds::Misses];
    plan.benches =
        vec![Bench::Read, Bench::Swap, Bench::Mixed, Bench::Scan, Bench::Pause, Bench::Memory, Bench::Balance];
    let found = all(&plan);
    assert!(found.iter().all(|found| found.case.item == "table" && found.case.n == 3), "{found:?}");
    let benches: BTreeSet<Bench> = found.iter().map(|found| found.bench).collect();
    assert_eq!(benches.len(), plan.benches.len());
}

#[test]
fn every_rival_there_is_takes_part_in_every_bench() {
    let mut plan = plan(Bench::Swap, &[]);
    plan.benches = vec![Bench::Swap, Bench::Read, Bench::Mixed, Bench::Scan, Bench::Pause, Bench::Memory];
    plan.contents = vec![Contents::U64, Contents::Strings];
    plan.holds = vec![Hold::SlowReader, Hold::None];
    plan.rounds = 1;
    let found = all(&plan);
    for kind in rivals::kinds::<u64>() {
        for bench in &plan.benches {
            let named = |found: &&Measurement| {
                found.bench == *bench && (found.rival == kind.id || kind.ways.iter().any(|way| way.id == found.rival))
            };
            let items: BTreeSet<&str> = found.iter().filter(named).map(|found| found.case.item.as_str()).collect();
            let alone = !kind.concurrent && matches!(bench, Bench::Mixed | Bench::Pause);
            assert!(alone || items.len() == 2, "{bench}, {}: {items:?}", kind.name);
        }
    }
}

#[test]
fn rounds_are_interleaved_and_each_starts_with_another_rival() {
    let mut plan = plan(Bench::Scan, &["store", "bare", "rwlock"]);
    plan.rounds = 3;
    let counted = Counted::default();
    run(&plan, &counted, &Stop::new(), &memory::measure).expect("the plan can be run");
    let turns = counted.turns.lock().expect("no test panics with it");
    let names: Vec<&str> =
        turns[..3].iter().map(|turn| turn.rsplit(" for ").next().expect("it is for somebody")).collect();
    let who = |turn: &String| names.iter().position(|name| turn.ends_with(&format!(": {name}")));
    let order: Vec<Vec<Option<usize>>> = turns[3..].chunks(3).map(|round| round.iter().map(who).collect()).collect();
    assert_eq!(order, [[0, 1, 2], [1, 2, 0], [2, 0, 1]].map(|round| round.map(Some).to_vec()));
}

#[test]
fn run_that_is_stopped_has_the_turns_that_were_over() {
    static STOP: Stop = Stop::new();
    let plan = plan(Bench::Swap, &["store", "rwlock"]);
    // Two tables are made, then come two turns that count, then the one that is under way when the end is asked for.
    let counted = Counted { end: Some((5, &STOP)), ..Counted::default() };
    let _alone = ALONE.lock();
    let found = run(&plan, &counted, &STOP, &memory::measure).expect("a stop is no error");
    assert_eq!(counted.begun.load(Ordering::Relaxed), 5);
    assert_eq!(names(&found, &[]), product(&["publish", "visible"], &["store", "rwlock"], &[""]));
    assert!(found.iter().all(|found| found.rounds.len() == 1), "{found:?}");
}

#[test]
fn turn_that_fails_because_the_run_is_stopped_does_not_lose_the_others() {
    let plan = plan(Bench::Memory, &["store", "rwlock"]);
    let stop = Stop::new();
    let probe = |job: &memory::MemoryJob| {
        if job.rival == "rwlock" {
            stop.ask();
            anyhow::bail!("the child was ended");
        }
        let rest = memory::StateFigures { state: "rest".to_owned(), structure: 20.0, resident: None };
        Ok(memory::MemoryFigures { states: vec![rest], left_out: None })
    };
    let found = run(&plan, &Counted::default(), &stop, &probe).expect("a stop is no error");
    assert_eq!(names(&found, &["state"]), product(&["structure"], &["store"], &["rest"]));
}

#[test]
fn stop_ends_a_long_turn_of_every_bench_soon() {
    for bench in [Bench::Swap, Bench::Read, Bench::Mixed, Bench::Scan, Bench::Pause] {
        let mut plan = plan(bench, &["store", "left-right"]);
        plan.turn = Duration::from_secs(600);
        let stop = Stop::new();
        let begin = Instant::now();
        let found = thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(Duration::from_millis(300));
                stop.ask();
            });
            run(&plan, &Counted::default(), &stop, &memory::measure).expect("a stop is no error")
        });
        assert!(begin.elapsed() < Duration::from_secs(60), "{bench} went on for {:?}", begin.elapsed());
        assert!(found.is_empty(), "{bench}: no turn was over");
    }
}

#[test]
fn plans_that_cannot_be_run_are_refused_before_anything_is_measured() {
    type Spoil = fn(&mut Plan);
    let spoilt: [(Bench, Spoil, &str); 18] = [
        (Bench::Scan, |plan| plan.benches.clear(), "there is no bench to run"),
        (Bench::Scan, |plan| plan.rounds = 0, "the number of rounds is 0; 10 or more give intervals worth having"),
        (Bench::Scan, |plan| plan.turn = Duration::ZERO, "a turn takes more than 0 s and at most an hour"),
        (Bench::Scan, |plan| plan.entries.clear(), "bench scan needs numbers of entries, and there are none"),
        (Bench::Scan, |plan| plan.entries.push(0), "a table of 0 entries has nothing to measure; 1 is the least"),
        (Bench::Scan, |plan| plan.contents.push(Contents::Given(Vec::new())), "the table has no keys"),
        (Bench::Scan, |plan| plan.contents = twice(), "the key \"a\" is in the table twice"),
        (Bench::Scan, |plan| plan.rivals.push("btree".to_owned()), "unknown rival \"btree\""),
        (Bench::Scan, |plan| plan.entries.push(1 << 38), "a table of 274877906944 entries takes up to"),
        (Bench::Swap, |plan| plan.deltas.push(0), "a delta of 0 changes nothing; 1 is the least"),
        (Bench::Swap, |plan| plan.deltas = vec![1_001], "every delta has more changes than the largest table has"),
        (Bench::Swap, |plan| plan.publish_rate = f64::NAN, "the publish rate is NaN per second; it must be above 0"),
        (Bench::Read, |plan| plan.threads.push(0), "the number of threads must be from 1 to"),
        (Bench::Mixed, |plan| plan.mixes.push(Mix(1_001)), "the shares of a mix must add up to 100, as in 95/5"),
        (Bench::Mixed, |plan| plan.tasks.push(0), "the number of tasks must be from 1 to"),
        (Bench::Mixed, |plan| plan.rivals = vec!["bare".to_owned()], "bench mixed has nothing to measure"),
        (Bench::Pause, |plan| plan.rivals = vec!["bucket".to_owned()], "bench pause has nothing to measure"),
        (Bench::Swap, only_snapshots_of_none, "bench swap has nothing to measure"),
    ];
    for (bench, spoil, message) in spoilt {
        let mut plan = plan(bench, &["store", "rwlock"]);
        spoil(&mut plan);
        let counted = Counted::default();
        let refused = run(&plan, &counted, &Stop::new(), &memory::measure).expect_err(message).to_string();
        assert!(refused.starts_with(message), "{refused}");
        assert_eq!(counted.begun.load(Ordering::Relaxed), 0, "{message}");
    }
}

fn only_snapshots_of_none(plan: &mut Plan) {
    plan.holds = vec![Hold::Snapshot];
    plan.rivals = vec!["rwlock".to_owned()];
}

fn twice() -> Vec<Contents> {
    vec![Contents::Given(["a", "b", "a"].map(String::from).to_vec())]
}
