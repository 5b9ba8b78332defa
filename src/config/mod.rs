//! Everything that decides a result, in one TOML file. Only `pipeline` and `cli` read it: a stage gets its own piece.

mod engine;
mod report;

pub use engine::{EngineConfig, EngineKind};
pub use report::ReportConfig;

use crate::cluster::mixture::CovarianceType;
use crate::cluster::{Floor, Implementation};
use crate::data::dates::Day;
use crate::data::duplicates::{CopyRules, Overlap};
use crate::data::schema::Inputs;
use crate::error::{Error, Place, Result};
use crate::evidence::select::SelectK;
use crate::features::custom::Custom;
use crate::features::occasion::Occasion;
use crate::features::preparation::PreparationOptions;
use crate::features::rules::Rule;
use crate::features::{Family, Role};
use crate::segment::persona::OwnWords;
use crate::segment::playbook::Play;
use crate::segment::rfm_grid::RfmConfig;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The file a project is described by.
pub const FILE: &str = "ilk.toml";

/// A project's description.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What it is called and paid in.
    #[serde(default)]
    pub project: Project,
    /// The tables.
    #[serde(default)]
    pub input: Inputs,
    /// Where everything is computed.
    #[serde(default, skip_serializing_if = "EngineConfig::is_default")]
    pub engine: EngineConfig,
    /// What is computed of a customer.
    #[serde(default)]
    pub features: FeatureConfig,
    /// How segments are found.
    #[serde(default)]
    pub cluster: ClusterConfig,
    /// The classic grid of recency, frequency and money, beside the clusters.
    #[serde(default)]
    pub rfm: RfmConfig,
    /// What to do with a kind of customer, before what the built-in playbook says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub playbook: Vec<Play>,
    /// Names and lines of segments, by id, that stand for those ilk makes. The file `personas.toml` beside this one adds to them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub personas: BTreeMap<String, OwnWords>,
    /// How the report looks.
    #[serde(default)]
    pub report: ReportConfig,
    /// When bad data stop a run.
    #[serde(default)]
    pub quality: Quality,
}

/// Name of the file with a project's own words for segments.
pub const PERSONAS: &str = "personas.toml";

/// What a project is called and paid in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Project {
    /// Name of the models' folder: letters, digits, `-`, `_`.
    pub name: String,
    /// ISO code or sign; empty for none.
    pub currency: String,
}

impl Default for Project {
    fn default() -> Self {
        Self { name: "customers".into(), currency: String::new() }
    }
}

/// What is computed of a customer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FeatureConfig {
    /// `auto` is the day of the newest order; or a day such as `2011-12-10`. Later rows change nothing.
    pub as_of: String,
    /// `all`, or the last so many days: `365d`.
    pub window: String,
    /// Per feature: `form` or `describe`, where the default does not suit. A protected attribute forms segments only if it
    /// is named here.
    pub roles: BTreeMap<String, Role>,
    /// Named days of the year: `christmas = { from = "12-01", to = "12-24" }`. Without any, five usual ones.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub occasions: BTreeMap<String, Occasion>,
    /// Places whose nearest is told in kilometres, where customers have a latitude and a longitude: degrees north and east.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub places: BTreeMap<String, [f64; 2]>,
    /// Rules of the customer's stage, first match wins; replaces the usual ones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lifecycle: Vec<Rule>,
    /// Features of the project's own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub custom: Vec<Custom>,
    /// Share of the distance between customers that each family gets; a family that is not named keeps its usual one.
    #[serde(deserialize_with = "over_usual_weights")]
    pub weights: BTreeMap<Family, f64>,
    /// Share cut at each end of a transformed feature before customers are compared.
    pub winsorize: f64,
}

