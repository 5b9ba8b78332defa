//! What the features of every customer are, in natural units.

use super::Feature;

/// What an engine counted, before anything was learned from the population. Rows are sorted by customer id.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// One id per row, unique, ascending by bytes (or input order where the file has no id).
    pub ids: Vec<String>,
    /// One per feature, each as long as `ids`.
    pub columns: Vec<ObservedColumn>,
}

/// One feature as an engine returns it.
#[derive(Debug, Clone, PartialEq)]
pub enum ObservedColumn {
    /// A number; `NaN` is missing.
    Number(Vec<f64>),
    /// Successes and trials of a rate.
    Counts {
        /// Successes per customer.
        hits: Vec<f64>,
        /// Trials per customer, at least the successes.
        trials: Vec<f64>,
    },
    /// Days since the last row, and the gaps between distinct days; `NaN` without a row.
    Gaps {
        /// Days since the last row.
        since: Vec<f64>,
        /// Sum of the gaps.
        sum: Vec<f64>,
        /// Their number.
        count: Vec<f64>,
    },
    /// Numbers that are compared with a quantile of the population.
    Compared(Vec<f64>),
    /// Nothing: it follows from the features before it.
    Derived,
    /// A level; `None` is missing.
    Level(Vec<Option<String>>),
}

/// Customers × features in natural units: what people read, profile and join. Never clustered (see
/// [`ModelMatrix`](super::preparation::ModelMatrix)).
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureMatrix {
    /// One id per row, as in [`Observed::ids`].
    pub ids: Vec<String>,
    /// The features, in column order.
    pub features: Vec<Feature>,
    /// One per feature.
    pub columns: Vec<Column>,
}

/// One feature of every customer.
#[derive(Debug, Clone, PartialEq)]
pub enum Column {
    /// A number in the feature's unit; `NaN` is missing.
    Number(Vec<f64>),
    /// A level; `None` is missing.
    Level(Vec<Option<String>>),
}

impl FeatureMatrix {
    /// Number of customers.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is no customer.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// These features of every customer; `None` where one is missing or is computed in another way.
    pub fn select(&self, wanted: &[Feature]) -> Option<Self> {
        let same = |a: &Feature, b: &Feature| a.measure == b.measure && a.unit == b.unit;
        let column = |feature: &Feature| {
            let at = self.position(&feature.name).filter(|at| same(&self.features[*at], feature))?;
            Some(self.columns[at].clone())
        };
        let columns = wanted.iter().map(column).collect::<Option<_>>()?;
        Some(Self { ids: self.ids.clone(), features: wanted.to_vec(), columns })
    }

    /// The position of the feature called `name`.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.features.iter().position(|f| f.name == name)
    }

    /// The numbers of the feature called `name`; `None` if there is no such feature or it holds levels.
    pub fn numbers(&self, name: &str) -> Option<&[f64]> {
        match &self.columns[self.position(name)?] {
            Column::Number(values) => Some(values),
            Column::Level(_) => None,
        }
    }
}

/// What linfa needs to know of a matrix to transform it.
impl linfa::dataset::Records for FeatureMatrix {
    type Elem = f64;

    fn nsamples(&self) -> usize {
        self.ids.len()
    }

    fn nfeatures(&self) -> usize {
        self.features.len()
    }
}
