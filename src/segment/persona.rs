//! A segment described: its name and its words, by fixed templates from its profile. No name judges anybody.

use super::profile::{LevelFacts, Profile};
use crate::error::{Error, Result, Warning};
use crate::features::preparation::UNKNOWN;
use crate::features::{Feature, Role, Scale, capitalised};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A name and one sentence, made from the profile by rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Persona {
    /// Unique within a report: `Loyal big spenders`.
    pub name: String,
    /// One sentence for the card.
    pub sentence: String,
    /// Two to four short traits, strongest first: `ordered 12 days ago (all: 61)`.
    pub traits: Vec<String>,
    /// Name and sentence as ilk made them, where a project's own stand instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<OwnWords>,
}

impl Persona {
    /// As ilk made it.
    fn restore(&mut self) {
        let Some(OwnWords { name, line }) = self.made.take() else { return };
        self.name = name.unwrap_or_else(|| std::mem::take(&mut self.name));
        self.sentence = line.unwrap_or_else(|| std::mem::take(&mut self.sentence));
    }

    fn speak(&mut self, words: &OwnWords) {
        let made = |own: &Option<String>, place: &mut String| {
            own.as_ref().map(|own| std::mem::replace(place, own.trim().to_string()))
        };
        let (name, line) = (made(&words.name, &mut self.name), made(&words.line, &mut self.sentence));
        self.made = (name.is_some() || line.is_some()).then_some(OwnWords { name, line });
    }
}

/// A project's own words for a segment; what is left out stays as ilk made it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OwnWords {
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The sentence below it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
}

/// Gives segments the words that a project has for them, by id, and back those that ilk made where it has none any more. Words for segments that are not there are kept for when they come back, and
/// told in a warning.
///
/// # Errors
/// E0212 if two segments would have one name, or a name is blank.
pub fn in_own_words<'a>(
    personas: impl Iterator<Item = (String, &'a mut Persona)>,
    own: &BTreeMap<String, OwnWords>,
) -> Result<Vec<Warning>> {
    let mut unknown: Vec<&str> = own.keys().map(String::as_str).collect();
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    for (id, persona) in personas {
        persona.restore();
        if let Some(words) = own.get(&id) {
            unknown.retain(|other| *other != id);
            persona.speak(words);
        }
        if persona.name.is_empty() {
            return Err(
                Error::new("E0212", format!("{id} has a blank name")).help(format!("[{id}] name = \"Regulars\""))
            );
        }
        if let Some(other) = names.insert(persona.name.clone(), id.clone()) {
            return Err(Error::new("E0212", format!("{other} and {id} would both be called `{}`", persona.name))
                .why("lists and campaigns are chosen by name")
                .help(format!("another name for {id}: [{id}] name = \"…\"")));
        }
    }
    if unknown.is_empty() {
        return Ok(Vec::new());
    }
    let title = format!("own words for {}: no such segment in this run", unknown.join(", "));
    Ok(vec![
        Warning::new("W0425", title)
            .why("segments keep their ids, so the words wait for when one comes back")
            .help("or correct the id"),
    ])
}

/// From so many standard deviations on a feature makes a name.
const TELLING: f64 = 0.5;

/// From so many standard deviations of its indicator on a level makes a name, if no number tells more.
const TELLING_LEVEL: f64 = 1.0;

/// What a segment is told by: its features, most telling first.
struct Traits<'a> {
    /// Feature and z, strongest first; forming features only, or all that are not protected if none forms.
    strongest: Vec<(&'a Feature, f64)>,
    /// The nominal level that sets the segment apart more than any number does.
    level: Option<(&'a Feature, &'a LevelFacts)>,
    profile: &'a Profile,
}

/// How far a level's share lies from everyone's, in standard deviations of belonging to it.
fn level_z(level: &LevelFacts) -> f64 {
    let spread = (level.share_all * (1.0 - level.share_all)).sqrt();
    if spread > 0.0 { (level.share - level.share_all) / spread } else { 0.0 }
}

