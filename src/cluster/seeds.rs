//! Seeds of k-means.

use rand::Rng;
use rand_xoshiro::Xoshiro256PlusPlus;

/// Sums run over this many partial sums, in a fixed order.
const PARTS: usize = 8;

/// Rows feature by feature, so that the loops over rows vectorise.
#[derive(Debug)]
pub(super) struct Columns<'a> {
    columns: Vec<Vec<f64>>,
    weights: &'a [f64],
}

impl<'a> Columns<'a> {
    /// From rows in C order and the weight of each.
    pub(super) fn new(rows: &[f64], weights: &'a [f64], width: usize) -> Self {
        let column = |feature| rows.iter().skip(feature).step_by(width).copied().collect();
        Self { columns: (0..width).map(column).collect(), weights }
    }

    fn row(&self, row: usize) -> impl Iterator<Item = f64> {
        self.columns.iter().map(move |column| column[row])
    }

    /// The squared distance of every row to row `seed`, at most `limits`, and their weighted sum.
    fn nearest(&self, seed: usize, limits: &[f64], nearest: &mut [f64]) -> f64 {
        nearest.fill(0.0);
        for column in &self.columns {
            let here = column[seed];
            for (square, v) in nearest.iter_mut().zip(column) {
                let difference = v - here;
                *square += difference * difference;
            }
        }
        let mut sums = [0.0; PARTS];
        for ((nearest, limits), weights) in
            nearest.chunks_mut(PARTS).zip(limits.chunks(PARTS)).zip(self.weights.chunks(PARTS))
        {
            for (((sum, nearest), &limit), weight) in sums.iter_mut().zip(nearest).zip(limits).zip(weights) {
                *nearest = if *nearest < limit { *nearest } else { limit };
                *sum += *nearest * weight;
            }
        }
        sums.iter().sum()
    }

    /// A row drawn with probability proportional to its weight times `values`, and `None` if all of these are 0.
    fn draw(
        &self,
        values: impl Fn(usize) -> f64,
        rng: &mut Xoshiro256PlusPlus,
        cumulative: &mut Vec<f64>,
    ) -> Option<usize> {
        cumulative.clear();
        let mut sum = 0.0;
        cumulative.extend(self.weights.iter().enumerate().map(|(row, weight)| {
            sum += weight * values(row);
            sum
        }));
        (sum > 0.0).then(|| {
            let drawn = rng.gen_range(0.0..sum);
            cumulative.partition_point(|&sum| sum <= drawn).min(self.weights.len() - 1)
        })
    }
}

/// Seeds (C order) by greedy k-means++ (Arthur & Vassilvitskii 2007, section 3 and its closing remark): every further
/// seed is the best of `2 + ln k` rows drawn with probability proportional to the squared distance to the seeds so far.
pub(super) fn greedy(rows: &Columns, k: usize, rng: &mut Xoshiro256PlusPlus) -> Vec<f64> {
    let n = rows.weights.len();
    let candidates = 2 + (k as f64).ln().floor() as usize;
    let mut cumulative = Vec::with_capacity(n);
    let mut seeds = vec![rows.draw(|_| 1.0, rng, &mut cumulative).unwrap_or(0)];
    let (mut nearest, mut tried, mut best) = (vec![f64::INFINITY; n], vec![0.0; n], vec![0.0; n]);
    rows.nearest(seeds[0], &nearest, &mut tried);
    std::mem::swap(&mut nearest, &mut tried);
    while seeds.len() < k {
        let mut chosen: Option<(f64, usize)> = None;
        let Some(first) = rows.draw(|row| nearest[row], rng, &mut cumulative) else {
            // Fewer distinct rows here than seeds: any row; the polish moves what stays empty.
            seeds.push(rng.gen_range(0..n));
            continue;
        };
        let total = cumulative[n - 1];
        for number in 0..candidates {
            let seed = if number == 0 {
                first
            } else {
                let drawn = rng.gen_range(0.0..total);
                cumulative.partition_point(|&sum| sum <= drawn).min(n - 1)
            };
            let potential = rows.nearest(seed, &nearest, &mut tried);
            if chosen.is_none_or(|(least, _)| potential < least) {
                chosen = Some((potential, seed));
                std::mem::swap(&mut best, &mut tried);
            }
        }
        if let Some((_, seed)) = chosen {
            seeds.push(seed);
            std::mem::swap(&mut nearest, &mut best);
        }
    }
    seeds.into_iter().flat_map(|seed| rows.row(seed)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::stream;

    #[test]
    fn seeds_are_spread_over_far_groups() {
        let x: Vec<f64> = (0..300).map(|i| f64::from(i / 100) * 1000.0 + f64::from(i % 100) / 100.0).collect();
        let weights = [1.0; 300];
        let columns = Columns::new(&x, &weights, 1);
        for number in 0..50 {
            let mut seeds: Vec<f64> = greedy(&columns, 3, &mut stream(3, number)).iter().map(|v| v / 1000.0).collect();
            seeds.sort_by(f64::total_cmp);
            assert_eq!(seeds.iter().map(|v| v.floor()).collect::<Vec<_>>(), [0.0, 1.0, 2.0]);
        }
    }

    #[test]
    fn a_row_is_drawn_as_often_as_its_weight_says() {
        let columns = Columns::new(&[0.0, 1.0, 2.0], &[1.0, 0.001, 3.0], 1);
        let first: Vec<f64> = (0..400).map(|number| greedy(&columns, 1, &mut stream(4, number))[0]).collect();
        let twos = first.iter().filter(|v| **v == 2.0).count();
        assert!((270..330).contains(&twos), "{twos} of 400 instead of about 300");
    }

    #[test]
    fn fewer_distinct_rows_than_seeds_still_end() {
        let columns = Columns::new(&[3.0, 3.0, 3.0], &[1.0; 3], 1);
        assert_eq!(greedy(&columns, 2, &mut stream(1, 0)), [3.0, 3.0]);
    }
}
