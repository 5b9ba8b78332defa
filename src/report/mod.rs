//! What a person reads. [`Report`] is plain facts, and `report.json` is this struct; HTML, Markdown and charts are
//! renderings of it and compute nothing.

pub mod changes;
pub mod chart;
pub mod composition;
pub mod evidence;
pub mod html;
pub mod locale;
pub mod markdown;
pub mod migration;
pub mod rfm;
#[cfg(test)]
mod sample;
pub mod words;

use crate::data::ledger::LedgerRow;
use crate::error::Warning;
use crate::evidence::select::Candidate;
use crate::evidence::stability::Recurrence;
use crate::evidence::verdict::{Evidence, Verdict};
use crate::features::dictionary::Entry;
use crate::segment::concentration::Concentration;
use crate::segment::lineage::Lineage;
use crate::segment::migration::Movements;
use crate::segment::monitoring::Monitoring;
use crate::segment::persona::Persona;
use crate::segment::playbook::Play;
use crate::segment::profile::{Profile, WhaleFacts};
use crate::segment::protected::ProtectedFacts;
use crate::segment::rfm_grid::facts::RfmFacts;
use crate::segment::rule::SegmentRule;
use locale::Locale;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Counts of people below this are not shown.
pub(crate) const SMALL_CELL: usize = 10;

/// Everything the report says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// `ilk/report/1`; additive changes keep the number.
    pub schema: String,
    /// Version of ilk that made it.
    pub ilk_version: String,
    /// Name of the project.
    pub project: String,
    /// `<project>/<version>` of the model.
    pub model: String,
    /// `2011-Q4`, or `undated`.
    pub period: String,
    /// The day the features speak of, ISO; `None` when the data have no dates.
    pub as_of: Option<String>,
    /// ISO code, sign, or empty.
    pub currency: String,
    /// How the page looks.
    #[serde(default)]
    pub look: Look,
    /// Who and what the segments cover.
    pub coverage: Coverage,
    /// Everyone together, as one profile.
    pub everyone: Profile,
    /// The segments, in revenue order (or by size).
    pub segments: Vec<SegmentFacts>,
    /// What to do with those who never ordered, if there are any.
    #[serde(default)]
    pub leads_play: Option<Play>,
    /// Customers that no segment reached (density algorithms), if any.
    pub unclustered: Option<Profile>,
    /// The features, in column order.
    pub features: Vec<FeatureFacts>,
    /// The protected attributes, in feature order.
    #[serde(default)]
    pub protected: Vec<ProtectedFacts>,
    /// How the segments were made.
    pub method: Method,
    /// The classic RFM grid; `None` without recency, orders and revenue.
    #[serde(default)]
    pub rfm: Option<RfmFacts>,
    /// A sample of customers for the recency-frequency map, without ids; empty when either feature is missing.
    pub map: Vec<MapPoint>,
    /// How few customers bring most of the revenue; `None` without revenue.
    #[serde(default)]
    pub concentration: Option<Concentration>,
    /// How well the customers of each segment sit in it, in the order of segments; empty where nothing can be compared.
    #[serde(default)]
    pub widths: Vec<WidthFacts>,
    /// Customers from the side that shows most; `None` where they differ in one way only.
    #[serde(default)]
    pub space: Option<SpaceFacts>,
    /// Orders by week, those without any included; empty without dates.
    #[serde(default)]
    pub weeks: Vec<WeekFacts>,
    /// Orders by month; `None` without dates, or with less than half a year of them.
    #[serde(default)]
    pub season: Option<SeasonFacts>,
    /// Of each segment: its customers in each cell of the RFM grid, in the order of `rfm.cells`; cells with fewer than ten count as none.
    /// Empty without a grid.
    #[serde(default)]
    pub positions: Vec<Vec<usize>>,
    /// What became of the segments of the model before; `None` for a first one.
    #[serde(default)]
    pub lineage: Option<Lineage>,
    /// Whether the model before still fits, and who moved because of what; `None` for a first one.
    #[serde(default)]
    pub monitoring: Option<Monitoring>,
    /// Who moved in the last quarter; `None` where the data do not go back so far.
    #[serde(default)]
    pub migration: Option<Movements>,
    /// What became of every input row.
    pub ledger: Vec<LedgerRow>,
    /// What was assumed or is worrying.
    pub warnings: Vec<Warning>,
}

