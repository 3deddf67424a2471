//! Results as a run finds them, made from formulas: what outputs show of them is known beforehand.

use twinbucket_lab::results::{
    Bench, Case, Environment, FORMAT, Latency, Measurement, Metric, Results, Unit, histogram,
};
use twinbucket_lab::rng::Rng;

/// Ids and names of rivals, the store first, and how many times the store's time each takes.
pub(crate) const RIVALS: [(&str, &str, f64); 18] = [
    ("store", "twinbucket", 1.0),
    ("reader", "twinbucket Reader", 0.8),
    ("bare", "bare HashMap", 0.6),
    ("rwlock", "RwLock<HashMap>", 2.5),
    ("read-mostly", "read-mostly map", 3.0),
    ("sharded", "sharded map", 2.0),
    ("striped", "striped map", 1.8),
    ("left-right", "left-right", 1.01),
    ("clone-swap", "ArcSwap::load + HashMap", 4.0),
    ("clone-swap-cache", "arc_swap::Cache + HashMap", 1.2),
    ("evmap", "evmap", 1.4),
    ("flashmap", "flashmap", 1.5),
    ("papaya", "papaya", 1.7),
    ("papaya-guard", "papaya, guard kept", 1.1),
    ("dashmap", "dashmap", 2.2),
    ("scc", "scc::HashMap", 2.4),
    ("imbl", "imbl in ArcSwap", 7.0),
    ("concread", "concread", 9.0),
];

/// Returns results of all benches, of the first rivals.
pub(crate) fn results(rivals: usize) -> Results {
    let rivals = &RIVALS[..rivals];
    let mut measurements = Vec::new();
    for rival in rivals {
        for n in [1_000, 100_000, 1_000_000] {
            swap(&mut measurements, rival, n);
            read(&mut measurements, rival, n);
            scan_and_memory(&mut measurements, rival, n);
        }
        mixed(&mut measurements, rival);
        for publishing in ["yes", "no"] {
            let case = Case { publishing: Some(publishing.into()), keys: Some("zipf".into()), ..sized(100_000) };
            let times = rival.2 * if publishing == "yes" { 300.0 } else { 250.0 };
            measurements.push(latency(Bench::Pause, Metric::Lookup, rival, case, times));
        }
    }
    let floor = ("floor", "machine's jitter", 1.0);
    let case = Case { publishing: Some("no".into()), keys: Some("zipf".into()), ..sized(100_000) };
    measurements.push(latency(Bench::Pause, Metric::Lookup, &floor, case, 40.0));
    for (id, name, value) in [("modulo", "hash modulo", 1.07), ("ring", "ring of virtual nodes", 1.31)] {
        let case = Case { item: "table".into(), n: 40_000, ..Case::default() };
        measurements.push(rounds(Bench::Balance, Metric::MaxByMean, &(id, name, 1.0), case, Unit::Ratio, value));
    }
    Results {
        format: FORMAT,
        environment: environment(),
        command: ["twinbucket", "bench", "report", "--budget", "swap.p99<50us@n=1M"].map(String::from).to_vec(),
        began: "2026-03-01T12:00:00Z".into(),
        complete: true,
        measurements,
    }
}

/// Returns a machine that there is not.
pub(crate) fn environment() -> Environment {
    Environment {
        cpu: "Made <CPU> & Sons".into(),
        cores: 2,
        memory: 16 << 30,
        kernel: "linux 6.1".into(),
        compiler: "rustc 1.85.0".into(),
        commit: "0.1.0 (abc1234)".into(),
        allocator: "system".into(),
    }
}

/// Returns a case of so many numbers.
pub(crate) fn sized(n: u64) -> Case {
    Case { item: "u64".into(), n, ..Case::default() }
}

/// Returns ten rounds around a value.
pub(crate) fn rounds(
    bench: Bench,
    metric: Metric,
    rival: &(&str, &str, f64),
    case: Case,
    unit: Unit,
    value: f64,
) -> Measurement {
    let mut rng = Rng::new(value.to_bits());
    let rounds = (0..10).map(|_| value * (0.98 + rng.below(4_000) as f64 / 100_000.0)).collect();
    let (rival, name) = (rival.0.into(), rival.1.into());
    Measurement { bench, metric, rival, name, case, unit, rounds, latency: None }
}

/// Returns latencies of a median and a long tail, later still by the schedule.
pub(crate) fn latency(bench: Bench, metric: Metric, rival: &(&str, &str, f64), case: Case, median: f64) -> Measurement {
    let mut measurement = rounds(bench, metric, rival, case, Unit::Nanos, median);
    let mut rng = Rng::new(median.to_bits() ^ 1);
    let (mut raw, mut corrected) = (histogram(), histogram());
    for _ in 0..20_000 {
        let share = (rng.below(1_000_000) as f64 + 0.5) / 1_000_000.0;
        let time = median * (0.75 + 0.3 * (1.0 / (1.0 - share)).powf(0.7));
        raw.record(time as u64).unwrap();
        corrected.record((time * (1.0 + share * share * 3.0)) as u64).unwrap();
    }
    measurement.latency = Some(Latency { raw, corrected: Some(corrected) });
    measurement
}

fn swap(to: &mut Vec<Measurement>, rival: &(&str, &str, f64), n: u64) {
    for hold in ["none", "slow-reader"] {
        for (metric, delta) in [(Metric::Publish, 1), (Metric::Publish, 1_000), (Metric::Visible, 1)] {
            let case = Case { delta: Some(delta), hold: Some(hold.into()), ..sized(n) };
            let size = if rival.0 == "clone-swap" { n as f64 } else { (n as f64).ln() };
            to.push(latency(Bench::Swap, metric, rival, case, 30.0 * rival.2 * size * (delta as f64).sqrt()));
        }
    }
}

fn read(to: &mut Vec<Measurement>, rival: &(&str, &str, f64), n: u64) {
    for keys in ["uniform", "zipf"] {
        let case =
            |threads| Case { threads: Some(threads), keys: Some(keys.into()), finds: Some("hits".into()), ..sized(n) };
        let cost = rival.2 * (n as f64).ln();
        to.push(rounds(Bench::Read, Metric::Lookup, rival, case(1), Unit::Nanos, cost));
        to.push(rounds(Bench::Read, Metric::Throughput, rival, case(2), Unit::PerSecond, 2e9 / cost));
    }
}

fn scan_and_memory(to: &mut Vec<Measurement>, rival: &(&str, &str, f64), n: u64) {
    to.push(rounds(Bench::Scan, Metric::Walk, rival, sized(n), Unit::Nanos, 2.0 * rival.2));
    for (state, bytes) in [("rest", 20.0), ("pinned", 22.0), ("reload", 45.0)] {
        let case = Case { state: Some(state.into()), ..sized(n) };
        to.push(rounds(Bench::Memory, Metric::Structure, rival, case, Unit::BytesPerEntry, bytes * rival.2.sqrt()));
    }
}

fn mixed(to: &mut Vec<Measurement>, rival: &(&str, &str, f64)) {
    for (mix, tasks) in [("95/5", 1), ("95/5", 1_000), ("50/50", 1), ("50/50", 1_000)] {
        let case = Case { mix: Some(mix.into()), tasks: Some(tasks), threads: Some(2), ..sized(100_000) };
        to.push(rounds(Bench::Mixed, Metric::Throughput, rival, case.clone(), Unit::PerSecond, 50e6 / rival.2));
        to.push(latency(Bench::Mixed, Metric::Lookup, rival, case, 200.0 * rival.2));
    }
}
