//! The report as one HTML file: no script, no outside loads, readable on paper and in the dark.

use super::chart::{CHARTS, Drawing, PALETTE, colour, fingerprint, sweep};
use super::rfm;
use super::words::{findings, headline_numbers, profile_cells, segment_columns};
use super::{Report, SegmentFacts};
use crate::error::{Error, Result};
use crate::features::{Role, Scale, Unit};
use crate::segment::profile::Profile;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Value, context};

const TEMPLATE: &str = include_str!("template.html");
const STYLE: &str = include_str!("style.css");

/// The dark twins of [`PALETTE`], in its order.
const DARK: [&str; 7] = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442"];

/// Counts of people below this are not shown in profiles.
const SMALL_CELL: usize = 10;

/// The page.
///
/// # Errors
/// E0070 if a chart or the page cannot be made, which would be a defect.
pub fn render(report: &Report) -> Result<String> {
    let failed = |e: minijinja::Error| Error::new("E0070", format!("the report cannot be rendered: {e}"));
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.add_template("report", TEMPLATE).map_err(failed)?;
    let mut charts = Vec::new();
    for chart in &CHARTS {
        if let Some(drawing) = (chart.draw)(report, chart.id)? {
            charts.push(drawn(chart.id, drawing));
        }
    }
    let columns = segment_columns(report);
    let mut cards = Vec::new();
    for (i, segment) in report.segments.iter().enumerate() {
        cards.push(card(report, i, segment)?);
    }
    let rows: Vec<Value> = report
        .segments
        .iter()
        .enumerate()
        .map(|(i, s)| (Some(i), s.id.as_str(), s.persona.name.as_str(), &s.profile))
        .chain(report.unclustered.iter().map(|p| (None, "–", "Unclustered", p)))
        .map(|(i, id, name, profile)| {
            context! {
                id, name,
                colour => hex(colour(i)),
                customers => Unit::Count.format(profile.customers as f64, ""),
                share => format!("{:.1} %", profile.share_customers * 100.0),
                cells => profile_cells(report, &columns, profile),
            }
        })
        .collect();
    let curve = sweep::draw(report, "sweep")?.map(|d| drawn("sweep", d));
    environment
        .get_template("report")
        .and_then(|template| {
            template.render(context! {
                style => Value::from_safe_string(style()),
                report => Value::from(Serde(report)),
                headline => headline_numbers(report),
                findings => findings(report),
                columns => columns.iter().map(|c| c.label.clone()).collect::<Vec<_>>(),
                rows, charts, cards, curve,
                grid => grid(report),
                unclustered => report.unclustered.as_ref().map(|p| unclustered(report, p)),
                covers => covers(report),
                ledger => ledger(report),
                features => dictionary(report),
                indices => indices(report),
                weights => report.method.weights.iter().map(|(f, w)| (f.clone(), format!("{:.0} %", w * 100.0))).collect::<Vec<_>>(),
            })
        })
        .map_err(failed)
}

fn hex(c: plotters::style::RGBColor) -> String {
    format!("#{:02X}{:02X}{:02X}", c.0, c.1, c.2)
}

/// The style sheet with the dark twin of every chart colour: a rule wins over an SVG attribute.
fn style() -> String {
    let mut dark = String::new();
    for (light, twin) in PALETTE.iter().zip(DARK) {
        let light = hex(*light);
        dark.push_str(&format!("svg [fill=\"{light}\"]{{fill:{twin}}}svg [stroke=\"{light}\"]{{stroke:{twin}}}.swatch[style*=\"{light}\"]{{background:{twin}!important}}.card[style*=\"{light}\"]{{--segment:{twin}!important}}"));
    }
    STYLE.replace("/*dark charts*/", &dark)
}

fn drawn(id: &str, drawing: Drawing) -> Value {
    context! {
        id,
        title => drawing.title,
        svg => Value::from_safe_string(drawing.svg),
        header => drawing.header,
        rows => drawing.rows,
    }
}

