//! The mix behind the score: who warns, who does not care and who recommends, as parts of those who answered.

use super::{Anchor, Drawing, INK, MUTED, RULE, UNCLUSTERED, WIDTH, diverging, fit, svg};
use crate::error::Result;
use crate::report::Report;
use crate::report::composition::signed;
use crate::segment::nps::NpsScore;
use crate::segment::profile::Profile;

/// Draws the chart of the first question; `None` where fewer than two segments have enough answers.
pub fn draw(report: &Report, id: &str) -> Result<Option<Drawing>> {
    let Some(question) = report.everyone.nps.iter().find(|n| n.score.is_some()) else { return Ok(None) };
    let answers = |profile: &Profile| {
        profile.nps.iter().find(|n| n.feature == question.feature).and_then(|n| n.score.map(|score| (score, n.answers)))
    };
    let mut groups: Vec<(String, NpsScore, usize)> = report
        .segments
        .iter()
        .filter_map(|s| answers(&s.profile).map(|(score, n)| (format!("{}  {}", s.id, s.persona.name), score, n)))
        .collect();
    if groups.len() < 2 {
        return Ok(None);
    }
    let extreme = |best: bool| {
        groups.iter().max_by(|a, b| if best { a.1.nps.total_cmp(&b.1.nps) } else { b.1.nps.total_cmp(&a.1.nps) })
    };
    let name = |group: &str| group.split_once("  ").map_or(group.to_string(), |(_, name)| name.to_string());
    let title = match (extreme(true), extreme(false)) {
        (Some(best), Some(worst)) => {
            format!(
                "{} are the happiest (NPS {}), {} the least (NPS {})",
                name(&best.0),
                signed(best.1.nps),
                name(&worst.0),
                signed(worst.1.nps)
            )
        }
        _ => String::new(),
    };
    groups.extend(answers(&report.everyone).map(|(score, n)| ("All".to_string(), score, n)));
    let (left, right) = (300, 690);
    let middle = (left + right) / 2;
    let scale = f64::from(right - left) / 2.0;
    let (warn, recommend) = (diverging(2.0), diverging(-2.0));
    let height = 40 + groups.len() as i32 * 30;
    let description: Vec<String> =
        groups.iter().map(|(name, score, n)| format!("{name}: NPS {} from {n} answers", signed(score.nps))).collect();
    let drawn = svg(id, &title, &description.join("; "), (WIDTH, height as u32), |canvas| {
        for (x, hue, text) in [
            (left, warn, "detractors"),
            (left + 120, UNCLUSTERED, "passives, half to each side"),
            (left + 340, recommend, "promoters"),
        ] {
            canvas.rect(x, 6, 14, 12, hue)?;
            canvas.text(x + 20, 12, text, 12, Anchor::Start, MUTED)?;
        }
        for (i, (name, score, n)) in groups.iter().enumerate() {
            let y = 32 + i as i32 * 30;
            canvas.text(left - 12, y + 10, &fit(name, 13, left - 16), 13, Anchor::End, INK)?;
            let passives = (1.0 - score.promoters - score.detractors).max(0.0);
            let px = |share: f64| (share * scale).round() as i32;
            let half = px(passives / 2.0);
            canvas.rect(middle - half - px(score.detractors), y, px(score.detractors), 20, warn)?;
            canvas.rect(middle - half, y, 2 * half, 20, UNCLUSTERED)?;
            canvas.rect(middle + half, y, px(score.promoters), 20, recommend)?;
            canvas.text(
                right + 20,
                y + 10,
                &format!("NPS {} ± {:.0} · {n} answers", signed(score.nps), score.error),
                13,
                Anchor::Start,
                INK,
            )?;
        }
        canvas.line((middle, 26), (middle, height - 8), RULE)
    })?;
    let percent = |share: f64| format!("{:.0} %", share * 100.0);
    let rows = groups.iter().map(|(name, s, n)| {
        vec![
            name.clone(),
            percent(s.detractors),
            percent(s.promoters),
            signed(s.nps),
            format!("±{:.1}", s.error),
            n.to_string(),
        ]
    });
    let header = ["Segment", "Detractors", "Promoters", "NPS", "Standard error", "Answers"].map(String::from).to_vec();
    Ok(Some(Drawing { title, svg: drawn, header, rows: rows.collect() }))
}
