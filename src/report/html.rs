//! The report as one HTML file: no outside loads, readable on paper, in the dark and without its script, which only adds.

use super::changes;
use super::chart::{self, CARD, Drawing, PALETTE, Placed};
use super::composition::{Composition, levels as stages, nps_words, satisfaction};
use super::evidence;
use super::migration;
use super::rfm;
use super::words::{
    findings, headline_numbers, leads, looked_at, profile_cells, rule, segment_columns, telling, told, typical,
};
use super::{FeatureFacts, Report, SMALL_CELL, SegmentFacts};
use crate::error::{Error, Result};
use crate::evidence::verdict::Verdict;
use crate::features::{Family, Role, Scale, Unit, capitalised};
use crate::segment::profile::{LevelFacts, Profile};
use crate::segment::protected::Told;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Value, context};
use std::collections::BTreeMap;

const TEMPLATE: &str = include_str!("template.html");
const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// The dark twins of [`PALETTE`], in its order.
const DARK: [&str; 7] = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442"];

/// Rows of a card: numbers, how many of them form segments if others tell as much, and levels.
const NUMBERS: usize = 8;
const FORMING: usize = 5;
const LEVELS: usize = 6;

/// Standard deviations, and share, below which a feature that only describes is not worth a row of a card.
const TELLING: f64 = 0.3;
const TELLING_SHARE: f64 = 0.03;

/// Where the page has its style sheet and its script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assets {
    /// In itself: one file to forward.
    Inline,
    /// In `report.css` and `report.js` beside it, for servers whose content policy forbids inline ones.
    Split,
}

/// The page, one file.
///
/// # Errors
/// E0070 if a chart or the page cannot be made, which would be a defect.
pub fn render(report: &Report) -> Result<String> {
    page(report, Assets::Inline)
}

