//! Numbers that others have published, found again: k-means, DBSCAN and the indices on data that everyone has.
//!
//! Each table says where its numbers come from. The data are left out of the repository; see [`crate::shared`].

#![allow(clippy::unwrap_used)] // in helpers of tests

use ilk::cluster::{Clusterer, Dbscan, KMeans, Prototypes};
use ilk::evidence::indices::{
    Silhouette, adjusted_mutual_information, adjusted_rand, calinski_harabasz, davies_bouldin, inertia, silhouette,
    silhouette_samples, simplified_silhouette_samples,
};
use ndarray::{Array2, ArrayView1, Axis, s};

/// The columns of a file of numbers with a header line.
fn table(name: &str) -> Option<Array2<f64>> {
    let path = crate::shared::path(name)?;
    let mut reader = csv::Reader::from_path(path).unwrap();
    let width = reader.headers().unwrap().len();
    let cells: Vec<f64> =
        reader.records().flat_map(|r| r.unwrap().iter().map(|c| c.parse().unwrap()).collect::<Vec<f64>>()).collect();
    Some(Array2::from_shape_vec((cells.len() / width, width), cells).unwrap())
}

/// Features and the class in the last column.
fn with_target(name: &str) -> Option<(Array2<f64>, Vec<i64>)> {
    let table = table(name)?;
    let (features, target) = table.view().split_at(Axis(1), table.ncols() - 1);
    Some((features.to_owned(), target.iter().map(|&t| t as i64).collect()))
}

/// Every column centred and divided by its population standard deviation.
fn z_scores(x: &Array2<f64>) -> Array2<f64> {
    (x - &x.mean_axis(Axis(0)).unwrap()) / &x.std_axis(Axis(0), 0.0)
}

fn best_of_many(x: &Array2<f64>, n_clusters: usize) -> Prototypes {
    KMeans { n_clusters, n_starts: 2000, ..KMeans::default() }.fit(x.view(), 42).unwrap()
}

fn labels(x: &Array2<f64>, prototypes: &Prototypes) -> Vec<Option<usize>> {
    prototypes.assign(x.view()).iter().map(|a| a.cluster).collect()
}

fn sizes(labels: &[Option<usize>]) -> Vec<usize> {
    let mut sizes = vec![0; labels.iter().flatten().max().map_or(0, |last| last + 1)];
    labels.iter().flatten().for_each(|&label| sizes[label] += 1);
    sizes
}

fn mean_silhouette(x: &Array2<f64>, labels: &[Option<usize>]) -> f64 {
    silhouette(x.view(), labels, x.nrows(), 0).unwrap().mean
}

#[track_caller]
fn close(found: f64, published: f64, tolerance: f64) {
    assert!((found - published).abs() <= tolerance, "{found} instead of {published}");
}

/// Fisher's iris as in R and scikit-learn: inertia 78.85 at k = 3 is in both manuals; the others are the best of many
/// restarts of scikit-learn 1.9.1.
#[test]
fn iris() {
    let Some((x, species)) = with_target("sklearn_toy/iris.csv") else { return };
    let published = [152.347_95, 78.851_44, 57.228_47, 46.446_18, 39.039_99, 34.299_71, 30.014_40];
    for (k, published) in (2..).zip(published) {
        let found = best_of_many(&x, k);
        let reached = inertia(&found.assign(x.view()));
        match k {
            // Here the restarts behind the published numbers ended in local optima; ours lie a little lower.
            7 => close(reached, 34.298_23, 1e-5),
            8 => close(reached, 29.988_94, 1e-5),
            _ => close(reached, published, 1e-5),
        }
        assert!(reached < published + 1e-5);
        let found = labels(&x, &found);
        let index = |of: Option<f64>| of.unwrap();
        if k == 2 {
            assert_eq!(sizes(&found), [97, 53]);
            close(mean_silhouette(&x, &found), 0.681_05, 5e-6);
            close(index(calinski_harabasz(x.view(), &found)), 513.924_5, 5e-5);
            close(index(davies_bouldin(x.view(), &found)), 0.404_29, 5e-6);
        } else if k == 3 {
            assert_eq!(sizes(&found), [62, 50, 38]);
            close(mean_silhouette(&x, &found), 0.552_82, 5e-6);
            close(index(calinski_harabasz(x.view(), &found)), 561.627_8, 5e-5);
            close(index(davies_bouldin(x.view(), &found)), 0.661_97, 5e-6);
            close(adjusted_rand(&found, &species), 0.730_238, 5e-7);
        }
    }
    let z = z_scores(&x);
    let found = best_of_many(&z, 3);
    close(inertia(&found.assign(z.view())), 139.820_496, 5e-6);
    let found = labels(&z, &found);
    assert_eq!(sizes(&found), [53, 50, 47]);
    close(mean_silhouette(&z, &found), 0.459_95, 5e-6);
    close(adjusted_rand(&found, &species), 0.620_135, 5e-7);
}

