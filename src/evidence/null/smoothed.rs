//! The customers blurred: their margins, their correlations and the bends between their features, but no gaps.

use super::copula::{Copula, Margin};
use super::{Null, by_blocks, learn_from};
use crate::cluster::{Points, stream};
use crate::error::Result;
use ndarray::Array2;
use rand::Rng;
use rand::seq::SliceRandom;
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;
use rayon::prelude::*;

/// The share of customers with the same value of a feature from which it is a spike.
const SPIKE: f64 = 0.1;

/// Customers drawn again and blurred: every feature as normal scores, to which noise with the correlations of the customers is
/// added, and back through the empirical quantiles (a smoothed bootstrap, Silverman & Young 1987, Biometrika 74:469-479, in the space of the copula). Skew, ties,
/// spikes and rank correlations stay; so do, weakened, bends, which a [`Copula`] does not know. What goes is what is finer than the noise:
/// two groups of the same size, however far apart, are at most two standard deviations apart as normal scores, and one hump after it.
///
/// A spike, a value that every tenth customer has ("one order", "never returned anything"), is no measurement that could
/// be blurred: who has it keeps it, so that spikes which go together go together here too. Customers who differ in their spikes alone are
/// kinds that everybody can list without clustering, and no evidence of groups.
#[derive(Debug)]
pub struct Smoothed {
    copula: Copula,
    features: Vec<Feature>,
    rows: usize,
    noise: f64,
}

/// One feature of the customers.
#[derive(Debug)]
struct Feature {
    /// One per customer.
    places: Vec<Place>,
    /// The values that are no spikes.
    rest: Margin,
}

#[derive(Debug, Clone, Copy)]
enum Place {
    /// On a spike at this value.
    Spike(f64),
    /// Elsewhere: the normal score among the values that are no spikes, those of equal values in random order.
    Score(f64),
}

impl Feature {
    fn new(column: &[f64], rng: &mut Xoshiro256PlusPlus) -> Self {
        let mut order: Vec<usize> = (0..column.len()).collect();
        order.shuffle(rng);
        order.sort_by(|&a, &b| column[a].total_cmp(&column[b]));
        let spike = |tied: &[usize]| tied.len() > 1 && tied.len() as f64 >= SPIKE * column.len() as f64;
        let others: Vec<usize> =
            order.chunk_by(|&a, &b| column[a] == column[b]).filter(|tied| !spike(tied)).flatten().copied().collect();
        let mut scores: Vec<f64> = StandardNormal.sample_iter(rng).take(others.len()).collect();
        scores.sort_by(f64::total_cmp);
        let mut places: Vec<Place> = column.iter().map(|&value| Place::Spike(value)).collect();
        others.iter().zip(scores).for_each(|(&row, score)| places[row] = Place::Score(score));
        let rest: Vec<f64> = others.iter().map(|&row| column[row]).collect();
        Self { places, rest: Margin::new(&rest, &vec![1.0; rest.len()]).0 }
    }
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
        let features = (0..customers.x.ncols()).into_par_iter().map(|feature| {
            let column: Vec<f64> = rows.iter().map(|&row| customers.x[[row, feature]]).collect();
            Feature::new(&column, &mut stream(seed, feature as u64))
        });
        Ok(Self { copula, features: features.collect(), rows: rows.len(), noise })
    }
}

impl Null for Smoothed {
    fn draw(&self, rows: usize, seed: u64) -> Array2<f64> {
        let shrink = (1.0 + self.noise * self.noise).sqrt().recip();
        by_blocks(rows, self.features.len(), seed, |rng, row| {
            let from = rng.gen_range(0..self.rows);
            let noise = self.copula.normal(rng);
            for (value, (feature, noise)) in row.iter_mut().zip(self.features.iter().zip(noise)) {
                *value = match feature.places[from] {
                    Place::Spike(spike) => spike,
                    Place::Score(score) => feature.rest.at_score((score + self.noise * noise) * shrink),
                };
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
    fn spikes_that_go_together_stay_together() {
        let mut rng = stream(9, 0);
        // Four customers of ten have neither two orders nor a return; the others have amounts of their own.
        let x = Array2::from_shape_fn((1000, 2), |(row, _)| {
            if row < 400 { 1.0 } else { 2.0 + StandardNormal.sample_iter(&mut rng).map(|v: f64| v * v).next().unwrap() }
        });
        let drawn = Smoothed::new(x.view().into(), 0.5, 1).unwrap().draw(4000, 2);
        let on = |row: ndarray::ArrayView1<f64>| row.iter().filter(|&&v| v == 1.0).count();
        let both = drawn.rows().into_iter().filter(|row| on(*row) == 2).count() as f64 / 4000.0;
        assert!((both - 0.4).abs() < 0.03, "{both}");
        assert!(drawn.rows().into_iter().all(|row| on(row) != 1));
        // The copula knows correlations only.
        let loose = Copula::new(x.view().into()).unwrap().draw(4000, 2);
        assert!(loose.rows().into_iter().any(|row| on(row) == 1));
        // Without a value but spikes there is nothing to blur.
        let all = Array2::from_shape_fn((100, 1), |(row, _)| (row % 2) as f64);
        let drawn = Smoothed::new(all.view().into(), 0.5, 1).unwrap().draw(100, 2);
        assert!(drawn.iter().all(|&v| v == 0.0 || v == 1.0));
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
