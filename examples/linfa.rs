//! Every algorithm through linfa's own traits: parameters that are checked and fitted, a model that predicts.
//!
//! `cargo run --release --example linfa`
#![allow(clippy::print_stdout)]

use ilk::cluster::{Clusterer, Dbscan, GaussianMixture, Hdbscan, KMeans, KPrototypes, Optics, Prototypes, Ward};
use ilk::error::Result;
use linfa::traits::{Fit, Predict};
use linfa::{DatasetBase, ParamGuard};
use ndarray::{Array2, ArrayView2};
use rand::{Rng, SeedableRng};

fn fitted(clusterer: impl Clusterer, x: ArrayView2<f64>) -> Result<Prototypes> {
    // `check` turns parameters into checked ones, as for any of linfa's algorithms; `fit` alone would do it as well.
    clusterer.with_seed(42).check()?.fit(&DatasetBase::from(x))
}

fn main() -> Result<()> {
    let mut rng = rand_xoshiro::Xoshiro256PlusPlus::seed_from_u64(1);
    let x = Array2::from_shape_fn((600, 2), |(row, _)| (row % 3) as f64 * 10.0 + rng.gen_range(-1.0..1.0));
    let models = [
        ("k-means", fitted(KMeans { n_clusters: 3, ..KMeans::default() }, x.view())?),
        ("Gaussian mixture", fitted(GaussianMixture { n_components: 3, ..GaussianMixture::default() }, x.view())?),
        ("Ward", fitted(Ward { n_clusters: 3, ..Ward::default() }, x.view())?),
        ("k-prototypes", fitted(KPrototypes { n_clusters: 3, ..KPrototypes::default() }, x.view())?),
        ("DBSCAN", fitted(Dbscan { eps: 1.0, ..Dbscan::default() }, x.view())?),
        ("HDBSCAN", fitted(Hdbscan { min_cluster_size: 20, ..Hdbscan::default() }, x.view())?),
        ("OPTICS", fitted(Optics { eps: 1.0, ..Optics::default() }, x.view())?),
    ];
    let new_customers = ndarray::array![[0.2, -0.3], [9.5, 10.1], [55.0, 55.0]];
    for (name, model) in &models {
        let labels = model.predict(&new_customers);
        println!("{name:<16}  {} clusters; new customers: {labels:?}", model.n_clusters());
    }
    Ok(())
}
