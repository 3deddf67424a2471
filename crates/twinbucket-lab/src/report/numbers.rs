//! Figures as people read them: three digits and a unit.

use crate::results::Unit;

/// Returns a figure with its unit; `-` for none.
pub(crate) fn figure(value: f64, unit: Unit) -> String {
    match unit {
        _ if !value.is_finite() => "-".to_owned(),
        Unit::Nanos => scaled(value, &[(1.0, " ns"), (1e3, " µs"), (1e6, " ms"), (1e9, " s")]),
        Unit::PerSecond => scaled(value, &[(1.0, " /s"), (1e3, " k/s"), (1e6, " M/s"), (1e9, " G/s")]),
        Unit::BytesPerEntry => scaled(value, &[(1.0, " B"), (1024.0, " KiB"), (1024.0 * 1024.0, " MiB")]),
        Unit::Ratio => digits(value),
    }
}

/// Returns a round figure with its unit, without digits that say nothing.
pub(crate) fn tick(value: f64, unit: Unit) -> String {
    let text = figure(value, unit);
    let (number, unit) =
        text.split_once(' ').map_or((text.as_str(), ""), |(number, _)| (number, &text[number.len()..]));
    let short = if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number };
    format!("{short}{unit}")
}

/// Returns a number of entries, changes or tasks, short: `10k`, `1M`.
pub(crate) fn count(number: u64) -> String {
    match number {
        0 => "0".to_owned(),
        _ if number % 1_000_000 == 0 => format!("{}M", number / 1_000_000),
        _ if number % 1_000 == 0 => format!("{}k", number / 1_000),
        _ => number.to_string(),
    }
}

/// Returns bytes of memory; `unknown` for 0.
pub(crate) fn memory(bytes: u64) -> String {
    let gib = bytes as f64 / (1_u64 << 30) as f64;
    if bytes == 0 { "unknown".to_owned() } else { format!("{} GiB", digits(gib)) }
}

/// Returns how many times one figure is another.
pub(crate) fn times(ratio: f64) -> String {
    if ratio.is_finite() { digits(ratio) + "x" } else { "-".to_owned() }
}

/// Returns three digits, or all of them before the point.
pub(crate) fn digits(number: f64) -> String {
    let size = number.abs();
    let decimals = [9.995, 99.95].iter().filter(|&&limit| size < limit).count();
    format!("{number:.decimals$}")
}

/// Returns a number by the largest of the units that leaves 1 or more.
fn scaled(number: f64, units: &[(f64, &str)]) -> String {
    let rounded = number.abs() * 1.000_5;
    let (by, name) = units.iter().rev().find(|(by, _)| rounded >= *by).unwrap_or(&units[0]);
    digits(number / by) + name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_three_digits_and_the_unit_that_suits() {
        let time = |nanos| figure(nanos, Unit::Nanos);
        assert_eq!([0.0, 1.234, 31.04, 999.4, 999.7].map(time), ["0.00 ns", "1.23 ns", "31.0 ns", "999 ns", "1.00 µs"]);
        assert_eq!([1_234.0, 88e6, 12.34e9].map(time), ["1.23 µs", "88.0 ms", "12.3 s"]);
        assert_eq!(figure(23.45e6, Unit::PerSecond), "23.4 M/s");
        assert_eq!(figure(2_048.0, Unit::BytesPerEntry), "2.00 KiB");
        assert_eq!(figure(f64::NAN, Unit::Ratio), "-");
    }

    #[test]
    fn ticks_have_no_digits_that_say_nothing() {
        let ticks = [
            (1.0, Unit::Nanos),
            (200_000.0, Unit::Nanos),
            (1e6, Unit::PerSecond),
            (0.5, Unit::Ratio),
            (0.0, Unit::Ratio),
        ];
        assert_eq!(ticks.map(|(value, unit)| tick(value, unit)), ["1 ns", "200 µs", "1 M/s", "0.5", "0"]);
    }

    #[test]
    fn counts_are_short_only_where_nothing_is_lost() {
        assert_eq!([0, 1, 1_000, 1_500, 10_000_000].map(count), ["0", "1", "1k", "1500", "10M"]);
    }

    #[test]
    fn ratios_have_three_digits_too() {
        assert_eq!([0.5, 9.996, 115_789.4].map(times), ["0.50x", "10.0x", "115789x"]);
        assert_eq!(times(f64::INFINITY), "-");
    }
}
