//! Net promoter score (Reichheld 2003, "The one number you need to grow"): promoters answer 9 or 10, detractors 0 to 6, and the
//! score is their difference in percent of the answers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Below so many answers a score says more of chance than of the group.
pub const MIN_ANSWERS: usize = 30;

/// The answers of a group to one question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NpsFacts {
    /// Feature name.
    pub feature: String,
    /// Customers of the group who answered.
    pub answers: usize,
    /// Their share of the group.
    pub share_answered: f64,
    /// What they said; `None` below [`MIN_ANSWERS`].
    pub score: Option<NpsScore>,
}

/// A score with what it is made of.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NpsScore {
    /// Promoters less detractors in percent of the answers, -100 to 100.
    pub nps: f64,
    /// Its standard error: `100 sqrt((pP + pD - (pP - pD)²) / n)`, the variance of an answer counted as 1, 0 or -1.
    pub error: f64,
    /// Share of the answers that are 9 or 10.
    pub promoters: f64,
    /// Share of the answers from 0 to 6.
    pub detractors: f64,
}

impl NpsFacts {
    /// Of the values of a group; `NaN` is no answer.
    pub fn of(feature: &str, values: impl Iterator<Item = f64>) -> Self {
        let (mut all, mut answers, mut promoters, mut detractors) = (0usize, 0usize, 0usize, 0usize);
        for value in values {
            all += 1;
            answers += usize::from(!value.is_nan());
            promoters += usize::from(value >= 9.0);
            detractors += usize::from(value <= 6.0);
        }
        let n = answers as f64;
        let score = (answers >= MIN_ANSWERS).then(|| {
            let (p, d) = (promoters as f64 / n, detractors as f64 / n);
            NpsScore {
                nps: 100.0 * (p - d),
                error: 100.0 * ((p + d - (p - d) * (p - d)) / n).max(0.0).sqrt(),
                promoters: p,
                detractors: d,
            }
        });
        Self { feature: feature.into(), answers, share_answered: n / all.max(1) as f64, score }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn promoters_less_detractors_with_its_error() {
        // 50 of 100 asked answered: 25 promoters, 15 passives, 10 detractors. NPS 100 (0.5 - 0.2) = 30;
        // standard error 100 sqrt((0.5 + 0.2 - 0.09) / 50) = 100 sqrt(0.0122).
        let given = |value: f64, n: usize| std::iter::repeat_n(value, n);
        let answers = given(9.0, 15).chain(given(10.0, 10)).chain(given(7.0, 10)).chain(given(8.0, 5));
        let answers = answers.chain(given(6.0, 7)).chain(given(0.0, 3)).chain(given(f64::NAN, 50));
        let facts = NpsFacts::of("nps_answer", answers);
        assert_eq!((facts.answers, facts.share_answered), (50, 0.5));
        let score = facts.score.expect("enough answers");
        assert!((score.nps - 30.0).abs() < 1e-9);
        assert!((score.error - 100.0 * 0.0122_f64.sqrt()).abs() < 1e-9);
        assert_eq!((score.promoters, score.detractors), (0.5, 0.2));
    }

    #[test]
    fn few_answers_make_no_score() {
        assert_eq!(NpsFacts::of("n", std::iter::repeat_n(10.0, 29)).score, None);
        // All alike: certain, as far as the formula knows.
        let all = NpsFacts::of("n", std::iter::repeat_n(10.0, 30)).score.expect("enough answers");
        assert_eq!((all.nps, all.error), (100.0, 0.0));
        let nobody = NpsFacts::of("n", std::iter::empty());
        assert_eq!((nobody.answers, nobody.share_answered, nobody.score), (0, 0.0, None));
    }
}
