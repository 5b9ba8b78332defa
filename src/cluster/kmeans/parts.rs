//! K-means on more rows than memory holds: a search on a sample, then passes over all rows.

use super::{Fitted, KMeans, Lloyd, matrix};
use crate::cluster::kernel::pack::{STEPS, from_steps};
use crate::cluster::lloyd::{canonical_order, explained, means};
use crate::cluster::packed::{Blocks, Sample};
use crate::cluster::sketch::Growing;
use crate::cluster::{Clusterer, Points, Prototypes, out_of_bounds};
use crate::error::{Error, Result};
use ndarray::{Array2, Axis};

/// What one pass adds up of one solution, in whole steps of the grid so that any number of rows sums exactly.
#[derive(Debug, Clone, PartialEq)]
pub struct Totals {
    /// Clusters × features, C order: where the rows were attracted to.
    pub centroids: Vec<f64>,
    /// Clusters × features: the sums of the rows of each cluster, in steps of 2^-16.
    pub steps: Vec<i128>,
    /// Rows of each cluster.
    pub sizes: Vec<f64>,
    /// Sum of the squares of all values, in squared steps.
    pub squares: u128,
}

/// All rows, wherever they are: in parts that are read again and again, or in a database that adds up by itself. A row belongs to the
/// centroid that [`squared_distance`](crate::cluster::prototypes::squared_distance) says, the lowest of equally near ones.
pub trait Passes {
    /// Looks at every row once and adds up whom the centroids of each solution attract.
    ///
    /// # Errors
    /// Those of reading.
    fn add_up(&mut self, solutions: &[Vec<f64>]) -> Result<Vec<Totals>>;
}

/// Where iterations over all rows ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Everywhere {
    /// Clusters × features, in the order of the start.
    pub centroids: Array2<f64>,
    /// Rows that belonged to each cluster in the last pass.
    pub sizes: Vec<f64>,
    /// Sum of the squared distances of these rows to their means.
    pub inertia: f64,
    /// How many passes there were.
    pub iterations: usize,
    /// The last pass moved nothing.
    pub converged: bool,
}

impl KMeans {
    /// K-means on rows that come in parts, each small enough for memory: `read` begins anew whenever it is called. Parts have the
    /// features of the first, and values on the grid of model space (multiples of 2^-16 below 2^8), so that sums are
    /// exact: neither the order of rows nor where parts end changes a bit.
    ///
    /// The search runs on nested samples, as in nested mini-batch (Newling & Fleuret 2016): 8,192 distinct rows, 65,536 of
    /// them, then all rows, once for every pass. The first pass also tells apart the solutions that the sample cannot; each
    /// pass is one exact iteration of Lloyd's algorithm. After it every centroid is the mean of the rows that belonged to it, and
    /// [`Fitted::inertia`] and [`Fitted::sizes`] are those of these rows about their means. `converged` says that the last pass
    /// moved nothing.
    ///
    /// Memory: one part in `f64` and packed in `f32`, and the samples.
    ///
    /// # Errors
    /// Those of `read`; `E0205` for a hyperparameter out of bounds or no pass; `E0346` for values that are not finite, `E0347` for
    /// values off the grid or parts of another width, `E0403` without features, `E0401` and `E0404` as [`KMeans::fit_packed`].
    pub fn fit_parts<I>(&self, mut read: impl FnMut() -> Result<I>, passes: usize, seed: u64) -> Result<Fitted>
    where
        I: Iterator<Item = Result<Array2<f64>>>,
    {
        self.check()?;
        if passes == 0 {
            return Err(out_of_bounds("passes", passes, "1 or more", "passes = 1"));
        }
        let mut growing: Option<Growing> = None;
        let mut rows = 0;
        for part in read()? {
            let part = part?;
            let growing = growing.get_or_insert_with(|| Growing::new(part.ncols()));
            check(&part, growing.width())?;
            rows += part.nrows();
            growing.add(part.as_standard_layout().as_slice().unwrap_or_default());
        }
        let Some(growing) = growing else {
            return Err(
                Error::new("E0401", "no part has a row").help("a reader that yields the rows of every customer")
            );
        };
        let width = growing.width();
        let sample = Sample::new(growing.finish(), width);
        self.check_customers(rows as f64, &sample)?;
        let (found, stopped_starts) = self.search(&sample, seed)?;
        let solutions = found.iter().map(|lloyd| lloyd.centroids().to_vec()).collect();
        let Everywhere { centroids, sizes, inertia, iterations, converged } =
            self.iterate(solutions, &mut Parts { read, width }, passes)?;
        let order = canonical_order(centroids.as_slice().unwrap_or_default(), &sizes);
        let points = centroids.select(Axis(0), &order);
        Ok(Fitted {
            prototypes: Prototypes::new(points, (0..self.n_clusters).collect(), None)?,
            inertia,
            sizes: order.iter().map(|&cluster| sizes[cluster]).collect(),
            iterations,
            converged,
            stopped_starts,
        })
    }

