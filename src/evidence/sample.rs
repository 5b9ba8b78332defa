//! Some of the customers, chosen by their values and a seed, not by the order of their rows.

use rand_xoshiro::Xoshiro256PlusPlus;

/// The rows of `most` different customers, or of all if there are no more, ascending. A row of weight 2 is two customers
/// and can come twice; the part of a weight after the point counts as far as whole customers can be made of all.
pub(super) fn customers(weights: &[f64], most: usize, rng: &mut Xoshiro256PlusPlus) -> Vec<usize> {
    let mut sum = 0.0;
    let ends: Vec<f64> = weights
        .iter()
        .map(|weight| {
            sum += weight;
            sum
        })
        .collect();
    let total = sum as usize;
    let mut chosen = rand::seq::index::sample(rng, total, most.min(total)).into_vec();
    chosen.sort_unstable();
    // Every customer is a stretch of length 1 of the line of all weights; the middle tells whose it is.
    chosen.into_iter().map(|customer| ends.partition_point(|&end| end <= customer as f64 + 0.5)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::stream;

    #[test]
    fn everyone_comes_as_often_as_the_weight_says() {
        assert_eq!(customers(&[1.0, 3.0, 2.0], 10, &mut stream(1, 0)), [0, 1, 1, 1, 2, 2]);
        assert_eq!(customers(&[0.5, 0.5, 1.5, 0.5], 10, &mut stream(1, 0)), [1, 2, 3]);
        assert!(customers(&[], 10, &mut stream(1, 0)).is_empty());
    }

    #[test]
    fn nobody_comes_twice_and_all_are_as_likely() {
        let mut counts = [0; 20];
        for seed in 0..2000 {
            let chosen = customers(&[1.0; 20], 5, &mut stream(seed, 0));
            assert!(chosen.len() == 5 && chosen.windows(2).all(|w| w[0] < w[1]));
            chosen.iter().for_each(|&row| counts[row] += 1);
        }
        // 500 expected, standard deviation 19.
        assert!(counts.iter().all(|c| (400..600).contains(c)), "{counts:?}");
    }
}