/// Chemical analyses of wine (UCI), raw and standardised, against scikit-learn 1.9.1.
#[test]
fn wine() {
    let Some((x, cultivar)) = with_target("sklearn_toy/wine.csv") else { return };
    let raw = best_of_many(&x, 3);
    close(inertia(&raw.assign(x.view())), 2_370_689.686_8, 5e-4);
    close(adjusted_rand(&labels(&x, &raw), &cultivar), 0.371_114, 5e-7);
    let z = z_scores(&x);
    let found = best_of_many(&z, 3);
    close(inertia(&found.assign(z.view())), 1_277.928_489, 5e-6);
    let found = labels(&z, &found);
    assert_eq!(sizes(&found), [65, 62, 51]);
    close(mean_silhouette(&z, &found), 0.284_86, 5e-6);
    close(adjusted_rand(&found, &cultivar), 0.897_495, 5e-7);
}

/// Thirty features of very unequal scale: breast cancer (UCI), against scikit-learn 1.9.1.
#[test]
fn breast_cancer() {
    let Some((x, diagnosis)) = with_target("sklearn_toy/breast_cancer.csv") else { return };
    for (x, published, agreement) in
        [(x.clone(), 77_943_099.878_3, 0.491_425), (z_scores(&x), 11_595.461_474, 0.670_721)]
    {
        let found = best_of_many(&x, 2);
        close(inertia(&found.assign(x.view())) / published, 1.0, 1e-9);
        close(adjusted_rand(&labels(&x, &found), &diagnosis), agreement, 5e-7);
    }
}

/// Wholesale customers (UCI): k = 2 on the logarithm of the six yearly spends finds the sales channel.
#[test]
fn wholesale_customers() {
    let Some(table) = table("wholesale_customers/wholesale_customers.csv") else { return };
    let spends = table.slice(s![.., 2..]).mapv(f64::ln);
    let channel: Vec<i64> = table.column(0).iter().map(|&c| c as i64).collect();
    let found = best_of_many(&spends, 2);
    close(inertia(&found.assign(spends.view())), 3_314.947_4, 5e-5);
    let found = labels(&spends, &found);
    assert_eq!(sizes(&found), [258, 182]);
    close(mean_silhouette(&spends, &found), 0.299_96, 5e-6);
    close(adjusted_rand(&found, &channel), 0.580_76, 5e-6);
}

/// The silhouette analysis of scikit-learn's gallery: 500 points around four centres. The gallery prints the silhouettes;
/// the simplified silhouettes (distances to centroids) are those of Apache MADlib's test of the same data.
#[test]
fn silhouette_analysis() {
    let Some(table) = table("sklearn_examples/sk_silhouette_blobs500.csv") else { return };
    let x = table.slice(s![.., ..2]).to_owned();
    let exact = [0.704_978_7, 0.588_200_4, 0.650_518_7];
    let simplified = [0.779_349_5, 0.686_510_5, 0.744_861_9];
    let inertias = [3_735.405_7, 1_903.450_4, 908.385_6];
    for k in 2..=4 {
        let found = best_of_many(&x, k);
        let assigned = found.assign(x.view());
        close(inertia(&assigned), inertias[k - 2], 5e-5);
        close(mean_silhouette(&x, &labels(&x, &found)), exact[k - 2], 5e-7);
        let margins: f64 = assigned.iter().map(|a| a.margin()).sum();
        close(margins / x.nrows() as f64, simplified[k - 2], 5e-7);
        let samples = simplified_silhouette_samples(x.view(), &labels(&x, &found), None).unwrap();
        close(Silhouette::of(&samples, None).unwrap().mean, simplified[k - 2], 5e-7);
    }
}

/// The DBSCAN demo of scikit-learn's gallery: 750 points, eps 0.3, min_samples 10.
#[test]
fn dbscan_demo() {
    let Some(table) = table("sklearn_examples/sk_dbscan750.csv") else { return };
    let x = table.slice(s![.., ..2]).to_owned();
    let integers = |column: ArrayView1<f64>| column.iter().map(|&v| v as i64).collect::<Vec<i64>>();
    let found = Dbscan { eps: 0.3, min_samples: 10, ..Dbscan::default() }.fit(x.view(), 0).unwrap();
    assert_eq!(found.points().nrows(), 679, "core points");
    let found = labels(&x, &found);
    assert_eq!(found.iter().filter(|label| label.is_none()).count(), 18, "noise");
    assert_eq!(sizes(&found), [245, 244, 243]);
    assert_eq!(adjusted_rand(&found, &integers(table.column(3))), 1.0, "scikit-learn's labels, noise included");
    close(adjusted_rand(&found, &integers(table.column(2))), 0.952, 5e-4);
    close(adjusted_mutual_information(&found, &integers(table.column(2))), 0.916, 5e-4);
    close(mean_silhouette(&x, &found), 0.663_82, 5e-6);
    // The gallery counts noise as one more cluster.
    let noise_as_cluster: Vec<Option<usize>> = found.iter().map(|label| Some(label.map_or(3, |l| l))).collect();
    let samples = silhouette_samples(x.view(), &noise_as_cluster).unwrap();
    close(samples.iter().flatten().sum::<f64>() / 750.0, 0.626, 5e-4);
}
