//! What every algorithm promises. A new one is one line in [`algorithms`].

use ilk::cluster::{
    Algorithm, Clusterer, Dbscan, GaussianMixture, Hdbscan, KMeans, KPrototypes, Optics, Prototypes, Ward,
};
use ilk::error::Result;
use ilk::evidence::indices::adjusted_rand;
use ndarray::{Array2, Axis};
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// Every algorithm, set for [`blobs`], with a hyperparameter out of bounds and the name of that field.
fn algorithms() -> Vec<(Algorithm, Algorithm, &'static str)> {
    vec![
        (
            Algorithm::KMeans(KMeans { n_clusters: 3, ..KMeans::default() }),
            Algorithm::KMeans(KMeans { n_clusters: 0, ..KMeans::default() }),
            "n_clusters",
        ),
        (
            Algorithm::Dbscan(Dbscan { eps: 1.0, min_samples: 5, ..Dbscan::default() }),
            Algorithm::Dbscan(Dbscan { eps: -1.0, ..Dbscan::default() }),
            "eps",
        ),
        (
            Algorithm::GaussianMixture(GaussianMixture { n_components: 3, ..GaussianMixture::default() }),
            Algorithm::GaussianMixture(GaussianMixture { reg_covar: -1.0, ..GaussianMixture::default() }),
            "reg_covar",
        ),
        (
            Algorithm::KPrototypes(KPrototypes { n_clusters: 3, ..KPrototypes::default() }),
            Algorithm::KPrototypes(KPrototypes { gamma: Some(-1.0), ..KPrototypes::default() }),
            "gamma",
        ),
        (
            Algorithm::Ward(Ward { n_clusters: 3, ..Ward::default() }),
            Algorithm::Ward(Ward { distance_threshold: Some(-1.0), ..Ward::default() }),
            "distance_threshold",
        ),
        (
            Algorithm::Hdbscan(Hdbscan { min_cluster_size: 20, min_samples: Some(5), ..Hdbscan::default() }),
            Algorithm::Hdbscan(Hdbscan { min_cluster_size: 1, ..Hdbscan::default() }),
            "min_cluster_size",
        ),
        (
            Algorithm::Optics(Optics { eps: 1.0, min_samples: 5, max_eps: Some(2.0) }),
            Algorithm::Optics(Optics { max_eps: Some(0.1), ..Optics::default() }),
            "max_eps",
        ),
    ]
}

/// Three round groups of unequal size on the grid of model space, and who is in which.
fn blobs() -> (Array2<f64>, Vec<usize>) {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(8);
    let groups: Vec<usize> = (0..420).map(|row| [0, 0, 0, 1, 1, 2][row % 6]).collect();
    let x = Array2::from_shape_fn((420, 3), |(row, column)| {
        let noise: f64 = (0..4).map(|_| rng.gen_range(-0.7..0.7)).sum();
        ((f64::from(u8::from(groups[row] == column)) * 9.0 + noise) * 65536.0).floor() / 65536.0
    });
    (x, groups)
}

fn labels(prototypes: &Prototypes, x: &Array2<f64>) -> Vec<Option<usize>> {
    prototypes.assign(x.view()).iter().map(|a| a.cluster).collect()
}

/// Refused by name, or a result that assigns; the third way would be a panic.
fn named_or_fitted(algorithm: &Algorithm, fitted: Result<Prototypes>, x: &Array2<f64>) {
    match fitted {
        Ok(prototypes) => assert_eq!(labels(&prototypes, x).len(), x.nrows()),
        Err(error) => {
            assert!(error.code().starts_with("E04"), "{}: {error}", algorithm.name());
            assert!(error.0.notes.iter().any(|note| note.kind == "help"), "{}: no help in {error}", algorithm.name());
        }
    }
}

#[test]
fn planted_groups_are_found() {
    let (x, groups) = blobs();
    for (algorithm, ..) in algorithms() {
        let agreement = adjusted_rand(&labels(&algorithm.fit(x.view(), 1).unwrap(), &x), &groups);
        assert!(agreement > 0.9, "{}: {agreement}", algorithm.name());
    }
}

#[test]
fn fitting_twice_gives_the_same_bits_at_any_number_of_threads() {
    let (x, _) = blobs();
    for (algorithm, ..) in algorithms() {
        let with = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| algorithm.fit(x.view(), 1).unwrap())
        };
        let one = with(1);
        assert_eq!(one, with(1), "{}", algorithm.name());
        assert_eq!(one, with(3), "{}", algorithm.name());
    }
}

