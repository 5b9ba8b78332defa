//! The stages composed, nothing else: tables, features, preparation, clusters, segments, report. Prints nothing and writes
//! nothing.

use crate::cluster::{Algorithm, Assignment, Clusterer, Dbscan, KMeans, Prototypes, dbscan};
use crate::config::{AlgorithmName, Auto, ClusterConfig, Config};
use crate::data::log::Field;
use crate::data::read::{ReadOptions, Tables, read};
use crate::data::schema::{Attribute, AttributeKind, Inputs, OrdersSpec, Paths, Question, QuestionKind};
use crate::engine::Engine;
use crate::engine::embedded::Embedded;
use crate::error::{Error, Result, Warning};
use crate::evidence::select::{Candidate, choose_k, sweep_k};
use crate::evidence::{eps, indices, stability};
use crate::export::{Table, Values};
use crate::features::dictionary::{self, Entry};
use crate::features::matrix::{Column, FeatureMatrix};
use crate::features::preparation::{ModelMatrix, Preparation, PreparationOptions};
use crate::features::smoothing::Learned;
use crate::features::{
    Family, Feature, Role, Unit, basket, custom, demographic, engagement, lifecycle, occasion, rfm, survey,
};
use crate::report::{Coverage, FeatureFacts, MapPoint, Method, Report, SegmentFacts};
use crate::segment::model::{FORMAT, Fit, ModelSegment, SegmentModel, far_distance};
use crate::segment::persona::{Persona, personas};
use crate::segment::profile::{Profiles, between, profiles, repeat_rate, whales};
use crate::segment::protected::protected;
use crate::segment::rfm_grid::facts::RfmFacts;
use crate::segment::rfm_grid::{self, RfmGrid, Score};
use crate::segment::{LEADS, LEADS_NAME, UNCLUSTERED, blocks, segment_id};
use std::collections::BTreeSet;
use std::path::Path;

/// The model of a project.
pub type Model = SegmentModel<Inputs>;

/// Customers drawn on the recency-frequency map.
const MAP_POINTS: usize = 2_000;

/// Customers below which results move a lot from quarter to quarter.
const SMALL_BASE: usize = 500;

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
    let options = ReadOptions {
        as_of: config.as_of()?,
        window_days: config.window_days()?,
        max_rejected: config.max_rejected()?,
        copies: config.quality.copies(),
    };
    read(&config.input, base, options)
}

/// The period of a run: the quarter of `as_of`, or `undated`.
pub fn period(tables: &Tables) -> String {
    tables.as_of.map_or_else(|| "undated".into(), crate::data::dates::Day::quarter)
}

/// The features a project's tables allow, roles as the config says.
///
/// # Errors
/// E0203 for a role of a feature that does not exist, E0209 if nothing forms segments.
pub fn features(config: &Config, tables: &Tables) -> Result<Vec<Feature>> {
    let mut all = Vec::new();
    let dated = tables.as_of.is_some();
    if let Some(orders) = &config.input.orders {
        let revenue = orders.has_money();
        all.extend(rfm::features(rfm::Available {
            revenue,
            products: orders.product.is_some(),
            returns: tables.sales.has_returns,
        }));
        all.extend(basket::features(basket::Available {
            orders: orders.order_id.is_some(),
            units: orders.quantity.is_some(),
            categories: orders.category.is_some(),
            discounts: orders.discount.is_some() && revenue,
            channels: orders.channel.is_some(),
        }));
    }
    if let Some(events) = &tables.events {
        let kinds = engagement::recognise(&tables.kinds);
        let has = engagement::Available {
            orders: tables.orders.is_some(),
            channels: events.codes(&Field::Channel).is_some(),
        };
        all.extend(engagement::features(&kinds, has));
    }
    all.extend(attribute_features(config)?);
    all.extend(survey::features(&surveys(config, tables)));
    if let Some(orders) = &tables.orders {
        let spec = config.input.orders.as_ref();
        let has = occasion::Available {
            revenue: spec.is_some_and(OrdersSpec::has_money),
            // Dates without a time of day stand at midnight.
            hours: orders.hour.iter().any(|h| *h > 0),
            gifts: !orders.gift.is_empty(),
        };
        let usual = occasion::defaults();
        let named = if config.features.occasions.is_empty() { &usual } else { &config.features.occasions };
        all.extend(occasion::features(named, has));
    }
    all.retain(|f| dated || !f.measure.needs_days());
    all.extend(custom::features(&config.features.custom, &all)?);
    // A stage may be told by any feature, so it comes last.
    all.extend(lifecycle::features(&all, &config.features.lifecycle));
    for name in config.features.roles.keys() {
        if !all.iter().any(|f| &f.name == name) {
            let names: Vec<&str> = all.iter().map(|f| f.name.as_str()).collect();
            return Err(Error::new("E0203", format!("[features.roles] names `{name}`, and there is no such feature"))
                .help(format!("features here: {}", names.join(", "))));
        }
    }
    for feature in &mut all {
        if let Some(role) = config.features.roles.get(&feature.name) {
            feature.role = *role;
        }
    }
    if !all.iter().any(|f| f.role == Role::Form) {
        return Err(Error::new("E0209", "no feature is left that forms segments")
            .why("customers cannot be compared by nothing")
            .help("under [features.roles]: recency_days = \"form\""));
    }
    Ok(all)
}

