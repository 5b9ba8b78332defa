//! Model space for algorithms that compare levels as such: the numbers on one side, the levels of nominal features on the
//! other.

use super::preparation::ModelMatrix;
use ndarray::{Array2, Axis};

/// A [`ModelMatrix`] taken apart.
#[derive(Debug, Clone, PartialEq)]
pub struct Mixed {
    /// Customers × numeric and ordinal columns.
    pub x: Array2<f64>,
    /// Customers × nominal features: the number of the level, 0 for one that has no column of its own.
    pub codes: Array2<u32>,
}

impl ModelMatrix {
    /// Numbers and levels apart. A column of a level is above 0 for whoever has it and nowhere else.
    pub fn mixed(&self) -> Mixed {
        let numbers: Vec<usize> = (0..self.columns.len()).filter(|&i| self.columns[i].level.is_none()).collect();
        let levels: Vec<usize> = (0..self.columns.len()).filter(|&i| self.columns[i].level.is_some()).collect();
        // The columns of one feature stand side by side.
        let features: Vec<&[usize]> =
            levels.chunk_by(|&a, &b| self.columns[a].feature == self.columns[b].feature).collect();
        let code = |row: usize, columns: &[usize]| {
            columns.iter().position(|&column| self.values[[row, column]] > 0.0).map_or(0, |at| at as u32 + 1)
        };
        Mixed {
            x: self.values.select(Axis(1), &numbers),
            codes: Array2::from_shape_fn((self.values.nrows(), features.len()), |(row, i)| code(row, features[i])),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Family;
    use super::super::preparation::ModelColumn;
    use super::*;
    use ndarray::array;

    #[test]
    fn levels_become_numbers_and_no_level_is_zero() {
        let column = |feature: &str, level: Option<&str>| ModelColumn {
            feature: feature.into(),
            family: Family::Demographic,
            level: level.map(String::from),
        };
        let space = ModelMatrix {
            columns: vec![
                column("region", Some("north")),
                column("region", Some("south")),
                column("age", None),
                column("member", Some("yes")),
            ],
            values: array![[0.7, -0.2, 1.5, 0.5], [-0.3, 0.8, 0.0, -0.5], [0.0, 0.0, -1.5, 0.5]],
        };
        let mixed = space.mixed();
        assert_eq!(mixed.x, array![[1.5], [0.0], [-1.5]]);
        assert_eq!(mixed.codes, array![[1, 1], [2, 0], [0, 1]]);
    }
}
