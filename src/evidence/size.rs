//! The quality of HDBSCAN over its one question: how many customers make a group.

use super::select::{Candidate, Measures, Space};
use crate::cluster::{Algorithm, Clusterer};
use crate::error::Result;

/// The least sizes tried, as shares of all customers.
const SHARES: [f64; 6] = [0.005, 0.01, 0.02, 0.03, 0.05, 0.1];

/// The silhouette is measured on at most so many customers.
const SILHOUETTE_SAMPLE: usize = 4000;

/// The least size of a cluster that is a share of `n` customers, at least 2.
pub fn size_of(share: f64, n: usize) -> usize {
    ((share * n as f64).ceil() as usize).max(2)
}

/// The quality at least sizes from 0.5 % to 10 % of the customers, ascending; `template` is the algorithm with such a size.
///
/// # Errors
/// Those of the algorithm, but for no cluster at all (`E0411`), which is a candidate too.
pub fn sweep_sizes(space: Space, template: &dyn Fn(usize) -> Algorithm, seed: u64) -> Result<Vec<Candidate>> {
    let mut sizes: Vec<usize> = SHARES.iter().map(|share| size_of(*share, space.x.nrows())).collect();
    sizes.dedup();
    let measures = Measures::new(space, SILHOUETTE_SAMPLE, seed);
    sizes
        .into_iter()
        .map(|size| match template(size).fit_points(space.points, seed) {
            Ok(prototypes) => Ok(measures.candidate(&prototypes, size as f64).0),
            Err(error) if error.code() == "E0411" => Ok(Candidate::nothing(size as f64)),
            Err(error) => Err(error),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Hdbscan;
    use ndarray::Array2;
    use rand::{Rng, SeedableRng};

    #[test]
    fn groups_below_the_size_are_no_clusters() {
        let mut rng = rand_xoshiro::Xoshiro256PlusPlus::seed_from_u64(6);
        // 300, 280 and 20 customers: the last are 3.3 % of all.
        let x = Array2::from_shape_fn((600, 2), |(row, _)| {
            let group = usize::from(row >= 300) + usize::from(row >= 580);
            group as f64 * 20.0 + rng.gen_range(0.0..1.0)
        });
        let template = |min_cluster_size| {
            Algorithm::Hdbscan(Hdbscan { min_cluster_size, min_samples: Some(4), ..Hdbscan::default() })
        };
        let swept = sweep_sizes(x.view().into(), &template, 1).unwrap();
        let found: Vec<(f64, usize)> = swept.iter().map(|c| (c.value, c.clusters)).collect();
        assert_eq!(found[1..], [(6.0, 3), (12.0, 3), (18.0, 3), (30.0, 2), (60.0, 2)]);
        assert!((swept[5].unclustered - 20.0 / 600.0).abs() < 1e-12, "{}", swept[5].unclustered);
        assert_eq!((size_of(0.02, 212), size_of(0.005, 10)), (5, 2));
    }
}
