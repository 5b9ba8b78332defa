use super::*;
use ndarray::{Axis, array};
use rand::Rng;

/// The 150 flowers of Fisher's iris (four measurements), setosa, versicolor, virginica; as R and scikit-learn have it.
fn iris() -> Array2<f64> {
    let text = include_str!("iris.csv");
    let values: Vec<f64> = text.lines().flat_map(|line| line.split(',')).map(|v| v.parse().unwrap()).collect();
    Array2::from_shape_vec((150, 4), values).unwrap()
}

fn model(n_components: usize) -> GaussianMixture {
    GaussianMixture { n_components, tol: 1e-8, max_iter: 2000, ..GaussianMixture::default() }
}

/// Rows on the grid of model space around `centres` points.
fn blobs(rows: usize, columns: usize, centres: usize) -> Array2<f64> {
    let mut rng = stream(11, 0);
    Array2::from_shape_fn((rows, columns), |(row, column)| {
        let centre = ((row % centres) * (column + 3) % 7) as f64 * 3.0;
        let noise = rng.gen_range(-1.0..1.0) + rng.gen_range(-1.0..1.0);
        ((centre + noise) * 65536.0_f64).floor() / 65536.0
    })
}

#[test]
fn iris_has_the_likelihoods_and_criteria_of_mclust() {
    let x = iris();
    let published = [(1, 829.9782, -379.9146), (2, 574.0178, -214.3547), (3, 580.8389, -180.1855)];
    for (k, bic, log_likelihood) in published {
        let fit = model(k).fit_mixture(x.view().into(), 1).unwrap();
        assert!((fit.bic() - bic).abs() < 2e-3, "k = {k}: BIC {}", fit.bic());
        assert!((fit.log_likelihood() - log_likelihood).abs() < 1e-3, "k = {k}: {}", fit.log_likelihood());
        assert!(fit.icl() >= fit.bic() && fit.converged());
        assert_eq!(fit.prototypes().n_clusters(), k);
        let memberships = fit.prototypes().memberships(x.view()).unwrap();
        let entropy: f64 = memberships.iter().filter(|p| **p > 0.0).map(|p| -p * p.ln()).sum();
        assert!((fit.icl() - fit.bic() - 2.0 * entropy).abs() < 1e-9);
        assert!(memberships.sum_axis(Axis(1)).iter().all(|sum| (sum - 1.0).abs() < 1e-12));
    }
}

#[test]
fn one_component_is_the_mean_and_the_covariance() {
    let x = array![[0.0, 0.0], [2.0, 1.0], [4.0, 2.0], [2.0, 5.0]];
    for covariance_type in [CovarianceType::Full, CovarianceType::Tied] {
        let fit = GaussianMixture { reg_covar: 0.0, covariance_type, ..model(1) };
        let prototypes = fit.fit(x.view(), 0).unwrap();
        assert_eq!(prototypes.points(), array![[2.0, 2.0]]);
        // Covariance [[2, 1], [1, 3.5]]: Cholesky factor [[sqrt 2, 0], [1 / sqrt 2, sqrt 3]].
        let Rule::Gaussian { weights, factors } = prototypes.rule() else { panic!("another rule") };
        assert_eq!(weights, &[1.0]);
        let expected = [1.0 / 2f64.sqrt(), -1.0 / (2.0 * 3f64.sqrt()), 1.0 / 3f64.sqrt()];
        assert!(factors.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{factors}");
    }
}

#[test]
fn restricted_covariances_keep_their_shape_and_count_their_parameters() {
    let x = blobs(600, 3, 3);
    let fit =
        |covariance_type| GaussianMixture { covariance_type, ..model(3) }.fit_mixture(x.view().into(), 1).unwrap();
    let counts = [CovarianceType::Full, CovarianceType::Tied, CovarianceType::Diag, CovarianceType::Spherical]
        .map(|covariance_type| fit(covariance_type).n_parameters());
    assert_eq!(counts, [2 + 9 + 18, 2 + 9 + 6, 2 + 9 + 9, 2 + 9 + 3]);
    let factors = |covariance_type| {
        let Rule::Gaussian { factors, .. } = fit(covariance_type).prototypes().rule().clone() else { panic!() };
        factors
    };
    let tied = factors(CovarianceType::Tied);
    assert_eq!(tied.row(0), tied.row(2));
    let diag = factors(CovarianceType::Diag);
    assert!([1, 3, 4].iter().all(|&at| diag.column(at).iter().all(|&v| v == 0.0)));
    assert_ne!(diag[[0, 0]], diag[[0, 2]]);
    let spherical = factors(CovarianceType::Spherical);
    assert_eq!((spherical[[1, 0]], spherical[[1, 2]]), (spherical[[1, 5]], spherical[[1, 5]]));
    // Nested models: the freer one describes the same customers at least as well.
    let heights =
        [CovarianceType::Full, CovarianceType::Diag, CovarianceType::Spherical].map(|t| fit(t).log_likelihood());
    assert!(heights.is_sorted_by(|a, b| a >= b), "{heights:?}");
}

#[test]
fn every_iteration_climbs() {
    let x = blobs(500, 2, 5);
    let labels: Vec<usize> = (0..500).map(|row| row % 4).collect();
    let heights: Vec<f64> = (1..40)
        .map(|max_iter| {
            let fit = GaussianMixture { tol: 0.0, max_iter, reg_covar: 0.0, ..model(4) };
            fit.fit_from(x.view().into(), &labels).unwrap().log_likelihood()
        })
        .collect();
    assert!(heights.windows(2).all(|w| w[1] >= w[0] - 1e-9), "{heights:?}");
    assert!(heights[38] > heights[0] + 1.0);
}

#[test]
fn a_weight_counts_as_that_many_customers() {
    let x = blobs(120, 2, 3);
    let weights: Vec<f64> = (0..120).map(|row| (row % 3 + 1) as f64).collect();
    let rows: Vec<usize> = (0..120).flat_map(|row| vec![row; row % 3 + 1]).collect();
    let repeated = x.select(Axis(0), &rows);
    let weighted = model(3).fit_mixture(Points { weights: Some(&weights), ..x.view().into() }, 4).unwrap();
    assert_eq!(weighted, model(3).fit_mixture(repeated.view().into(), 4).unwrap());
    let plain = model(3).fit_mixture(x.view().into(), 4).unwrap();
    assert_ne!(weighted.prototypes(), plain.prototypes());
}

#[test]
fn neither_threads_nor_the_order_of_rows_matter_even_with_a_sample() {
    use rand::seq::SliceRandom;
    for n in [700, START_ROWS + 3000] {
        let x = blobs(n, 2, 4);
        let mut order: Vec<usize> = (0..n).collect();
        order.shuffle(&mut stream(1, 1));
        let shuffled = x.select(Axis(0), &order);
        let model = GaussianMixture { n_components: 4, n_init: 3, ..GaussianMixture::default() };
        let with = |threads: usize, x: &Array2<f64>| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| model.fit_mixture(x.view().into(), 3).unwrap())
        };
        assert_eq!(with(1, &x), with(3, &shuffled));
    }
}