    /// Exact iterations of Lloyd's algorithm from one or more starts (each clusters × features, C order) until nothing moves, but no more
    /// than `passes`: the first pass tells which start is best.
    ///
    /// # Errors
    /// Those of the passes.
    pub fn iterate(&self, starts: Vec<Vec<f64>>, rows: &mut dyn Passes, passes: usize) -> Result<Everywhere> {
        let width = starts.first().map_or(0, |start| start.len() / self.n_clusters.max(1));
        let (mut solutions, mut iterations, mut converged) = (starts, 0, false);
        let mut best: Option<Totals> = None;
        while iterations < passes && !converged {
            iterations += 1;
            let totals = rows.add_up(&solutions)?;
            let better = totals.into_iter().reduce(|a, b| if b.explained() > a.explained() { b } else { a });
            let Some(better) = better else { break };
            let means = better.means();
            converged = means == better.centroids;
            solutions = vec![means];
            best = Some(better);
        }
        let best = best.unwrap_or_else(|| Totals::none(solutions.first().map_or(&[], Vec::as_slice), width.max(1)));
        let centroids = solutions.first().map_or(&[][..], Vec::as_slice);
        Ok(Everywhere {
            centroids: matrix(centroids, width),
            inertia: (from_steps(best.squares) - best.explained()).max(0.0),
            sizes: best.sizes,
            iterations,
            converged,
        })
    }
}

/// Refuses a part that does not go with the others.
fn check(part: &Array2<f64>, width: usize) -> Result<()> {
    Points::from(part.view()).check()?;
    if part.ncols() != width {
        let columns = part.ncols();
        return Err(Error::new("E0347", format!("a part of {columns} features after parts of {width}"))
            .help("the same features in every part"));
    }
    Ok(())
}

/// Rows that are read in parts.
pub struct Parts<R> {
    /// Begins anew whenever it is called.
    pub read: R,
    /// Features of a row.
    pub width: usize,
}

impl<R, I> Passes for Parts<R>
where
    R: FnMut() -> Result<I>,
    I: Iterator<Item = Result<Array2<f64>>>,
{
    fn add_up(&mut self, solutions: &[Vec<f64>]) -> Result<Vec<Totals>> {
        let width = self.width;
        let mut totals: Vec<Totals> = solutions.iter().map(|centroids| Totals::none(centroids, width)).collect();
        for part in (self.read)()? {
            let part = part?;
            check(&part, width)?;
            let part = part.as_standard_layout();
            let Some((blocks, _)) = Blocks::on_grid(part.as_slice().unwrap_or_default(), None, width, 0) else {
                return Err(Error::new("E0347", "values off the grid of model space: multiples of 2^-16 below 2^8")
                    .why("sums of other numbers depend on the order in which parts come, and segments with them")
                    .help("round the values: (v * 65536.0).round() / 65536.0"));
            };
            for totals in &mut totals {
                let lloyd = Lloyd::new(&blocks, totals.centroids.clone());
                totals.steps.iter_mut().zip(lloyd.sums()).for_each(|(total, sum)| *total += (sum * STEPS) as i128);
                totals.sizes.iter_mut().zip(lloyd.sizes()).for_each(|(total, size)| *total += size);
                totals.squares += blocks.squares;
            }
        }
        Ok(totals)
    }
}

impl Totals {
    /// Those of no rows.
    pub fn none(centroids: &[f64], width: usize) -> Self {
        let k = centroids.len() / width;
        Self { centroids: centroids.to_vec(), steps: vec![0; centroids.len()], sizes: vec![0.0; k], squares: 0 }
    }

