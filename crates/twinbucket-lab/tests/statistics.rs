//! Figures of the statistics against those of the literature and of scipy 1.x.

use twinbucket_lab::statistics::{differ, estimate, mann_whitney, median, quantile, sign_test};

fn close(found: f64, wanted: f64) {
    assert!((found / wanted - 1.0).abs() < 1e-9, "{found} is not {wanted}");
}

#[test]
fn quantiles_lie_between_values_as_numpy_has_them() {
    // numpy.quantile([3, 1, 4, 1.5, 9, 2.6], [0, .25, .5, .9, 1])
    let values = [3.0, 1.0, 4.0, 1.5, 9.0, 2.6];
    for (q, wanted) in [(0.0, 1.0), (0.25, 1.775), (0.5, 2.8), (0.9, 6.5), (1.0, 9.0)] {
        close(quantile(&values, q), wanted);
    }
    assert_eq!(median(&[7.0]), 7.0);
    assert!(median(&[]).is_nan());
}

#[test]
fn small_samples_are_judged_as_hollander_and_wolfe_do() {
    // Permeability of the human chorioamnion: Hollander and Wolfe, "Nonparametric Statistical Methods", 1973, page 69.
    // One-sided 0.1272 there; scipy.stats.mannwhitneyu(term, early, method="exact") gives this for two sides.
    let term = [0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46];
    let early = [1.15, 0.88, 0.90, 0.74, 1.21];
    close(mann_whitney(&term, &early), 0.2544122544122544);
    close(mann_whitney(&early, &term), 0.2544122544122544);
}

#[test]
fn small_samples_are_counted_exactly() {
    // scipy.stats.mannwhitneyu(..., method="exact")
    close(mann_whitney(&[19.0, 22.0, 16.0, 29.0, 24.0], &[20.0, 11.0, 17.0, 12.0]), 0.1111111111111111);
    close(mann_whitney(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0]), 0.1);
    let ten = |from: u32| (from..from + 10).map(f64::from).collect::<Vec<f64>>();
    close(mann_whitney(&ten(1), &ten(11)), 1.082508822446903e-05);
}

#[test]
fn ties_and_many_rounds_go_by_the_normal_approximation() {
    // scipy.stats.mannwhitneyu(..., method="asymptotic")
    let (a, b) =
        ([1.0, 2.0, 2.0, 3.0, 3.0, 3.0, 4.0, 5.0, 6.0, 7.0], [3.0, 3.0, 4.0, 5.0, 5.0, 6.0, 7.0, 8.0, 8.0, 9.0]);
    close(mann_whitney(&a, &b), 0.032349826750207526);
    // The same of [i * 7 % 61 + 0.0 for i in range(60)] and [i * 11 % 67 + 3.5 for i in range(60)].
    let a: Vec<f64> = (0..60).map(|i| f64::from(i * 7 % 61)).collect();
    let b: Vec<f64> = (0..60).map(|i| f64::from(i * 11 % 67) + 3.5).collect();
    close(mann_whitney(&a, &b), 0.05640670094037514);
}

#[test]
fn pairs_are_judged_by_who_wins_how_often() {
    // scipy.stats.binomtest(wins, n)
    let p =
        |n: u32, wins: u32| sign_test((0..n).map(|round| (f64::from(round), if round < wins { -1.0 } else { 99.0 })));
    close(p(10, 0), 0.001953125);
    close(p(10, 1), 0.021484375);
    close(p(10, 9), 0.021484375);
    close(p(7, 3), 1.0);
    close(p(40, 12), 0.01658900337497471);
    assert_eq!(sign_test([(3.0, 3.0), (4.0, 4.0)]), 1.0);
    close(sign_test([(3.0, 3.0), (1.0, 2.0), (2.0, 3.0)]), 0.5);
}

#[test]
fn equal_and_missing_samples_do_not_differ() {
    for (a, b) in [(&[5.0, 5.0, 5.0][..], &[5.0, 5.0][..]), (&[], &[1.0]), (&[1.0], &[2.0]), (&[3.0, 1.0], &[1.0, 3.0])]
    {
        assert_eq!(mann_whitney(a, b), 1.0, "{a:?} and {b:?}");
    }
}

#[test]
fn three_rounds_never_tell_two_rivals_apart() {
    assert!(!differ(&[1.0, 1.1, 1.2], &[100.0, 101.0, 102.0]));
    assert!(differ(&[1.0, 1.1, 1.2, 1.3], &[100.0, 101.0, 102.0, 103.0]));
}

#[test]
fn the_interval_is_that_of_the_percentile_bootstrap() {
    // scipy.stats.bootstrap((values,), numpy.median, method="percentile", n_resamples=200000)
    let odd = estimate(&[10.1, 10.4, 9.8, 10.0, 10.9, 10.2, 11.5, 9.9, 10.3]);
    assert_eq!((odd.low, odd.median, odd.high), (9.9, 10.2, 10.9));
    let even = estimate(&[2.0, 4.0, 4.0, 5.0, 7.0, 9.0, 12.0, 15.0, 30.0, 31.0]);
    assert_eq!((even.low, even.median), (4.0, 8.0));
    // There it is 21 with two hundred thousand resamples; 15 and 30 are its neighbours.
    assert!((15.0..=22.5).contains(&even.high), "{even:?}");
}

#[test]
fn one_round_has_no_interval_to_speak_of() {
    let one = estimate(&[3.0]);
    assert_eq!((one.low, one.median, one.high), (3.0, 3.0, 3.0));
    assert!(estimate(&[]).median.is_nan());
}