impl<'a> Traits<'a> {
    fn of(profile: &'a Profile, features: &'a [Feature]) -> Self {
        let forms =
            features.iter().any(|f| f.role == Role::Form && profile.numbers.iter().any(|n| n.feature == f.name));
        let mut strongest: Vec<(&Feature, f64)> = features
            .iter()
            // What nobody decided to sort people by names nobody either.
            .filter(|f| f.role == Role::Form || !(forms || f.protected))
            .filter_map(|f| {
                profile.numbers.iter().find(|n| n.feature == f.name && n.median.is_some()).map(|n| (f, n.z))
            })
            .collect();
        // Ties keep the order of the features.
        strongest.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
        let beyond = strongest.first().map_or(0.0, |(_, z)| z.abs()).max(TELLING_LEVEL);
        let mut levels: Vec<(&Feature, &LevelFacts)> = profile
            .levels
            .iter()
            .filter(|l| l.level != UNKNOWN && level_z(l).abs() >= beyond)
            .filter_map(|l| features.iter().find(|f| f.name == l.feature).map(|f| (f, l)))
            .filter(|(f, _)| f.scale == Scale::Nominal && f.role == Role::Form)
            .collect();
        levels.sort_by(|a, b| level_z(b.1).abs().total_cmp(&level_z(a.1).abs()));
        Self { strongest, level: levels.first().copied(), profile }
    }

    /// What the telling level says: `mostly Germany`, `not United Kingdom`.
    fn level_words(&self) -> Option<String> {
        let (_, level) = self.level?;
        let how = match level.share {
            s if s > level.share_all && s >= 0.5 => "mostly",
            s if s > level.share_all => "often",
            s if s < 0.02 => "not",
            _ => "seldom",
        };
        Some(format!("{how} {}", level.level))
    }

    fn z(&self, feature: &str) -> Option<f64> {
        self.profile.numbers.iter().find(|n| n.feature == feature && n.median.is_some()).map(|n| n.z)
    }

    fn median(&self, feature: &str) -> Option<f64> {
        self.profile.numbers.iter().find(|n| n.feature == feature).and_then(|n| n.median)
    }

    fn word(feature: &Feature, z: f64) -> &str {
        if z < 0.0 { &feature.low } else { &feature.high }
    }

    /// The name by recency, frequency and money, where the data have them.
    fn by_orders(&self) -> Option<String> {
        let recency = self.z("recency_days")?;
        let orders = self.z("orders")?;
        let value = self.z("avg_order_value").unwrap_or(0.0);
        let tenure = self.z("tenure_days").unwrap_or(0.0);
        let visits = self.z("sessions").or_else(|| self.z("active_days")).unwrap_or(0.0);
        let once = self.median("orders").is_some_and(|m| m <= 1.0);
        let name = if recency > 0.4 {
            match (orders, once) {
                (_, true) if recency > 0.9 => "One-time, long gone",
                (_, true) => "One-time, gone quiet",
                (o, _) if o > 0.4 => "Former regulars, slipping away",
                _ if value > TELLING => "Big baskets, slipping away",
                _ => "Slipping away",
            }
        } else if orders > 0.4 {
            match value {
                v if v > TELLING => "Loyal big spenders",
                v if v < -TELLING => "Frequent small baskets",
                _ => "Steady regulars",
            }
        } else if visits > 0.7 && orders < 0.2 {
            "Window shoppers"
        } else if recency < -0.3 && (tenure < -0.4 || once) {
            if value > TELLING { "New, with big baskets" } else { "New and promising" }
        } else if value > 0.7 {
            "Occasional big baskets"
        } else if once {
            "One-time buyers"
        } else if orders.abs() < TELLING && recency.abs() < TELLING && value.abs() < TELLING {
            return None;
        } else if orders < 0.0 {
            "Occasional buyers"
        } else {
            "Recent buyers"
        };
        Some(name.to_string())
    }

    /// The name by the one or two most telling features.
    fn by_features(&self) -> String {
        let words: Vec<&str> = self
            .strongest
            .iter()
            .filter(|(_, z)| z.abs() >= TELLING)
            .map(|(f, z)| Self::word(f, *z))
            .filter(|w| !w.is_empty())
            .take(2)
            .collect();
        if words.is_empty() { "Typical customers".into() } else { capitalised(&words.join(", ")) }
    }
}

