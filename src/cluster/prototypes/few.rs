//! Few prototypes that stand for many, or for a rule that needs all training customers: what a database can hold everyone against.

use super::{Prototypes, Rule, squared_distance};
use crate::error::Result;
use ndarray::{ArrayView2, Axis};
use rayon::prelude::*;

/// What stands for other prototypes.
#[derive(Debug, Clone, PartialEq)]
pub struct Few {
    /// Prototypes of [`Rule::Nearest`].
    pub prototypes: Prototypes,
    /// The share of the customers they were tried on who are where the others put them; those who became prototypes do not count.
    pub agreement: f64,
}

impl Prototypes {
    /// At most `most` of these prototypes (but one for each cluster), assigning by the nearest. Those are chosen that lie farthest from the ones
    /// chosen before them in their cluster, so that the farthest customer from all is at most twice as far as it must be (Gonzalez 1985, Clustering
    /// to minimize the maximum intercluster distance). Where somebody may belong nowhere, `reach` is the distance that puts most of `points`
    /// (customers × features) where these prototypes put them, the smallest such.
    ///
    /// # Errors
    /// Of [`Prototypes::new`].
    ///
    /// # Panics
    /// If `points` have another number of features than the prototypes.
    pub fn few(&self, most: usize, points: ArrayView2<f64>) -> Result<Few> {
        let labels = self.clusters_of(points.into());
        let rows = self.spread(most);
        let chosen = self.points.select(Axis(0), &rows);
        let clusters: Vec<usize> = rows.iter().map(|row| self.cluster[*row]).collect();
        let all = Self::new(chosen.clone(), clusters.clone(), None)?;
        // How far each is from the nearest, and whether that one is of its cluster.
        let mut tried: Vec<(f64, bool, bool)> = (all.assign(points).into_iter().zip(&labels))
            .filter(|(found, _)| found.distance > 0.0 && found.distance.is_finite())
            .map(|(found, label)| (found.distance, found.cluster == *label, label.is_none()))
            .collect();
        let leaves_out = !matches!(self.rule, Rule::Nearest { reach: None });
        let (reach, right) = if leaves_out {
            let (reach, right) = best_reach(&mut tried);
            (Some(reach), right)
        } else {
            (None, tried.iter().filter(|(_, same, _)| *same).count())
        };
        let agreement = if tried.is_empty() { 1.0 } else { right as f64 / tried.len() as f64 };
        Ok(Few { prototypes: Self::new(chosen, clusters, reach)?, agreement })
    }

    /// Rows of prototypes that cover those of their cluster, ascending.
    fn spread(&self, most: usize) -> Vec<usize> {
        let n = self.cluster.len();
        let is_first = |row: &usize| *row == 0 || self.cluster[row - 1] != self.cluster[*row];
        let mut chosen: Vec<usize> = (0..n).filter(is_first).collect();
        let rows: Vec<&[f64]> = self.points.rows().into_iter().map(|row| row.to_slice().unwrap_or_default()).collect();
        let mut away = vec![f64::INFINITY; n];
        let mut news = chosen.clone();
        loop {
            away.par_iter_mut().enumerate().with_min_len(4096).for_each(|(row, away)| {
                for new in news.iter().filter(|new| self.cluster[**new] == self.cluster[row]) {
                    *away = away.min(squared_distance(rows[row], rows[*new]));
                }
            });
            // The first of equally far ones.
            let farthest = (0..n).reduce(|best, row| if away[row] > away[best] { row } else { best });
            match farthest.filter(|row| away[*row] > 0.0 && chosen.len() < most) {
                Some(row) => {
                    chosen.push(row);
                    news = vec![row];
                }
                None => break,
            }
        }
        chosen.sort_unstable();
        chosen
    }
}