impl Default for FeatureConfig {
    fn default() -> Self {
        let preparation = PreparationOptions::default();
        Self {
            as_of: "auto".into(),
            window: "all".into(),
            roles: BTreeMap::new(),
            occasions: BTreeMap::new(),
            places: BTreeMap::new(),
            lifecycle: Vec::new(),
            custom: Vec::new(),
            weights: preparation.weights,
            winsorize: preparation.winsorize,
        }
    }
}

/// The families named in a config, over the usual weights.
fn over_usual_weights<'de, D: serde::Deserializer<'de>>(
    from: D,
) -> std::result::Result<BTreeMap<Family, f64>, D::Error> {
    let mut weights = PreparationOptions::default().weights;
    weights.extend(BTreeMap::<Family, f64>::deserialize(from)?);
    Ok(weights)
}

/// How segments are found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ClusterConfig {
    /// `kmeans`, `gaussian_mixture`, `ward`, `kprototypes`, `dbscan`, `hdbscan`, `optics`; or `auto`, which tries several and
    /// takes the one with the best verdict.
    pub algorithm: AlgorithmName,
    /// Who computes it: `ilk`, or for k-means and DBSCAN also `linfa`.
    pub implementation: Implementation,
    /// `auto`, or a number. k-means, Gaussian mixture (components), Ward, k-prototypes.
    pub n_clusters: Auto<usize>,
    /// How `auto` chooses.
    pub select: SelectK,
    /// Starts of which the best is kept, for algorithms that have any; `auto` is the usual number of each.
    pub n_starts: Auto<usize>,
    /// `full`, `tied`, `diag` or `spherical`. Gaussian mixture.
    pub covariance_type: CovarianceType,
    /// `auto`, or what one differing level costs, in squared units of model space. k-prototypes.
    pub gamma: Auto<f64>,
    /// `auto`, or a distance. DBSCAN, OPTICS.
    pub eps: Auto<f64>,
    /// `auto`, or a number of customers, the customer itself included. DBSCAN, HDBSCAN, OPTICS.
    pub min_samples: Auto<usize>,
    /// `auto` (the `smallest_share` of `select`, or half or a quarter of it where that parts nobody), or a number of
    /// customers. HDBSCAN.
    pub min_cluster_size: Auto<usize>,
    /// Whether everyone may be one cluster. HDBSCAN.
    pub allow_single_cluster: bool,
    /// The least size of a segment, as a share or a count: smaller ones are given to their neighbours, and that is said.
    pub floor: Floor,
    /// Decides every random draw.
    pub seed: u64,
}

impl Default for ClusterConfig {
    fn default() -> Self {
        Self {
            algorithm: AlgorithmName::Kmeans,
            implementation: Implementation::default(),
            n_clusters: Auto::Auto,
            select: SelectK::default(),
            n_starts: Auto::Auto,
            covariance_type: CovarianceType::default(),
            gamma: Auto::Auto,
            eps: Auto::Auto,
            min_samples: Auto::Auto,
            min_cluster_size: Auto::Auto,
            allow_single_cluster: false,
            floor: Floor::default(),
            seed: 42,
        }
    }
}

/// The algorithms by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlgorithmName {
    /// Compact groups around a mean.
    Kmeans,
    /// Groups with a shape and a spread of their own, to which customers belong by degrees.
    GaussianMixture,
    /// Groups within groups, merged from the bottom up.
    Ward,
    /// Numbers around a mean, levels around the commonest.
    Kprototypes,
    /// Dense groups of any shape; the rest is unclustered.
    Dbscan,
    /// Dense groups, each at a density of its own; the rest is unclustered.
    Hdbscan,
    /// DBSCAN by its order of customers.
    Optics,
    /// The best of several.
    Auto,
}

impl AlgorithmName {
    /// Every algorithm.
    pub const ALL: [(&str, Self); 8] = [
        ("kmeans", AlgorithmName::Kmeans),
        ("gaussian_mixture", AlgorithmName::GaussianMixture),
        ("ward", AlgorithmName::Ward),
        ("kprototypes", AlgorithmName::Kprototypes),
        ("dbscan", AlgorithmName::Dbscan),
        ("hdbscan", AlgorithmName::Hdbscan),
        ("optics", AlgorithmName::Optics),
        ("auto", AlgorithmName::Auto),
    ];
}