/// Names the segments, in their order; no name appears twice. `everyone` is the profile to compare with, `currency` an ISO
/// code, sign or empty.
pub fn personas(everyone: &Profile, profiles: &[Profile], features: &[Feature], currency: &str) -> Vec<Persona> {
    let traits: Vec<Traits> = profiles.iter().map(|p| Traits::of(p, features)).collect();
    let bases: Vec<String> = traits
        .iter()
        .map(|t| {
            let name = t.by_orders().unwrap_or_else(|| t.by_features());
            t.level_words().map_or(name.clone(), |level| format!("{name}, {level}"))
        })
        .collect();
    let mut taken: BTreeSet<String> = BTreeSet::new();
    let mut made = Vec::new();
    for (i, (traits, base)) in traits.iter().zip(&bases).enumerate() {
        let twins: Vec<usize> = (0..bases.len()).filter(|j| *j != i && bases[*j] == *base).collect();
        let mut name = base.clone();
        if !twins.is_empty() {
            // The trait that lies farthest from the twins tells them apart.
            let gap = |feature: &Feature, z: f64| {
                let others = twins.iter().filter_map(|j| self::z_of(&profiles[*j], &feature.name));
                others.map(|other| (z - other).abs()).fold(0.0, f64::max)
            };
            let mut apart: Vec<(&Feature, f64, f64)> = traits
                .strongest
                .iter()
                .map(|(f, z)| (*f, *z, gap(f, *z)))
                .filter(|(f, z, _)| !Traits::word(f, *z).is_empty())
                .collect();
            apart.sort_by(|a, b| b.2.total_cmp(&a.2));
            for (feature, z, _) in apart.iter().filter(|(_, z, gap)| *gap >= TELLING && z.abs() > 0.15) {
                let candidate = format!("{base}: {}", Traits::word(feature, *z));
                if !base.to_lowercase().contains(Traits::word(feature, *z)) && !taken.contains(&candidate) {
                    name = candidate;
                    break;
                }
            }
        }
        let first = name.clone();
        let mut n = 2;
        while !taken.insert(name.clone()) {
            name = format!("{first} ({n})");
            n += 1;
        }
        made.push(Persona {
            name,
            sentence: sentence(traits, everyone, currency),
            traits: list(traits, everyone, currency),
            made: None,
        });
    }
    made
}

/// Features that a name comes from.
const DRIVERS: usize = 3;

/// The features that set a segment apart most, with the side: `high orders`. While they stay, so does its name.
pub fn drivers(profile: &Profile, features: &[Feature]) -> Vec<String> {
    let strongest = Traits::of(profile, features).strongest;
    let side = |z: f64| if z < 0.0 { "low" } else { "high" };
    let mut drivers: Vec<String> =
        strongest.iter().take(DRIVERS).map(|(feature, z)| format!("{} {}", side(*z), feature.name)).collect();
    drivers.sort();
    drivers
}

/// Gives segments the names that they had, where there is one, and the others names that are not taken.
pub fn keep_names(personas: &mut [Persona], had: &[Option<String>]) {
    let mut taken: BTreeSet<String> = had.iter().flatten().cloned().collect();
    for (persona, had) in personas.iter_mut().zip(had) {
        if let Some(name) = had {
            persona.name.clone_from(name);
            continue;
        }
        let first = persona.name.clone();
        let mut n = 2;
        while !taken.insert(persona.name.clone()) {
            persona.name = format!("{first} ({n})");
            n += 1;
        }
    }
}

fn z_of(profile: &Profile, feature: &str) -> Option<f64> {
    profile.numbers.iter().find(|n| n.feature == feature).map(|n| n.z)
}

fn lowered(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |c| c.to_lowercase().chain(letters).collect())
}