impl Report {
    /// How a segment is called where several are: `S02 Sleepers`; the id alone where this report has no such segment.
    pub fn called(&self, id: &str) -> String {
        let segment = self.segments.iter().find(|segment| segment.id == id);
        segment.map_or_else(|| id.to_string(), |segment| format!("{id} {}", segment.persona.name))
    }

    /// The place among the colours of the segment with this number.
    pub fn colour(&self, segment: usize) -> usize {
        self.segments.get(segment).and_then(|s| s.colour).unwrap_or(segment)
    }

    /// The JSON Schema of `report.json`.
    pub fn schema() -> String {
        let generator = schemars::generate::SchemaSettings::draft07().into_generator();
        let mut text = serde_json::to_string_pretty(&generator.into_root_schema_for::<Self>()).unwrap_or_default();
        text.push('\n');
        text
    }
}

/// How the page looks, by the config.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Look {
    /// Stands for the project's name.
    pub title: Option<String>,
    /// A picture as a `data:` address.
    pub logo: Option<String>,
    /// Of links and headings, `#RRGGBB`.
    pub accent: Option<String>,
    /// Who answers for the segments.
    pub owner: Option<String>,
    /// How to reach them.
    pub contact: Option<String>,
    /// How numbers are written.
    #[serde(default, skip_serializing_if = "Locale::is_english")]
    pub locale: Locale,
}

/// Who and what the segments cover.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Coverage {
    /// Customers in the feature matrix.
    pub customers: usize,
    /// Known customers who never ordered: a segment of their own, counted and exported.
    pub leads: usize,
    /// Customers who ordered, but not in the window: counted, exported, not segmented.
    pub without_orders: usize,
    /// Distinct orders in the window, guests included; `None` without orders.
    pub orders: Option<u64>,
    /// Revenue in the window of segmented customers plus guests, in currency units; `None` without revenue.
    pub revenue: Option<f64>,
    /// Share of the customers with two or more orders in the window; `None` without orders.
    pub repeat_rate: Option<f64>,
    /// Share of that revenue which lines without a customer id hold.
    pub guest_revenue_share: Option<f64>,
    /// The few customers who hold much of the revenue; `None` without any.
    #[serde(default)]
    pub whales: Option<WhaleFacts>,
    /// First and last day of the orders used, ISO.
    pub first_day: Option<String>,
    /// See `first_day`.
    pub last_day: Option<String>,
    /// Customers who were looked at one by one, where the rest were counted by a database: evidence, charts, quartiles and moves are
    /// theirs. `None` is everyone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample: Option<usize>,
}

/// One segment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SegmentFacts {
    /// `S01`.
    pub id: String,
    /// Its place among the colours, which stays with the id; its number where an older ilk wrote none.
    #[serde(default)]
    pub colour: Option<usize>,
    /// Its name and words.
    pub persona: Persona,
    /// Its numbers.
    pub profile: Profile,
    /// Mean Jaccard similarity over bootstraps (Hennig 2007): 0.75 and above is stable. `None` if not computed.
    pub stability: Option<f64>,
    /// The same with how often the segment was dissolved and recovered.
    #[serde(default)]
    pub recurrence: Option<Recurrence>,
    /// How to tell it without a computer; `None` where no condition does.
    #[serde(default)]
    pub rule: Option<SegmentRule>,
    /// What to do with it.
    #[serde(default)]
    pub play: Option<Play>,
}

