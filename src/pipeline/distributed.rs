//! A project whose rows are in a database: everyone is counted, prepared, clustered and assigned there, and only numbers of everyone, the rows of
//! a sample and a row per cluster come here.
//!
//! A sample of customers is a small project, and goes through the same stages as any other; what they found is then said of everyone. Where the
//! sample is everyone, the model and every file are those of the embedded engine, to the byte.

mod written;

use super::choose::Chosen;
use super::{Model, Prepared, Watch, features, small_base};
use crate::cluster::kmeans::Everywhere;
use crate::cluster::prototypes::Rule;
use crate::cluster::prototypes::few::Few;
use crate::cluster::{Algorithm, Implementation, Prototypes};
use crate::config::Config;
use crate::data::dates::Day;
use crate::data::read::{ReadOptions, Tables};
use crate::data::schema::Inputs;
use crate::engine::database::Database;
use crate::engine::sql::groups::{Group, groups};
use crate::engine::sql::observed::observed;
use crate::engine::sql::passes::{self, assigned};
use crate::engine::sql::population::{self, Everyone};
use crate::engine::sql::rows::{Remote, read};
use crate::engine::sql::space::space;
use crate::engine::sql::values::Writer;
use crate::engine::sql::{double, sample};
use crate::engine::{Engine, embedded::Embedded};
use crate::error::{Error, Result, Warning};
use crate::features::preparation::Preparation;
use crate::features::smoothing::Learned;
use crate::features::{Feature, Unit};
use crate::report::Report;
use crate::segment::profile::{LevelFacts, Profile, Profiles, WhaleFacts};
use ndarray::ArrayView2;
use std::path::Path;

/// The tables of a run in the database.
const OBSERVED: &str = "observed";
const FEATURES: &str = "features";
const SPACE: &str = "model_space";
const ASSIGNED: &str = "assigned";

/// The share of a sample below which prototypes do not stand for what was found.
const AGREEMENT: f64 = 0.9;

/// Everyone, in a database.
pub struct Distributed<'a> {
    database: &'a dyn Database,
    features: Vec<Feature>,
    customers: u64,
    leads: u64,
    lapsed: u64,
    /// How many are looked at here.
    sample: usize,
}

/// Data to model space: all customers in the database, a sample here.
///
/// # Errors
/// Of reading and of the database, and E04 for data that cannot be segmented.
pub fn prepare<'a>(
    config: &Config,
    base: &Path,
    database: &'a dyn Database,
    watch: &dyn Watch,
) -> Result<(Prepared, Distributed<'a>)> {
    watch.begin("read");
    let remote = read(database, &config.input, base, super::read_options(config)?)?;
    let customers = sample::population(database, &remote.shape)?;
    watch.end(&super::read_words(&remote.tables));

    watch.begin("sample");
    let rows = remote.tables.ledger.iter().filter(|row| row.bucket == "read").map(|row| row.rows).sum();
    let condition = sample::condition(customers, sample::wanted(customers, rows, config.engine.sample as u64));
    let tables = sample::rows(database, &remote, condition.as_deref())?;
    let all = features(config, &tables)?;
    let here = Embedded.observe(&tables, &all)?;
    let looked_at = Unit::Count.format(here.ids.len() as f64, "");
    watch.end(&[match &condition {
        Some(_) => format!("{looked_at} of {} customers are looked at here", Unit::Count.format(customers as f64, "")),
        None => format!("all {looked_at} customers are looked at here too"),
    }]);

    watch.begin("features");
    let Remote { shape, leads, lapsed, .. } = remote;
    let dialect = database.dialect();
    database.keep(OBSERVED, &observed(&all, &shape, dialect))?;
    let writer = Writer::new(&all, &shape, dialect);
    let options = super::preparation_options(config);
    // What everyone has taught is the same to the bit wherever it is asked; here it is asked sooner, where everyone is here.
    let learned = match condition {
        Some(_) => Learned::fit(&population::Observed { database, table: OBSERVED, writer: &writer }, &all)?,
        None => Learned::fit(&here, &all)?,
    };
    database.keep(FEATURES, &writer.values(&learned, OBSERVED))?;
    let matrix = learned.resolve(here, all.clone())?;
    let (preparation, mut found) = match condition {
        Some(_) => Preparation::learn(&Everyone::of(database, FEATURES, &all)?, &all, &options)?,
        None => Preparation::learn(&matrix, &all, &options)?,
    };
    database.keep(SPACE, &space(&preparation, &all, FEATURES, dialect))?;
    found.extend(preparation.redundant(&matrix));
    let model_matrix = preparation.transform(&matrix)?;
    let mut warnings = tables.warnings.clone();
    warnings.extend(small_base(customers));
    let said = super::feature_words(customers, &matrix.features, &found);
    warnings.extend(found);
    let used = |f: &&Feature| model_matrix.columns.iter().any(|c| c.feature == f.name);
    warnings.extend(super::protected_in_use(matrix.features.iter().filter(used)));
    watch.end(&said);
    let sample = matrix.len();
    let prepared = Prepared { tables, learned, matrix, preparation, model_matrix, warnings };
    Ok((prepared, Distributed { database, features: all, customers, leads, lapsed, sample }))
}