/// A number, or the word `auto`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Auto<T> {
    /// To be chosen.
    Auto,
    /// Given.
    Given(T),
}

impl<T: Serialize> Serialize for Auto<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match self {
            Auto::Auto => serializer.serialize_str("auto"),
            Auto::Given(value) => value.serialize(serializer),
        }
    }
}

impl<'de, T: serde::de::DeserializeOwned + AutoNumber> Deserialize<'de> for Auto<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Visitor<T>(std::marker::PhantomData<T>);
        impl<T: AutoNumber> serde::de::Visitor<'_> for Visitor<T> {
            type Value = Auto<T>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{} or \"auto\"", T::WORDS)
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> std::result::Result<Self::Value, E> {
                if text == "auto" {
                    Ok(Auto::Auto)
                } else {
                    Err(E::invalid_value(serde::de::Unexpected::Str(text), &self))
                }
            }
            fn visit_i64<E: serde::de::Error>(self, value: i64) -> std::result::Result<Self::Value, E> {
                T::whole(value)
                    .map(Auto::Given)
                    .ok_or_else(|| E::invalid_value(serde::de::Unexpected::Signed(value), &self))
            }
            fn visit_u64<E: serde::de::Error>(self, value: u64) -> std::result::Result<Self::Value, E> {
                i64::try_from(value)
                    .ok()
                    .and_then(T::whole)
                    .map(Auto::Given)
                    .ok_or_else(|| E::invalid_value(serde::de::Unexpected::Unsigned(value), &self))
            }
            fn visit_f64<E: serde::de::Error>(self, value: f64) -> std::result::Result<Self::Value, E> {
                T::real(value)
                    .map(Auto::Given)
                    .ok_or_else(|| E::invalid_value(serde::de::Unexpected::Float(value), &self))
            }
        }
        deserializer.deserialize_any(Visitor(std::marker::PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for Auto<T> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("Auto_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let value = generator.subschema_for::<T>();
        schemars::json_schema!({ "anyOf": [value, { "enum": ["auto"] }] })
    }
}

/// Numbers that can stand beside `auto`.
pub trait AutoNumber: Sized {
    /// What is expected, for a message.
    const WORDS: &'static str;
    /// From a whole number.
    fn whole(value: i64) -> Option<Self>;
    /// From a number with a fraction.
    fn real(value: f64) -> Option<Self>;
}

impl AutoNumber for usize {
    const WORDS: &'static str = "a whole number";
    fn whole(value: i64) -> Option<Self> {
        usize::try_from(value).ok()
    }
    fn real(_: f64) -> Option<Self> {
        None
    }
}

impl AutoNumber for f64 {
    const WORDS: &'static str = "a number";
    fn whole(value: i64) -> Option<Self> {
        Some(value as f64)
    }
    fn real(value: f64) -> Option<Self> {
        Some(value)
    }
}

/// When bad data stop a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Quality {
    /// Share of unreadable rows of a table above which a run stops: `1%`.
    pub max_rejected: String,
    /// Whether second and later copies of a row (equal in every column of the file) are left out.
    pub drop_exact_duplicates: bool,
    /// Files of one table that hold the same rows of the same days: `stop` says so, `first` counts a row in the first file
    /// that holds it, `keep` counts every row.
    pub overlap: Overlap,
}

impl Default for Quality {
    fn default() -> Self {
        Self { max_rejected: "1%".into(), drop_exact_duplicates: false, overlap: Overlap::Stop }
    }
}

impl Quality {
    /// Which copies of a row count.
    pub fn copies(&self) -> CopyRules {
        CopyRules { drop_exact_duplicates: self.drop_exact_duplicates, overlap: self.overlap }
    }
}

