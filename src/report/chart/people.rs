//! Who is found more or less often than among all: an index of 100 is as often, and the line is the 95 % interval.

use super::{Anchor, Drawing, INK, MUTED, RULE, WIDTH, colour, fit, svg};
use crate::error::Result;
use crate::features::{Family, Role};
use crate::report::{Report, SMALL_CELL, SegmentFacts};
use crate::segment::profile::LevelFacts;

/// Levels of a segment at most.
const OF_A_SEGMENT: usize = 3;

/// Levels rarer than this among all are left out: their index jumps.
const RARE: f64 = 0.02;

/// The axis, in times as often: a quarter to four times.
const REACH: f64 = 4.0;

/// A level of a feature and its name in words.
type Named<'a> = (&'a LevelFacts, String);

/// What of a segment differs: levels of who and where, whose interval leaves out everyone's share, farthest first.
fn differing<'a>(report: &Report, segment: &'a SegmentFacts) -> Vec<Named<'a>> {
    let of_the_person = |l: &LevelFacts| {
        let found = report.features.iter().find(|f| f.feature.name == l.feature)?;
        matches!(found.feature.family, Family::Demographic | Family::Geographic).then_some(found)
    };
    let mut levels: Vec<Named> = segment
        .profile
        .levels
        .iter()
        .filter(|l| {
            l.customers >= SMALL_CELL && l.share_all >= RARE && l.level != crate::features::preparation::UNKNOWN
        })
        .filter(|l| l.interval[0] > l.share_all || l.interval[1] < l.share_all)
        .filter_map(|l| of_the_person(l).map(|f| (l, format!("{}: {}", f.feature.label, l.level))))
        .collect();
    let apart = |l: &LevelFacts| (l.share / l.share_all).ln().abs();
    levels.sort_by(|a, b| apart(b.0).total_cmp(&apart(a.0)));
    levels.truncate(OF_A_SEGMENT);
    levels
}

/// Draws the chart; `None` where nothing is known of who and where, or nothing differs.
pub fn draw(report: &Report, id: &str) -> Result<Option<Drawing>> {
    let groups: Vec<(usize, &SegmentFacts, Vec<Named>)> = report
        .segments
        .iter()
        .enumerate()
        .map(|(i, s)| (i, s, differing(report, s)))
        .filter(|g| !g.2.is_empty())
        .collect();
    let flat = || groups.iter().flat_map(|(_, s, levels)| levels.iter().map(move |(l, label)| (*s, *l, label)));
    let Some((s, l, label)) =
        flat().max_by(|a, b| (a.1.share / a.1.share_all).ln().abs().total_cmp(&(b.1.share / b.1.share_all).ln().abs()))
    else {
        return Ok(None);
    };
    let percent = |share: f64| format!("{:.0} %", share * 100.0);
    let forms = report.features.iter().any(|f| f.feature.name == l.feature && f.feature.role == Role::Form);
    let title = format!(
        "{}: {label} is {} here and {} of all{}",
        s.persona.name,
        percent(l.share),
        percent(l.share_all),
        if forms { " (this forms segments)" } else { "" }
    );
    let index = |share: f64, l: &LevelFacts| share / l.share_all;
    let (left, right, row) = (360, 860, 22);
    let x = |times: f64| {
        let part = times.clamp(1.0 / REACH, REACH).ln() / REACH.ln();
        (left + right) / 2 + (part * f64::from(right - left) / 2.0).round() as i32
    };
    let height = 46 + groups.iter().map(|g| g.2.len() as i32 * row + 12).sum::<i32>();
    let description =
        "Share in the segment divided by the share of all, with its 95 % interval; only what differs is shown.";
    let drawn = svg(id, &title, description, (WIDTH, height as u32), |canvas| {
        for (times, name) in [(0.25, "25"), (0.5, "50"), (1.0, "100"), (2.0, "200"), (4.0, "400")] {
            canvas.line((x(times), 24), (x(times), height - 8), if times == 1.0 { MUTED } else { RULE })?;
            canvas.text(x(times), 12, name, 12, Anchor::Middle, MUTED)?;
        }
        canvas.text(left - 30, 12, "index, 100 is as often as among all", 12, Anchor::End, MUTED)?;
        let mut y = 36;
        for (i, s, levels) in &groups {
            for (at, (l, label)) in levels.iter().enumerate() {
                if at == 0 {
                    canvas.bold(4, y, &s.id, 13, Anchor::Start, INK)?;
                }
                canvas.text(48, y, &fit(label, 13, left - 90), 13, Anchor::Start, INK)?;
                let [low, high] = l.interval.map(|share| x(index(share, l)));
                canvas.path(vec![(low, y), (high, y)], colour(Some(report.colour(*i))), 2)?;
                canvas.marker(x(index(l.share, l)), y, 5, Some(report.colour(*i)))?;
                y += row;
            }
            y += 12;
        }
        Ok(())
    })?;
    let header = ["Segment", "Who", "Here", "95 % interval", "All", "Index"].map(String::from).to_vec();
    let rows = flat().map(|(s, l, label)| {
        vec![
            format!("{} {}", s.id, s.persona.name),
            label.clone(),
            percent(l.share),
            format!("{} to {}", percent(l.interval[0]), percent(l.interval[1])),
            percent(l.share_all),
            format!("{:.0}", index(l.share, l) * 100.0),
        ]
    });
    Ok(Some(Drawing { title, svg: drawn, header, rows: rows.collect() }))
}
