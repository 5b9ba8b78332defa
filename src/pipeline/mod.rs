//! The stages composed, nothing else: tables, features, preparation, clusters, segments, report. Prints nothing and writes
//! nothing.

mod algorithm;
mod choose;
mod distributed;
mod facts;
mod features;
mod lineage;
mod migration;
mod pictures;
mod tables;
mod unlike;

pub use choose::{Weighed, sweep, weighed};
pub use distributed::{Distributed, prepare as prepare_distributed, score as score_distributed};
pub use features::{attribute_features, dictionary, features, protected_in_use};
pub use lineage::{Comparison, Earlier, Elder, compare, standing};
pub use migration::{QUARTER, View, beside_the_year_before, history, migration_table, movements};
pub use tables::{assignment_table, changed_rows, feature_table, rfm_table};
pub use unlike::{STRICT, unlike};

use crate::cluster::Assignment;
use crate::config::{AlgorithmName, Config};
use crate::data::read::{ReadOptions, Tables, read};
use crate::data::schema::{Inputs, Paths};
use crate::engine::Engine;
use crate::engine::embedded::Embedded;
use crate::error::{Error, Result, Warning};
use crate::evidence::stability::Recurrence;
use crate::features::matrix::FeatureMatrix;
use crate::features::preparation::{ModelMatrix, Preparation, PreparationOptions};
use crate::features::smoothing::Learned;
use crate::features::{Feature, Role, Unit, rfm};
use crate::report::{Report, SMALL_CELL};
use crate::segment::lineage::Lineage;
use crate::segment::migration::Chance;
use crate::segment::model::{FORMAT, ModelSegment, SegmentModel, assign, far_distance};
use crate::segment::persona::{Persona, drivers, in_own_words, keep_names, personas};
use crate::segment::playbook::{play_of, play_of_leads, playbook};
use crate::segment::profile::{Profile, profiles};
use crate::segment::rfm_grid::facts::RfmFacts;
use crate::segment::rfm_grid::{self, RfmGrid, Score};
use crate::segment::segment_id;
use lineage::{LookBack, lineage, monitoring};
use std::path::Path;

/// The model of a project.
pub type Model = SegmentModel<Inputs>;

/// Customers below which results move a lot from quarter to quarter.
const SMALL_BASE: u64 = 500;

