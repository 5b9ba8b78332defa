//! The same clusters by linfa, as a reference.

use super::super::{Points, Prototypes, sorted_rows, squared_distance, stream};
use super::Dbscan;
use crate::error::{Error, Result};
use linfa::{ParamGuard, traits::Transformer};
use linfa_nn::{CommonNearestNeighbour, KdTreeIndex, NearestNeighbourIndex, distance::L2Dist};
use ndarray::{Array1, Array2, Axis};
use rand::seq::SliceRandom;
use rayon::prelude::*;

impl Dbscan {
    /// linfa finds the chains; which customers are core is counted here, because linfa does not tell.
    pub(super) fn fit_by_linfa(&self, points: Points) -> Result<Prototypes> {
        if points.weights.is_some_and(|weights| weights.iter().any(|&w| w != 1.0)) {
            return Err(Error::new("E0347", "linfa's DBSCAN knows no weights").help("implementation = \"ilk\""));
        }
        let n = points.x.nrows();
        let x = sorted_rows(points.x);
        // linfa grows its tree row by row, and from sorted rows it would grow a list.
        let mut order: Vec<usize> = (0..n).collect();
        order.shuffle(&mut stream(0, 0));
        let shuffled = x.select(Axis(0), &order);
        self.check_pairs(&shuffled)?;
        let (labels, core) = self.labels_and_core(&shuffled)?;

        // Back in sorted order: clusters are numbered by their first core row, and equal rows stand side by side.
        let mut place = vec![0; n];
        order.iter().enumerate().for_each(|(shuffled, &row)| place[row] = shuffled);
        let mut rows: Vec<usize> = Vec::new();
        let mut numbers: Vec<usize> = Vec::new();
        let mut cluster = Vec::new();
        for row in (0..n).filter(|&row| core[place[row]]) {
            let Some(label) = labels[place[row]] else { continue };
            if rows.last().is_some_and(|&last| x.row(last) == x.row(row)) {
                continue;
            }
            let number = numbers.iter().position(|&seen| seen == label).unwrap_or_else(|| {
                numbers.push(label);
                numbers.len() - 1
            });
            rows.push(row);
            cluster.push(number);
        }
        if rows.is_empty() {
            return Err(self.all_noise(points.x));
        }
        let prototypes = Prototypes::new(x.select(Axis(0), &rows), cluster, Some(self.eps))?;
        let mut sizes = vec![0_usize; prototypes.n_clusters()];
        prototypes.assign(x.view()).iter().filter_map(|a| a.cluster).for_each(|c| sizes[c] += 1);
        let mut largest_first: Vec<usize> = (0..sizes.len()).collect();
        largest_first.sort_by_key(|&c| std::cmp::Reverse(sizes[c]));
        Ok(prototypes.reorder(&largest_first))
    }

    /// linfa's cluster of every row of `x` and, beside it, whether the row is core. Both count a distance of exactly
    /// `eps`: linfa's k-d tree does, its linear search and ball tree do not.
    fn labels_and_core(&self, x: &Array2<f64>) -> Result<(Array1<Option<usize>>, Vec<bool>)> {
        let params = linfa_clustering::Dbscan::params_with(self.min_samples, L2Dist, CommonNearestNeighbour::KdTree)
            .tolerance(self.eps)
            .check()
            .map_err(|error| Error::new("E0499", format!("linfa's DBSCAN refused: {error}")))?;
        let count_core = || -> Result<Vec<bool>> {
            let tree = KdTreeIndex::new(x, 16, L2Dist)
                .map_err(|error| Error::new("E0499", format!("linfa's k-d tree refused: {error}")))?;
            let is_core = |i| tree.within_range(x.row(i), self.eps).is_ok_and(|near| near.len() >= self.min_samples);
            Ok((0..x.nrows()).into_par_iter().map(is_core).collect())
        };
        let (core, labels) = rayon::join(count_core, || params.transform(x));
        Ok((labels, core?))
    }

    /// Refuses what would take hours: neighbours are counted for a few rows (`x` is shuffled) before all are.
    fn check_pairs(&self, x: &Array2<f64>) -> Result<()> {
        const ASKED: usize = 50;
        const MOST_PAIRS: f64 = 2e10;
        if (x.nrows() as f64) * (x.nrows() as f64) <= MOST_PAIRS {
            return Ok(());
        }
        let reach = self.eps * self.eps;
        let near = |asked: usize| {
            let asked = x.row(asked).to_vec();
            x.rows()
                .into_iter()
                .filter(|row| row.as_slice().is_some_and(|r| squared_distance(&asked, r) <= reach))
                .count()
        };
        let mean = (0..ASKED).into_par_iter().map(near).sum::<usize>() / ASKED;
        if mean as f64 * x.nrows() as f64 <= MOST_PAIRS {
            return Ok(());
        }
        let customers = x.nrows();
        Err(Error::new(
            "E0413",
            format!("{customers} customers with about {mean} neighbours each within eps = {}", self.eps),
        )
        .why("linfa looks at every pair of neighbours, which would take hours")
        .help("implementation = \"ilk\", a smaller eps, or a sample of customers"))
    }
}