    /// Clusters × features.
    fn sums(&self) -> Vec<f64> {
        self.steps.iter().map(|&steps| steps as f64 / STEPS).collect()
    }

    /// What the means take off the sum of squares.
    fn explained(&self) -> f64 {
        explained(&self.sums(), &self.sizes)
    }

    /// The mean of every cluster; one that lost everyone stays.
    fn means(&self) -> Vec<f64> {
        means(&self.centroids, &self.sums(), &self.sizes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::{Packed, stream};
    use ndarray::s;
    use rand::Rng;

    /// Six groups of 30,000 rows each on the grid, every row its own.
    fn shop() -> Array2<f64> {
        let mut rng = stream(5, 0);
        Array2::from_shape_fn((180_000, 2), |(row, column)| {
            let centre = [[0.0, 0.0], [8.0, 0.0], [0.0, 8.0], [8.0, 8.0], [4.0, 16.0], [16.0, 4.0]][row % 6][column];
            ((centre + rng.gen_range(-1.5..1.5) + rng.gen_range(-1.5..1.5)) * 65536.0_f64).floor() / 65536.0
        })
    }

    fn parts(x: &Array2<f64>, rows: usize) -> impl FnMut() -> Result<std::vec::IntoIter<Result<Array2<f64>>>> {
        let parts: Vec<Array2<f64>> = x.axis_chunks_iter(Axis(0), rows).map(|part| part.to_owned()).collect();
        move || Ok(parts.iter().cloned().map(Ok).collect::<Vec<_>>().into_iter())
    }

    #[test]
    fn passes_lead_to_the_fixed_point_of_all_rows() {
        let x = shop();
        let model = KMeans { n_clusters: 6, n_starts: 5, ..KMeans::default() };
        let whole = model.fit_packed(&Packed::new(x.view().into()).unwrap(), 3).unwrap();
        let one = model.fit_parts(parts(&x, 7_000), 1, 3).unwrap();
        assert_eq!((one.iterations, one.converged), (1, false));
        assert!(one.inertia <= 1.0001 * whole.inertia, "{} {}", one.inertia, whole.inertia);
        let many = model.fit_parts(parts(&x, 7_000), 100, 3).unwrap();
        assert!(many.converged);
        let sorted = |points: ndarray::ArrayView2<f64>| {
            let mut rows: Vec<Vec<f64>> = points.rows().into_iter().map(|row| row.to_vec()).collect();
            rows.sort_by(|a, b| a[0].total_cmp(&b[0]));
            rows
        };
        assert_eq!(sorted(many.prototypes.points()), sorted(whole.prototypes.points()));
        assert!((many.inertia / whole.inertia - 1.0).abs() < 1e-9);
        assert_eq!(many.sizes, whole.sizes);
        assert!(many.sizes.is_sorted_by(|a, b| a >= b));
    }

    #[test]
    fn neither_the_parts_nor_the_order_of_rows_change_a_bit() {
        let x = shop();
        let turned = x.slice(s![..;-1, ..]).to_owned();
        let model = KMeans { n_clusters: 5, n_starts: 3, ..KMeans::default() };
        let fit = |x: &Array2<f64>, rows| model.fit_parts(parts(x, rows), 2, 1).unwrap();
        assert_eq!(fit(&x, 10_000), fit(&turned, 64_001));
    }

    #[test]
    fn parts_that_do_not_fit_are_refused() {
        let model = KMeans { n_clusters: 2, ..KMeans::default() };
        let code = |parts: Vec<Array2<f64>>, passes| {
            let read = || Ok(parts.clone().into_iter().map(Ok));
            model.fit_parts(read, passes, 1).unwrap_err().code().to_owned()
        };
        let part = |width, value| Array2::from_shape_fn((5, width), |(row, _)| row as f64 + value);
        assert_eq!(code(vec![part(2, 0.0)], 0), "E0205");
        assert_eq!(code(vec![], 1), "E0401");
        assert_eq!(code(vec![part(2, 0.0), part(3, 0.0)], 1), "E0347");
        assert_eq!(code(vec![part(2, 0.1)], 1), "E0347");
        assert_eq!(code(vec![part(2, f64::NAN)], 1), "E0346");
        assert_eq!(code(vec![Array2::zeros((5, 2))], 1), "E0404");
    }
}