impl Config {
    /// Reads a config; `file` is its name for messages.
    ///
    /// # Errors
    /// E0203 for an unknown key, E0204 for a value of the wrong type, both with the place; E0208 for RFM rules that overlap or
    /// leave gaps where they must not.
    pub fn parse(text: &str, file: &str) -> Result<Self> {
        let config: Self = toml::from_str(text).map_err(|error| explain(&error, text, file))?;
        config.as_of()?;
        config.window_days()?;
        config.max_rejected()?;
        config.report.check()?;
        config.rfm.check().map_err(|error| match section_place("[rfm", text, file) {
            Some(place) => error.at(place),
            None => error,
        })?;
        let name = &config.project.name;
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
            return Err(Error::new("E0204", format!("`name = \"{name}\"` cannot name a folder"))
                .help("name = \"retail-uk\"  (letters, digits, - and _)"));
        }
        Ok(config)
    }

    /// Takes in `personas.toml`: own words for segments, by id.
    ///
    /// # Errors
    /// E0203 and E0204 as [`Config::parse`].
    pub fn add_personas(&mut self, text: &str) -> Result<()> {
        let own: BTreeMap<String, OwnWords> = toml::from_str(text).map_err(|error| explain(&error, text, PERSONAS))?;
        self.personas.extend(own);
        Ok(())
    }

    /// The config as TOML, every default filled in.
    ///
    /// # Errors
    /// E0070 if it cannot be written, which would be a defect.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string_pretty(self)
            .map_err(|e| Error::new("E0070", format!("the config cannot be written as TOML: {e}")))
    }

    /// The JSON Schema of the file.
    pub fn schema() -> String {
        let mut text = serde_json::to_string_pretty(
            &schemars::generate::SchemaSettings::draft07().into_generator().into_root_schema_for::<Self>(),
        )
        .unwrap_or_default();
        text.push('\n');
        text
    }

    /// The day the features speak of; `None` is `auto`.
    ///
    /// # Errors
    /// E0204 if it is no day.
    pub fn as_of(&self) -> Result<Option<Day>> {
        match self.features.as_of.as_str() {
            "auto" => Ok(None),
            text => Day::parse(text).map(Some).ok_or_else(|| {
                Error::new("E0204", format!("`as_of = \"{text}\"`: expected a day or \"auto\""))
                    .help("as_of = \"2011-12-10\"")
            }),
        }
    }

    /// The window in days; `None` is `all`.
    ///
    /// # Errors
    /// E0204 if it is neither.
    pub fn window_days(&self) -> Result<Option<u32>> {
        match self.features.window.as_str() {
            "all" => Ok(None),
            text => text.strip_suffix('d').and_then(|n| n.parse().ok()).filter(|n| *n > 0).map(Some).ok_or_else(|| {
                Error::new("E0204", format!("`window = \"{text}\"`: expected \"all\" or a number of days"))
                    .help("window = \"365d\"")
            }),
        }
    }

    /// The limit of unreadable rows as a share.
    ///
    /// # Errors
    /// E0204 if it is no percentage.
    pub fn max_rejected(&self) -> Result<f64> {
        let text = &self.quality.max_rejected;
        text.trim()
            .strip_suffix('%')
            .and_then(|n| n.trim().parse::<f64>().ok())
            .filter(|p| (0.0..=100.0).contains(p))
            .map(|p| p / 100.0)
            .ok_or_else(|| {
                Error::new("E0204", format!("`max_rejected = \"{text}\"`: expected a percentage"))
                    .help("max_rejected = \"1%\"")
            })
    }
}

