//! Several runs as one.

use twinbucket_lab::results::{Bench, OtherMachine, Results};

use crate::made;

#[test]
fn a_later_run_replaces_the_benches_that_it_has_and_no_others() {
    let (earlier, mut later) = (made::results(3), made::results(2));
    later.measurements.retain(|one| one.bench == Bench::Swap);
    later.environment.commit = "0.1.0 (fedcba9)".to_owned();
    let both = earlier.clone().with(later.clone()).unwrap();
    let of = |results: &Results, swap: bool| {
        let mut chosen: Vec<_> = results.measurements.iter().filter(|one| (one.bench == Bench::Swap) == swap).collect();
        chosen.sort_by_key(|one| one.bench);
        chosen.into_iter().map(|one| (one.rival.clone(), one.case.clone(), one.rounds.clone())).collect::<Vec<_>>()
    };
    assert!(of(&both, true) == of(&later, true), "swap is not the later run's");
    assert!(of(&both, false) == of(&earlier, false), "the others are not the earlier run's");
    assert_eq!(both.command, [&earlier.command[..], &["&&".to_owned()], &later.command].concat());
    assert_eq!(both.environment.commit, format!("{} and 0.1.0 (fedcba9)", earlier.environment.commit));
    assert!(both.complete);
}

#[test]
fn runs_of_different_machines_are_not_put_together() {
    let (earlier, mut later) = (made::results(1), made::results(1));
    later.environment.cores += 1;
    assert_eq!(earlier.with(later).unwrap_err(), OtherMachine);
}