/// The page, and the files beside it.
///
/// # Errors
/// See [`render`].
pub fn split(report: &Report) -> Result<[(&'static str, String); 3]> {
    Ok([("report.html", page(report, Assets::Split)?), ("report.css", style(report)), ("report.js", SCRIPT.into())])
}

fn page(report: &Report, assets: Assets) -> Result<String> {
    compose(report, assets).map(|page| report.look.locale.page(&page))
}

/// As English writes numbers.
fn compose(report: &Report, assets: Assets) -> Result<String> {
    let failed = |e: minijinja::Error| Error::new("E0070", format!("the report cannot be rendered: {e}"));
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.add_template("report", TEMPLATE).map_err(failed)?;
    let placed = chart::all(report)?;
    let sections: BTreeMap<&str, bool> = placed.iter().map(|placed| (placed.section, true)).collect();
    let charts: Vec<Value> = placed.iter().filter(|placed| placed.section != CARD).map(drawn).collect();
    let columns = segment_columns(report);
    let cards: Vec<Value> =
        report.segments.iter().enumerate().map(|(i, segment)| card(report, i, segment, &placed)).collect();
    let rows: Vec<Value> = report
        .segments
        .iter()
        .enumerate()
        .map(|(i, s)| (Some(i), s.id.as_str(), s.persona.name.as_str(), &s.profile))
        .chain(report.unclustered.iter().map(|p| (None, "–", "Unclustered", p)))
        .map(|(i, id, name, profile)| {
            context! {
                id, name,
                colour => class(i.map(|i| report.colour(i))),
                customers => Unit::Count.format(profile.customers as f64, ""),
                share => format!("{:.1} %", profile.share_customers * 100.0),
                cells => profile_cells(report, &columns, profile),
            }
        })
        .chain(leads(report).map(|(id, name, customers)| {
            let dashes = vec!["–"; columns.len()];
            context! { id, name, colour => class(None), customers, share => "–", cells => dashes }
        }))
        .collect();
    environment
        .get_template("report")
        .and_then(|template| {
            template.render(context! {
                style => Value::from_safe_string(style(report)),
                script => Value::from_safe_string(SCRIPT.into()),
                assets => if assets == Assets::Inline { "inline" } else { "split" },
                decimal => (report.look.locale.decimal() != '.').then(|| report.look.locale.decimal().to_string()),
                title => report.look.title.clone().unwrap_or_else(|| report.project.clone()),
                quality => quality(report),
                sections,
                report => Value::from(Serde(report)),
                headline => headline_numbers(report),
                verdict => evidence::said(report).map(|said| {
                    let natural = report.method.verdict == Some(Verdict::Natural);
                    context! { heading => said.heading, sentence => said.sentence, because => said.because, natural }
                }),
                evidence => context! {
                    header => evidence::HEADER.to_vec(),
                    rows => evidence::rows(&report.method.sweep),
                    tests => evidence::tests(report.method.evidence.as_ref(), &report.method.algorithms),
                    recurrences => evidence::recurrences(report),
                },
                findings => findings(report),
                changes => changes::sentences(report),
                monitoring => monitoring(report),
                migration => migration(report),
                lives => report.lineage.iter().flat_map(|l| &l.lives).map(changes::life).collect::<Vec<_>>(),
                columns => columns.iter().map(|c| c.label.clone()).collect::<Vec<_>>(),
                rows, charts, cards,
                grid => grid(report),
                unclustered => report.unclustered.as_ref().map(|p| unclustered(report, p)),
                covers => covers(report),
                looked_at => looked_at(report),
                ledger => ledger(report),
                families => dictionary(report),
                protected => protected(report),
                stages => tables(stages(report)),
                satisfaction => tables(satisfaction(report)),
                indices => indices(report),
                blocks => blocks(report),
            })
        })
        .map_err(failed)
}

fn hex(c: plotters::style::RGBColor) -> String {
    format!("#{:02X}{:02X}{:02X}", c.0, c.1, c.2)
}

/// The class that has the colour of a segment.
fn class(segment: Option<usize>) -> String {
    segment.map_or("none".into(), |s| format!("s{}", s % PALETTE.len()))
}

/// The style sheet with the colour of every segment, its dark twin (a rule wins over an SVG attribute), and the project's accent.
fn style(report: &Report) -> String {
    let (mut light, mut dark) = (String::new(), String::new());
    for (i, (colour, twin)) in PALETTE.iter().zip(DARK).enumerate() {
        let colour = hex(*colour);
        light.push_str(&format!(".s{i}{{--segment:{colour}}}"));
        dark.push_str(&format!(
            "svg [fill=\"{colour}\"]{{fill:{twin}}}svg [stroke=\"{colour}\"]{{stroke:{twin}}}.s{i}{{--segment:{twin}}}"
        ));
    }
    if let Some(accent) = &report.look.accent {
        // On a dark page the usual accent is kept: what reads well on white rarely does on black.
        light.push_str(&format!("@media not (prefers-color-scheme:dark){{:root{{--accent:{accent}}}}}"));
    }
    STYLE.replace("/*segments*/", &light).replace("/*dark charts*/", &dark)
}

/// How the data are, in a few words for the head of the page.
fn quality(report: &Report) -> String {
    match report.warnings.len() {
        0 => "data: nothing to note".into(),
        1 => "data: 1 thing worth knowing".into(),
        n => format!("data: {n} things worth knowing"),
    }
}

fn drawn(placed: &Placed) -> Value {
    let Drawing { title, svg, header, rows } = &placed.drawing;
    context! {
        id => placed.id.as_str(), section => placed.section, heading => placed.heading,
        title, header, rows,
        svg => Value::from_safe_string(svg.clone()),
    }
}

/// What stands beside the chart of the RFM grid.
fn grid(report: &Report) -> Option<Value> {
    let facts = report.rfm.as_ref()?;
    Some(context! {
        method => rfm::method_words(facts),
        check => facts.check.words(),
        header => rfm::SEGMENT_HEADER.to_vec(),
        rows => rfm::segment_rows(facts, &report.currency, SMALL_CELL),
        cut_header => rfm::CUT_HEADER.to_vec(),
        cuts => rfm::cut_rows(facts),
    })
}

/// Whether the model before still fits.
fn monitoring(report: &Report) -> Option<Value> {
    let facts = report.monitoring.as_ref()?;
    let label = |name: &str| {
        report.features.iter().find(|f| f.feature.name == name).map_or(name.to_string(), |f| f.feature.label.clone())
    };
    Some(context! {
        causes => capitalised(&changes::causes(facts)),
        advice => changes::advice(facts),
        beyond => format!("{:.1} %", facts.beyond * 100.0),
        header => changes::DRIFT_HEADER.to_vec(),
        rows => facts.drift.iter().map(|d| changes::drift(&label(&d.feature), d)).collect::<Vec<_>>(),
    })
}

/// Who moved in the last quarter.
fn migration(report: &Report) -> Option<Value> {
    let movements = report.migration.as_ref()?;
    let name = |id: &str| report.called(id);
    let (matrix_header, matrix) = migration::matrix(&movements.last, &name);
    Some(context! {
        sentences => migration::sentences(movements, &name),
        header => migration::HEADER.to_vec(),
        rows => migration::flows(movements, &name, &report.currency, false),
        matrix_header, matrix,
    })
}

fn covers(report: &Report) -> String {
    let customers = Unit::Count.format(report.coverage.customers as f64, "");
    match report.coverage.guest_revenue_share {
        Some(guests) => format!("{customers} customers and {:.0} % of revenue", (1.0 - guests) * 100.0),
        None => format!("{customers} customers"),
    }
}

fn card(report: &Report, index: usize, segment: &SegmentFacts, placed: &[Placed]) -> Value {
    let on_card = |placed: &&Placed| placed.section == CARD && placed.id.rsplit('-').next() == Some(&segment.id);
    let (badge, weak) = match segment.stability {
        Some(j) if j >= 0.85 => (format!("stable ({j:.2})"), false),
        Some(j) if j >= 0.6 => (format!("fairly stable ({j:.2})"), false),
        Some(j) => (format!("weak ({j:.2})"), true),
        None => (String::new(), false),
    };
    context! {
        id => segment.id.clone(),
        name => segment.persona.name.clone(),
        sentence => segment.persona.sentence.clone(),
        traits => segment.persona.traits.clone(),
        colour => class(Some(report.colour(index))),
        customers => Unit::Count.format(segment.profile.customers as f64, ""),
        share => format!("{:.1} %", segment.profile.share_customers * 100.0),
        revenue => segment.profile.share_revenue.map(|s| format!("{:.1} %", s * 100.0)),
        numbers => numbers(report, &segment.profile),
        levels => levels(report, &segment.profile),
        charts => placed.iter().filter(on_card).map(drawn).collect::<Vec<_>>(),
        typical => typical(report, &segment.profile),
        badge, weak,
        rule => segment.rule.as_ref().map(|r| rule(report, r)),
        play => segment.play.as_ref().map(|play| Value::from(Serde(play))),
        nps => nps_words(&segment.profile),
    }
}

fn unclustered(report: &Report, profile: &Profile) -> Value {
    context! {
        customers => Unit::Count.format(profile.customers as f64, ""),
        share => format!("{:.1} %", profile.share_customers * 100.0),
        numbers => numbers(report, profile),
    }
}

/// The most telling features of a group beside everyone's.
fn numbers(report: &Report, profile: &Profile) -> Vec<Vec<String>> {
    let of = |name: &str| profile.numbers.iter().find(|n| n.feature == name && n.median.is_some());
    let picked = telling(report, FORMING, NUMBERS, |f| {
        let z = of(&f.feature.name)?.z.abs();
        (f.feature.role == Role::Form || z >= TELLING).then_some(z)
    });
    picked
        .into_iter()
        .filter_map(|f| of(&f.feature.name).map(|n| (n, f)))
        .map(|(n, f)| {
            let show = |v: Option<f64>| v.map_or("–".into(), |v| f.feature.unit.format(v, &report.currency));
            let all = report.everyone.numbers.iter().find(|e| e.feature == n.feature).and_then(|e| e.median);
            vec![f.feature.label.clone(), show(n.median), show(all), format!("{} … {}", show(n.p25), show(n.p75))]
        })
        .collect()
}

/// The levels that differ most from everyone's, those of forming features first, at most two of each family; groups of fewer
/// than ten people are not shown.
fn levels(report: &Report, profile: &Profile) -> Vec<Vec<String>> {
    let apart = |l: &LevelFacts| (l.share - l.share_all).abs();
    let mut facts: Vec<(&LevelFacts, &FeatureFacts)> = profile
        .levels
        .iter()
        .filter(|l| l.customers >= SMALL_CELL && l.level != "unknown" && apart(l) >= TELLING_SHARE)
        .filter_map(|l| report.features.iter().find(|f| f.feature.name == l.feature).map(|f| (l, f)))
        // Of two levels the one that is more frequent here says both.
        .filter(|(l, f)| f.feature.scale != Scale::Binary || l.share > l.share_all)
        .collect();
    facts.sort_by(|(a, f), (b, g)| {
        let describes = |f: &FeatureFacts| f.feature.role == Role::Describe;
        describes(f).cmp(&describes(g)).then(apart(b).total_cmp(&apart(a)))
    });
    let mut taken: BTreeMap<Family, usize> = BTreeMap::new();
    facts.retain(|(_, f)| {
        let n = taken.entry(f.feature.family).or_default();
        *n += 1;
        *n <= 2
    });
    facts
        .into_iter()
        .take(LEVELS)
        .map(|(l, f)| {
            vec![
                format!("{}: {}", f.feature.label, l.level),
                format!("{:.0} %", l.share * 100.0),
                format!("{:.0} %", l.share_all * 100.0),
            ]
        })
        .collect()
}

fn tables(made: Vec<Composition>) -> Vec<Value> {
    made.into_iter().map(|t| context! { title => t.title, header => t.header, rows => t.rows }).collect()
}

/// Per family: its share of the distance between customers, and of what lies between segments.
fn blocks(report: &Report) -> Vec<Vec<String>> {
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    report
        .method
        .weights
        .iter()
        .map(|(family, weight)| {
            let achieved = report.method.between.iter().find(|(f, _)| f == family);
            vec![family.clone(), percent(*weight), achieved.map_or("–".into(), |(_, part)| percent(*part))]
        })
        .collect()
}

/// The protected attributes: a sentence and a row each.
fn protected(report: &Report) -> Value {
    let label = |name: &str| {
        report.features.iter().find(|f| f.feature.name == name).map_or(name.to_string(), |f| f.feature.label.clone())
    };
    let rows: Vec<Vec<String>> = report
        .protected
        .iter()
        .map(|facts| {
            let percent = |share: f64| format!("{:.1} %", share * 100.0);
            let dash = || "–".to_string();
            let (right, commonest, measure) = match facts.told {
                Some(Told::Levels { cramers_v, right, commonest, .. }) => {
                    (percent(right), percent(commonest), format!("V = {cramers_v:.2}"))
                }
                Some(Told::Number { eta_squared }) => (dash(), dash(), format!("η² = {eta_squared:.3}")),
                None => (dash(), dash(), dash()),
            };
            vec![
                label(&facts.feature),
                if facts.forms { "yes, by the config" } else { "no" }.to_string(),
                Unit::Count.format(facts.customers as f64, ""),
                right,
                commonest,
                facts.told.map_or_else(dash, |t| percent(t.better())),
                measure,
            ]
        })
        .collect();
    let used: Vec<String> = report.protected.iter().filter(|p| p.forms).map(|p| label(&p.feature)).collect();
    context! {
        rows, used,
        sentences => report.protected.iter().map(|p| told(p, &label(&p.feature))).collect::<Vec<_>>(),
    }
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

/// The data dictionary, family by family in column order.
fn dictionary(report: &Report) -> Vec<Value> {
    Family::ALL
        .into_iter()
        .filter_map(|family| {
            let of: Vec<Value> = report.features.iter().filter(|f| f.feature.family == family).map(line).collect();
            (!of.is_empty()).then(|| context! { name => family.word(), features => of })
        })
        .collect()
}

fn line(f: &FeatureFacts) -> Value {
    let forms = f.feature.role == Role::Form;
    context! {
        name => f.feature.name.clone(),
        label => f.feature.label.clone(),
        definition => capitalised(&f.dictionary.definition),
        window => capitalised(&f.dictionary.window),
        source => f.dictionary.source.clone(),
        rule => f.dictionary.missing.clone(),
        unit => f.dictionary.unit.clone(),
        role => if forms { "forms" } else { "describes" },
        protected => f.feature.protected,
        // Of what forms nothing the preparation says only that.
        preparation => if forms { f.preparation.clone() } else { "–".into() },
        missing => format!("{:.1} %", f.missing * 100.0),
        between => f.between.map_or("–".into(), |b| format!("{b:.2}")),
    }
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
    use super::super::Look;
    use super::super::sample::{no_revenue, report, with_people, with_unclustered};
    use super::*;

    #[test]
    fn a_sample_is_said_before_the_numbers_and_lists_are_where_they_were_written() {
        let mut report = report(3);
        report.coverage.customers = 9_000;
        report.coverage.sample = Some(500);
        let page = render(&report).expect("a page");
        let said = page.find("500 of the 9,000 customers, chosen by the hash of their id").expect("the sample");
        assert!(said < page.find("class=\"kpis\"").expect("numbers"));
        assert!(page.contains("The list: the assignments of everyone, where the Spark wrote them, rows with"));
        assert!(!page.contains("assignments.csv"));
        report.coverage.sample = None;
        let page = render(&report).expect("a page");
        assert!(page.contains("/assignments.csv</code>, rows with") && !page.contains("the Spark wrote"));
    }

    #[test]
    fn a_page_names_every_segment_and_loads_nothing() {
        let report = report(6);
        let page = render(&report).expect("a page");
        for segment in &report.segments {
            assert!(page.contains(&segment.persona.name));
        }
        // The verdict comes first, with its reason; the numbers behind it wait for the appendix.
        let natural =
            page.find("<strong>Natural segments.</strong> These segments are there in the data").expect("a verdict");
        assert!(natural < page.find("class=\"kpis\"").expect("numbers"));
        assert!(page.contains("They are further apart than slices of customers"));
        let appendix = page.find("Are they there?").expect("a table");
        assert!(page.find("id=\"method\"").expect("an appendix") < appendix);
        for said in ["Gap statistic", "Dip test on the first principal axis", "Agreement with ward", "82 of 100"] {
            assert!(page[appendix..].contains(said), "{said}");
        }
        assert!(page.contains("Days since last order: less than 90 d · Orders: 5 or more"));
        assert_eq!(page.matches("class=\"play\"").count(), 7, "six segments and the leads");
        assert!(page.contains("Onboarding: the first order"));
        assert!(page.contains("Of 100 customers it names 90 are of this group") && page.contains("A rough rule"));
        // The grid has a section of its own.
        assert_eq!(page.matches("<figure id=\"rfm-grid\"").count(), 1);
        assert!(page.find("id=\"personas\"") < page.find("<figure id=\"rfm-grid\""));
        for banned in ["http://", "https://", "<link", "@import", "url(", "style=\"", "src="] {
            assert!(!page.contains(banned), "{banned}");
        }
        assert!(page.matches("<script>").count() == 1 && SCRIPT.len() < 6_000);
        assert_eq!(page, render(&report).expect("the same page"));
        assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
    }

    #[test]
    fn what_users_write_is_escaped() {
        let mut report = report(3);
        report.segments[0].persona.name = "<script>alert(1)</script>".into();
        report.features[0].feature.label = "<img src=x>".into();
        let page = render(&report).expect("a page");
        assert!(!page.contains("<script>alert") && !page.contains("<img"));
        assert!(page.contains("&lt;script&gt;alert"));
    }

    #[test]
    fn a_page_in_three_files_has_nothing_inline() {
        let [(_, page), (_, style), (_, script)] = split(&report(4)).expect("three files");
        for inline in ["<style", "<script>", "style=\"", "onclick"] {
            assert!(!page.contains(inline), "{inline}");
        }
        assert!(page.contains("href=\"report.css\"") && page.contains("src=\"report.js\""));
        assert!(style.contains(".s0{--segment:#053785}") && script.contains("aria-sort"));
    }

    #[test]
    fn marks_and_lines_turn_light_on_a_dark_page() {
        for colour in [chart::INK, chart::MUTED, chart::RULE, chart::UNCLUSTERED] {
            for what in ["fill", "stroke"] {
                assert!(STYLE.contains(&format!("svg [{what}=\"{}\"]", hex(colour))), "{what} {}", hex(colour));
            }
        }
    }

    #[test]
    fn the_look_is_the_projects() {
        let mut report = report(3);
        report.look = Look {
            title: Some("Spring & summer".into()),
            accent: Some("#7A1F5C".into()),
            owner: Some("Data team".into()),
            contact: Some("data@example.com".into()),
            ..Look::default()
        };
        let page = render(&report).expect("a page");
        for said in [
            "Spring &amp; summer: who your customers are",
            "--accent:#7A1F5C",
            "owner: Data team",
            "contact: data@example.com",
        ] {
            assert!(page.contains(said), "{said}");
        }
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
    fn leads_stages_answers_and_protected_attributes_are_told() {
        let page = render(&with_people()).expect("a page");
        for said in [
            "Leads: known, no order yet",
            "<th scope=\"row\">lapsed</th><td class=\"n\">0 %</td><td class=\"n\">&lt;10</td>",
            "NPS +30 ± 11",
            "gender is guessed 13 % better",
            "yes, by the config",
            "22 customers (0.5 %) hold 18 %",
        ] {
            assert!(page.contains(said), "{said}");
        }
        let page = render(&report(3)).expect("a page");
        assert!(!page.contains("id=\"stages\"") && !page.contains("id=\"satisfaction\""));
        assert!(page.contains("No feature here is known as a protected attribute"));
    }

    #[test]
    fn cards_list_what_differs_and_each_thing_once() {
        let mut report = report(3);
        let level = |level: &str, share: f64| LevelFacts {
            feature: "whale".into(),
            level: level.into(),
            customers: 300,
            share,
            share_all: 0.5,
            interval: [0.0, 1.0],
        };
        report.features[4].feature.name = "whale".into();
        report.features[4].feature.scale = Scale::Binary;
        let profile = &mut report.segments[0].profile;
        profile.levels = vec![level("no", 0.1), level("yes", 0.9)];
        assert_eq!(levels(&report, &report.segments[0].profile), [["Region: yes", "90 %", "50 %"]]);
        let profile = &mut report.segments[0].profile;
        profile.levels = vec![level("no", 0.49), level("yes", 0.51)];
        assert!(levels(&report, &report.segments[0].profile).is_empty());
        // Revenue describes and lies 0.8 off; the order value forms segments and lies 0.1 off.
        let labels: Vec<String> =
            numbers(&report, &report.segments[0].profile).into_iter().map(|row| row[0].clone()).collect();
        assert_eq!(labels, ["Days since last order", "Orders", "Average order value", "Revenue"]);
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
