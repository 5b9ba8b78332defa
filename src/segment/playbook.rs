//! What to do with a segment, what not, and how to see whether it worked: written beforehand, chosen by rule from the profile.

use super::profile::Profile;
use crate::error::{Error, Result};
use crate::features::rules::{Condition, Conditions};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One kind of customer and what to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Play {
    /// For headings: `Cross-sell: fuller baskets`.
    pub name: String,
    /// Conditions on the segment: the median of a feature (`orders <= 1`), with `_z` how many standard deviations its mean
    /// lies from everyone's (`recency_days_z > 0.4`), `nps` for the score of its answers, `leads` for those who never ordered. Without
    /// it the play fits every segment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Conditions>,
    /// What to do.
    #[serde(rename = "do")]
    pub actions: Vec<String>,
    /// What not to do.
    #[serde(default)]
    pub dont: Vec<String>,
    /// How to see whether it worked.
    pub measure: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Book {
    play: Vec<Play>,
}

/// The plays of the project, in the order in which they are tried: `own` first, then those that come with ilk.
///
/// # Errors
/// E0070 if the built-in ones cannot be read, which would be a defect.
pub fn playbook(own: &[Play]) -> Result<Vec<Play>> {
    let book: Book = toml::from_str(include_str!("playbook.toml"))
        .map_err(|error| Error::new("E0070", format!("the playbook cannot be read: {error}")))?;
    Ok(own.iter().cloned().chain(book.play).collect())
}

/// The first play whose conditions hold for a segment.
pub fn play_of<'a>(plays: &'a [Play], profile: &Profile) -> Option<&'a Play> {
    first(plays.iter(), |fact| {
        if let Some(feature) = fact.strip_suffix("_z") {
            return profile.numbers.iter().find(|n| n.feature == feature && n.median.is_some()).map(|n| n.z);
        }
        if fact == "nps" {
            return profile.nps.iter().find_map(|nps| nps.score).map(|score| score.nps);
        }
        profile.numbers.iter().find(|n| n.feature == fact).and_then(|n| n.median)
    })
}

/// The first play for `leads` customers who never ordered; `None` if there are none.
pub fn play_of_leads(plays: &[Play], leads: usize) -> Option<&Play> {
    let speaks_of_leads =
        |play: &&Play| play.when.as_ref().is_some_and(|when| when.0.iter().any(|c| c.feature == "leads"));
    first(plays.iter().filter(speaks_of_leads), |fact| (fact == "leads").then_some(leads as f64))
}

fn first<'a>(mut plays: impl Iterator<Item = &'a Play>, fact: impl Fn(&str) -> Option<f64>) -> Option<&'a Play> {
    // What is not known holds nothing.
    let holds = |condition: &Condition| fact(&condition.feature).is_some_and(|value| condition.holds_for_number(value));
    plays.find(|play| play.when.as_ref().is_none_or(|when| when.0.iter().all(holds)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segment::profile::NumberFacts;

    fn profile(numbers: &[(&str, f64, f64)]) -> Profile {
        let number = |&(feature, median, z): &(&str, f64, f64)| NumberFacts {
            feature: feature.into(),
            mean: Some(median),
            p25: Some(median),
            median: Some(median),
            p75: Some(median),
            z,
            missing: 0.0,
        };
        Profile {
            customers: 100,
            share_customers: 0.1,
            revenue: None,
            share_revenue: None,
            numbers: numbers.iter().map(number).collect(),
            levels: Vec::new(),
            nps: Vec::new(),
        }
    }

    #[test]
    fn every_kind_of_customer_has_a_play() {
        let plays = playbook(&[]).unwrap();
        let of = |numbers: &[(&str, f64, f64)]| play_of(&plays, &profile(numbers)).unwrap().name.as_str();
        assert_eq!(of(&[("recency_days", 300.0, 1.0), ("orders", 9.0, 0.9)]), "Win back while they remember");
        assert_eq!(of(&[("recency_days", 300.0, 1.0), ("orders", 1.0, -0.6)]), "Reactivation, at little cost");
        assert_eq!(of(&[("orders", 9.0, 0.9), ("avg_order_value", 9.0, 0.8)]), "Reward, and keep the best");
        assert_eq!(of(&[("orders", 9.0, 0.9)]), "Cross-sell and reward");
        assert_eq!(of(&[("recency_days", 9.0, -0.9), ("tenure_days", 30.0, -0.9)]), "Onboarding: the second order");
        assert_eq!(of(&[]), "Nurture");
        assert_eq!(play_of_leads(&plays, 4).unwrap().name, "Onboarding: the first order");
        assert_eq!(play_of_leads(&plays, 0), None);
        for play in &plays {
            assert!(!play.actions.is_empty() && !play.dont.is_empty() && !play.measure.is_empty(), "{}", play.name);
        }
    }

    #[test]
    fn plays_of_the_project_come_first() {
        let own: Play =
            toml::from_str("name = \"Ours\"\nwhen = \"orders >= 3\"\ndo = [\"a\"]\nmeasure = [\"b\"]").unwrap();
        let plays = playbook(&[own]).unwrap();
        assert_eq!(play_of(&plays, &profile(&[("orders", 3.0, 0.0)])).unwrap().name, "Ours");
        assert_eq!(play_of(&plays, &profile(&[("orders", 2.0, 0.0)])).unwrap().name, "Nurture");
        assert!(toml::from_str::<Play>("name = \"x\"\nwhen = \"orders\"\ndo = []\nmeasure = []").is_err());
    }
}
