//! What customers answered: satisfaction, recommendation, values and interests. Answers describe segments and form them only
//! when the config says so: few answer, and those who do choose themselves (Reichheld 2003 on what the score means).
//!
//! A question for what people must not be sorted by (a religion, a party) is protected like an attribute of that name.
//!
//! Whoever has no row in a survey was not asked; whoever has a row without an answer did not answer.

use super::demographic::is_protected;
use super::{Family, Feature, Measure, Scale, Unit, capitalised, words};

/// What the answers to a question are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answers {
    /// From 0 to 10: promoter (9, 10), passive (7, 8), detractor (0 to 6).
    Nps,
    /// Numbers.
    Number,
    /// One of several options.
    Choice,
    /// Levels with an order, lowest first (a Likert item).
    Levels(Vec<String>),
    /// Any of several options, each a feature of its own.
    Options {
        /// What stands between them.
        separated_by: String,
        /// The options that were chosen by anybody, ascending.
        options: Vec<String>,
    },
}

/// A survey and its questions by column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// Its name.
    pub name: String,
    /// Column and answers.
    pub questions: Vec<(String, Answers)>,
    /// Somebody was asked and did not answer.
    pub silent: bool,
}

/// Per question the newest answer, per survey who answered.
pub fn features(surveys: &[Survey]) -> Vec<Feature> {
    let mut all: Vec<Feature> = Vec::new();
    for survey in surveys {
        let plain = words(&survey.name).join("_");
        for (question, answers) in &survey.questions {
            let asked = words(question).join("_");
            // One question says no more than its survey.
            let name =
                if survey.questions.len() == 1 || asked == plain { plain.clone() } else { format!("{plain}_{asked}") };
            let label = capitalised(&name.replace('_', " "));
            let label = if label == "Nps" { "NPS".into() } else { label };
            let (of, column) = (survey.name.clone(), question.clone());
            let first = all.len();
            let new =
                |name: String, label: String, unit, measure| Feature::new(name, label, Family::Survey, unit, measure);
            match answers {
                Answers::Nps | Answers::Number => {
                    let unit = if *answers == Answers::Nps { Unit::Nps } else { Unit::Number };
                    let measure = Measure::Answer { survey: of, question: column };
                    all.push(
                        new(format!("{name}_answer"), format!("Latest answer: {label}"), unit, measure)
                            .words("dissatisfied", "satisfied"),
                    );
                }
                Answers::Choice => {
                    let measure = Measure::AnswerLevel { survey: of, question: column };
                    all.push(new(name, label, Unit::Level, measure).levels(Scale::Nominal));
                }
                Answers::Levels(levels) => {
                    let measure = Measure::AnswerLevel { survey: of, question: column };
                    all.push(new(name, label, Unit::Level, measure).levels(Scale::Ordinal(levels.clone())));
                }
                Answers::Options { separated_by, options } => {
                    for option in options {
                        let measure = Measure::Chose {
                            survey: of.clone(),
                            question: column.clone(),
                            separated_by: separated_by.clone(),
                            option: option.clone(),
                        };
                        let own = words(option).join("_");
                        let made = new(format!("{name}_{own}"), format!("{label}: {option}"), Unit::Level, measure);
                        all.push(made.levels(Scale::Binary));
                    }
                }
            }
            let protected = is_protected(&words(question));
            all[first..].iter_mut().for_each(|feature| feature.protected = protected);
        }
        if survey.silent {
            let label = format!("Answered {}", capitalised(&plain.replace('_', " ")));
            let measure = Measure::Response { survey: survey.name.clone() };
            all.push(
                Feature::new(format!("{plain}_response"), label, Family::Survey, Unit::Level, measure)
                    .levels(Scale::Nominal),
            );
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::super::Role;
    use super::*;

    #[test]
    fn answers_describe_and_never_form() {
        let survey = |name: &str, questions: Vec<(&str, Answers)>, silent| Survey {
            name: name.into(),
            questions: questions.into_iter().map(|(q, a)| (q.to_string(), a)).collect(),
            silent,
        };
        let options = Answers::Options { separated_by: ";".into(), options: vec!["Hiking".into(), "Music".into()] };
        let made = features(&[
            survey("nps", vec![("nps", Answers::Nps)], false),
            survey(
                "values",
                vec![("price", Answers::Levels(vec!["no".into(), "yes".into()])), ("Interests", options)],
                true,
            ),
        ]);
        let names: Vec<&str> = made.iter().map(|f| f.name.as_str()).collect();
        assert_eq!(
            names,
            ["nps_answer", "values_price", "values_interests_hiking", "values_interests_music", "values_response"]
        );
        assert!(made.iter().all(|f| f.role == Role::Describe && !f.protected));
        assert_eq!(made[0].unit, Unit::Nps);
    }

    #[test]
    fn a_question_of_religion_is_protected() {
        let faith = Answers::Options { separated_by: ";".into(), options: vec!["None".into(), "Other".into()] };
        let questions = vec![("Religion".to_string(), faith), ("satisfaction".to_string(), Answers::Number)];
        let made = features(&[Survey { name: "values".into(), questions, silent: true }]);
        assert_eq!(made.iter().map(|f| f.protected).collect::<Vec<_>>(), [true, true, false, false]);
    }
}
