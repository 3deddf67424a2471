//! Tests of the checkers: each refuses a history in which something is wrong, and nothing else.

use proptest::prelude::{Strategy, any};
use proptest::test_runner::{Config, TestRunner};
use stateright::semantics::{ConsistencyTester, LinearizabilityTester, SequentialSpec};

use crate::histories::register::{Deed, Operation, Refusal, Span, check};
use crate::histories::small::{Done, Op, Ret, is_linearizable};

/// An operation of a register whose values are ten times the version.
fn operation(deed: Deed, start: u64, end: u64, version: u64) -> Operation {
    Operation { deed, span: Span { start, end }, version, value: 10 * version }
}

fn write(start: u64, end: u64, version: u64) -> Operation {
    operation(Deed::Write, start, end, version)
}

fn read(start: u64, end: u64, version: u64) -> Operation {
    operation(Deed::Read, start, end, version)
}

/// Two writes one after the other, and reads before, between and after them.
fn sound() -> Vec<Operation> {
    vec![
        read(0, 1, 0),
        write(2, 10, 1),
        read(3, 5, 0),
        read(4, 8, 1),
        read(11, 12, 1),
        write(13, 20, 2),
        read(21, 22, 2),
    ]
}

#[test]
fn sound_history_is_accepted() {
    assert_eq!(check(&sound()), Ok(()));
}

#[test]
fn stale_read_is_refused() {
    let mut history = sound();
    history.push(read(21, 25, 1));
    assert_eq!(check(&history), Err(Refusal::Stale { later: read(21, 25, 1), seen: 2 }));
}

#[test]
fn read_that_goes_back_behind_that_of_another_reader_is_refused() {
    let mut history = sound();
    history.push(read(9, 10, 0));
    assert_eq!(check(&history), Err(Refusal::Stale { later: read(9, 10, 0), seen: 1 }));
}

#[test]
fn read_of_what_is_written_later_is_refused() {
    let mut history = sound();
    history.push(read(11, 12, 2));
    assert_eq!(check(&history), Err(Refusal::Stale { later: write(13, 20, 2), seen: 2 }));
}

#[test]
fn writes_numbered_against_time_are_refused() {
    assert_eq!(check(&[write(0, 1, 2), write(2, 3, 1)]), Err(Refusal::Stale { later: write(2, 3, 1), seen: 2 }),);
}

#[test]
fn read_of_a_value_that_its_version_has_not_is_refused() {
    let torn = Operation { value: 10, ..read(21, 25, 2) };
    let mut history = sound();
    history.push(torn);
    assert_eq!(check(&history), Err(Refusal::Torn { read: torn }));
}

#[test]
fn lost_and_doubled_versions_are_refused() {
    assert_eq!(check(&[write(0, 1, 2)]), Err(Refusal::Numbering { version: 1 }));
    assert_eq!(check(&[write(0, 1, 1), write(2, 3, 1)]), Err(Refusal::Numbering { version: 2 }));
}

/// The register as stateright takes it: a write returns the version it makes.
#[derive(Clone)]
struct Versions(u64);

impl SequentialSpec for Versions {
    type Op = Deed;
    type Ret = u64;

    fn invoke(&mut self, deed: &Deed) -> u64 {
        self.0 += u64::from(*deed == Deed::Write);
        self.0
    }
}

/// Makes a history of three threads: each number is a step of one of them, which begins or ends an operation there.
fn history_of(steps: &[(usize, bool, u64)]) -> Vec<(usize, Operation)> {
    let (mut open, mut history) = ([None; 3], Vec::new());
    let writes = |history: &[(usize, Operation)]| {
        history.iter().filter(|(_, operation)| operation.deed == Deed::Write).count() as u64
    };
    for (&(thread, is_write, number), now) in steps.iter().zip(0..) {
        match open[thread].take() {
            None => open[thread] = Some(now),
            Some(start) if is_write => history.push((thread, write(start, now, writes(&history) + 1))),
            Some(start) => history.push((thread, read(start, now, number))),
        }
    }
    let versions = writes(&history);
    for (_, operation) in &mut history {
        if operation.deed == Deed::Read {
            *operation = read(operation.span.start, operation.span.end, operation.version % (versions + 1));
        }
    }
    // Now and then two writes are numbered the other way round than they ended.
    if steps[0].2 % 2 == 0 {
        for (_, operation) in history.iter_mut().filter(|(_, operation)| operation.deed == Deed::Write) {
            let version = match operation.version {
                1 if versions > 1 => 2,
                2 => 1,
                version => version,
            };
            *operation = write(operation.span.start, operation.span.end, version);
        }
    }
    history
}

/// Asks stateright.
fn is_linearizable_for_stateright(history: &[(usize, Operation)]) -> bool {
    let mut events = Vec::new();
    for &(thread, operation) in history {
        events.push((operation.span.start, thread, operation, true));
        events.push((operation.span.end, thread, operation, false));
    }
    events.sort_unstable_by_key(|&(at, ..)| at);
    let mut tester = LinearizabilityTester::new(Versions(0));
    for (_, thread, operation, begins) in events {
        let outcome = if begins {
            tester.on_invoke(thread, operation.deed).map(drop)
        } else {
            tester.on_return(thread, operation.version).map(drop)
        };
        outcome.expect("each thread does one operation after the other");
    }
    tester.is_consistent()
}

#[test]
fn checker_accepts_and_refuses_what_stateright_does() {
    let steps = proptest::collection::vec((0..3_usize, any::<bool>(), 0..8_u64), 2..20);
    let histories = steps.prop_map(|steps| history_of(&steps));
    let config = Config { failure_persistence: None, cases: 3_000, ..Config::default() };
    let answers = std::cell::Cell::new([0, 0]);
    let outcome = TestRunner::new(config).run(&histories, |history| {
        let operations: Vec<_> = history.iter().map(|&(_, operation)| operation).collect();
        let (mine, theirs) = (check(&operations), is_linearizable_for_stateright(&history));
        assert_eq!(mine.is_ok(), theirs, "{mine:?}: {history:?}");
        let [refused, accepted] = answers.get();
        answers.set([refused + u32::from(!theirs), accepted + u32::from(theirs)]);
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
    assert!(answers.get().iter().all(|&number| number > 300), "both answers come often: {:?}", answers.get());
}

/// One thread that inserts and then reads, another that reads later.
fn short(seen_later: Option<u8>) -> [Vec<Done>; 2] {
    let done = |op, value, span| Done { op, ret: Ret::Value(value), span };
    [
        vec![done(Op::Insert(1, 5), None, [0, 2]), done(Op::Get(1), Some(5), [3, 4])],
        vec![done(Op::Get(1), None, [1, 5]), done(Op::Get(1), seen_later, [6, 7])],
    ]
}

#[test]
fn short_history_with_a_stale_read_is_refused() {
    assert!(is_linearizable(&short(Some(5))));
    assert!(!is_linearizable(&short(None)));
}