/// Everyone of today in the database, with the features of a saved model: what [`Distributed::assignments`] and [`Distributed::sizes`] speak of.
///
/// # Errors
/// Of reading and of the database.
pub fn score<'a>(
    model: &Model,
    inputs: &Inputs,
    base: &Path,
    as_of: Option<Day>,
    max_rejected: f64,
    database: &'a dyn Database,
) -> Result<(Distributed<'a>, Tables)> {
    let options = ReadOptions { as_of, window_days: model.window_days, max_rejected, copies: model.copies };
    let Remote { tables, shape, leads, lapsed } = read(database, inputs, base, options)?;
    let customers = sample::population(database, &shape)?;
    let (features, dialect) = (model.features.clone(), database.dialect());
    database.keep(OBSERVED, &observed(&features, &shape, dialect))?;
    database.keep(FEATURES, &Writer::new(&features, &shape, dialect).values(&model.learned, OBSERVED))?;
    database.keep(SPACE, &space(&model.preparation, &features, FEATURES, dialect))?;
    Ok((Distributed { database, features, customers, leads, lapsed, sample: 0 }, tables))
}

/// What refining found.
pub(super) struct Refined {
    pub(super) prototypes: Prototypes,
    pub(super) said: Vec<String>,
    pub(super) warnings: Vec<Warning>,
}