/// One sentence with the numbers of the customer in the middle.
fn sentence(traits: &Traits, everyone: &Profile, currency: &str) -> String {
    let format = |feature: &str| {
        let unit = traits.strongest.iter().find(|(f, _)| f.name == feature).map(|(f, _)| f.unit.clone());
        unit.zip(traits.median(feature)).map(|(u, m)| u.format(m, currency))
    };
    let mut parts = Vec::new();
    if let Some(days) = traits.median("recency_days") {
        parts.push(match days.round() {
            d if d < 1.0 => "Last ordered today".to_string(),
            d if d < 2.0 => "Last ordered yesterday".into(),
            // As the tables round it, so that the card agrees with itself.
            _ => format!("Last ordered {days:.0} days ago"),
        });
    }
    if let Some(orders) = traits.median("orders") {
        let each = format("avg_order_value");
        let text = match (orders, each) {
            (o, Some(each)) if o <= 1.0 => format!("one order of {each}"),
            (o, None) if o <= 1.0 => "one order".into(),
            (o, Some(each)) => format!("{o} orders of {each} each"),
            (o, None) => format!("{o} orders"),
        };
        parts.push(if parts.is_empty() { capitalised(&text) } else { text });
    }
    let known = ["recency_days", "orders", "avg_order_value", "revenue"];
    let wanted = if parts.is_empty() { 2 } else { 1 };
    let rest: Vec<String> = traits
        .strongest
        .iter()
        .filter(|(f, z)| !known.contains(&f.name.as_str()) && z.abs() >= TELLING)
        .take(wanted)
        .filter_map(|(f, z)| {
            let side = if *z > 0.0 { "more" } else { "less" };
            let all = everyone.numbers.iter().find(|n| n.feature == f.name).and_then(|n| n.median)?;
            Some(format!(
                "{} {} ({side} than the {} of all)",
                lowered(&f.label),
                format(&f.name)?,
                f.unit.format(all, currency)
            ))
        })
        .collect();
    let told = traits.level.map(|(feature, level)| format!("{} {}", lowered(&feature.label), level_share(level)));
    if parts.is_empty() {
        return match (rest.len(), told) {
            (0, Some(told)) => format!("{}.", capitalised(&told)),
            (0, None) => "Close to the average in everything that was compared.".into(),
            (_, told) => format!("{}.", capitalised(&rest.into_iter().chain(told).collect::<Vec<_>>().join("; "))),
        };
    }
    let mut text = parts.join(", ");
    if let Some(more) = told.as_ref().or(rest.first()) {
        text.push_str("; ");
        text.push_str(more);
    }
    text.push('.');
    text
}

/// `United Kingdom 0 % (all: 91 %)`.
fn level_share(level: &LevelFacts) -> String {
    format!("{} {:.0} % (all: {:.0} %)", level.level, level.share * 100.0, level.share_all * 100.0)
}

/// The telling level and the most telling features with their medians.
fn list(traits: &Traits, everyone: &Profile, currency: &str) -> Vec<String> {
    let line = |(feature, _): &(&Feature, f64)| {
        let own = traits.median(&feature.name)?;
        let all = everyone.numbers.iter().find(|n| n.feature == feature.name).and_then(|n| n.median)?;
        Some(format!(
            "{} {} (all: {})",
            lowered(&feature.label),
            feature.unit.format(own, currency),
            feature.unit.format(all, currency)
        ))
    };
    let telling = traits.strongest.iter().filter(|(_, z)| z.abs() >= TELLING).count().clamp(2, 4);
    let level = traits.level.map(|(feature, level)| format!("{} {}", lowered(&feature.label), level_share(level)));
    level.into_iter().chain(traits.strongest.iter().take(telling).filter_map(line)).take(4).collect()
}

#[cfg(test)]
mod tests {
    use super::super::profile::NumberFacts;
    use super::*;
    use crate::features::{Family, Measure, Unit, rfm};

    fn profile(numbers: &[(&str, f64, f64)]) -> Profile {
        Profile {
            customers: 100,
            share_customers: 0.2,
            revenue: None,
            share_revenue: None,
            numbers: numbers
                .iter()
                .map(|(feature, median, z)| NumberFacts {
                    feature: (*feature).into(),
                    mean: Some(*median),
                    p25: Some(*median),
                    median: Some(*median),
                    p75: Some(*median),
                    z: *z,
                    missing: 0.0,
                })
                .collect(),
            levels: Vec::new(),
            nps: Vec::new(),
        }
    }

    fn orders(recency: (f64, f64), count: (f64, f64), value: (f64, f64), tenure: f64) -> Profile {
        profile(&[
            ("recency_days", recency.0, recency.1),
            ("orders", count.0, count.1),
            ("avg_order_value", value.0, value.1),
            ("tenure_days", 100.0, tenure),
        ])
    }

    fn order_features() -> Vec<Feature> {
        rfm::features(rfm::Available { revenue: true, products: false, returns: false })
    }

