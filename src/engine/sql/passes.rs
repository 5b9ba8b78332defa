//! Passes over model space in SQL: whom each centroid attracts, and what they add up to.
//!
//! Distances are written as [`squared_distance`](crate::cluster::prototypes::squared_distance) computes them, so labels are the same to the
//! bit; sums are of whole steps of the grid, so they are the same in any order.

use super::{Dialect, double};
use crate::cluster::kmeans::{Passes, Totals};
use crate::engine::database::Database;
use crate::error::{Error, Result};
use crate::features::preparation::GRID;
use ndarray::ArrayView2;

/// Centroids times columns from which on the text of a pass is more than an engine compiles well.
pub const LARGEST: usize = 640;

/// Prototypes from which on everyone is held against too many.
pub const MOST: usize = 1_000;

/// `x0`, `x1`, … beside the columns of a table of model space.
fn coordinates(space: &str, width: usize) -> String {
    let columns: Vec<String> =
        (0..width).map(|at| format!("CAST(q{at} AS DOUBLE) * {} AS x{at}", double(1.0 / GRID))).collect();
    format!("SELECT *, {} FROM {space}", columns.join(", "))
}

/// The squared distance of each customer to each centroid as `to0`, `to1`, ….
fn distances(space: &str, centroids: ArrayView2<f64>) -> String {
    let columns: Vec<String> = (centroids.rows().into_iter().enumerate())
        .map(|(c, centroid)| {
            let squares: Vec<String> = (centroid.iter().enumerate())
                .map(|(at, v)| format!("(x{at} - {v}) * (x{at} - {v})", v = double(*v)))
                .collect();
            format!("{} AS to{c}", squares.join(" + "))
        })
        .collect();
    format!("SELECT *, {} FROM ({}) AS coordinates", columns.join(", "), coordinates(space, centroids.ncols()))
}

/// The least of some columns; of one it is that one.
fn least(columns: &[String]) -> String {
    if let [one] = columns { one.clone() } else { format!("least({})", columns.join(", ")) }
}

/// All columns of a table of model space, `c` for the nearest centroid, the lowest of equally near ones, and its squared distance `d`.
fn nearest(space: &str, centroids: ArrayView2<f64>) -> String {
    let k = centroids.nrows();
    let all: Vec<String> = (0..k).map(|c| format!("to{c}")).collect();
    let cases: String = (0..k).map(|c| format!(" WHEN to{c} = d THEN {c}")).collect();
    format!(
        "SELECT *, CASE{cases} END AS c FROM (SELECT *, {} AS d FROM ({}) AS distances) AS least_of_all",
        least(&all),
        distances(space, centroids)
    )
}

/// One row per centroid that attracts anybody: its number, how many, the sums `s0`, `s1`, … of their steps in each column, and the sum of the
/// squares of all their steps as text.
pub fn sums(space: &str, centroids: ArrayView2<f64>, text: &str) -> String {
    let width = centroids.ncols();
    let sums: Vec<String> =
        (0..width).map(|at| format!("CAST(sum(CAST(q{at} AS BIGINT)) AS BIGINT) AS s{at}")).collect();
    let squares: Vec<String> = (0..width).map(|at| format!("CAST(q{at} AS BIGINT) * q{at}")).collect();
    format!(
        "SELECT CAST(c AS BIGINT) AS c, CAST(count(*) AS BIGINT) AS n, {}, CAST(sum(CAST({} AS DECIMAL(38, 0))) AS {text}) AS squares FROM ({}) AS \
         labelled GROUP BY c",
        sums.join(", "),
        squares.join(" + "),
        nearest(space, centroids)
    )
}

/// `customer`, `c`, its squared distance `d`, and the nearest other centroid `c2` with `d2`; NULL for those where there is one centroid.
/// Beyond `reach` nobody belongs: `c` is NULL. `centroids` are in the order of clusters, one each.
pub fn assigned(space: &str, centroids: ArrayView2<f64>, reach: Option<f64>) -> String {
    let k = centroids.nrows();
    let own = nearest(space, centroids);
    let (second, second_cases) = if k < 2 {
        ("CAST(NULL AS DOUBLE)".to_string(), String::new())
    } else {
        // The own centroid is out of the way; every number is below infinity.
        let others: Vec<String> = (0..k).map(|c| format!("CASE WHEN c <> {c} THEN to{c} END")).collect();
        let cases: String = (0..k).map(|c| format!(" WHEN c <> {c} AND to{c} = d2 THEN {c}")).collect();
        (format!("least({})", others.join(", ")), cases)
    };
    let c2 = if k < 2 { "CAST(NULL AS INT)".into() } else { format!("CASE{second_cases} END") };
    let label = match reach {
        Some(reach) => format!("CASE WHEN d <= {} THEN c END", double(reach * reach)),
        None => "c".into(),
    };
    format!(
        "SELECT customer, {label} AS c, d, {c2} AS c2, d2 FROM (SELECT *, {second} AS d2 FROM ({own}) AS nearest) AS nearest_two"
    )
}