impl Distributed<'_> {
    /// How many customers there are.
    pub fn customers(&self) -> u64 {
        self.customers
    }

    /// How many customers each segment of a model has, and how many none of them.
    ///
    /// # Errors
    /// E0223 where the database cannot assign as the model does.
    pub fn sizes(&self, model: &Model) -> Result<(Vec<u64>, u64)> {
        self.assign(&model.prototypes)?;
        let answer = self.database.query(&format!(
            "SELECT CAST(coalesce(c, -1) AS BIGINT), CAST(count(*) AS BIGINT) FROM {ASSIGNED} GROUP BY coalesce(c, -1)"
        ))?;
        let (mut sizes, mut nowhere) = (vec![0; model.segments.len()], 0);
        for (c, n) in answer.whole(0)?.into_iter().zip(answer.whole(1)?) {
            match usize::try_from(c).ok().and_then(|c| sizes.get_mut(c)) {
                Some(size) => *size = n as u64,
                None => nowhere += n as u64,
            }
        }
        Ok((sizes, nowhere))
    }

    /// Whether the sample is everyone.
    pub fn is_whole(&self) -> bool {
        self.sample as u64 == self.customers
    }

    /// The centroids of a sample, moved by exact iterations over everyone until nothing moves; other prototypes as they are, or few of them, where
    /// a database cannot hold everyone against all of them. `sample` is model space of those who are looked at here.
    pub(super) fn refine(&self, chosen: &Chosen, sample: ArrayView2<f64>, watch: &dyn Watch) -> Result<Refined> {
        let prototypes = &chosen.prototypes;
        let as_it_is = |said: String, warnings: Vec<Warning>| Refined {
            prototypes: prototypes.clone(),
            said: vec![said],
            warnings,
        };
        if self.is_whole() {
            return Ok(Refined { prototypes: prototypes.clone(), said: Vec::new(), warnings: Vec::new() });
        }
        let (customers, looked_at) =
            (Unit::Count.format(self.customers as f64, ""), Unit::Count.format(self.sample as f64, ""));
        let of_sample = format!(
            "{looked_at} of {customers} customers, chosen by the hash of their id, decided the number of segments and the evidence"
        );
        let Algorithm::KMeans(model) = &chosen.algorithm else {
            let name = chosen.algorithm.name();
            let fitted = format!("{of_sample}, and {name} was fitted on them");
            let few = match prototypes.rule() {
                Rule::Nearest { .. } if prototypes.cluster().len() <= passes::MOST => None,
                Rule::Nearest { .. } | Rule::Density(_) => Some(prototypes.few(passes::MOST, sample)?),
                Rule::Gaussian { .. } | Rule::Mixed { .. } => return Err(cannot_assign()),
            };
            return Ok(match few {
                None => as_it_is(format!("{fitted}; everyone is assigned by what it found."), Vec::new()),
                Some(few) => in_place_of(&chosen.algorithm, few, &fitted),
            });
        };
        let (k, width) = (prototypes.n_clusters(), prototypes.n_features());
        if k * width > passes::LARGEST {
            let warning = Warning::new(
                "W0622",
                format!(
                    "{k} segments × {width} columns are above {}: the centroids of the sample stand",
                    passes::LARGEST
                ),
            )
            .why("a database does not compile a larger pass well")
            .help("fewer segments or features; or a larger `sample` under [engine]");
            return Ok(as_it_is(format!("{of_sample}, and the centroids are those of the sample."), vec![warning]));
        }
        if model.implementation == Implementation::Linfa || prototypes.cluster().len() != k {
            return Ok(as_it_is(format!("{of_sample}, and the centroids are those of the sample."), Vec::new()));
        }
        let most = model.max_iterations;
        let pass = std::cell::Cell::new(0);
        let told = |_: usize| {
            pass.set(pass.get() + 1);
            watch.tick(pass.get(), most);
            Ok(())
        };
        let mut rows = passes::Everyone { database: self.database, space: SPACE, width, watch: &told };
        let start = prototypes.points().iter().copied().collect();
        let Everywhere { centroids, iterations, converged, .. } = model.iterate(vec![start], &mut rows, most)?;
        let ends = if converged { "until nothing moved" } else { "and was stopped" };
        Ok(Refined {
            prototypes: Prototypes::new(centroids, (0..k).collect(), None)?,
            said: vec![format!("{of_sample}; k-means then went over all {customers} in {iterations} passes {ends}.")],
            warnings: Vec::new(),
        })
    }

    /// Clusters by revenue of everyone in them, or by size: old numbers in new order.
    pub(super) fn order_by_worth(&self, prototypes: &Prototypes) -> Result<Vec<usize>> {
        self.assign(prototypes)?;
        let revenue = self.features.iter().position(|f| f.name == "revenue");
        let n = prototypes.n_clusters();
        let (mut worth, mut size) = (vec![0i128; n], vec![0i64; n]);
        let minor = match revenue {
            Some(j) => format!(
                "coalesce(sum(CAST(floor(x{j} * {} + {}) AS DECIMAL(38, 0))), 0)",
                double(10_000.0),
                double(0.5)
            ),
            None => "0".into(),
        };
        let answer = self.database.query(&format!(
            "SELECT CAST(c AS BIGINT), CAST(count(*) AS BIGINT), CAST({minor} AS {}) FROM (SELECT * FROM {FEATURES} AS told JOIN {ASSIGNED} USING \
             (customer)) AS labelled WHERE c IS NOT NULL GROUP BY c",
            self.database.dialect().text_type()
        ))?;
        for (row, c) in answer.whole(0)?.into_iter().enumerate() {
            size[c as usize] = answer.whole(1)?[row];
            worth[c as usize] = answer.wide(2)?[row];
        }
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|a, b| worth[*b].cmp(&worth[*a]).then(size[*b].cmp(&size[*a])).then(a.cmp(b)));
        Ok(order)
    }

    /// Whether the database can assign as these prototypes do.
    pub fn can_assign(&self, prototypes: &Prototypes) -> bool {
        matches!(prototypes.rule(), Rule::Nearest { .. })
    }

    /// Assigns everyone; the labels are kept.
    fn assign(&self, prototypes: &Prototypes) -> Result<()> {
        let Rule::Nearest { reach } = prototypes.rule() else {
            return Err(cannot_assign());
        };
        let reach = *reach;
        let query = if prototypes.cluster().len() == prototypes.n_clusters() {
            assigned(SPACE, prototypes.points(), reach)
        } else {
            passes::assigned_to_many(SPACE, prototypes.points(), prototypes.cluster(), reach, self.database.dialect())
        };
        self.database.keep(ASSIGNED, &query)
    }

    /// The profiles of a sample with the numbers of everyone: customers, money, means, shares and levels. Quartiles are those of the sample.
    pub(super) fn described(
        &self,
        sample: Profiles,
        preparation: &Preparation,
        prototypes: &Prototypes,
    ) -> Result<Profiles> {
        self.assign(prototypes)?;
        let groups = groups(self.database, FEATURES, ASSIGNED, &self.features, preparation)?;
        let mut all = Group::default();
        for group in groups.values() {
            add(&mut all, group);
        }
        let none = Group::default();
        let profile = |old: Profile, group: &Group| self.profile(old, group, &all);
        let everyone = profile(sample.everyone, &all);
        let segments = (sample.segments.into_iter().enumerate())
            .map(|(c, old)| profile(old, groups.get(&Some(c)).unwrap_or(&none)))
            .collect();
        let unclustered = match groups.get(&None) {
            Some(group) => Some(profile(sample.unclustered.unwrap_or_else(|| everyone.clone()), group)),
            None => None,
        };
        Ok(Profiles { everyone, segments, unclustered })
    }

    fn profile(&self, old: Profile, group: &Group, all: &Group) -> Profile {
        let n = group.customers as f64;
        let place = |name: &str| self.features.iter().position(|f| f.name == name);
        let of =
            |group: &Group, name: &str| place(name).and_then(|j| group.numbers.get(&j).copied()).unwrap_or_default();
        let revenue = old.revenue.map(|_| of(group, "revenue").sum);
        let of_all = of(all, "revenue").sum;
        let numbers = (old.numbers.into_iter())
            .map(|mut facts| {
                let sums = of(group, &facts.feature);
                facts.mean = (sums.known > 0).then(|| sums.sum / sums.known as f64);
                facts.z = sums.scores / n.max(1.0);
                facts.missing = (n - sums.known as f64) / n.max(1.0);
                facts
            })
            .collect();
        let mut levels = Vec::new();
        for (j, feature) in self.features.iter().enumerate() {
            let Some(every) = all.levels.get(&j) else { continue };
            let own = group.levels.get(&j);
            let counts = every.iter().map(|(level, all)| {
                let own = own.and_then(|own| own.get(level)).copied().unwrap_or(0);
                (level.as_deref(), own as usize, *all as usize)
            });
            levels.extend(LevelFacts::of(feature, counts, group.customers as usize, all.customers as usize));
        }
        Profile {
            customers: group.customers as usize,
            share_customers: n / all.customers.max(1) as f64,
            revenue,
            share_revenue: revenue.filter(|_| of_all != 0.0).map(|own| own / of_all),
            numbers,
            levels,
            nps: old.nps,
        }
    }

    /// What the report says of everyone, in place of what it said of the sample.
    pub(super) fn cover(&self, report: &mut Report) -> Result<()> {
        let coverage = &mut report.coverage;
        coverage.leads = self.leads as usize;
        coverage.without_orders = self.lapsed as usize;
        if self.is_whole() {
            return Ok(());
        }
        coverage.customers = self.customers as usize;
        coverage.sample = Some(self.sample);
        let place = |name: &str| self.features.iter().position(|f| f.name == name);
        if let Some(orders) = place("orders") {
            let query = format!("SELECT CAST(count_if(x{orders} >= {}) AS BIGINT) FROM {FEATURES}", double(2.0));
            let again = self.database.query(&query)?.one(0)?;
            coverage.repeat_rate = Some(again as f64 / self.customers as f64);
        }
        if let (Some(whale), Some(revenue)) = (place("whale"), place("revenue")) {
            let money = |when: &str| {
                format!(
                    "CAST(coalesce(sum(CASE WHEN {when} THEN CAST(floor(x{revenue} * {} + {}) AS DECIMAL(38, 0)) END), 0) AS DOUBLE)",
                    double(10_000.0),
                    double(0.5)
                )
            };
            let is_one = format!("x{whale} = 'yes'");
            let answer = self.database.query(&format!(
                "SELECT CAST(count_if({is_one}) AS BIGINT), {}, {} FROM {FEATURES}",
                money(&is_one),
                money("TRUE")
            ))?;
            let (customers, own, all) = (answer.one(0)?, answer.one_number(1)?, answer.one_number(2)?);
            coverage.whales = (customers > 0 && all > 0.0).then(|| WhaleFacts {
                customers: customers as usize,
                share_customers: customers as f64 / self.customers as f64,
                share_revenue: own / all,
            });
        }
        let unclustered = report.unclustered.as_ref().map_or(0, |profile| profile.customers);
        report.method.unclustered_share = unclustered as f64 / self.customers as f64;
        Ok(())
    }
}