/// Says a TOML error with its place, the key meant and a line to paste.
fn explain(error: &toml::de::Error, text: &str, file: &str) -> Error {
    let span = error.span().unwrap_or(0..0);
    let start = text.get(..span.start).map_or(0, |t| t.rfind('\n').map_or(0, |i| i + 1));
    let line = text.get(..start).map_or(1, |t| t.matches('\n').count() + 1);
    let shown = text[start..].lines().next().unwrap_or_default();
    let within = (span.start - start).min(shown.len())..(span.end.max(span.start) - start).min(shown.len());
    let message = error.message().lines().next().unwrap_or_default().to_string();
    let place =
        |label: &str| Place { file: file.into(), line, text: shown.into(), span: within.clone(), label: label.into() };
    if let Some(rest) = message.strip_prefix("unknown field `") {
        let (key, rest) = rest.split_once('`').unwrap_or((rest, ""));
        let known: Vec<&str> = rest.split('`').skip(1).step_by(2).collect();
        let section = section_of(text, span.start);
        let error = Error::new("E0203", format!("unknown key `{key}`")).at(place(&format!("not a key of {section}")));
        let near = known
            .iter()
            .map(|k| (strsim::jaro_winkler(key, k), *k))
            .filter(|(score, _)| *score > 0.75)
            .max_by(|a, b| a.0.total_cmp(&b.0));
        let value = shown.split_once('=').map_or("…", |(_, v)| v.trim());
        return match near {
            Some((_, near)) if shown.contains('=') => {
                error.help(format!("did you mean `{near}`?     {near} = {value}"))
            }
            Some((_, near)) => error.help(format!("did you mean `{near}`?")),
            None => error.help(format!("keys here: {}", known.join(", "))),
        };
    }
    if message.starts_with("missing field") {
        return Error::new("E0204", message)
            .at(place("needed here"))
            .help("`ilk init FILE` writes a complete ilk.toml");
    }
    let title = if message.starts_with("invalid") || message.contains("expected") {
        format!("a value of the wrong type: {message}")
    } else {
        message
    };
    let error = Error::new("E0204", title).at(place(""));
    match shown.split_once('=').map(|(k, _)| k.trim()) {
        Some("n_clusters") => error.help("n_clusters = \"auto\", or a whole number: n_clusters = 5"),
        Some("eps") => error.help("eps = \"auto\", or a number: eps = 0.5"),
        Some("min_samples") => error.help("min_samples = \"auto\", or a whole number: min_samples = 10"),
        Some("algorithm") => error.help("algorithm = \"kmeans\" or \"dbscan\""),
        Some(key) => error.help(format!("the schema beside this file says what `{key}` takes")),
        None => error.help("TOML is written key = value, with text in quotes"),
    }
}

/// The line where a section begins; `None` where its keys are written another way.
fn section_place(head: &str, text: &str, file: &str) -> Option<Place> {
    let (at, line) = text.lines().enumerate().find(|(_, line)| line.starts_with(head))?;
    Some(Place {
        file: file.into(),
        line: at + 1,
        text: line.into(),
        span: 0..line.len(),
        label: "in this section".into(),
    })
}

