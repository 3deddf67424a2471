//! Figures as people read them: three digits and a unit.

use std::fmt;
use std::time::Duration;

/// How many times as long as `base` is `time`.
pub(crate) fn ratio(time: Duration, base: Duration) -> f64 {
    time.as_secs_f64() / base.as_secs_f64().max(1e-9)
}

/// A duration to three digits, with its unit.
pub(crate) struct Time(pub(crate) Duration);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        let scale = [(1_000, 1.0, "ns"), (1_000_000, 1e3, "µs"), (1_000_000_000, 1e6, "ms")];
        let (divisor, unit) =
            scale.iter().find(|(below, ..)| nanos < *below).map_or((1e9, "s"), |&(_, divisor, unit)| (divisor, unit));
        if divisor == 1.0 {
            return write!(f, "{nanos} {unit}");
        }
        write!(f, "{} {unit}", ThreeDigits(nanos as f64 / divisor))
    }
}

/// A number of bytes to three digits, with its unit.
pub(crate) struct Bytes(pub(crate) usize);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.0 as f64;
        match self.0 {
            0..=1023 => write!(f, "{} B", self.0),
            1024..=1_048_575 => write!(f, "{} KiB", ThreeDigits(bytes / 1024.0)),
            _ => write!(f, "{} MiB", ThreeDigits(bytes / 1_048_576.0)),
        }
    }
}

/// A number to three digits, or whole below 100,000; from there on with `k`, `M` or `G`.
pub(crate) struct Number(pub(crate) f64);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (divisor, suffix) = match self.0 {
            ..1e5 => (1.0, ""),
            ..1e6 => (1e3, " k"),
            ..1e9 => (1e6, " M"),
            _ => (1e9, " G"),
        };
        write!(f, "{}{suffix}", ThreeDigits(self.0 / divisor))
    }
}

/// A positive number with three significant digits; more only before the point.
struct ThreeDigits(f64);

impl fmt::Display for ThreeDigits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ..9.995 => write!(f, "{:.2}", self.0),
            ..99.95 => write!(f, "{:.1}", self.0),
            ..1e15 => write!(f, "{}", Grouped(self.0.round() as u64)),
            _ => write!(f, "{:.1e}", self.0),
        }
    }
}

/// A whole number with a comma after each three digits.
pub(crate) struct Grouped(pub(crate) u64);

impl fmt::Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0..=999 => write!(f, "{}", self.0),
            _ => write!(f, "{},{:03}", Grouped(self.0 / 1000), self.0 % 1000),
        }
    }
}

/// A number of things, with an `s` where it is not one.
pub(crate) struct Counted(pub(crate) u64, pub(crate) &'static str);

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}{}", Grouped(self.0), self.1, if self.0 == 1 { "" } else { "s" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits_and_a_unit() {
        for (nanos, expected) in [
            (0, "0 ns"),
            (999, "999 ns"),
            (1_000, "1.00 µs"),
            (9_996, "10.0 µs"),
            (123_456, "123 µs"),
            (999_999, "1,000 µs"),
            (1_234_567, "1.23 ms"),
            (61_000_000_000, "61.0 s"),
        ] {
            assert_eq!(Time(Duration::from_nanos(nanos)).to_string(), expected);
        }
    }

    #[test]
    fn bytes_have_three_digits_and_a_unit() {
        for (bytes, expected) in [(0, "0 B"), (1_023, "1023 B"), (1_536, "1.50 KiB"), (2_200_000, "2.10 MiB")] {
            assert_eq!(Bytes(bytes).to_string(), expected);
        }
    }

    #[test]
    fn numbers_are_short_at_every_size() {
        for (number, expected) in [
            (0.0, "0.00"),
            (9.996, "10.0"),
            (9_999.0, "9,999"),
            (34_600.0, "34,600"),
            (346_000.0, "346 k"),
            (2.5e7, "25.0 M"),
        ] {
            assert_eq!(Number(number).to_string(), expected);
        }
    }

    #[test]
    fn one_thing_has_no_plural() {
        assert_eq!(Counted(1, "row").to_string(), "1 row");
        assert_eq!(Counted(34_924, "row").to_string(), "34,924 rows");
        assert_eq!(Counted(1_000_000, "row").to_string(), "1,000,000 rows");
    }
}