    #[test]
    fn own_words_stand_for_ours_and_no_name_twice() {
        let made =
            |name: &str| Persona { name: name.into(), sentence: "By rule.".into(), traits: Vec::new(), made: None };
        let speak = |own: &[(&str, Option<&str>, Option<&str>)]| {
            let words = |(id, name, line): &(&str, Option<&str>, Option<&str>)| {
                (id.to_string(), OwnWords { name: name.map(String::from), line: line.map(String::from) })
            };
            let own = own.iter().map(words).collect();
            let mut all = [made("Regulars"), made("Gone quiet")];
            in_own_words(all.iter_mut().enumerate().map(|(i, p)| (format!("S{:02}", i + 1), p)), &own).map(|w| (all, w))
        };
        let (all, warnings) = speak(&[("S02", Some(" Sleepers "), None), ("S01", None, Some("Ours."))]).expect("words");
        assert_eq!((all[0].name.as_str(), all[0].sentence.as_str()), ("Regulars", "Ours."));
        assert_eq!((all[1].name.as_str(), all[1].sentence.as_str()), ("Sleepers", "By rule."));
        assert!(warnings.is_empty());
        // Without them ours are back, though only what they left is at hand.
        let mut again = all.clone();
        let ids = again.iter_mut().enumerate().map(|(i, p)| (format!("S{:02}", i + 1), p));
        in_own_words(ids, &BTreeMap::new()).expect("no words");
        assert_eq!(again, [made("Regulars"), made("Gone quiet")]);
        assert_eq!(speak(&[("S07", Some("x"), None)]).expect("words").1[0].code, "W0425");
        for bad in [Some("Regulars"), Some("  ")] {
            assert_eq!(speak(&[("S02", bad, None)]).expect_err("an error").code(), "E0212");
        }
    }

    #[test]
    fn names_stay_with_segments_and_new_ones_are_not_taken() {
        let made = |name: &str| Persona { name: name.into(), sentence: String::new(), traits: Vec::new(), made: None };
        let mut all = [made("Slipping away"), made("Regulars"), made("Slipping away")];
        keep_names(&mut all, &[None, Some("Slipping away".into()), None]);
        let names: Vec<&str> = all.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(names, ["Slipping away (2)", "Slipping away", "Slipping away (3)"]);
        let profile = orders((12.0, -0.9), (11.0, 1.6), (374.0, 0.9), 0.5);
        assert_eq!(drivers(&profile, &order_features()), ["high avg_order_value", "high orders", "low recency_days"]);
    }

    #[test]
    fn the_classic_personas_get_their_names() {
        let segments = [
            orders((12.0, -0.9), (11.0, 1.6), (374.0, 0.9), 0.5),
            orders((29.0, -0.6), (5.0, 0.9), (240.0, 0.1), 0.4),
            orders((24.0, -0.7), (1.0, -0.7), (340.0, 0.0), -1.5),
            orders((118.0, 0.8), (3.0, 0.1), (140.0, -0.1), 0.4),
            orders((247.0, 1.2), (1.0, -0.9), (210.0, 0.0), 0.3),
        ];
        let everyone = orders((61.0, 0.0), (2.0, 0.0), (210.0, 0.0), 0.0);
        let made = personas(&everyone, &segments, &order_features(), "GBP");
        let names: Vec<&str> = made.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(
            names,
            ["Loyal big spenders", "Steady regulars", "New and promising", "Slipping away", "One-time, long gone"]
        );
        assert_eq!(made[0].sentence, "Last ordered 12 days ago, 11 orders of £374 each.");
        assert_eq!(made[2].sentence, "Last ordered 24 days ago, one order of £340.");
        assert_eq!(made[0].traits[0], "orders 11 (all: 2)");
    }

    #[test]
    fn a_ready_made_table_is_named_by_its_columns() {
        let features: Vec<Feature> = ["grocery", "fresh"]
            .iter()
            .map(|name| {
                let measure = Measure::Value { column: (*name).into() };
                Feature::new(*name, capitalised(name), Family::Demographic, Unit::Number, measure)
                    .forms()
                    .words(format!("low {name}"), format!("high {name}"))
            })
            .collect();
        let everyone = profile(&[("grocery", 4_000.0, 0.0), ("fresh", 8_000.0, 0.0)]);
        let segments = [
            profile(&[("grocery", 9_000.0, 1.1), ("fresh", 3_000.0, -0.8)]),
            profile(&[("grocery", 4_000.0, 0.1), ("fresh", 8_000.0, 0.0)]),
        ];
        let made = personas(&everyone, &segments, &features, "");
        assert_eq!(made[0].name, "High grocery, low fresh");
        assert_eq!(
            made[0].sentence,
            "Grocery 9,000 (more than the 4,000 of all); fresh 3,000 (less than the 8,000 of all)."
        );
        assert_eq!(made[1].name, "Typical customers");
    }