/// Is told how far the work is.
pub trait Watch {
    /// A stage begins.
    fn begin(&self, stage: &'static str);
    /// So many of so many steps are done.
    fn tick(&self, done: usize, of: usize);
    /// The stage ended; what it found, one line per entry.
    fn end(&self, said: &[String]);
}

/// Watches nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unwatched;

impl Watch for Unwatched {
    fn begin(&self, _: &'static str) {}
    fn tick(&self, _: usize, _: usize) {}
    fn end(&self, _: &[String]) {}
}

/// Data and features of a project, before any segment.
pub struct Prepared {
    /// What was read.
    pub tables: Tables,
    /// What the features learned.
    pub learned: Learned,
    /// The features of every customer.
    pub matrix: FeatureMatrix,
    /// How they become model space.
    pub preparation: Preparation,
    /// Model space.
    pub model_matrix: ModelMatrix,
    /// Warnings of all stages so far.
    pub warnings: Vec<Warning>,
}

/// A finished run.
pub struct Run {
    /// Data and features.
    pub prepared: Prepared,
    /// The model.
    pub model: Model,
    /// One per customer of the matrix; `cluster` is the index of the segment.
    pub assignments: Vec<Assignment>,
    /// How sure the segment of every customer is: the share of resamples that agree. Empty where none were made.
    pub confidence: Vec<Option<f64>>,
    /// How often refits put customers of one segment into another; `None` where none were made.
    pub chance: Option<Chance>,
    /// RFM scores, one per customer of the matrix; empty where the model has no grid.
    pub rfm: Vec<Option<Score>>,
    /// Everything the report says.
    pub report: Report,
}

/// Customers scored with a model.
pub struct Scored {
    /// The customers in matrix order.
    pub matrix: FeatureMatrix,
    /// One per customer.
    pub assignments: Vec<Assignment>,
    /// RFM scores by the frozen cuts, one per customer; empty where the model has no grid.
    pub rfm: Vec<Option<Score>>,
    /// What was read.
    pub tables: Tables,
    /// Warnings of reading and scoring.
    pub warnings: Vec<Warning>,
}

/// Reads the tables of a project.
///
/// # Errors
/// See [`read`].
pub fn tables(config: &Config, base: &Path) -> Result<Tables> {
    read(&config.input, base, read_options(config)?)
}

/// Which rows count, as the config says.
fn read_options(config: &Config) -> Result<ReadOptions> {
    Ok(ReadOptions {
        as_of: config.as_of()?,
        window_days: config.window_days()?,
        max_rejected: config.max_rejected()?,
        copies: config.quality.copies(),
    })
}

/// How features become model space, as the config says.
fn preparation_options(config: &Config) -> PreparationOptions {
    PreparationOptions {
        weights: config.features.weights.clone(),
        winsorize: config.features.winsorize,
        ..PreparationOptions::default()
    }
}

/// The period of a run: the quarter of `as_of`, or `undated`.
pub fn period(tables: &Tables) -> String {
    tables.as_of.map_or_else(|| "undated".into(), crate::data::dates::Day::quarter)
}

/// The RFM grid of a project without its clusters.
pub struct Grid {
    /// What was read.
    pub tables: Tables,
    /// Recency, orders and revenue of every customer.
    pub matrix: FeatureMatrix,
    /// The grid and everybody's scores.
    pub fitted: rfm_grid::Fitted,
    /// What is in it.
    pub facts: RfmFacts,
}

/// Data to the RFM grid.
///
/// # Errors
/// Of reading, and E0210 where the data tell no recency, orders or revenue.
pub fn rfm(config: &Config, base: &Path, watch: &dyn Watch) -> Result<Grid> {
    watch.begin("read");
    let tables = tables(config, base)?;
    watch.end(&read_words(&tables));
    watch.begin("score");
    let mut features = features(config, &tables)?;
    // The rest is for lifetime models, which start from the same table.
    let kept = rfm_grid::FEATURES.into_iter().chain(rfm::LIFETIME).collect::<Vec<_>>();
    features.retain(|f| kept.contains(&f.name.as_str()));
    let observed = Embedded.observe(&tables, &features)?;
    let matrix = Learned::fit(&observed, &features)?.resolve(observed, features)?;
    let grid = RfmGrid::fit(&config.rfm, &matrix)
        .and_then(|fitted| RfmFacts::of(&fitted.grid, &fitted.scores, &matrix).map(|facts| (fitted, facts)));
    let Some((fitted, facts)) = grid else {
        return Err(Error::new("E0210", "the RFM grid needs orders with a date and money")
            .why("recency, frequency and money are what it is made of")
            .help("under [input.orders]: date = \"…\" and amount = \"…\""));
    };
    watch.end(&[]);
    Ok(Grid { tables, matrix, fitted, facts })
}

/// Data to model space.
///
/// # Errors
/// Of reading, and E04 for data that cannot be segmented.
pub fn prepare(config: &Config, base: &Path, watch: &dyn Watch) -> Result<Prepared> {
    watch.begin("read");
    let tables = tables(config, base)?;
    watch.end(&read_words(&tables));
    watch.begin("features");
    let features = features(config, &tables)?;
    let observed = Embedded.observe(&tables, &features)?;
    let learned = Learned::fit(&observed, &features)?;
    let matrix = learned.resolve(observed, features)?;
    let (preparation, found) = Preparation::fit(&matrix, &preparation_options(config))?;
    let model_matrix = preparation.transform(&matrix)?;
    let mut warnings = tables.warnings.clone();
    warnings.extend(small_base(matrix.len() as u64));
    let said = feature_words(matrix.len() as u64, &matrix.features, &found);
    warnings.extend(found);
    let used = |f: &&Feature| model_matrix.columns.iter().any(|c| c.feature == f.name);
    warnings.extend(protected_in_use(matrix.features.iter().filter(used)));
    watch.end(&said);
    Ok(Prepared { tables, learned, matrix, preparation, model_matrix, warnings })
}

/// W0402 for few customers.
fn small_base(customers: u64) -> Option<Warning> {
    (customers < SMALL_BASE).then(|| {
        Warning::new(
            "W0402",
            format!("{customers} customers; below {SMALL_BASE} results move a lot from quarter to quarter"),
        )
        .help("use few segments, and look at the stability on each card")
    })
}

/// How many features there are, and which of them say nothing.
fn feature_words(customers: u64, features: &[Feature], found: &[Warning]) -> Vec<String> {
    let forming = features.iter().filter(|f| f.role == Role::Form).count();
    let mut said = vec![format!(
        "{} customers × {} features, {forming} of them form segments",
        Unit::Count.format(customers as f64, ""),
        features.len()
    )];
    let dropped = found.iter().filter(|w| w.code.starts_with("W0403") || w.code == "W0404");
    said.extend(dropped.map(|w| w.title.clone()));
    said
}

fn read_words(tables: &Tables) -> Vec<String> {
    let mut said: Vec<String> = tables
        .ledger
        .iter()
        .filter(|row| row.bucket == "read")
        .map(|row| {
            let refused =
                tables.ledger.iter().find(|r| r.table == row.table && r.bucket == "refused").map_or(0, |r| r.rows);
            format!("{}: {} rows, {refused} refused", row.table, Unit::Count.format(row.rows as f64, ""))
        })
        .collect();
    said.extend(tables.stated.iter().cloned());
    said
}

/// Model space to segments, profiles, personas and the report. `version` is the name the model will have; segments that `elder` has too
/// keep their ids, names and colours. What was prepared are the customers of `everyone` that are looked at here, if there is such.
///
/// # Errors
/// E04 for data that cannot be segmented.
pub fn segment(
    config: &Config,
    prepared: Prepared,
    version: &str,
    elder: Option<&Elder>,
    everyone: Option<&Distributed>,
    watch: &dyn Watch,
) -> Result<Run> {
    watch.begin(match config.cluster.algorithm {
        AlgorithmName::Dbscan | AlgorithmName::Optics => "choose eps",
        AlgorithmName::Hdbscan => "find density",
        AlgorithmName::Auto => "choose algorithm",
        _ => "choose k",
    });
    let beside = match elder {
        Some(elder) => LookBack::at(elder, &prepared.matrix)?.map(|back| (elder, back)),
        None => None,
    };
    let standing = beside.as_ref().map(|(elder, back)| back.standing(elder, &prepared.model_matrix));
    let chosen = choose::choose(&config.cluster, &prepared.model_matrix, standing.as_ref(), watch)?;
    let choose::Certainty { confidence, moves, algorithms } =
        choose::certainty(&config.cluster, &chosen, &prepared.model_matrix)?;
    watch.end(&chosen.reasons);
    let mut chosen = chosen;
    if let Some(everyone) = everyone {
        watch.begin("everyone");
        let refined = everyone.refine(&chosen, prepared.model_matrix.values.view(), watch)?;
        watch.end(&refined.said);
        chosen.prototypes = refined.prototypes;
        chosen.reasons.extend(refined.said);
        chosen.warnings.extend(refined.warnings);
    }

    watch.begin("segments");
    let space = &prepared.model_matrix;
    let n = chosen.prototypes.n_clusters();
    let order = match everyone.filter(|everyone| !everyone.is_whole()) {
        Some(everyone) => everyone.order_by_worth(&chosen.prototypes)?,
        None => {
            let first: Vec<Option<usize>> = assign(&chosen.prototypes, space).iter().map(|a| a.cluster).collect();
            order_by_worth(&prepared.matrix, &first, n)
        }
    };
    // Ties go to the lower number, so the labels are taken after the last renumbering.
    let prototypes = chosen.prototypes.reorder(&order);
    let assignments = assign(&prototypes, space);
    let labels: Vec<Option<usize>> = assignments.iter().map(|a| a.cluster).collect();
    let stability: Vec<Option<Recurrence>> =
        order.iter().map(|old| chosen.stability.clusters.get(*old).copied()).collect();

    let mut described = profiles(&prepared.matrix, &prepared.preparation, &labels, n);
    if let Some(everyone) = everyone.filter(|everyone| !everyone.is_whole()) {
        described = everyone.described(described, &prepared.preparation, &prototypes)?;
    }
    let currency = &config.project.currency;
    let mut named = personas(&described.everyone, &described.segments, &prepared.matrix.features, currency);
    let back = beside.as_ref().map(|(_, back)| back);
    let lineage = elder.map(|elder| lineage(elder, back, &prepared.matrix, &labels, n));
    let identities = identities(elder, lineage.as_ref(), &described.segments, &prepared.matrix.features, &mut named);
    let ids = identities.iter().map(|identity| identity.id.clone());
    let wait = in_own_words(ids.zip(&mut named), &config.personas)?;
    let grid = RfmGrid::fit(&config.rfm, &prepared.matrix);
    let model = Model {
        format: FORMAT,
        ilk_version: env!("CARGO_PKG_VERSION").into(),
        name: config.project.name.clone(),
        version: version.into(),
        as_of: prepared.tables.as_of.map(crate::data::dates::Day::iso),
        window_days: prepared.tables.window_days,
        currency: currency.clone(),
        input: without_paths(&config.input),
        copies: config.quality.copies(),
        features: prepared.matrix.features.clone(),
        learned: prepared.learned.clone(),
        preparation: prepared.preparation.clone(),
        algorithm: chosen.algorithm.clone(),
        segments: identities
            .into_iter()
            .zip(&named)
            .map(|(identity, persona)| {
                let made = persona.made.as_ref().and_then(|made| made.name.clone());
                ModelSegment { name: persona.name.clone(), made, ..identity }
            })
            .collect(),
        far: far_distance(&assignments),
        prototypes,
        rfm: grid.as_ref().map(|g| g.grid.clone()),
    };
    watch.end(&[match &lineage {
        Some(lineage) => lineage.words(),
        None => format!(
            "first model: {} ordered by {}",
            if n == 1 { segment_id(0) } else { format!("ids {}…{}", segment_id(0), segment_id(n - 1)) },
            if prepared.matrix.position("revenue").is_some() { "revenue" } else { "size" }
        ),
    }]);
    watch.begin("report");
    let mut report =
        facts::report(config, &prepared, chosen, &model, &assignments, &labels, described, named, stability)?;
    report.method.algorithms = algorithms;
    report.monitoring = match (elder, &lineage) {
        (Some(elder), Some(lineage)) => Some(monitoring(elder, back, lineage, &model, &prepared.matrix, &labels)?),
        _ => None,
    };
    report.lineage = lineage;
    report.warnings.extend(wait);
    let plays = playbook(&config.playbook)?;
    for segment in &mut report.segments {
        segment.play = play_of(&plays, &segment.profile).cloned();
    }
    report.leads_play = play_of_leads(&plays, report.coverage.leads).cloned();
    let rfm = grid.map_or_else(Vec::new, |fitted| {
        let facts = RfmFacts::of(&fitted.grid, &fitted.scores, &prepared.matrix);
        report.rfm = facts.map(|facts| facts.without_few(SMALL_CELL));
        report.positions = pictures::positions(&fitted.scores, fitted.grid.bins, &labels, n);
        report.warnings.extend(fitted.warnings);
        fitted.scores
    });
    if let Some(everyone) = everyone {
        everyone.cover(&mut report)?;
    }
    watch.end(&[]);
    let chance = (!moves.is_empty()).then(|| {
        // Those in no segment stay last.
        let place = |new: usize| order.get(new).copied().unwrap_or(new);
        let row = |from: usize| (0..=n).map(|to| moves[place(from)][place(to)]).collect();
        Chance::of(
            model.segments.iter().map(|segment| segment.id.clone()).collect(),
            &(0..=n).map(row).collect::<Vec<_>>(),
        )
    });
    Ok(Run { prepared, model, assignments, confidence, chance, rfm, report })
}

/// Id, name and colour of each segment: those that it had, or the next ones. A name stays while what it came from does.
fn identities(
    elder: Option<&Elder>,
    lineage: Option<&Lineage>,
    profiles: &[Profile],
    features: &[Feature],
    named: &mut [Persona],
) -> Vec<ModelSegment> {
    let had = |i: usize| {
        let id = lineage?.kin(i)?;
        let segments = &elder?.model.segments;
        segments.iter().position(|s| s.id == id).map(|at| (&segments[at], segments[at].colour.unwrap_or(at)))
    };
    let drivers: Vec<Vec<String>> = profiles.iter().map(|profile| drivers(profile, features)).collect();
    let names: Vec<Option<String>> = (0..profiles.len())
        .map(|i| {
            let (segment, _) = had(i)?;
            let same = segment.drivers.is_empty() || segment.drivers == drivers[i];
            same.then(|| segment.made.clone().unwrap_or_else(|| segment.name.clone()))
        })
        .collect();
    keep_names(named, &names);
    let mut taken: Vec<usize> = (0..profiles.len()).filter_map(|i| had(i).map(|had| had.1)).collect();
    let mut free = || {
        let colour = (0..).find(|colour| !taken.contains(colour)).unwrap_or_default();
        taken.push(colour);
        colour
    };
    (drivers.into_iter().enumerate())
        .map(|(i, drivers)| ModelSegment {
            id: lineage.map_or_else(|| segment_id(i), |lineage| lineage.lives[i].id.clone()),
            name: named[i].name.clone(),
            made: None,
            drivers,
            colour: Some(had(i).map_or_else(&mut free, |had| had.1)),
        })
        .collect()
}

/// The clusters by revenue, or by size where there is none; old numbers in new order.
fn order_by_worth(matrix: &FeatureMatrix, labels: &[Option<usize>], n: usize) -> Vec<usize> {
    let mut worth = vec![0.0; n];
    let mut size = vec![0usize; n];
    let revenue = matrix.numbers("revenue");
    for (row, label) in labels.iter().enumerate() {
        if let Some(cluster) = label {
            size[*cluster] += 1;
            worth[*cluster] += revenue.map_or(0.0, |r| if r[row].is_nan() { 0.0 } else { r[row] });
        }
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|a, b| worth[*b].total_cmp(&worth[*a]).then(size[*b].cmp(&size[*a])).then(a.cmp(b)));
    order
}

/// A path belongs to a machine, not to a model.
fn without_paths(inputs: &Inputs) -> Inputs {
    let mut inputs = inputs.clone();
    let blank = || Paths::One(String::new());
    if let Some(orders) = &mut inputs.orders {
        orders.path = blank();
        if let Some(join) = &mut orders.join {
            join.path = blank();
        }
    }
    if let Some(customers) = &mut inputs.customers {
        customers.path = blank();
    }
    for events in &mut inputs.events {
        events.path = blank();
        if let Some(join) = &mut events.join {
            join.path = blank();
        }
    }
    for survey in &mut inputs.surveys {
        survey.path = blank();
    }
    inputs
}

/// Scores customers with a saved model. `inputs` are the model's tables with paths filled in.
///
/// # Errors
/// Of reading, and E05 where the data do not fit the model.
pub fn score(
    model: &Model,
    inputs: &Inputs,
    base: &Path,
    as_of: Option<crate::data::dates::Day>,
    max_rejected: f64,
) -> Result<Scored> {
    let options = ReadOptions { as_of, window_days: model.window_days, max_rejected, copies: model.copies };
    let tables = read(inputs, base, options)?;
    let observed = Embedded.observe(&tables, &model.features)?;
    let matrix = model.learned.resolve(observed, model.features.clone())?;
    let assignments = model.assign(&matrix)?;
    let rfm = model.rfm.as_ref().map_or_else(Vec::new, |grid| grid.scores(&matrix));
    let mut warnings = tables.warnings.clone();
    warnings.extend(unlike::levels(model, &matrix));
    Ok(Scored { matrix, assignments, rfm, tables, warnings })
}
