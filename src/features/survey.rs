//! Survey features: what customers answered. They describe segments and never form them: few answer, and those who do
//! choose themselves (Reichheld 2003 on what the score means).

use super::{Family, Feature, Measure, Role, Scale, Unit};

/// One feature per survey: the newest answer in the window. Customers who did not answer have no value.
pub fn features(surveys: &[String]) -> Vec<Feature> {
    surveys
        .iter()
        .map(|survey| Feature {
            name: format!("{survey}_answer"),
            label: format!("Latest answer: {survey}"),
            family: Family::Survey,
            unit: Unit::Number,
            measure: Measure::LatestAnswer { survey: survey.clone() },
            scale: Scale::Numeric,
            role: Role::Describe,
            low: "dissatisfied".into(),
            high: "satisfied".into(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_describe_and_never_form() {
        let features = features(&["nps".into()]);
        assert_eq!(features[0].name, "nps_answer");
        assert!(features.iter().all(|f| f.role == Role::Describe));
    }
}