/// One feature, for the data dictionary.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FeatureFacts {
    /// The feature itself: name, label, unit, family, role.
    #[serde(flatten)]
    pub feature: crate::features::Feature,
    /// How it was prepared, in words: `log(1 + x / 312.40), clipped to [0.02, 4.1]`; `not used` for descriptors.
    pub preparation: String,
    /// Share of customers without a value.
    pub missing: f64,
    /// Share of its variance (transformed scale) that lies between segments (eta squared); `None` for levels.
    pub between: Option<f64>,
    /// Its line in the data dictionary.
    #[serde(default)]
    pub dictionary: Entry,
}

/// How the segments were made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Method {
    /// `kmeans` or `dbscan`.
    pub algorithm: String,
    /// Who computed it: `linfa`.
    pub implementation: String,
    /// Parameter name and value, as in the config.
    pub parameters: Vec<(String, String)>,
    /// What the segments are.
    #[serde(default)]
    pub verdict: Option<Verdict>,
    /// The chosen number, the reason and the runner-up, in words; one sentence each.
    pub reasons: Vec<String>,
    /// The quality table over k or eps; empty when the number was given.
    pub sweep: Vec<Candidate>,
    /// Mean adjusted Rand index between the partitions of resamples; `None` if not computed.
    #[serde(default)]
    pub agreement: Option<f64>,
    /// Other algorithms with as many segments, and the adjusted Rand index of theirs and these.
    #[serde(default)]
    pub algorithms: Vec<(String, f64)>,
    /// What speaks for and against segments; `None` where all customers are equal.
    #[serde(default)]
    pub evidence: Option<Evidence>,
    /// Mean silhouette (Euclidean, model space); `None` where undefined.
    pub silhouette: Option<f64>,
    /// Sum of squared distances to the nearest prototype of the own segment.
    pub inertia: f64,
    /// Davies-Bouldin index.
    pub davies_bouldin: Option<f64>,
    /// Calinski-Harabasz index.
    pub calinski_harabasz: Option<f64>,
    /// Family and the share of the distance it was given.
    pub weights: Vec<(String, f64)>,
    /// Family and its part of what lies between segments (`BSS_g / BSS` in model space); adds up to 1.
    #[serde(default)]
    pub between: Vec<(String, f64)>,
    /// Share of customers in no segment.
    pub unclustered_share: f64,
}

/// How well the customers of a segment sit in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WidthFacts {
    /// Mean silhouette of those measured (Rousseeuw 1987): 1 is far from the next segment, 0 is on the border.
    pub mean: f64,
    /// Share of them who are nearer to another segment, below 0.
    pub nearer_to_another: f64,
    /// The silhouettes in descending order, at 0 %, 5 %, … 100 % of the customers.
    pub quantiles: Vec<f64>,
}

/// Customers on the first two principal axes of model space.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SpaceFacts {
    /// Share of the variance along each axis.
    pub explained: [f64; 2],
    /// A sample of customers, without ids.
    pub points: Vec<SpacePoint>,
    /// The middle of each segment.
    pub centres: Vec<[f64; 2]>,
    /// What pulls where: per column of model space its label and its part in each axis.
    pub loadings: Vec<(String, [f64; 2])>,
}

/// One customer on the principal axes, to a thousandth.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SpacePoint {
    /// On the first axis.
    pub x: f64,
    /// On the second.
    pub y: f64,
    /// Index into `segments`; `None` when unclustered.
    pub segment: Option<usize>,
}

/// One week of orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WeekFacts {
    /// Its Monday, ISO.
    pub from: String,
    /// Orders of known customers.
    pub orders: usize,
}

/// Orders in each of the last months that are over, at most twelve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SeasonFacts {
    /// `2011-11`, ascending.
    pub months: Vec<String>,
    /// Orders of segmented customers.
    pub everyone: Vec<usize>,
    /// Orders of each segment.
    pub segments: Vec<Vec<usize>>,
}

/// One customer on the recency-frequency map.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MapPoint {
    /// `recency_days`.
    pub recency: f64,
    /// `orders`.
    pub orders: f64,
    /// Index into `segments`; `None` when unclustered.
    pub segment: Option<usize>,
}
