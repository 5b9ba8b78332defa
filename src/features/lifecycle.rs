//! Where the customer stands: new, repeat, loyal, at risk, lapsed, dissatisfied, promoter. Rules that are stated and can be
//! edited; leads, who never ordered, are a segment of their own and have no features of orders.

use super::rules::{Conditions, Rule};
use super::{Family, Feature, Measure, Scale, Unit};

/// The default rules, first match wins: who is gone comes before who was good.
const RULES: [(&str, &str); 8] = [
    ("lapsed", "recency_days > 365"),
    ("dissatisfied", "nps_answer <= 6"),
    ("at risk", "orders >= 2 and overdue_ratio > 3 and recency_days > 60"),
    ("at risk", "recency_days > 180"),
    ("promoter", "nps_answer >= 9"),
    ("loyal", "orders >= 5"),
    ("repeat", "orders >= 2"),
    ("new", "orders >= 1"),
];

/// What a customer is who fulfils no rule.
const OTHERWISE: &str = "other";

/// The stage of every customer. `known` are the features before it: default rules on others are left out; `own` replaces
/// the default rules.
pub fn features(known: &[Feature], own: &[Rule]) -> Vec<Feature> {
    let rules: Vec<Rule> = if own.is_empty() {
        RULES
            .iter()
            .filter_map(|(level, when)| Some(Rule { level: (*level).into(), when: Conditions::parse(when).ok()? }))
            .filter(|rule| rule.when.0.iter().all(|c| known.iter().any(|f| f.name == c.feature)))
            .collect()
    } else {
        own.to_vec()
    };
    // A stage is told by orders: without them there is nothing to be at.
    if rules.is_empty() || (own.is_empty() && !known.iter().any(|f| f.name == "orders")) {
        return Vec::new();
    }
    let measure = Measure::Rules { rules, otherwise: OTHERWISE.into() };
    let stage = Feature::new("lifecycle_stage", "Stage", Family::Lifecycle, Unit::Level, measure);
    vec![stage.levels(Scale::Nominal)]
}

#[cfg(test)]
mod tests {
    use super::super::rfm;
    use super::*;

    #[test]
    fn default_rules_read_and_follow_what_is_known() {
        let known = rfm::features(rfm::Available { revenue: true, products: false, returns: false });
        let made = features(&known, &[]);
        let Measure::Rules { rules, .. } = &made[0].measure else { panic!("rules") };
        assert_eq!(rules.len(), 6, "the two on answers are left out");
        assert!(features(&[], &[]).is_empty());
        let own = Rule { level: "vip".into(), when: Conditions::parse("revenue >= 1000").expect("conditions") };
        let Measure::Rules { rules, .. } = &features(&known, &[own])[0].measure else { panic!("rules") };
        assert_eq!(rules.len(), 1);
    }
}