/// The data dictionary: one line per feature, with the time the tables speak of.
pub fn dictionary(features: &[Feature], tables: &Tables) -> Vec<Entry> {
    let window = match (tables.as_of, tables.window_days) {
        (None, _) => "everything".to_string(),
        (Some(_), None) => "everything up to as_of".into(),
        (Some(_), Some(days)) => format!("the last {days} days"),
    };
    features.iter().map(|feature| dictionary::entry(feature, &window)).collect()
}

/// W0209 for every protected attribute that forms segments.
pub fn protected_in_use<'a>(forming: impl Iterator<Item = &'a Feature>) -> Vec<Warning> {
    forming
        .filter(|f| f.protected && f.role == Role::Form)
        .map(|f| {
            Warning::new(
                "W0209",
                format!("`{}` is a protected attribute and forms segments, because the config says so", f.name),
            )
            .why("people who buy alike may be treated differently for what they are")
            .help(format!("under [features.roles]: {} = \"describe\"", f.name))
        })
        .collect()
}

/// The features of the attributes that the config describes, with the roles that their names give them. One that is called
/// as what orders or events tell gets a number behind its name.
///
/// # Errors
/// E0204 for a family or unit that does not exist.
pub fn attribute_features(config: &Config) -> Result<Vec<Feature>> {
    let mut taken: BTreeSet<String> = told_by_rows(config).into_iter().map(|f| f.name).collect();
    let mut all = demographic::features(&attributes(config)?, &config.features.places);
    for feature in &mut all {
        let base = feature.name.clone();
        let mut n = 2;
        while !taken.insert(feature.name.clone()) {
            feature.name = format!("{base}_{n}");
            n += 1;
        }
        if feature.name != base {
            feature.label = format!("{} (as known)", feature.label);
        }
    }
    Ok(all)
}

/// Every feature that orders and events may tell, whatever they hold.
fn told_by_rows(config: &Config) -> Vec<Feature> {
    let mut all = Vec::new();
    if config.input.orders.is_some() {
        all.extend(rfm::features(rfm::Available { revenue: true, products: true, returns: true }));
        let (orders, units, categories, discounts, channels) = (true, true, true, true, true);
        all.extend(basket::features(basket::Available { orders, units, categories, discounts, channels }));
    }
    if !config.input.events.is_empty() {
        let kinds = [
            "session",
            "page_view",
            "cart_add",
            "download",
            "demo_request",
            "email_sent",
            "email_opened",
            "email_clicked",
            "unsubscribe",
            "social",
            "support",
        ];
        let kinds = engagement::recognise(&kinds.map(String::from));
        all.extend(engagement::features(&kinds, engagement::Available { orders: true, channels: true }));
    }
    all
}

