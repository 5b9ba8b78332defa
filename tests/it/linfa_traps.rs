//! What linfa 0.8 reports differently from what its names promise, shown, and ours beside it. If a test here fails after
//! an update of linfa, a trap is gone: read the change, then drop the guard that the test stands for.

use ilk::cluster::{Clusterer, Dbscan, KMeans};
use ilk::evidence::indices::{inertia, silhouette};
use linfa::DatasetBase;
use linfa::prelude::SilhouetteScore;
use linfa::traits::{Fit, Predict, Transformer};
use linfa_clustering::KMeansInit;
use linfa_nn::distance::L2Dist;
use linfa_nn::{CommonNearestNeighbour, NearestNeighbour};
use ndarray::{Array1, Array2, array};
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

fn noise(rows: usize) -> Array2<f64> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    Array2::from_shape_fn((rows, 2), |_| rng.gen_range(0.0..1.0))
}

#[test]
fn a_singleton_scores_one_in_linfa_and_zero_by_definition() {
    let x = array![[0.0, 0.0], [0.1, 0.0], [10.0, 0.0]];
    let theirs: f64 = DatasetBase::new(x.clone(), Array1::from(vec![0_usize, 0, 1])).silhouette_score().unwrap();
    let ours = silhouette(x.view(), &[Some(0), Some(0), Some(1)], 10, 0).unwrap().mean;
    assert!((ours - 0.659_966_33).abs() < 1e-8, "{ours}");
    assert!((theirs - ours - 1.0 / 3.0).abs() < 1e-7, "one of three rows scores 1 too much: {theirs}");
}

#[test]
fn one_cluster_has_a_perfect_silhouette_in_linfa_and_none_by_definition() {
    let x = noise(20);
    let theirs: f64 = DatasetBase::new(x.clone(), Array1::from(vec![0_usize; 20])).silhouette_score().unwrap();
    assert_eq!(theirs, 1.0);
    assert_eq!(silhouette(x.view(), &[Some(0); 20], 100, 0), None);
}

#[test]
fn cluster_count_is_that_of_the_last_run_not_of_the_best() {
    let x = noise(200);
    let differs = (0..20).any(|seed| {
        let model = linfa_clustering::KMeans::params_with(6, Xoshiro256PlusPlus::seed_from_u64(seed), L2Dist)
            .n_runs(10)
            .tolerance(1e-9)
            .fit(&DatasetBase::from(x.view()))
            .unwrap();
        let mut counted = vec![0.0; 6];
        model.predict(&x).iter().for_each(|&label| counted[label] += 1.0);
        model.cluster_count().to_vec() != counted
    });
    assert!(differs);
}

#[test]
fn inertia_is_a_mean_from_before_the_last_update_and_centroids_are_no_means() {
    let x = array![[0.0], [1.0], [2.0], [10.0], [11.0], [12.5]];
    let seeds = array![[0.0], [12.5]];
    let model = linfa_clustering::KMeans::params_with(2, Xoshiro256PlusPlus::seed_from_u64(0), L2Dist)
        .init_method(KMeansInit::Precomputed(seeds))
        .n_runs(1)
        .max_n_iterations(1)
        .fit(&DatasetBase::from(x.view()))
        .unwrap();
    // One assignment to 0 and 12.5 costs 0 + 1 + 4 + 6.25 + 2.25 + 0 = 13.5; then the centroids move, and each counts
    // itself as one more member.
    assert_eq!(model.inertia(), 13.5 / 6.0);
    assert_eq!(model.centroids(), array![[3.0 / 4.0], [46.0 / 4.0]]);

    let ours = KMeans { n_clusters: 2, ..KMeans::default() }.fit(x.view(), 0).unwrap();
    assert_eq!(ours.points(), array![[1.0], [33.5 / 3.0]]);
    let squares = 2.0 + [10.0, 11.0, 12.5].iter().map(|v: &f64| (v - 33.5 / 3.0).powi(2)).sum::<f64>();
    assert!((inertia(&ours.assign(x.view())) - squares).abs() < 1e-12);
}

#[test]
fn a_neighbour_at_exactly_eps_counts_in_one_index_and_not_in_the_others() {
    let x = array![[0.0], [1.0], [2.0]];
    let found = |index: CommonNearestNeighbour| {
        index.from_batch(&x, L2Dist).unwrap().within_range(x.row(1), 1.0).unwrap().len()
    };
    assert_eq!(found(CommonNearestNeighbour::KdTree), 3);
    assert_eq!(found(CommonNearestNeighbour::LinearSearch), 1);
    assert_eq!(found(CommonNearestNeighbour::BallTree), 1);

    let theirs = linfa_clustering::Dbscan::params_with(3, L2Dist, CommonNearestNeighbour::LinearSearch)
        .tolerance(1.0)
        .transform(&x)
        .unwrap();
    assert_eq!(theirs.to_vec(), [None; 3]);
    let ours = Dbscan { eps: 1.0, min_samples: 3, ..Dbscan::default() }.fit(x.view(), 0).unwrap();
    assert!(ours.assign(x.view()).iter().all(|a| a.cluster == Some(0)));
}

#[test]
fn a_border_customer_goes_to_whichever_cluster_came_first_in_linfa() {
    // 2.125 is within 1.5 of a core row on either side, nearer to the right one, and no core row itself.
    let x = array![[0.0], [0.25], [0.5], [0.75], [2.125], [3.25], [3.75], [4.0], [4.25]];
    let label_of_border = |order: [usize; 9]| {
        let rows = x.select(ndarray::Axis(0), &order);
        let at = |value: usize| order.iter().position(|&row| row == value).unwrap();
        let theirs = linfa_clustering::Dbscan::params_with(4, L2Dist, CommonNearestNeighbour::KdTree)
            .tolerance(1.5)
            .transform(&rows)
            .unwrap();
        let ours = Dbscan { eps: 1.5, min_samples: 4, ..Dbscan::default() }.fit(rows.view(), 0).unwrap();
        let ours: Vec<_> = ours.assign(rows.view()).iter().map(|a| a.cluster).collect();
        (theirs[at(4)] == theirs[at(5)], ours[at(4)] == ours[at(5)])
    };
    assert_eq!(label_of_border([0, 1, 2, 3, 4, 5, 6, 7, 8]), (false, true));
    assert_eq!(label_of_border([8, 7, 6, 5, 4, 3, 2, 1, 0]), (true, true));
}

#[test]
fn missing_values_end_in_a_panic_in_linfa_and_in_an_error_here() {
    let x = array![[0.0], [f64::NAN], [1.0]];
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let theirs = std::panic::catch_unwind(|| {
        linfa_clustering::Dbscan::params_with(2, L2Dist, CommonNearestNeighbour::KdTree).tolerance(1.0).transform(&x)
    });
    std::panic::set_hook(hook);
    assert!(theirs.is_err());
    assert_eq!(Dbscan::default().fit(x.view(), 0).unwrap_err().code(), "E0346");
}