/// Everyone in a table of model space.
pub struct Everyone<'a> {
    /// The database.
    pub database: &'a dyn Database,
    /// The table that [`space`](super::space::space) made.
    pub space: &'a str,
    /// Its columns.
    pub width: usize,
    /// Is told before each pass.
    pub watch: &'a dyn Fn(usize) -> Result<()>,
}

impl Passes for Everyone<'_> {
    fn add_up(&mut self, solutions: &[Vec<f64>]) -> Result<Vec<Totals>> {
        let width = self.width;
        let text = self.database.dialect().text_type();
        let of = |centroids: &Vec<f64>| -> Result<Totals> {
            let mut totals = Totals::none(centroids, width);
            let clusters = centroids.len() / width.max(1);
            let view = ArrayView2::from_shape((clusters, width), centroids)
                .map_err(|e| Error::new("E0070", format!("centroids have the wrong shape: {e}")))?;
            let answer = self.database.query(&sums(self.space, view, text))?;
            let numbers: Vec<Vec<i64>> = (0..width + 2).map(|at| answer.whole(at)).collect::<Result<_>>()?;
            let squares = answer.wide(width + 2)?;
            for (row, squares) in squares.into_iter().enumerate() {
                let cluster = numbers[0][row] as usize;
                totals.sizes[cluster] = numbers[1][row] as f64;
                for at in 0..width {
                    totals.steps[cluster * width + at] = i128::from(numbers[at + 2][row]);
                }
                totals.squares += squares.unsigned_abs();
            }
            Ok(totals)
        };
        let mut all = Vec::with_capacity(solutions.len());
        for (at, solution) in solutions.iter().enumerate() {
            (self.watch)(at)?;
            all.push(of(solution)?);
        }
        Ok(all)
    }
}

/// As [`assigned`], with any number of prototypes for each cluster: every customer is held against each of them. `d` is the squared distance to the
/// nearest of all, `c2` the cluster of the nearest of another cluster.
pub fn assigned_to_many(
    space: &str,
    points: ArrayView2<f64>,
    clusters: &[usize],
    reach: Option<f64>,
    dialect: Dialect,
) -> String {
    let width = points.ncols();
    // One text, which a parser reads in no time; as many literals it would take long to read.
    let lines: Vec<String> = (points.rows().into_iter().zip(clusters))
        .map(|(point, cluster)| {
            let values: Vec<String> = point.iter().map(|v| format!("{v:?}")).collect();
            format!("{cluster},{}", values.join(","))
        })
        .collect();
    let lines = lines.join(";");
    let (unfolded, split, first) = match dialect {
        Dialect::Spark => (format!("explode(split('{lines}', ';'))"), "split", 0),
        Dialect::DuckDb => (format!("unnest(string_split('{lines}', ';'))"), "string_split", 1),
    };
    let values: Vec<String> =
        (0..width).map(|at| format!("CAST(cells[{}] AS DOUBLE) AS v{at}", first + 1 + at)).collect();
    let squares: Vec<String> = (0..width).map(|at| format!("(x{at} - v{at}) * (x{at} - v{at})")).collect();
    let own = match reach {
        Some(reach) => format!("CASE WHEN d <= {} THEN c END", double(reach * reach)),
        None => "c".into(),
    };
    // The hint is for Spark, where a comparison of everyone with few is best made where everyone is; elsewhere it is a comment.
    format!(
        "SELECT * FROM (WITH prototypes AS (SELECT CAST(cells[{first}] AS INT) AS cluster, {} FROM (SELECT {split}(line, ',') AS cells FROM (SELECT \
         {unfolded} AS line) AS lines) AS split_lines), nearest AS (SELECT /*+ BROADCAST(prototypes) */ customer, cluster, min({}) AS away FROM ({}) AS \
         coordinates CROSS JOIN prototypes GROUP BY customer, cluster), ranked AS (SELECT *, row_number() OVER (PARTITION BY customer ORDER BY away, \
         cluster) AS place FROM nearest) SELECT customer, {own} AS c, d, c2, d2 FROM (SELECT customer, max(CASE WHEN place = 1 THEN cluster END) AS c, \
         max(CASE WHEN place = 1 THEN away END) AS d, max(CASE WHEN place = 2 THEN cluster END) AS c2, max(CASE WHEN place = 2 THEN away END) AS d2 FROM \
         ranked GROUP BY customer) AS nearest_two) AS nearest_of_many",
        values.join(", "),
        squares.join(" + "),
        coordinates(space, width)
    )
}