fn cannot_assign() -> Error {
    Error::new("E0223", "a database assigns to the nearest prototype, and this algorithm does it otherwise")
        .why("customers beyond the sample would be in no segment")
        .help(
            "under [cluster]: algorithm = \"kmeans\", \"ward\", \"dbscan\" or \"hdbscan\"; or under [engine] a `sample` of everyone",
        )
}

/// Few prototypes in the place of what an algorithm found, and how well they stand for it.
fn in_place_of(algorithm: &Algorithm, few: Few, fitted: &str) -> Refined {
    let Few { prototypes, agreement } = few;
    let name = algorithm.name();
    let n = Unit::Count.format(prototypes.cluster().len() as f64, "");
    let agreeing = Unit::Share.format(agreement, "");
    let said = format!(
        "{fitted}; everyone is assigned to the nearest of {n} prototypes, which put {agreeing} of the sample where {name} had put them."
    );
    let warnings = if agreement < AGREEMENT {
        vec![
            Warning::new(
                "W0623",
                format!("the prototypes put only {agreeing} of the sample where {name} had put them"),
            )
            .why("the segments of everyone are not quite those that were found in the sample")
            .help(
                "algorithm = \"kmeans\" under [cluster] goes over everyone; or a `sample` of everyone under [engine]",
            ),
        ]
    } else {
        Vec::new()
    };
    Refined { prototypes, said: vec![said], warnings }
}