/// What stands beside the chart of the RFM grid.
fn grid(report: &Report) -> Option<Value> {
    let facts = report.rfm.as_ref()?;
    Some(context! {
        method => rfm::method_words(facts),
        check => facts.check.words(),
        header => rfm::SEGMENT_HEADER.to_vec(),
        rows => rfm::segment_rows(facts, &report.currency),
        cut_header => rfm::CUT_HEADER.to_vec(),
        cuts => rfm::cut_rows(facts),
    })
}

fn covers(report: &Report) -> String {
    let customers = Unit::Count.format(report.coverage.customers as f64, "");
    match report.coverage.guest_revenue_share {
        Some(guests) => format!("{customers} customers and {:.0} % of revenue", (1.0 - guests) * 100.0),
        None => format!("{customers} customers"),
    }
}

fn card(report: &Report, index: usize, segment: &SegmentFacts) -> Result<Value> {
    let chart = fingerprint::draw(report, index, &format!("fingerprint-{}", segment.id))?;
    let (badge, weak) = match segment.stability {
        Some(j) if j >= 0.85 => (format!("stable ({j:.2})"), false),
        Some(j) if j >= 0.6 => (format!("fairly stable ({j:.2})"), false),
        Some(j) => (format!("weak ({j:.2})"), true),
        None => (String::new(), false),
    };
    Ok(context! {
        id => segment.id.clone(),
        name => segment.persona.name.clone(),
        sentence => segment.persona.sentence.clone(),
        traits => segment.persona.traits.clone(),
        colour => hex(colour(Some(index))),
        customers => Unit::Count.format(segment.profile.customers as f64, ""),
        share => format!("{:.1} %", segment.profile.share_customers * 100.0),
        revenue => segment.profile.share_revenue.map(|s| format!("{:.1} %", s * 100.0)),
        numbers => numbers(report, &segment.profile),
        levels => levels(report, &segment.profile),
        chart => chart.map(|d| drawn(&format!("fingerprint-{}", segment.id), d)),
        badge, weak,
    })
}

fn unclustered(report: &Report, profile: &Profile) -> Value {
    context! {
        customers => Unit::Count.format(profile.customers as f64, ""),
        share => format!("{:.1} %", profile.share_customers * 100.0),
        numbers => numbers(report, profile),
    }
}

/// The features of a group beside everyone's, the most telling first.
fn numbers(report: &Report, profile: &Profile) -> Vec<Vec<String>> {
    let mut facts: Vec<_> = profile
        .numbers
        .iter()
        .filter_map(|n| report.features.iter().find(|f| f.feature.name == n.feature).map(|f| (n, f)))
        .filter(|(n, _)| n.median.is_some())
        .collect();
    facts.sort_by(|a, b| b.0.z.abs().total_cmp(&a.0.z.abs()));
    facts
        .into_iter()
        .take(8)
        .map(|(n, f)| {
            let show = |v: Option<f64>| v.map_or("–".into(), |v| f.feature.unit.format(v, &report.currency));
            let all = report.everyone.numbers.iter().find(|e| e.feature == n.feature).and_then(|e| e.median);
            vec![f.feature.label.clone(), show(n.median), show(all), format!("{} … {}", show(n.p25), show(n.p75))]
        })
        .collect()
}

/// The levels that differ most from everyone's; groups of fewer than ten people are not shown.
fn levels(report: &Report, profile: &Profile) -> Vec<Vec<String>> {
    let mut facts: Vec<_> =
        profile.levels.iter().filter(|l| l.customers >= SMALL_CELL && l.level != "unknown").collect();
    facts.sort_by(|a, b| (b.share - b.share_all).abs().total_cmp(&(a.share - a.share_all).abs()));
    facts
        .into_iter()
        .take(4)
        .map(|l| {
            let label = report
                .features
                .iter()
                .find(|f| f.feature.name == l.feature)
                .map_or(l.feature.as_str(), |f| f.feature.label.as_str());
            vec![
                format!("{label}: {}", l.level),
                format!("{:.0} %", l.share * 100.0),
                format!("{:.0} %", l.share_all * 100.0),
            ]
        })
        .collect()
}