#[test]
fn features_far_from_zero_and_of_any_scale_change_nothing() {
    let x = blobs(400, 3, 3);
    let fit = |x: &Array2<f64>| GaussianMixture { reg_covar: 0.0, ..model(3) }.fit(x.view(), 1).unwrap();
    let labels = |x: &Array2<f64>| -> Vec<_> { fit(x).assign(x.view()).iter().map(|a| a.cluster).collect() };
    assert_eq!(labels(&x), labels(&(&x + 1e6)));
    assert_eq!(labels(&x), labels(&(&x * 1024.0)));
}

#[test]
fn a_component_without_customers_makes_no_cluster() {
    // Every customer twice, once for each of the first two components: these stay equal, and ties go to one of them.
    let x = blobs(200, 2, 2);
    let twice = ndarray::concatenate![Axis(0), x, x];
    let labels: Vec<usize> = (0..400).map(|row| if row % 2 == 1 { 2 } else { row / 200 }).collect();
    let fit = model(3).fit_from(twice.view().into(), &labels).unwrap();
    let prototypes = fit.prototypes();
    assert_eq!((prototypes.points().nrows(), prototypes.n_clusters()), (3, 2));
    let mut sizes = [0; 2];
    prototypes.assign(x.view()).iter().for_each(|a| sizes[a.cluster.unwrap()] += 1);
    assert_eq!(sizes, [100, 100]);
    assert_eq!(prototypes.memberships(x.view()).unwrap().ncols(), 2);
}

#[test]
fn data_that_cannot_be_described_are_refused_with_a_reason() {
    let x = array![[1.0, 0.0], [1.0, -0.0], [2.0, 0.0]];
    let code = |model: GaussianMixture, x: &Array2<f64>| model.fit(x.view(), 0).unwrap_err().code().to_owned();
    assert_eq!(code(model(3), &x), "E0404");
    assert_eq!(code(model(5), &x), "E0401");
    // The second feature is constant: without regularisation its variance is 0.
    let flat = GaussianMixture { reg_covar: 0.0, ..model(1) };
    assert_eq!(code(flat, &x), "E0403");
    assert!(model(1).fit(x.view(), 0).is_ok());
    let codes = array![[1], [1], [2]];
    let points = Points { codes: Some(codes.view()), ..x.view().into() };
    assert_eq!(model(1).fit_points(points, 0).unwrap_err().code(), "E0347");
    assert_eq!(model(2).fit_from(x.view().into(), &[0, 1]).unwrap_err().code(), "E0347");
    assert_eq!(model(2).fit_from(x.view().into(), &[0, 1, 2]).unwrap_err().code(), "E0347");
}

#[test]
fn a_bad_hyperparameter_is_named_with_its_bounds() {
    let good = GaussianMixture::default();
    for (bad, field) in [
        (GaussianMixture { n_components: 0, ..good.clone() }, "n_components = 0"),
        (GaussianMixture { reg_covar: -1.0, ..good.clone() }, "reg_covar = -1"),
        (GaussianMixture { tol: f64::NAN, ..good.clone() }, "tol = NaN"),
        (GaussianMixture { max_iter: 0, ..good.clone() }, "max_iter = 0"),
        (GaussianMixture { n_init: 0, ..good.clone() }, "n_init = 0"),
    ] {
        let error = bad.check().unwrap_err();
        assert!(error.code() == "E0205" && error.0.title.contains(field), "{error}");
    }
    assert!(good.check().is_ok());
}