/// The attributes of order lines and customers, as the config describes them.
fn attributes(config: &Config) -> Result<Vec<demographic::Attribute>> {
    let mut attributes = Vec::new();
    for told in
        [config.input.orders.as_ref().map(|o| &o.attributes), config.input.customers.as_ref().map(|c| &c.attributes)]
    {
        for (column, attribute) in told.into_iter().flatten() {
            let kind = match (attribute.levels(), attribute.kind()) {
                (Some(levels), _) => demographic::AttributeKind::Ordinal(levels.to_vec()),
                (None, AttributeKind::Number) => demographic::AttributeKind::Number,
                (None, AttributeKind::Nominal) => demographic::AttributeKind::Nominal,
                (None, AttributeKind::Binary) => demographic::AttributeKind::Binary,
                (None, AttributeKind::BirthYear) => demographic::AttributeKind::BirthYear,
                (None, AttributeKind::Date) => demographic::AttributeKind::Date,
            };
            let (mut family, mut unit) = (None, None);
            if let Attribute::Full(spec) = attribute {
                family = spec.family.as_deref().map(|f| family_called(column, f)).transpose()?;
                unit = spec.unit.as_deref().map(|u| unit_called(column, u)).transpose()?;
            }
            attributes.push(demographic::Attribute { column: column.clone(), kind, family, unit });
        }
    }
    Ok(attributes)
}

fn family_called(column: &str, name: &str) -> Result<Family> {
    Family::ALL.into_iter().find(|f| f.word() == name).ok_or_else(|| {
        let known: Vec<&str> = Family::ALL.iter().map(|f| f.word()).collect();
        Error::new("E0204", format!("`{column}`: there is no family `{name}`"))
            .help(format!("family = one of {}", known.join(", ")))
    })
}

fn unit_called(column: &str, name: &str) -> Result<Unit> {
    match name {
        "money" => Ok(Unit::Money),
        "days" => Ok(Unit::Days),
        "years" => Ok(Unit::Years),
        "count" => Ok(Unit::Count),
        "share" => Ok(Unit::Share),
        "number" => Ok(Unit::Number),
        _ => Err(Error::new("E0204", format!("`{column}`: there is no unit `{name}`"))
            .help("unit = one of money, days, years, count, share, number")),
    }
}

