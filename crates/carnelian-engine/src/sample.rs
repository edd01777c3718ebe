//! Picking at random without picking anything twice.

use crate::rng::Rng;
use std::collections::HashSet;

/// Calls `visit` with `count` different places in `0..len`, every choice of them as likely as any other. O(count) where
/// little is picked, else O(len).
pub(crate) fn distinct(rng: &mut Rng, len: usize, count: usize, mut visit: impl FnMut(usize)) {
    let count = count.min(len);
    if count.saturating_mul(3) > len {
        // The beginning of a shuffle.
        let mut places: Vec<usize> = (0..len).collect();
        for index in 0..count {
            places.swap(index, index + rng.below(len - index));
            visit(places[index]);
        }
        return;
    }
    // Floyd's method: a place that was drawn before is replaced by the last one of its round, which cannot have been.
    let mut seen = HashSet::with_capacity(count);
    for last in len - count..len {
        let place = rng.below(last + 1);
        let place = if seen.insert(place) { place } else { last };
        seen.insert(place);
        visit(place);
    }
}

#[cfg(test)]
mod tests {
    use super::distinct;
    use crate::rng::Rng;
    use std::collections::BTreeSet;

    #[test]
    fn places_differ_and_each_comes_up() {
        let mut rng = Rng::new(1);
        for (len, count) in [(0, 5), (1, 1), (10, 10), (10, 9), (100, 3), (100, 33), (100, 34), (5, 9)] {
            let mut ever = BTreeSet::new();
            for _ in 0..500 {
                let mut places = Vec::new();
                distinct(&mut rng, len, count, |place| places.push(place));
                assert_eq!(places.len(), count.min(len));
                let unique: BTreeSet<_> = places.into_iter().collect();
                assert_eq!(unique.len(), count.min(len));
                ever.extend(unique);
            }
            assert_eq!(ever, (0..len).collect());
        }
    }
}