fn section_of(text: &str, at: usize) -> String {
    text.get(..at)
        .and_then(|before| before.lines().rev().find(|l| l.trim_start().starts_with('[')).map(|l| l.trim().to_string()))
        .unwrap_or_else(|| "this file".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_is_all_defaults_and_round_trips() {
        let config = Config::parse("", "ilk.toml").expect("a config");
        assert_eq!(config, Config::default());
        let text = config.to_toml().expect("TOML");
        assert_eq!(Config::parse(&text, "ilk.toml").expect("a config"), config);
    }

    #[test]
    fn a_misspelled_key_is_named_with_its_place() {
        let error = Config::parse("[cluster]\nn_cluster = 5\n", "ilk.toml").expect_err("an error");
        assert_eq!(error.code(), "E0203");
        let place = error.0.place.clone().expect("a place");
        assert_eq!((place.line, &place.text[place.span]), (2, "n_cluster"));
        assert_eq!(error.0.notes[0].text, "did you mean `n_clusters`?     n_clusters = 5");
    }

    #[test]
    fn a_wrong_type_says_what_is_expected() {
        let error = Config::parse("[cluster]\nn_clusters = \"five\"\n", "ilk.toml").expect_err("an error");
        assert_eq!(error.code(), "E0204");
        assert!(error.0.title.contains("a whole number or \"auto\""), "{}", error.0.title);
        assert_eq!(error.exit_code(), 2);
        for bad in ["[features]\nas_of = \"soon\"", "[features]\nwindow = \"1y\"", "[quality]\nmax_rejected = \"few\""]
        {
            assert_eq!(Config::parse(bad, "ilk.toml").expect_err("an error").code(), "E0204", "{bad}");
        }
    }

    #[test]
    fn own_words_come_from_a_file_of_their_own_and_are_checked() {
        let mut config = Config::parse("[personas.S01]\nname = \"Old\"\n", "ilk.toml").expect("a config");
        config.add_personas("[S01]\nname = \"Gold\"\nline = \"They come every month.\"\n").expect("words");
        assert_eq!(config.personas["S01"].name.as_deref(), Some("Gold"));
        let error = config.add_personas("\n[S02]\nnam = \"Silver\"\n").expect_err("an error");
        let place = error.0.place.clone().expect("a place");
        assert_eq!((error.code(), place.file.as_str(), place.line), ("E0203", "personas.toml", 3));
    }

    #[test]
    fn an_accent_is_a_colour_that_can_be_read() {
        let parse = |accent: &str| Config::parse(&format!("[report]\naccent = \"{accent}\"\n"), "ilk.toml");
        assert!(parse("#053785").is_ok());
        assert!(parse("blue").expect_err("no colour").0.title.contains("expected a colour"));
        // WCAG's own example: #767676 is the lightest grey that passes on white, at 4.54 to 1.
        assert!(parse("#767676").is_ok());
        assert!(parse("#777777").expect_err("too light").0.title.contains("4.5 to 1"));
    }

    #[test]
    fn a_family_that_is_not_named_keeps_its_weight() {
        let config = Config::parse("[features.weights]\nengagement = 0.6\n", "ilk.toml").expect("a config");
        let usual = FeatureConfig::default().weights;
        assert_eq!(config.features.weights[&Family::Engagement], 0.6);
        assert_eq!(config.features.weights[&Family::Rfm], usual[&Family::Rfm]);
        assert_eq!(config.features.weights.len(), usual.len());
    }

    #[test]
    fn rfm_rules_are_a_name_or_a_list_and_are_checked() {
        let rules = "[rfm]\nrules = [{ name = \"Best\", r = \"4-5\", f = 5 }, { name = \"Rest\" }]\n";
        let config = Config::parse(rules, "ilk.toml").expect("a config");
        assert_eq!(Config::parse(&config.to_toml().expect("TOML"), "ilk.toml").expect("a config"), config);
        assert!(Config::parse("[rfm]\nrules = \"r_rfm_0_2\"", "ilk.toml").is_ok());
        let error = |text: &str| Config::parse(text, "ilk.toml").expect_err("an error");
        let both = error(&format!("\n{rules}partition = true\n"));
        assert_eq!((both.code(), both.0.place.as_ref().map(|p| p.line)), ("E0208", Some(2)));
        let misspelled = error("[rfm]\nrules = \"cells26\"");
        assert!(misspelled.code() == "E0204" && misspelled.0.title.contains("cells25"), "{misspelled}");
        assert_eq!(error("[rfm]\nrules = [{ nam = \"Best\" }]").code(), "E0203");
        assert_eq!(error("[rfm]\nrules = [{ name = \"Best\", r = \"5-4\" }]").code(), "E0204");
    }

    #[test]
    fn the_schema_knows_every_section() {
        let schema: serde_json::Value = serde_json::from_str(&Config::schema()).expect("JSON");
        for section in ["project", "input", "features", "cluster", "rfm", "personas", "report", "quality"] {
            assert!(schema["properties"].get(section).is_some(), "{section}");
        }
    }
}