/// The surveys with what their answers are; the options of a question are those that anybody chose.
fn surveys(config: &Config, tables: &Tables) -> Vec<survey::Survey> {
    let Some(log) = &tables.surveys else { return Vec::new() };
    let text = |field: &Field, row: usize| log.codes(field).and_then(|c| c.text(row));
    config
        .input
        .surveys
        .iter()
        .map(|spec| {
            let of = |row: &usize| text(&Field::Survey, *row) == Some(spec.name.as_str());
            let questions = spec
                .asked()
                .into_iter()
                .map(|(column, question)| {
                    let answers = match question {
                        Question::Kind(QuestionKind::Nps) => survey::Answers::Nps,
                        Question::Kind(QuestionKind::Number) => survey::Answers::Number,
                        Question::Kind(QuestionKind::Choice) => survey::Answers::Choice,
                        Question::Levels(levels) => survey::Answers::Levels(levels),
                        Question::Options { separated_by } => {
                            let options: BTreeSet<String> = (0..log.len())
                                .filter(of)
                                .filter(|row| text(&Field::Question, *row) == Some(column))
                                .filter_map(|row| text(&Field::Answer, row))
                                .flat_map(|cell| cell.split(separated_by.as_str()).map(|o| o.trim().to_string()))
                                .filter(|option| !option.is_empty())
                                .collect();
                            survey::Answers::Options { separated_by, options: options.into_iter().collect() }
                        }
                    };
                    (column.to_string(), answers)
                })
                .collect();
            let silent = (0..log.len()).filter(of).any(|row| {
                text(&Field::Answer, row).is_none() && log.score.get(row).is_none_or(|score| score.is_nan())
            });
            survey::Survey { name: spec.name.clone(), questions, silent }
        })
        .collect()
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
    features.retain(|f| rfm_grid::FEATURES.contains(&f.name.as_str()));
    let observed = Embedded.observe(&tables, &features)?;
    let matrix = Learned::fit(&observed, &features).resolve(observed, features)?;
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
    let learned = Learned::fit(&observed, &features);
    let matrix = learned.resolve(observed, features)?;
    let options = PreparationOptions {
        weights: config.features.weights.clone(),
        winsorize: config.features.winsorize,
        ..PreparationOptions::default()
    };
    let (preparation, found) = Preparation::fit(&matrix, &options)?;
    let model_matrix = preparation.transform(&matrix)?;
    let mut warnings = tables.warnings.clone();
    if matrix.len() < SMALL_BASE {
        warnings.push(
            Warning::new(
                "W0402",
                format!("{} customers; below {SMALL_BASE} results move a lot from quarter to quarter", matrix.len()),
            )
            .help("use few segments, and look at the stability on each card"),
        );
    }
    let dropped: Vec<String> =
        found.iter().filter(|w| w.code.starts_with("W0403") || w.code == "W0404").map(|w| w.title.clone()).collect();
    warnings.extend(found);
    let used = |f: &&Feature| model_matrix.columns.iter().any(|c| c.feature == f.name);
    warnings.extend(protected_in_use(matrix.features.iter().filter(used)));
    let forming = matrix.features.iter().filter(|f| f.role == Role::Form).count();
    let mut said = vec![format!(
        "{} customers × {} features, {forming} of them form segments",
        Unit::Count.format(matrix.len() as f64, ""),
        matrix.features.len()
    )];
    said.extend(dropped);
    watch.end(&said);
    Ok(Prepared { tables, learned, matrix, preparation, model_matrix, warnings })
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

/// What was chosen, before segments have names.
struct Chosen {
    algorithm: Algorithm,
    prototypes: Prototypes,
    candidates: Vec<Candidate>,
    reasons: Vec<String>,
    stability: Vec<f64>,
    warnings: Vec<Warning>,
}

fn kmeans(config: &ClusterConfig) -> KMeans {
    KMeans { n_starts: config.n_starts, implementation: config.implementation, ..KMeans::default() }
}

fn min_samples(config: &ClusterConfig, matrix: &ModelMatrix) -> usize {
    match config.min_samples {
        Auto::Auto => dbscan::auto_min_samples(matrix.values.nrows(), matrix.values.ncols()),
        Auto::Given(n) => n,
    }
}

fn choose(config: &ClusterConfig, matrix: &ModelMatrix, watch: &dyn Watch) -> Result<Chosen> {
    let x = matrix.values.view();
    let tick = |done: usize, of: usize| watch.tick(done, of);
    match (config.algorithm, config.n_clusters, config.eps) {
        (AlgorithmName::Kmeans, Auto::Auto, _) => {
            let template = kmeans(config);
            let choice = choose_k(x, &template, &config.select, config.seed, &tick)?;
            let mut warnings = Vec::new();
            if choice.fallback {
                warnings.push(
                    Warning::new(
                        "W0410",
                        "no number of segments met every condition, so the best of the rest was taken",
                    )
                    .why("the segments are a convenience here, not a discovery")
                    .help("look at the quality table, and at the stability on each card"),
                );
            }
            Ok(Chosen {
                algorithm: Algorithm::KMeans(KMeans { n_clusters: choice.k, ..template }),
                prototypes: choice.prototypes,
                candidates: choice.candidates,
                reasons: choice.reasons,
                stability: choice.stability,
                warnings,
            })
        }
        (AlgorithmName::Kmeans, Auto::Given(k), _) => {
            let algorithm = KMeans { n_clusters: k, ..kmeans(config) };
            let prototypes = algorithm.fit(x, config.seed)?;
            let labels: Vec<Option<usize>> = prototypes.assign(x).iter().map(|a| a.cluster).collect();
            let stability = if k > 1 {
                stability::clusterwise_jaccard(x, &labels, &algorithm, config.select.bootstraps, 4_000, config.seed)
            } else {
                Vec::new()
            };
            Ok(Chosen {
                algorithm: Algorithm::KMeans(algorithm),
                prototypes,
                candidates: Vec::new(),
                reasons: vec![format!("{k} segments, as the config says.")],
                stability,
                warnings: Vec::new(),
            })
        }
        (AlgorithmName::Dbscan, _, eps) => {
            let min_samples = min_samples(config, matrix);
            let (eps, prototypes, candidates, reasons) = match eps {
                Auto::Auto => {
                    let choice = eps::choose_eps(x, min_samples, config.seed)?;
                    (choice.eps, choice.prototypes, choice.candidates, choice.reasons)
                }
                Auto::Given(eps) => {
                    let algorithm = Dbscan { eps, min_samples, implementation: config.implementation };
                    let reason = format!("eps = {eps} and min_samples = {min_samples}, as the config says.");
                    (eps, algorithm.fit(x, config.seed)?, Vec::new(), vec![reason])
                }
            };
            let mut warnings = Vec::new();
            if prototypes.n_clusters() == 1 {
                warnings.push(
                    Warning::new("W0412", "one dense segment and its outliers: that can be the honest answer")
                        .help("a smaller eps splits it if it has parts; k-means cuts it into slices"),
                );
            }
            let algorithm = Algorithm::Dbscan(Dbscan { eps, min_samples, implementation: config.implementation });
            Ok(Chosen { algorithm, prototypes, candidates, reasons, stability: Vec::new(), warnings })
        }
    }
}

/// The quality table over k, or over eps.
///
/// # Errors
/// Of the algorithm.
pub fn sweep(config: &ClusterConfig, matrix: &ModelMatrix, watch: &dyn Watch) -> Result<Vec<Candidate>> {
    let x = matrix.values.view();
    match config.algorithm {
        AlgorithmName::Kmeans => {
            sweep_k(x, &kmeans(config), &config.select, config.seed, &|done, of| watch.tick(done, of))
        }
        AlgorithmName::Dbscan => eps::sweep_eps(x, min_samples(config, matrix), config.seed),
    }
}

/// Model space to segments, profiles, personas and the report. `version` is the name the model will have.
///
/// # Errors
/// E04 for data that cannot be segmented.
pub fn segment(config: &Config, prepared: Prepared, version: &str, watch: &dyn Watch) -> Result<Run> {
    watch.begin(match config.cluster.algorithm {
        AlgorithmName::Kmeans => "choose k",
        AlgorithmName::Dbscan => "choose eps",
    });
    let chosen = choose(&config.cluster, &prepared.model_matrix, watch)?;
    watch.end(&chosen.reasons);

    watch.begin("segments");
    let x = prepared.model_matrix.values.view();
    let n = chosen.prototypes.n_clusters();
    let first: Vec<Option<usize>> = chosen.prototypes.assign(x).iter().map(|a| a.cluster).collect();
    let order = order_by_worth(&prepared.matrix, &first, n);
    // Ties go to the lower number, so the labels are taken after the last renumbering.
    let prototypes = chosen.prototypes.reorder(&order);
    let assignments = prototypes.assign(x);
    let labels: Vec<Option<usize>> = assignments.iter().map(|a| a.cluster).collect();
    let stability: Vec<Option<f64>> = order.iter().map(|old| chosen.stability.get(*old).copied()).collect();

    let described = profiles(&prepared.matrix, &prepared.preparation, &labels, n);
    let currency = &config.project.currency;
    let named = personas(&described.everyone, &described.segments, &prepared.matrix.features, currency);
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
        segments: named
            .iter()
            .enumerate()
            .map(|(i, p)| ModelSegment { id: segment_id(i), name: p.name.clone() })
            .collect(),
        far: far_distance(&assignments),
        prototypes,
        rfm: grid.as_ref().map(|g| g.grid.clone()),
    };
    watch.end(&[format!(
        "first model: ids {}…{} ordered by {}",
        segment_id(0),
        segment_id(n - 1),
        if prepared.matrix.position("revenue").is_some() { "revenue" } else { "size" }
    )]);
    watch.begin("report");
    let mut report = report(config, &prepared, chosen, &model, &assignments, &labels, described, named, stability);
    let rfm = grid.map_or_else(Vec::new, |fitted| {
        report.rfm = RfmFacts::of(&fitted.grid, &fitted.scores, &prepared.matrix);
        report.warnings.extend(fitted.warnings);
        fitted.scores
    });
    watch.end(&[]);
    Ok(Run { prepared, model, assignments, rfm, report })
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

#[allow(clippy::too_many_arguments)] // The report is where all of a run meets.
fn report(
    config: &Config,
    prepared: &Prepared,
    chosen: Chosen,
    model: &Model,
    assignments: &[Assignment],
    labels: &[Option<usize>],
    described: Profiles,
    named: Vec<Persona>,
    stability: Vec<Option<f64>>,
) -> Report {
    let Prepared { tables, matrix, preparation, model_matrix, .. } = prepared;
    let x = model_matrix.values.view();
    let mut warnings = prepared.warnings.clone();
    warnings.extend(chosen.warnings);
    for (i, profile) in described.segments.iter().enumerate() {
        if profile.share_customers < 0.005 || profile.customers < 10 {
            warnings.push(Warning::new(
                "W0422",
                format!(
                    "{} has {} customers ({:.1} %)",
                    segment_id(i),
                    profile.customers,
                    profile.share_customers * 100.0
                ),
            ));
        }
    }
    let parts = blocks::between(model_matrix, labels);
    let of_the_person = [Family::Demographic, Family::Geographic];
    let personal: f64 = parts.iter().filter(|(family, _)| of_the_person.contains(family)).map(|(_, part)| part).sum();
    if personal > 0.5 {
        let warning = Warning::new(
            "W0424",
            format!("{:.0} % of what lies between segments is demographic and geographic", personal * 100.0),
        )
        .why("the segments say who customers are and where, more than what they do");
        warnings.push(if personal < 1.0 {
            // Families that are not named get nothing, so all that form segments are.
            let weights = preparation.weights().into_iter().map(|(family, weight)| {
                let weight = if of_the_person.contains(&family) { 0.05 } else { weight };
                format!("{} = {weight:.2}", family.word())
            });
            warning.help(format!("under [features.weights]: {}", weights.collect::<Vec<_>>().join(", ")))
        } else {
            warning.help("where a column tells what customers do: spend = { kind = \"number\", family = \"rfm\" }")
        });
    }
    let forming: Vec<&str> = model_matrix.columns.iter().map(|c| c.feature.as_str()).collect();
    let by_word = |parts: Vec<(Family, f64)>| parts.into_iter().map(|(f, part)| (f.word().into(), part)).collect();
    let shares = between(matrix, preparation, labels, described.segments.len());
    let features = matrix
        .features
        .iter()
        .zip(&matrix.columns)
        .zip(shares)
        .zip(dictionary(&matrix.features, tables))
        .map(|(((feature, column), between), dictionary)| FeatureFacts {
            feature: feature.clone(),
            preparation: preparation.describe(&feature.name),
            missing: match column {
                Column::Number(v) => v.iter().filter(|x| x.is_nan()).count(),
                Column::Level(v) => v.iter().filter(|x| x.is_none()).count(),
            } as f64
                / matrix.len() as f64,
            between,
            dictionary,
        })
        .collect();
    let guest = tables.sales.guest_revenue.unwrap_or(0.0);
    let total = tables.sales.revenue.map(|r| r + guest);
    let unclustered_share = labels.iter().filter(|l| l.is_none()).count() as f64 / labels.len() as f64;
    let parameters = match &chosen.algorithm {
        Algorithm::KMeans(k) => vec![
            ("n_clusters".to_string(), k.n_clusters.to_string()),
            ("n_starts".into(), k.n_starts.to_string()),
            ("seed".into(), config.cluster.seed.to_string()),
        ],
        Algorithm::Dbscan(d) => {
            vec![("eps".to_string(), d.eps.to_string()), ("min_samples".into(), d.min_samples.to_string())]
        }
    };
    Report {
        schema: "ilk/report/1".into(),
        ilk_version: env!("CARGO_PKG_VERSION").into(),
        project: config.project.name.clone(),
        model: format!("{}/{}", model.name, model.version),
        period: period(tables),
        as_of: model.as_of.clone(),
        currency: config.project.currency.clone(),
        coverage: Coverage {
            customers: matrix.len(),
            leads: tables.leads.len(),
            without_orders: tables.lapsed.len(),
            orders: tables.orders.is_some().then_some(tables.sales.orders),
            revenue: total,
            repeat_rate: repeat_rate(matrix),
            whales: whales(matrix),
            guest_revenue_share: total.filter(|t| *t > 0.0).map(|t| guest / t),
            first_day: tables.sales.days.map(|d| d.0.iso()),
            last_day: tables.sales.days.map(|d| d.1.iso()),
        },
        segments: described
            .segments
            .into_iter()
            .zip(named)
            .zip(stability)
            .enumerate()
            .map(|(i, ((profile, persona), stability))| SegmentFacts { id: segment_id(i), persona, profile, stability })
            .collect(),
        everyone: described.everyone,
        unclustered: described.unclustered,
        features,
        protected: protected(matrix, labels, &forming),
        method: Method {
            algorithm: chosen.algorithm.name().into(),
            implementation: config.cluster.implementation.name().into(),
            parameters,
            reasons: chosen.reasons,
            sweep: chosen.candidates,
            silhouette: indices::silhouette(x, labels, config.cluster.select.silhouette_sample, config.cluster.seed)
                .map(|s| s.mean),
            inertia: indices::inertia(assignments),
            davies_bouldin: indices::davies_bouldin(x, labels),
            calinski_harabasz: indices::calinski_harabasz(x, labels),
            weights: by_word(preparation.weights()),
            between: by_word(parts),
            unclustered_share,
        },
        rfm: None,
        map: map(matrix, labels),
        ledger: tables.ledger.clone(),
        warnings,
    }
}

/// Evenly spaced customers in id order: ids say nothing of behaviour, so this is a fair sample, and it needs no draw.
fn map(matrix: &FeatureMatrix, labels: &[Option<usize>]) -> Vec<MapPoint> {
    let (Some(recency), Some(orders)) = (matrix.numbers("recency_days"), matrix.numbers("orders")) else {
        return Vec::new();
    };
    let step = matrix.len().div_ceil(MAP_POINTS).max(1);
    (0..matrix.len())
        .step_by(step)
        .map(|i| MapPoint { recency: recency[i], orders: orders[i], segment: labels[i] })
        .collect()
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
    for (feature, level, customers) in model.preparation.unseen_levels(&matrix) {
        warnings.push(
            Warning::new("W0501", format!("`{feature} = {level}` ({customers} customers) was not seen in training: scored as neither here nor there"))
                .help("retrain when such customers matter: `ilk run`"),
        );
    }
    Ok(Scored { matrix, assignments, rfm, tables, warnings })
}

/// The assignment of every customer as a table; those without an order come last. `rfm` has a score per customer of the
/// matrix, or nothing where the model has no grid.
pub fn assignment_table(
    model: &Model,
    matrix: &FeatureMatrix,
    assignments: &[Assignment],
    rfm: &[Option<Score>],
    tables: &Tables,
) -> Table {
    // Those without an order in the window come last: leads first, then those who ordered before it.
    type Rest<'a> = (&'a String, &'a str, &'a str);
    let rest: Vec<Rest> = (tables.leads.iter().map(|id| (id, LEADS, LEADS_NAME)))
        .chain(tables.lapsed.iter().map(|id| (id, UNCLUSTERED, "No order in the window")))
        .collect();
    let with_rest = |mut values: Vec<Option<String>>, more: &dyn Fn(&Rest) -> Option<String>| {
        values.extend(rest.iter().map(more));
        Values::Text(values)
    };
    let id = |cluster: Option<usize>| cluster.map(|c| model.segments[c].id.clone());
    let ids: Vec<Option<String>> = matrix.ids.iter().cloned().map(Some).collect();
    let mut distances: Vec<f64> = assignments.iter().map(|a| a.distance).collect();
    distances.extend(rest.iter().map(|_| f64::NAN));
    let as_of = tables.as_of.map(crate::data::dates::Day::iso);
    let all = matrix.len() + rest.len();
    let segments = assignments.iter().map(|a| id(a.cluster).or_else(|| Some(UNCLUSTERED.into()))).collect();
    let names = assignments
        .iter()
        .map(|a| Some(a.cluster.map_or_else(|| "Unclustered".into(), |c| model.segments[c].name.clone())))
        .collect();
    let fits = assignments.iter().map(|a| Some(Fit::of(a, model.far).word().into())).collect();
    let seconds = assignments.iter().map(|a| id(a.second)).collect();
    let mut table = Table {
        columns: vec![
            ("customer_id".into(), with_rest(ids, &|r| Some(r.0.clone()))),
            ("segment_id".into(), with_rest(segments, &|r| Some(r.1.into()))),
            ("segment_name".into(), with_rest(names, &|r| Some(r.2.into()))),
            ("distance".into(), Values::Number(distances)),
            ("fit".into(), with_rest(fits, &|_| None)),
            ("second_segment_id".into(), with_rest(seconds, &|_| None)),
        ],
    };
    if let Some(grid) = &model.rfm {
        let score = |of: fn(Score) -> u8| {
            let known = rfm.iter().map(|s| s.map_or(f64::NAN, |s| f64::from(of(s))));
            Values::Number(known.chain(std::iter::repeat_n(f64::NAN, rest.len())).collect())
        };
        let names = rfm.iter().map(|s| s.map(|s| grid.segment(s).to_string())).collect();
        table.columns.extend([
            ("rfm_r".to_string(), score(|s| s.r)),
            ("rfm_f".into(), score(|s| s.f)),
            ("rfm_m".into(), score(|s| s.m)),
            ("rfm_segment".into(), with_rest(names, &|_| None)),
        ]);
    }
    table.columns.extend([
        ("as_of".to_string(), Values::Text(vec![as_of; all])),
        ("model_version".into(), Values::Text(vec![Some(format!("{}/{}", model.name, model.version)); all])),
    ]);
    table
}