fn ledger(report: &Report) -> Vec<Vec<String>> {
    report
        .ledger
        .iter()
        .map(|row| {
            let money = row.amount.map_or(String::new(), |a| Unit::Money.format(a, &report.currency));
            let table = if row.bucket == "read" { row.table.clone() } else { String::new() };
            vec![table, row.bucket.clone(), Unit::Count.format(row.rows as f64, ""), money]
        })
        .collect()
}

fn dictionary(report: &Report) -> Vec<Vec<String>> {
    report
        .features
        .iter()
        .map(|f| {
            let family = f.feature.family.word();
            let role = if f.feature.role == Role::Form { "forms" } else { "describes" };
            let kind = match f.feature.scale {
                Scale::Numeric => "number",
                Scale::Ordinal(_) => "ordered levels",
                Scale::Nominal => "levels",
                Scale::Binary => "yes or no",
            };
            vec![
                f.feature.name.clone(),
                f.feature.label.clone(),
                format!("{family}, {kind}"),
                role.to_string(),
                f.preparation.clone(),
                format!("{:.1} %", f.missing * 100.0),
                f.between.map_or("–".into(), |b| format!("{b:.2}")),
            ]
        })
        .collect()
}

fn indices(report: &Report) -> Vec<(String, String)> {
    let method = &report.method;
    let show = |v: Option<f64>, digits: usize| v.map_or("undefined".to_string(), |v| format!("{v:.digits$}"));
    vec![
        ("Silhouette (Euclidean; 1 is best)".into(), show(method.silhouette, 3)),
        ("Davies-Bouldin (0 is best)".into(), show(method.davies_bouldin, 3)),
        ("Calinski-Harabasz (higher is better)".into(), show(method.calinski_harabasz, 1)),
        ("Sum of squared distances".into(), format!("{:.1}", method.inertia)),
        ("Share of customers in no segment".into(), format!("{:.1} %", method.unclustered_share * 100.0)),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::sample::{no_revenue, report, with_unclustered};
    use super::*;

    #[test]
    fn a_page_names_every_segment_and_loads_nothing() {
        let report = report(6);
        let page = render(&report).expect("a page");
        for segment in &report.segments {
            assert!(page.contains(&segment.persona.name));
        }
        // The grid has a section of its own.
        assert_eq!(page.matches("<figure id=\"rfm-grid\"").count(), 1);
        assert!(page.find("id=\"personas\"") < page.find("<figure id=\"rfm-grid\""));
        for banned in ["http://", "https://", "<script", "<link", "@import", "url("] {
            assert!(!page.contains(banned), "{banned}");
        }
        assert_eq!(page, render(&report).expect("the same page"));
        assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
    }

    #[test]
    fn what_users_write_is_escaped() {
        let mut report = report(3);
        report.segments[0].persona.name = "<script>alert(1)</script>".into();
        report.features[0].feature.label = "<img src=x>".into();
        let page = render(&report).expect("a page");
        assert!(!page.contains("<script>") && !page.contains("<img"));
        assert!(page.contains("&lt;script&gt;"));
    }

    #[test]
    fn ten_segments_and_two_thousand_points_stay_small() {
        let page = render(&report(10)).expect("a page");
        assert!(page.len() < 1_000_000, "{}", page.len());
    }

    #[test]
    fn what_the_data_lack_is_left_out() {
        let page = render(&no_revenue()).expect("a page");
        assert!(!page.contains("NaN") && !page.contains("Recency-frequency map") && !page.contains("RFM grid"));
        let page = render(&with_unclustered()).expect("a page");
        assert!(page.contains("Unclustered"));
    }

    #[test]
    fn jargon_waits_for_the_appendix() {
        let page = render(&report(6)).expect("a page").to_lowercase();
        let body = page.split("<body").nth(1).expect("a body");
        let front = body.split("id=\"method\"").next().expect("the front part");
        for word in ["cluster ", "centroid", "z-score"] {
            assert!(!front.contains(word), "{word}");
        }
    }
}
