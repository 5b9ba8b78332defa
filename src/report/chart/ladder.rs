//! The engagement ladder: how far up the customers of each segment have come, as parts of a whole.

use super::{Anchor, Drawing, INK, MUTED, RAMP, WIDTH, fit, svg, text_width};
use crate::error::Result;
use crate::report::composition::in_order;
use crate::report::{Report, SMALL_CELL};
use crate::segment::profile::Profile;

const FEATURE: &str = "engagement_ladder";

/// The share of all customers from which a rung makes a title.
const WORTH: f64 = 0.02;

/// Draws the chart; `None` without events.
pub fn draw(report: &Report, id: &str) -> Result<Option<Drawing>> {
    let Some(facts) = report.features.iter().find(|f| f.feature.name == FEATURE) else { return Ok(None) };
    let rungs = in_order(report, facts);
    if rungs.len() < 2 {
        return Ok(None);
    }
    let share = |profile: &Profile, rung: &str| {
        profile.levels.iter().find(|l| l.feature == FEATURE && l.level == rung).map_or(0.0, |l| l.share)
    };
    let mut groups: Vec<(String, &Profile)> =
        report.segments.iter().map(|s| (format!("{}  {}", s.id, s.persona.name), &s.profile)).collect();
    groups.extend(report.unclustered.iter().map(|p| ("Unclustered".to_string(), p)));
    groups.push(("All".into(), &report.everyone));
    let percent = |share: f64| format!("{:.0} %", share * 100.0);
    // The highest rung that, with those above it, is worth speaking of.
    let from = |profile: &Profile, at: usize| rungs[at..].iter().map(|rung| share(profile, rung)).sum::<f64>();
    let at = (1..rungs.len()).rev().find(|at| from(&report.everyone, *at) >= WORTH).unwrap_or(rungs.len() - 1);
    let top = if at + 1 == rungs.len() {
        format!("on the highest rung ({})", rungs[at])
    } else {
        format!("{} or higher", rungs[at])
    };
    let best = report.segments.iter().max_by(|a, b| from(&a.profile, at).total_cmp(&from(&b.profile, at)));
    let title = best.map_or_else(
        || "How engaged customers are".to_string(),
        |s| {
            let (here, all) = (percent(from(&s.profile, at)), percent(from(&report.everyone, at)));
            format!("{here} of {} are {top}, and {all} of all", s.persona.name)
        },
    );
    let hue = |rung: usize| RAMP[rung * (RAMP.len() - 1) / (rungs.len() - 1)];
    let (left, length) = (290, 590);
    // The legend takes as many lines as it needs.
    let mut keys = Vec::new();
    let (mut x, mut y) = (left, 12);
    for rung in &rungs {
        let width = text_width(rung, 12) + 34;
        if x > left && x + width > left + length {
            (x, y) = (left, y + 20);
        }
        keys.push((x, y));
        x += width;
    }
    let first = y + 18;
    let height = first + groups.len() as i32 * 30 + 4;
    let description = "Parts of each segment at every rung, the lowest at the left.";
    let drawn = svg(id, &title, description, (WIDTH, height as u32), |canvas| {
        for (rung, (name, (x, y))) in rungs.iter().zip(&keys).enumerate() {
            canvas.rect(*x, y - 6, 14, 12, hue(rung))?;
            canvas.text(x + 20, *y, name, 12, Anchor::Start, MUTED)?;
        }
        for (i, (name, profile)) in groups.iter().enumerate() {
            let y = first + i as i32 * 30;
            canvas.text(left - 12, y + 11, &fit(name, 13, left - 16), 13, Anchor::End, INK)?;
            let mut done = 0.0;
            for (rung, level) in rungs.iter().enumerate() {
                let edge = |done: f64| left + (done * f64::from(length)).round() as i32;
                let (start, end) = (edge(done), edge(done + share(profile, level)));
                let few = profile
                    .levels
                    .iter()
                    .any(|l| l.feature == FEATURE && l.level == *level && l.customers < SMALL_CELL);
                // A pixel of the page between two parts; where there are few people, nothing.
                if end - 1 > start && !few {
                    canvas.rect(start, y, end - start - 1, 22, hue(rung))?;
                }
                done += share(profile, level);
            }
        }
        Ok(())
    })?;
    let mut header = vec!["Segment".to_string()];
    header.extend(rungs.clone());
    let row = |(name, profile): &(String, &Profile)| {
        std::iter::once(name.clone())
            .chain(rungs.iter().map(|rung| crate::report::composition::share(profile, FEATURE, rung)))
            .collect()
    };
    Ok(Some(Drawing { title, svg: drawn, header, rows: groups.iter().map(row).collect() }))
}