/// Recency, orders, revenue, scores and segment of every customer of a grid as a table.
pub fn rfm_table(grid: &Grid) -> Table {
    let Grid { matrix, fitted, .. } = grid;
    let mut table = feature_table(matrix);
    let number = |of: fn(Score) -> u16| {
        Values::Number(fitted.scores.iter().map(|s| s.map_or(f64::NAN, |s| f64::from(of(s)))).collect())
    };
    let text = |of: &dyn Fn(Score) -> String| Values::Text(fitted.scores.iter().map(|s| s.map(of)).collect());
    table.columns.extend([
        ("r".to_string(), number(|s| s.r.into())),
        ("f".into(), number(|s| s.f.into())),
        ("m".into(), number(|s| s.m.into())),
        ("rfm_score".into(), number(Score::number)),
        ("segment".into(), text(&|s| fitted.grid.segment(s).to_string())),
        ("value_tier".into(), text(&|s| fitted.grid.value_tier(s).to_string())),
    ]);
    table
}

/// The features of every customer as a table, in natural units.
pub fn feature_table(matrix: &FeatureMatrix) -> Table {
    let mut columns = vec![("customer_id".to_string(), Values::Text(matrix.ids.iter().cloned().map(Some).collect()))];
    for (feature, column) in matrix.features.iter().zip(&matrix.columns) {
        let values = match column {
            Column::Number(v) => Values::Number(v.clone()),
            Column::Level(v) => Values::Text(v.clone()),
        };
        columns.push((feature.name.clone(), values));
    }
    Table { columns }
}
