//! What customers without segments would look like: references that real ones are held against.
//!
//! A [`Null`] is learned from customers once and drawn from as often as needed. It reads the distinct rows in their own
//! order and draws rows in blocks with a stream of random numbers each, so that the same seed gives the same bytes at any
//! number of threads and in any order of rows, and more rows begin with the fewer ones.

mod axes_box;
mod copula;
mod smoothed;

pub use axes_box::AxesBox;
pub use copula::Copula;
pub use smoothed::Smoothed;

use crate::cluster::{Distinct, Points, stream};
use crate::error::{Error, Result};
use ndarray::Array2;
use rand_xoshiro::Xoshiro256PlusPlus;
use rayon::prelude::*;

/// Rows per stream of random numbers.
const BLOCK: usize = 1024;

/// A population without segments.
pub trait Null: Sync {
    /// Draws `rows` customers (rows × features, C order) independently, in the units of the customers it was learned from.
    fn draw(&self, rows: usize, seed: u64) -> Array2<f64>;
}

/// The distinct customers, checked.
fn learn_from(points: Points) -> Result<Distinct> {
    points.check()?;
    points.refuse_codes("a null reference")?;
    if points.x.nrows() == 0 {
        return Err(Error::new("E0401", "0 customers: nothing to make a reference from")
            .why("a reference has the ranges and the margins of the customers")
            .help("fit and compare with at least one customer"));
    }
    Ok(Distinct::of(points))
}

/// Rows × `width`, each written by `fill`.
fn by_blocks(
    rows: usize,
    width: usize,
    seed: u64,
    fill: impl Fn(&mut Xoshiro256PlusPlus, &mut [f64]) + Sync,
) -> Array2<f64> {
    let mut drawn = Array2::zeros((rows, width));
    if let Some(values) = drawn.as_slice_mut() {
        values.par_chunks_mut(BLOCK * width).enumerate().for_each(|(block, values)| {
            let mut rng = stream(seed, block as u64);
            values.chunks_exact_mut(width).for_each(|row| fill(&mut rng, row));
        });
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Axis, array, concatenate, s};
    use rand::{Rng, seq::SliceRandom};

    type Learn = fn(Points) -> Result<Box<dyn Null>>;

    fn all() -> [Learn; 3] {
        [
            |points| Ok(Box::new(Copula::new(points)?)),
            |points| Ok(Box::new(AxesBox::new(points)?)),
            |points| Ok(Box::new(Smoothed::new(points, 0.5, 3)?)),
        ]
    }

    /// On the grid, with ties and a spike at 0.
    fn customers() -> Array2<f64> {
        let mut rng = stream(8, 0);
        Array2::from_shape_fn((400, 3), |(_, feature)| match feature {
            0 => f64::from(rng.gen_range(0..5)),
            1 => {
                if rng.gen_bool(0.4) {
                    0.0
                } else {
                    f64::from(rng.gen_range(1..9_000)) / 65_536.0
                }
            }
            _ => f64::from(rng.gen_range(-200_000..200_000)) / 65_536.0,
        })
    }

    #[test]
    fn threads_order_of_rows_and_weights_change_nothing() {
        let x = customers();
        let mut order: Vec<usize> = (0..400).collect();
        order.shuffle(&mut stream(9, 0));
        let shuffled = x.select(Axis(0), &order);
        let twice = concatenate![Axis(0), x, x.slice(s![..50, ..])];
        let weights: Vec<f64> = (0..400).map(|row| if row < 50 { 2.0 } else { 1.0 }).collect();
        let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        for learn in all() {
            let expected = learn(x.view().into()).unwrap().draw(3000, 7);
            assert_eq!(learn(shuffled.view().into()).unwrap().draw(3000, 7), expected);
            assert_eq!(one_thread.install(|| learn(x.view().into()).unwrap().draw(3000, 7)), expected);
            let weighted = learn(Points { weights: Some(&weights), ..x.view().into() }).unwrap();
            assert_eq!(weighted.draw(500, 7), learn(twice.view().into()).unwrap().draw(500, 7));
            assert_eq!(learn(x.view().into()).unwrap().draw(1500, 7), expected.slice(s![..1500, ..]));
            assert_ne!(learn(x.view().into()).unwrap().draw(3000, 8), expected);
            assert!(expected.iter().all(|v| (v * 65_536.0).fract() == 0.0));
            assert!(expected.is_standard_layout());
        }
    }

    #[test]
    fn corner_cases() {
        let one = array![[2.5, -1.0]];
        let constant = array![[1.0, 3.0], [2.0, 3.0], [2.0, 3.0], [9.0, 3.0]];
        let narrow = Array2::from_shape_fn((10, 1), |(row, _)| row as f64);
        for learn in all() {
            assert_eq!(learn(one.view().into()).unwrap().draw(2, 1), array![[2.5, -1.0], [2.5, -1.0]]);
            let drawn = learn(constant.view().into()).unwrap().draw(500, 1);
            assert!(drawn.column(1).iter().all(|&v| v == 3.0), "{}", drawn.column(1));
            assert!(drawn.column(0).iter().all(|v| (1.0..=9.0).contains(v)));
            let drawn = learn(narrow.view().into()).unwrap().draw(5000, 1);
            assert!((drawn.mean().unwrap() - 4.5).abs() < 0.2);
            assert_eq!(learn(narrow.view().into()).unwrap().draw(0, 1).dim(), (0, 1));
            let code = |points: Points| learn(points).err().unwrap().code().to_string();
            assert_eq!(code(Array2::zeros((0, 2)).view().into()), "E0401");
            assert_eq!(code(Array2::zeros((2, 0)).view().into()), "E0403");
            assert_eq!(code(array![[f64::NAN]].view().into()), "E0346");
            assert_eq!(code(Points { weights: Some(&[0.0]), ..array![[1.0]].view().into() }), "E0347");
        }
    }
}
