//! Of those whose segment changed between two days and two models: who moved because they changed, and who because the ruler did.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Counts of customers known to both days; the three parts add up to `changed`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Decomposition {
    /// Customers of both days.
    pub customers: usize,
    /// Those in another segment: the old model on the old day against the new model on the new day.
    pub changed: usize,
    /// They changed: on the old day both models agree, and the old one puts them elsewhere on the new day.
    pub customers_moved: usize,
    /// The ruler changed: to the old model they are where they were, and the new one had them elsewhere on the old day already.
    pub ruler_moved: usize,
    /// Both did, or it took both.
    pub interaction: usize,
}

/// The segments of one customer by both models on both days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FourViews<'a> {
    /// The old model on the old day.
    pub old_then: &'a str,
    /// The old model on the new day.
    pub old_now: &'a str,
    /// The new model on the old day.
    pub new_then: &'a str,
    /// The new model on the new day.
    pub new_now: &'a str,
}

/// Counts them.
pub fn decompose<'a>(customers: impl Iterator<Item = FourViews<'a>>) -> Decomposition {
    let mut counts = Decomposition::default();
    for FourViews { old_then, old_now, new_then, new_now } in customers {
        counts.customers += 1;
        if old_then == new_now {
            continue;
        }
        counts.changed += 1;
        match (old_then != old_now, old_then != new_then) {
            (true, false) => counts.customers_moved += 1,
            (false, true) => counts.ruler_moved += 1,
            _ => counts.interaction += 1,
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn views(names: [usize; 4]) -> FourViews<'static> {
        const NAMES: [&str; 3] = ["S01", "S02", "S03"];
        let [old_then, old_now, new_then, new_now] = names.map(|n| NAMES[n]);
        FourViews { old_then, old_now, new_then, new_now }
    }

    #[test]
    fn each_customer_has_one_reason() {
        let all = [[0, 0, 0, 0], [0, 1, 0, 1], [0, 0, 1, 1], [0, 1, 1, 1], [0, 0, 0, 1], [0, 1, 2, 0]];
        let found = decompose(all.into_iter().map(views));
        let expected = Decomposition { customers: 6, changed: 4, customers_moved: 1, ruler_moved: 1, interaction: 2 };
        assert_eq!(found, expected);
    }

    proptest! {
        #[test]
        fn parts_add_up_and_are_nothing_where_nothing_changed(
            names in proptest::collection::vec((0_usize..3, 0_usize..3, 0_usize..3, 0_usize..3), 0..200)
        ) {
            let all = decompose(names.iter().map(|&(a, b, c, d)| views([a, b, c, d])));
            prop_assert_eq!(all.customers_moved + all.ruler_moved + all.interaction, all.changed);
            // The same data: each model says the same on both days.
            let ruler = decompose(names.iter().map(|&(a, _, c, _)| views([a, a, c, c])));
            prop_assert_eq!((ruler.customers_moved, ruler.interaction), (0, 0));
            // The same model.
            let people = decompose(names.iter().map(|&(a, b, _, _)| views([a, b, a, b])));
            prop_assert_eq!((people.ruler_moved, people.interaction), (0, 0));
        }
    }
}