fn add(all: &mut Group, group: &Group) {
    all.customers += group.customers;
    for (j, sums) in &group.numbers {
        let total = all.numbers.entry(*j).or_default();
        total.known += sums.known;
        total.sum += sums.sum;
        total.scores += sums.scores;
    }
    for (j, levels) in &group.levels {
        let total = all.levels.entry(*j).or_default();
        for (level, n) in levels {
            *total.entry(level.clone()).or_default() += n;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Dbscan;
    use ndarray::array;

    #[test]
    fn prototypes_that_stand_poorly_for_what_was_found_are_said() {
        let told = |agreement: f64| {
            let prototypes = Prototypes::new(array![[0.0], [9.0]], vec![0, 1], Some(1.0)).unwrap();
            in_place_of(&Algorithm::Dbscan(Dbscan::default()), Few { prototypes, agreement }, "fitted on some")
        };
        let well = told(0.97);
        assert_eq!(
            well.said,
            [
                "fitted on some; everyone is assigned to the nearest of 2 prototypes, which put 97.0 % of the sample where dbscan had put them."
            ]
        );
        assert!(well.warnings.is_empty());
        let poorly = told(0.71);
        assert_eq!(poorly.warnings[0].code, "W0623");
        assert!(poorly.warnings[0].title.contains("only 71.0 %"), "{}", poorly.warnings[0].title);
    }
}
