//! The customers blurred: their margins, their correlations and the bends between their features, but no gaps.

use super::copula::Copula;
use super::{Null, by_blocks, learn_from};
use crate::cluster::{Points, stream};
use crate::error::Result;
use ndarray::Array2;
use rand::Rng;
use rand::seq::SliceRandom;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

/// Customers drawn again and blurred: every feature as normal scores, to which noise with the correlations of the customers is
/// added, and back through the empirical quantiles (a smoothed bootstrap, Silverman & Young 1987, Biometrika 74:469-479, in the space of the copula). Skew, ties,
/// spikes and rank correlations stay; so do, weakened, bends and spikes that several features share, which a
/// [`Copula`] does not know. What goes is what is finer than the noise: two groups of the same size, however far apart, are at most
/// two standard deviations apart as normal scores, and one hump after it.
#[derive(Debug)]
pub struct Smoothed {
    copula: Copula,
    /// Customers × features: normal scores, those of equal values in random order.
    scores: Array2<f64>,
    noise: f64,
}

impl Smoothed {
    /// Learns from `points`; `noise` is its standard deviation beside scores of 1. Weights are whole numbers of equal rows.
    ///
    /// # Errors
    /// Those of [`Copula::new`].
    pub fn new(points: Points, noise: f64, seed: u64) -> Result<Self> {
        let copula = Copula::new(points)?;
        let customers = learn_from(points)?;
        let rows: Vec<usize> = (0..customers.len())
            .flat_map(|row| std::iter::repeat_n(row, customers.weights[row].round().max(1.0) as usize))
            .collect();
        let columns: Vec<Vec<f64>> = (0..customers.x.ncols())
            .into_par_iter()
            .map(|feature| {
                let mut rng = stream(seed, feature as u64);
                let mut order: Vec<usize> = (0..rows.len()).collect();
                order.shuffle(&mut rng);
                order.sort_by(|&a, &b| customers.x[[rows[a], feature]].total_cmp(&customers.x[[rows[b], feature]]));
                let mut normal: Vec<f64> = StandardNormal.sample_iter(&mut rng).take(rows.len()).collect();
                normal.sort_by(f64::total_cmp);
                let mut scores = vec![0.0; rows.len()];
                order.into_iter().zip(normal).for_each(|(row, score)| scores[row] = score);
                scores
            })
            .collect();
        let scores = Array2::from_shape_fn((rows.len(), columns.len()), |(row, feature)| columns[feature][row]);
        Ok(Self { copula, scores, noise })
    }
}

impl Null for Smoothed {
    fn draw(&self, rows: usize, seed: u64) -> Array2<f64> {
        let width = self.scores.ncols();
        let shrink = (1.0 + self.noise * self.noise).sqrt().recip();
        by_blocks(rows, width, seed, |rng, row| {
            let from = self.scores.row(rng.gen_range(0..self.scores.nrows()));
            let noise = self.copula.normal(rng);
            for (feature, (value, (score, noise))) in row.iter_mut().zip(from.iter().zip(noise)).enumerate() {
                *value = self.copula.quantile(feature, (score + self.noise * noise) * shrink);
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What part of the rows lies between the groups.
    fn between(x: &Array2<f64>) -> f64 {
        let middle = |row: &ndarray::ArrayView1<f64>| (2.5..5.5).contains(&((row[0] + row[1]) / 2.0));
        x.rows().into_iter().filter(middle).count() as f64 / x.nrows() as f64
    }

    #[test]
    fn gaps_are_filled_and_bends_stay() {
        let mut rng = stream(4, 0);
        let groups = Array2::from_shape_fn((2000, 2), |(row, _)| {
            let normal: f64 = StandardNormal.sample(&mut rng);
            normal + if row % 2 == 0 { 0.0 } else { 8.0 }
        });
        let drawn = Smoothed::new(groups.view().into(), 1.0, 1).unwrap().draw(4000, 2);
        assert!(between(&groups) < 0.01 && between(&drawn) > 0.05, "{} {}", between(&groups), between(&drawn));
        let x = Array2::from_shape_fn((2000, 1), |_| -> f64 { StandardNormal.sample(&mut rng) });
        let bent = Array2::from_shape_fn((2000, 2), |(row, feature)| {
            let noise: f64 = StandardNormal.sample(&mut rng);
            if feature == 0 { x[[row, 0]] } else { x[[row, 0]] * x[[row, 0]] + 0.3 * noise }
        });
        // The mean of the second where the first is far out, less that where it is near 0.
        let bend = |x: &Array2<f64>| {
            let mean = |far: bool| {
                let rows: Vec<f64> = (x.rows().into_iter())
                    .filter(|row| if far { row[0].abs() > 1.5 } else { row[0].abs() < 0.5 })
                    .map(|row| row[1])
                    .collect();
                rows.iter().sum::<f64>() / rows.len() as f64
            };
            mean(true) - mean(false)
        };
        let (seen, kept) = (bend(&bent), bend(&Smoothed::new(bent.view().into(), 1.0, 1).unwrap().draw(4000, 2)));
        let lost = bend(&Copula::new(bent.view().into()).unwrap().draw(4000, 2));
        assert!(kept > 0.3 * seen && lost.abs() < 0.1 * seen, "{seen} {kept} {lost}");
    }
}