    #[test]
    fn a_level_that_tells_most_is_in_the_name() {
        let mut features = order_features();
        let measure = Measure::Level { column: "country".into() };
        let country = Feature::new("country", "Country", Family::Geographic, Unit::Level, measure);
        features.push(country.levels(Scale::Nominal).forms());
        let level = |level: &str, share: f64, share_all: f64| LevelFacts {
            feature: "country".into(),
            level: level.into(),
            customers: 50,
            share,
            share_all,
            interval: [0.0, 1.0],
        };
        let everyone = orders((61.0, 0.0), (2.0, 0.0), (210.0, 0.0), 0.0);
        let mut abroad = orders((29.0, -0.6), (5.0, 0.9), (240.0, 0.1), 0.4);
        abroad.levels = vec![level("Germany", 0.22, 0.02), level("United Kingdom", 0.0, 0.91)];
        let mut home = orders((29.0, -0.6), (5.0, 0.9), (240.0, 0.1), 0.4);
        home.levels = vec![level("Germany", 0.0, 0.02), level("United Kingdom", 1.0, 0.91)];
        let made = personas(&everyone, &[abroad.clone(), home], &features, "GBP");
        assert_eq!(made[0].name, "Steady regulars, not United Kingdom");
        assert_eq!(
            made[0].sentence,
            "Last ordered 29 days ago, 5 orders of £240 each; country United Kingdom 0 % (all: 91 %)."
        );
        assert_eq!(made[0].traits[0], "country United Kingdom 0 % (all: 91 %)");
        assert_eq!(made[1].name, "Steady regulars");
        // What does not form segments does not name them.
        features.last_mut().expect("a feature").role = Role::Describe;
        assert_eq!(personas(&everyone, &[abroad], &features, "GBP")[0].name, "Steady regulars");
    }

    #[test]
    fn features_without_words_and_protected_ones_name_nothing() {
        let feature = |name: &str, protected: bool| {
            let measure = Measure::Value { column: name.into() };
            let made = Feature::new(name, capitalised(name), Family::Demographic, Unit::Number, measure);
            Feature { protected, ..made }
        };
        let plain = feature("visits", false);
        let one_sided = feature("stops", false).words("few stops", "");
        let age = feature("age", true).words("younger", "older");
        let everyone = profile(&[("visits", 5.0, 0.0), ("stops", 5.0, 0.0), ("age", 40.0, 0.0)]);
        let high = profile(&[("visits", 9.0, 1.5), ("stops", 9.0, 1.2), ("age", 60.0, 1.9)]);
        let low = profile(&[("visits", 9.0, 1.5), ("stops", 1.0, -1.2), ("age", 20.0, -1.9)]);
        let features = [plain, one_sided, age.clone()];
        let made = personas(&everyone, &[high.clone(), low.clone()], &features, "");
        let names: Vec<&str> = made.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(names, ["Typical customers", "Few stops"]);
        assert!(made.iter().all(|p| !p.sentence.contains("age") && p.traits.iter().all(|t| !t.contains("age"))));
        // Twins are told apart by words, and by a number where there are none.
        let made = personas(&everyone, &[high.clone(), high.clone()], &features, "");
        assert_eq!(made[1].name, "Typical customers (2)");
        // Whoever lets age form segments gets its names.
        assert_eq!(personas(&everyone, &[low], &[age.forms()], "")[0].name, "Younger");
    }

    #[test]
    fn names_are_unique_even_when_segments_are_not() {
        let everyone = orders((61.0, 0.0), (2.0, 0.0), (210.0, 0.0), 0.0);
        let same = vec![orders((118.0, 0.8), (3.0, 0.1), (140.0, -0.1), 0.4); 9];
        let made = personas(&everyone, &same, &order_features(), "");
        let names: BTreeSet<&str> = made.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(names.len(), 9);
        assert_eq!(personas(&everyone, &[profile(&[])], &[], "")[0].name, "Typical customers");
    }

    #[test]
    fn twins_are_told_apart_by_what_differs() {
        let everyone = orders((61.0, 0.0), (2.0, 0.0), (210.0, 0.0), 0.0);
        let segments =
            [orders((118.0, 0.8), (3.0, 0.1), (90.0, -1.2), 0.4), orders((118.0, 0.8), (3.0, 0.1), (250.0, 0.3), 0.4)];
        let made = personas(&everyone, &segments, &order_features(), "");
        assert_eq!(made[0].name, "Slipping away: small baskets");
        assert_eq!(made[1].name, "Slipping away: big baskets");
    }
}
