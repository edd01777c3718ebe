//! Latencies, counted in a histogram of bounded size.

use std::time::Duration;

use hdrhistogram::Histogram;

/// The bounds of the reference's histogram: what is shorter than 10 us shares a bucket, what is longer than 3 s
/// counts as 3 s.
const MIN_US: u64 = 10;
const MAX_US: u64 = 3_000_000;

/// A histogram of latencies in microseconds, with a relative error that `--precision` sets.
#[derive(Debug, Clone)]
pub(crate) struct Latencies(Histogram<u64>);

/// One line of a distribution: `count` latencies, `percent` of all, are at most `at_most_ms`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Share {
    pub(crate) percent: f64,
    pub(crate) at_most_ms: f64,
    pub(crate) count: u64,
}

impl Latencies {
    /// `digits`: significant digits, 0 to 4.
    pub(crate) fn new(digits: u8) -> Self {
        // The bounds are constants that the crate accepts with any precision up to 5.
        let histogram = Histogram::new_with_bounds(MIN_US, MAX_US, digits.min(5));
        Self(histogram.unwrap_or_else(|error| unreachable!("constant bounds: {error}")))
    }

    /// `count` requests took this long.
    pub(crate) fn record(&mut self, latency: Duration, count: u64) {
        let us = (latency.as_micros() as u64).min(MAX_US);
        self.0.saturating_record_n(us, count);
    }

    pub(crate) fn add(&mut self, other: &Self) {
        // Both have the same bounds and precision, which is all that adding can fail for.
        let added = self.0.add(&other.0);
        debug_assert!(added.is_ok());
    }

    pub(crate) fn mean_ms(&self) -> f64 {
        self.0.mean() / 1000.0
    }

    pub(crate) fn min_ms(&self) -> f64 {
        ms(self.0.min())
    }

    pub(crate) fn max_ms(&self) -> f64 {
        if self.0.is_empty() { 0.0 } else { ms(self.0.max()) }
    }

    pub(crate) fn percentile_ms(&self, percent: f64) -> f64 {
        ms(self.0.value_at_percentile(percent))
    }

    /// The distribution at 0, 50, 75, 87.5, ... and 100 percent.
    pub(crate) fn by_percentile(&self) -> Vec<Share> {
        let mut count = 0;
        let mut shares: Vec<Share> = Vec::new();
        for step in self.0.iter_quantiles(1) {
            count += step.count_since_last_iteration();
            let changed = shares.last().is_none_or(|last| last.count != count);
            if changed || count == self.0.len() {
                let percent = step.quantile_iterated_to() * 100.0;
                shares.push(Share { percent, at_most_ms: ms(step.value_iterated_to()), count });
            }
        }
        shares
    }

    /// The distribution in steps of 0.1 ms up to 2 ms, where decimals begin to be noise, and of 1 ms beyond.
    pub(crate) fn by_time(&self) -> Vec<Share> {
        let total = self.0.len();
        let mut recorded = self.0.iter_recorded().peekable();
        let mut shares: Vec<Share> = Vec::new();
        let (mut level_us, mut step_us, mut count) = (100, 100, 0);
        if total == 0 {
            return shares;
        }
        loop {
            let at_most_us = self.0.highest_equivalent(level_us);
            while let Some(step) = recorded.next_if(|step| step.value_iterated_to() <= at_most_us) {
                count += step.count_since_last_iteration();
            }
            if shares.last().is_none_or(|last| last.count != count) {
                let percent = count as f64 / total as f64 * 100.0;
                shares.push(Share { percent, at_most_ms: ms(at_most_us), count });
            }
            if count >= total {
                return shares;
            }
            level_us += step_us;
            // The reference takes the longer step only after the level at which it notices.
            if at_most_us > 2000 {
                step_us = 1000;
            }
        }
    }
}

fn ms(us: u64) -> f64 {
    us as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn histogram(latencies_us: &[u64]) -> Latencies {
        let mut histogram = Latencies::new(3);
        for us in latencies_us {
            histogram.record(Duration::from_micros(*us), 1);
        }
        histogram
    }

    #[test]
    fn nothing_recorded_is_all_zero() {
        let empty = histogram(&[]);
        let summary = [empty.mean_ms(), empty.min_ms(), empty.percentile_ms(50.0), empty.max_ms()];
        assert!(summary.iter().all(|value| *value == 0.0), "{summary:?}");
        assert!(empty.by_time().is_empty());
    }

    #[test]
    fn values_are_at_the_ends_of_buckets_as_recorded_from_the_reference() {
        // Recorded from redis-benchmark: 4.751 is the end of the bucket that begins at 4.744.
        let four = histogram(&[4744, 4750, 4751, 4746]);
        assert_eq!(format!("{:.3} {:.3}", four.min_ms(), four.max_ms()), "4.744 4.751");
        assert_eq!(format!("{:.3}", four.percentile_ms(50.0)), "4.751");
        let longest = |us| format!("{:.3}", histogram(&[us]).percentile_ms(100.0));
        assert_eq!(longest(9_999_999), longest(3_000_000));
    }

    #[test]
    fn the_distribution_by_time_has_the_steps_of_the_reference() {
        let levels: Vec<String> = histogram(&[150, 250, 1950, 2050, 2500, 4000, 4099])
            .by_time()
            .iter()
            .map(|share| format!("{:.3} {}", share.at_most_ms, share.count))
            .collect();
        assert_eq!(levels, ["0.103 0", "0.207 1", "0.303 2", "2.007 3", "2.103 4", "3.103 5", "4.103 7"]);
    }

    #[test]
    fn the_distribution_by_percentile_halves_what_is_left() {
        let hundred: Vec<u64> = (1..=1000).map(|i| i * 8).collect();
        let shares = histogram(&hundred).by_percentile();
        let percents: Vec<f64> = shares.iter().map(|share| share.percent).take(5).collect();
        assert_eq!(percents, [0.0, 50.0, 75.0, 87.5, 93.75]);
        let last = shares.last().unwrap();
        assert_eq!((last.percent, last.count), (100.0, 1000));
    }

    proptest! {
        #[test]
        fn percentiles_are_those_of_the_sorted_list(mut us in prop::collection::vec(10_u64..3_000_000, 1..300)) {
            let histogram = histogram(&us);
            us.sort_unstable();
            for percent in [50.0, 95.0, 99.0, 100.0] {
                let rank = ((percent / 100.0 * us.len() as f64).ceil() as usize).clamp(1, us.len());
                let exact = us[rank - 1] as f64 / 1000.0;
                let found = histogram.percentile_ms(percent);
                prop_assert!((found - exact).abs() <= 0.008 + exact * 0.001, "p{percent}: {found} for {exact}");
            }
            let mean = us.iter().sum::<u64>() as f64 / us.len() as f64 / 1000.0;
            prop_assert!((histogram.mean_ms() - mean).abs() <= 0.008 + mean * 0.001);
            let by_time = histogram.by_time();
            prop_assert!(by_time.windows(2).all(|pair| pair[0].count < pair[1].count));
            prop_assert_eq!(by_time.last().unwrap().count, us.len() as u64);
        }
    }
}