/// The distance up to which customers are best taken in, by how far each is, whether it would be where it belongs, and whether it
/// belongs nowhere; and how many of them it puts right. Sorts them by distance.
fn best_reach(tried: &mut [(f64, bool, bool)]) -> (f64, usize) {
    tried.sort_by(|a, b| a.0.total_cmp(&b.0));
    let nearest = tried.first().map_or(1.0, |first| first.0);
    let mut right = tried.iter().filter(|(_, _, nowhere)| *nowhere).count();
    // Nobody but the prototypes themselves.
    let mut best = (nearest / 2.0, right);
    for (at, (distance, same, nowhere)) in tried.iter().enumerate() {
        right = right + usize::from(*same) - usize::from(*nowhere);
        let next = tried.get(at + 1).map(|next| next.0);
        if right > best.1 && next != Some(*distance) {
            // Between two customers, so that no rounding decides.
            best = (next.map_or(distance * 2.0, |next| distance + (next - distance) / 2.0), right);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::{Clusterer, Dbscan, Hdbscan};
    use ndarray::{Array2, array};
    use rand::{Rng, SeedableRng};
    use rand_xoshiro::Xoshiro256PlusPlus;

    /// Two round clouds, and as many strewn over the plane as `strewn`.
    fn clouds(strewn: usize) -> Array2<f64> {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(3);
        let mut around = |x: f64, y: f64, spread: f64| {
            let mut noise = || (0..6).map(|_| rng.gen_range(-spread..spread)).sum::<f64>() / 3.0;
            [x + noise(), y + noise()]
        };
        let mut rows: Vec<[f64; 2]> = Vec::new();
        for _ in 0..400 {
            rows.push(around(0.0, 0.0, 1.0));
            rows.push(around(6.0, 2.0, 1.0));
        }
        rows.extend((0..strewn).map(|_| around(3.0, 1.0, 9.0)));
        Array2::from(rows)
    }

    #[test]
    fn few_core_points_stand_for_all_of_them() {
        let x = clouds(60);
        let all = Dbscan { eps: 0.4, min_samples: 8, ..Dbscan::default() }.fit(x.view(), 0).unwrap();
        assert_eq!(all.n_clusters(), 2);
        let Few { prototypes, agreement } = all.few(60, x.view()).unwrap();
        assert_eq!(prototypes.cluster().len(), 60);
        assert!(agreement > 0.95, "{agreement}");
        // The share that is told is the share that is found.
        let (ours, theirs) = (prototypes.assign(x.view()), all.assign(x.view()));
        let tried = || ours.iter().zip(&theirs).filter(|(a, _)| a.distance > 0.0);
        let same = tried().filter(|(a, b)| a.cluster == b.cluster).count();
        assert_eq!(same as f64 / tried().count() as f64, agreement);
        // No reach does better.
        for reach in (1..200).map(|step| f64::from(step) * 0.01) {
            let other = Prototypes::new(prototypes.points().to_owned(), prototypes.cluster().to_vec(), Some(reach));
            let found = other.unwrap().assign(x.view());
            let right = found.iter().zip(&theirs).filter(|(a, b)| a.distance > 0.0 && a.cluster == b.cluster).count();
            assert!(right <= same, "{reach}: {right} > {same}");
        }
    }

    #[test]
    fn density_becomes_the_nearest_within_reach() {
        let x = clouds(60);
        let all = Hdbscan { min_cluster_size: 40, ..Hdbscan::default() }.fit(x.view(), 0).unwrap();
        let few = all.few(100, x.view()).unwrap();
        assert!(few.agreement > 0.9, "{}", few.agreement);
        assert_eq!(few.prototypes.n_clusters(), all.n_clusters());
        assert!(few.prototypes.reach().is_some_and(|reach| reach < 3.0), "{:?}", few.prototypes.reach());
    }

    #[test]
    fn those_are_chosen_that_are_far_from_each_other() {
        let points = array![[0.0], [1.0], [9.0], [10.0], [4.0], [50.0], [51.0]];
        let all = Prototypes::new(points.clone(), vec![0, 0, 0, 0, 0, 1, 1], None).unwrap();
        let few = all.few(4, points.view()).unwrap().prototypes;
        assert_eq!(
            (few.points().to_owned(), few.cluster().to_vec()),
            (array![[0.0], [10.0], [4.0], [50.0]], vec![0, 0, 0, 1])
        );
        assert_eq!(few.reach(), None);
        // Every cluster keeps one, and equal ones are one.
        assert_eq!(all.few(1, points.view()).unwrap().prototypes.cluster(), [0, 1]);
        let equal = Prototypes::new(array![[1.0], [1.0]], vec![0, 0], Some(1.0)).unwrap();
        let few = equal.few(5, array![[1.0]].view()).unwrap();
        assert_eq!((few.prototypes.cluster().len(), few.agreement), (1, 1.0));
    }
}