#[test]
fn shuffled_rows_give_the_same_prototypes() {
    let (x, _) = blobs();
    let mut order: Vec<usize> = (0..x.nrows()).collect();
    order.shuffle(&mut Xoshiro256PlusPlus::seed_from_u64(2));
    let shuffled = x.select(Axis(0), &order);
    for (algorithm, ..) in algorithms() {
        let (a, b) = (algorithm.fit(x.view(), 1).unwrap(), algorithm.fit(shuffled.view(), 1).unwrap());
        assert_eq!(a, b, "{}", algorithm.name());
    }
}

#[test]
fn a_saved_model_assigns_the_same() {
    let (x, _) = blobs();
    for (algorithm, ..) in algorithms() {
        let saved: Algorithm = serde_json::from_str(&serde_json::to_string(&algorithm).unwrap()).unwrap();
        assert_eq!(saved, algorithm);
        let prototypes = algorithm.fit(x.view(), 1).unwrap();
        let loaded: Prototypes = serde_json::from_str(&serde_json::to_string(&prototypes).unwrap()).unwrap();
        assert_eq!(loaded, prototypes, "{}", algorithm.name());
        assert_eq!(loaded.assign(x.view()), prototypes.assign(x.view()), "{}", algorithm.name());
    }
}

#[test]
fn no_cluster_is_empty_and_the_largest_comes_first() {
    let (x, _) = blobs();
    for (algorithm, ..) in algorithms() {
        let prototypes = algorithm.fit(x.view(), 1).unwrap();
        let mut sizes = vec![0_usize; prototypes.n_clusters()];
        labels(&prototypes, &x).iter().flatten().for_each(|&label| sizes[label] += 1);
        assert!(sizes.iter().all(|&size| size > 0), "{}: {sizes:?}", algorithm.name());
        assert!(sizes.is_sorted_by(|a, b| a >= b), "{}: {sizes:?}", algorithm.name());
    }
}

#[test]
fn odd_data_are_refused_by_name_or_assigned() {
    let (x, _) = blobs();
    let odd = [
        Array2::zeros((0, 3)),
        x.slice(ndarray::s![..1, ..]).to_owned(),
        x.slice(ndarray::s![..2, ..]).to_owned(),
        Array2::from_elem((50, 3), 1.5),
        x.slice(ndarray::s![.., ..1]).to_owned(),
        Array2::zeros((50, 0)),
    ];
    for (algorithm, ..) in algorithms() {
        for x in &odd {
            named_or_fitted(&algorithm, algorithm.fit(x.view(), 1), x);
        }
    }
}

#[test]
fn any_memory_layout_is_fine() {
    let (x, _) = blobs();
    let mut columns = Array2::zeros((3, x.nrows()));
    columns.assign(&x.t());
    for (algorithm, ..) in algorithms() {
        assert_eq!(algorithm.fit(columns.t(), 1).unwrap(), algorithm.fit(x.view(), 1).unwrap(), "{}", algorithm.name());
    }
}

#[test]
fn values_that_are_not_finite_are_refused() {
    let (mut x, _) = blobs();
    for value in [f64::NAN, f64::INFINITY, -1e200] {
        x[[7, 1]] = value;
        for (algorithm, ..) in algorithms() {
            let error = algorithm.fit(x.view(), 1).unwrap_err();
            assert_eq!(error.code(), "E0346", "{}", algorithm.name());
            assert!(error.0.title.contains("row 7"), "{error}");
        }
    }
}

#[test]
fn a_bad_hyperparameter_is_named_with_its_bounds() {
    let (x, _) = blobs();
    for (_, bad, field) in algorithms() {
        let error = bad.check().unwrap_err();
        assert_eq!(error.code(), "E0205");
        assert!(error.0.title.contains(&format!("`{field} = ")) && error.0.title.contains("must be"), "{error}");
        assert_eq!(bad.fit(x.view(), 1).unwrap_err(), error, "fit checks as well");
    }
}

#[test]
fn customers_assigned_later_follow_the_labels_of_the_fit() {
    let (x, _) = blobs();
    for (algorithm, ..) in algorithms() {
        let prototypes = algorithm.fit(x.view(), 1).unwrap();
        let together = labels(&prototypes, &x);
        for row in [0, 3, 5, 419] {
            let alone = x.select(Axis(0), &[row]);
            assert_eq!(labels(&prototypes, &alone), [together[row]], "{}", algorithm.name());
        }
    }
}
