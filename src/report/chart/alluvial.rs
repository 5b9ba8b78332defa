//! Where customers went in the last quarter: the flow is the question, so its width is what is drawn.

use super::{Anchor, Canvas, Drawing, INK, MUTED, RULE, UNCLUSTERED, WIDTH, colour, fit, spread, svg};
use crate::error::Result;
use crate::report::Report;
use crate::report::migration::{GONE, HEADER, NEW, called, flows};
use crate::segment::migration::{Flow, Size};
use plotters::style::RGBColor;

/// Share of all customers below which a flow is too thin to be drawn.
const THIN: f64 = 0.01;

/// Flows to segments whose customers are worth more, and less.
const UP: RGBColor = RGBColor(0x21, 0x66, 0xac);
const DOWN: RGBColor = RGBColor(0xb3, 0x58, 0x06);

const TALL: f64 = 380.0;
const TOP: i32 = 34;
const GAP: i32 = 12;
const BAR: i32 = 14;
const LEFT: i32 = 270;
const RIGHT: i32 = 630;
/// Steps of a ribbon's curve.
const STEPS: i32 = 16;

/// A place on one side: who was there, how many, and from which height on.
struct Node {
    place: Option<String>,
    customers: usize,
    y: f64,
    tall: f64,
    /// How much of it flows have taken.
    taken: f64,
}

/// The nodes of one side, top to bottom.
fn nodes(sizes: &[Size], side: fn(&Size) -> usize, others: usize, pixels: f64) -> Vec<Node> {
    let places = sizes.iter().map(|size| (Some(size.id.clone()), side(size))).chain([(None, others)]);
    let mut y = f64::from(TOP);
    let node = |(place, customers): (Option<String>, usize)| {
        let tall = (customers as f64 * pixels).max(1.0);
        let node = Node { place, customers, y, tall, taken: 0.0 };
        y += tall + f64::from(GAP);
        node
    };
    places.filter(|(_, customers)| *customers > 0).map(node).collect()
}

/// A band between two bars, as wide on both sides; its edges are cubics with level ends.
fn ribbon(canvas: &Canvas, [from, to]: [f64; 2], tall: f64, colour: RGBColor) -> Result<()> {
    let edge = |shift: f64, step: i32| {
        let t = f64::from(step) / f64::from(STEPS);
        let ease = t * t * (3.0 - 2.0 * t);
        let x = f64::from(LEFT + BAR) + t * f64::from(RIGHT - LEFT - BAR);
        (x.round() as i32, (from + (to - from) * ease + shift).round() as i32)
    };
    let upper = (0..=STEPS).map(|step| edge(0.0, step));
    let lower = (0..=STEPS).rev().map(|step| edge(tall.max(1.0), step));
    canvas.band(upper.chain(lower).collect(), colour)
}

/// Draws the flows of the last quarter; `None` where they are not known.
pub fn draw(report: &Report, id: &str) -> Result<Option<Drawing>> {
    let Some(movements) = &report.migration else { return Ok(None) };
    let last = &movements.last;
    let (new, gone) = (last.arrived(), last.left());
    let all = (last.sizes.iter().map(|size| size.then).sum::<usize>() + new).max(1);
    let pixels = TALL / all as f64;
    let mut then = nodes(&last.sizes, |size| size.then, new, pixels);
    let mut now = nodes(&last.sizes, |size| size.now, gone, pixels);
    let place = |id: &str| report.segments.iter().position(|segment| segment.id == id);
    // What a customer of a segment is worth, to tell up from down.
    let worth = |id: Option<&str>| {
        let profile = &report.segments.get(place(id?)?)?.profile;
        Some(profile.share_revenue? / profile.share_customers.max(f64::MIN_POSITIVE))
    };
    let direction = |flow: &Flow| match (worth(flow.from.as_deref()), worth(flow.to.as_deref())) {
        _ if !flow.moved() => RULE,
        (Some(before), Some(after)) if after > before => UP,
        (Some(before), Some(after)) if after < before => DOWN,
        _ => UNCLUSTERED,
    };
    let name = |id: &str| report.called(id);
    let hue = |place_id: &Option<String>| match place_id {
        Some(id) => colour(place(id).map(|at| report.colour(at))),
        None => RULE,
    };
    let height = [&then, &now].map(|side| side.last().map_or(0.0, |node| node.y + node.tall));
    let height = height[0].max(height[1]).round() as i32 + 40;
    let percent = |share: f64| format!("{:.0} %", share * 100.0);
    let title = format!(
        "{} of customers went to another segment between {} and {}",
        percent(last.changed_share()),
        last.from,
        last.to
    );
    let told = flows(movements, &name, &report.currency, false);
    let description: Vec<String> = told.iter().map(|row| format!("{} to {}: {}", row[0], row[1], row[2])).collect();
    let drawn = svg(id, &title, &description.join("; "), (WIDTH, height as u32), |canvas| {
        canvas.text(LEFT + BAR, 12, &last.from, 13, Anchor::End, MUTED)?;
        canvas.text(RIGHT, 12, &last.to, 13, Anchor::Start, MUTED)?;
        for flow in &last.flows {
            let side = |nodes: &[Node], at: &Option<String>| nodes.iter().position(|node| node.place == *at);
            let (Some(a), Some(b)) = (side(&then, &flow.from), side(&now, &flow.to)) else { continue };
            let tall = flow.customers as f64 * pixels;
            let ends = [then[a].y + then[a].taken, now[b].y + now[b].taken];
            then[a].taken += tall;
            now[b].taken += tall;
            if flow.customers as f64 >= THIN * all as f64 {
                ribbon(canvas, ends, tall, direction(flow))?;
            }
        }
        for (nodes, x, label, anchor) in
            [(&then, LEFT, LEFT - 8, Anchor::End), (&now, RIGHT, RIGHT + BAR + 8, Anchor::Start)]
        {
            let wanted: Vec<i32> = nodes.iter().map(|node| (node.y + node.tall / 2.0).round() as i32).collect();
            let labels = spread(&wanted, 18, (TOP, height - 24));
            for (node, y) in nodes.iter().zip(labels) {
                canvas.rect(x, node.y.round() as i32, BAR, (node.tall.round() as i32).max(1), hue(&node.place))?;
                let nowhere = if x == LEFT { NEW } else { GONE };
                let called = called(node.place.as_deref(), nowhere, &name);
                let number = crate::features::Unit::Count.format(node.customers as f64, "");
                canvas.text(label, y, &fit(&format!("{called}  {number}"), 13, LEFT - 16), 13, anchor, INK)?;
            }
        }
        for (x, colour, what) in [
            (LEFT - 20, UP, "to a segment worth more per customer"),
            (LEFT + 250, DOWN, "worth less"),
            (LEFT + 370, RULE, "stayed"),
        ] {
            canvas.rect(x, height - 16, 14, 10, colour)?;
            canvas.text(x + 20, height - 11, what, 12, Anchor::Start, MUTED)?;
        }
        Ok(())
    })?;
    let header = HEADER.map(String::from).to_vec();
    Ok(Some(Drawing { title, svg: drawn, header, rows: flows(movements, &name, &report.currency, true) }))
}
