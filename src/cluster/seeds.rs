//! Seeds of k-means.

use super::kernel::LANES;
use super::kernel::seed::nearest;
use super::packed::Blocks;
use rand::Rng;
use rand_xoshiro::Xoshiro256PlusPlus;

/// Rows that can be seeds. Squared distances are those of the blocks, in `f32`, padded as they are.
#[derive(Debug)]
pub(super) struct Candidates<'a> {
    rows: &'a Blocks<'a>,
    /// None for padding.
    weights: Vec<f64>,
}

impl<'a> Candidates<'a> {
    pub(super) fn new(rows: &'a Blocks<'a>) -> Self {
        let padded = rows.blocks.len() / rows.width;
        let weight = |row| if row < rows.rows { rows.weight(row) } else { 0.0 };
        Self { rows, weights: (0..padded).map(weight).collect() }
    }

    /// What the rows are multiplied by.
    pub(super) fn scale(&self) -> f64 {
        self.rows.scale
    }

    /// The weight of every row, and zeros for padding.
    pub(super) fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// The squared distance of every row to row `seed`, at most `limits`, and their weighted sum.
    pub(super) fn nearest(&self, seed: usize, limits: &[f32], to: &mut [f32]) -> f64 {
        let width = self.rows.width;
        let column = &self.rows.blocks[seed / LANES * LANES * width + seed % LANES..];
        let values: Vec<f32> = column.iter().step_by(LANES).take(width).copied().collect();
        nearest(&self.rows.blocks, &values, &self.weights, limits, to)
    }

    /// The running sum of weight times `values`.
    pub(super) fn cumulative(&self, values: impl Iterator<Item = f64>) -> Vec<f64> {
        let mut sum = 0.0;
        let products = self.weights[..self.rows.rows].iter().zip(values);
        products
            .map(|(weight, value)| {
                sum += weight * value;
                sum
            })
            .collect()
    }
}

/// A row drawn with probability proportional to the steps of a running sum, or `None` if all of these are 0.
pub(super) fn draw(cumulative: &[f64], rng: &mut Xoshiro256PlusPlus) -> Option<usize> {
    let total = *cumulative.last()?;
    (total > 0.0).then(|| {
        let drawn = rng.gen_range(0.0..total);
        cumulative.partition_point(|&sum| sum <= drawn).min(cumulative.len() - 1)
    })
}

/// Seeds by greedy k-means++ (Arthur & Vassilvitskii 2007, section 3 and its closing remark): every further seed is the
/// best of `2 + ln k` rows drawn with probability proportional to the squared distance to the seeds so far.
pub(super) fn greedy(rows: &Candidates, k: usize, rng: &mut Xoshiro256PlusPlus) -> Vec<usize> {
    let n = rows.rows.rows;
    let padded = rows.weights.len();
    let candidates = 2 + (k as f64).ln().floor() as usize;
    let mut seeds = vec![draw(&rows.cumulative(std::iter::repeat(1.0)), rng).unwrap_or(0)];
    let (mut near, mut tried, mut best) = (vec![f32::INFINITY; padded], vec![0.0; padded], vec![0.0; padded]);
    rows.nearest(seeds[0], &near, &mut tried);
    std::mem::swap(&mut near, &mut tried);
    while seeds.len() < k {
        let cumulative = rows.cumulative(near.iter().map(|&square| f64::from(square)));
        let mut chosen: Option<(f64, usize)> = None;
        for _ in 0..candidates {
            let Some(seed) = draw(&cumulative, rng) else { break };
            let potential = rows.nearest(seed, &near, &mut tried);
            if chosen.is_none_or(|(least, _)| potential < least) {
                chosen = Some((potential, seed));
                std::mem::swap(&mut best, &mut tried);
            }
        }
        match chosen {
            Some((_, seed)) => {
                seeds.push(seed);
                std::mem::swap(&mut near, &mut best);
            }
            // Fewer distinct rows here than seeds: any row; the descent moves what stays empty.
            None => seeds.push(rng.gen_range(0..n)),
        }
    }
    seeds
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::stream;

    #[test]
    fn seeds_are_spread_over_far_groups() {
        let x: Vec<f64> = (0..300).map(|i| f64::from(i / 100) * 1000.0 + f64::from(i % 100) / 100.0).collect();
        let rows = Blocks::new(&x, vec![1.0; 300], 1);
        for number in 0..50 {
            let mut groups = greedy(&Candidates::new(&rows), 3, &mut stream(3, number));
            groups.iter_mut().for_each(|seed| *seed /= 100);
            groups.sort();
            assert_eq!(groups, [0, 1, 2]);
        }
    }

    #[test]
    fn a_row_is_drawn_as_often_as_its_weight_says() {
        let rows = Blocks::new(&[0.0, 1.0, 2.0], vec![1.0, 0.001, 3.0], 1);
        let first = |number| greedy(&Candidates::new(&rows), 1, &mut stream(4, number))[0];
        let twos = (0..400).filter(|number| first(*number) == 2).count();
        assert!((270..330).contains(&twos), "{twos} of 400 instead of about 300");
    }

    #[test]
    fn fewer_distinct_rows_than_seeds_still_end() {
        let rows = Blocks::new(&[3.0, 3.0, 3.0], vec![1.0; 3], 1);
        assert_eq!(greedy(&Candidates::new(&rows), 2, &mut stream(1, 0)).len(), 2);
    }
}
