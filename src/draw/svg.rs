//! A diagram as a picture that a browser shows.

use std::fmt::Write as _;

use super::diagram::{Diagram, NodeBox, State};
use super::layout::{Layout, Point};

const LINE: f64 = 17.0;
const PAD: f64 = 12.0;
/// Between two layers.
const RISE: f64 = 44.0;
pub(super) const MARGIN: f64 = 24.0;
/// Around the nodes of a group, and above them for its title.
const FRAME: f64 = 16.0;
const HEADING: f64 = 26.0;
/// The width of a letter in the fonts that a browser has; letters differ, so it is on the safe side.
pub(super) const LETTER: f64 = 7.4;
/// The same for the larger, bold letters of the title.
pub(super) const TITLE_LETTER: f64 = 9.6;

/// Writes a diagram as SVG, as large as it needs to be.
#[must_use]
pub fn svg(diagram: &Diagram) -> String {
    let picture = Picture::of(diagram);
    let (width, height) = picture.size;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {width:.0} \
         {height:.0}\" font-family=\"Helvetica, Arial, sans-serif\" font-size=\"13\">\n<title>{0}</title>\n<defs><marker \
         id=\"head\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\">\
         <path d=\"M0 0L10 5L0 10z\" fill=\"#444444\"/></marker></defs>\n<rect width=\"100%\" height=\"100%\" \
         fill=\"#ffffff\"/>\n<text x=\"{MARGIN:.0}\" y=\"{1:.0}\" font-size=\"15\" font-weight=\"bold\">{0}</text>\n",
        escaped(&diagram.title),
        MARGIN + 4.0,
    );
    let frames: Vec<(&str, [f64; 4])> =
        diagram.groups().into_iter().map(|(title, nodes)| (title, picture.frame(&nodes))).collect();
    for (_, [left, top, right, bottom]) in &frames {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"6\" fill=\"#f7f8fa\" \
             stroke=\"#c9ced6\"/>",
            right - left,
            bottom - top,
        );
    }
    for (number, (from, to)) in diagram.arrows.iter().enumerate() {
        picture.arrow(&mut text, number, *from, *to);
    }
    // A heading stays readable where an arrow passes behind it.
    for (title, [left, top, ..]) in &frames {
        let _ = writeln!(
            text,
            "<text x=\"{:.1}\" y=\"{:.1}\" fill=\"#5a6472\" font-size=\"12\" stroke=\"#f7f8fa\" stroke-width=\"5\" \
             paint-order=\"stroke\">{title}</text>",
            left + 8.0,
            top + 16.0,
        );
    }
    for (node, area) in diagram.nodes.iter().zip(&picture.areas) {
        boxed(&mut text, node, area);
    }
    text.push_str("</svg>\n");
    text
}

/// Where one box stands.
#[derive(Debug, Clone, Copy)]
struct Area {
    middle: f64,
    top: f64,
    width: f64,
    height: f64,
}

struct Picture {
    areas: Vec<Area>,
    /// The middle of every layer, from top to bottom.
    rows: Vec<f64>,
    layout: Layout,
    size: Point,
}

impl Picture {
    fn of(diagram: &Diagram) -> Self {
        let widths: Vec<f64> = diagram.nodes.iter().map(width).collect();
        let layout = Layout::of(diagram, &widths);
        let count = layout.layers.iter().max().map_or(0, |last| last + 1);
        let mut heights = vec![0.0_f64; count];
        for (node, layer) in diagram.nodes.iter().zip(&layout.layers) {
            if let Some(tallest) = heights.get_mut(*layer) {
                *tallest = tallest.max(height(node));
            }
        }
        let sides = diagram.nodes.iter().zip(&layout.across).zip(&widths);
        let left = sides.clone().map(|((_, at), width)| at - width / 2.0);
        let passed = || layout.passages.iter().flatten().copied();
        let left = left.chain(passed()).fold(f64::INFINITY, f64::min);
        let right =
            sides.map(|((_, at), width)| at + width / 2.0).chain(passed()).fold(f64::NEG_INFINITY, f64::max);
        let (left, right) = if left.is_finite() { (left, right) } else { (0.0, 0.0) };
        let drawn = right - left + 2.0 * (FRAME + MARGIN);
        let titled = letters(&diagram.title) * TITLE_LETTER + 2.0 * MARGIN;
        let width_of_all = drawn.max(titled);
        let shift = (width_of_all - drawn) / 2.0 + MARGIN + FRAME - left;
        let mut tops = Vec::new();
        let mut y = 2.0 * MARGIN;
        let mut last = None;
        for (layer, tallest) in heights.iter().enumerate() {
            let scope = diagram
                .nodes
                .iter()
                .zip(&layout.layers)
                .find(|(_, of)| **of == layer)
                .map(|(node, _)| node.scope);
            if scope != last {
                // A group begins: room for the end of the one above, and for the heading.
                y += HEADING + FRAME;
                last = scope;
            }
            tops.push(y);
            y += tallest + RISE;
        }
        let rows: Vec<f64> = tops.iter().zip(&heights).map(|(top, height)| top + height / 2.0).collect();
        let area = |((node, layer), at): ((&NodeBox, &usize), &f64)| {
            let row = rows.get(*layer).copied().unwrap_or(0.0);
            Area {
                middle: at + shift,
                top: row - height(node) / 2.0,
                width: width(node),
                height: height(node),
            }
        };
        let areas = diagram.nodes.iter().zip(&layout.layers).zip(&layout.across).map(area).collect();
        let mut layout = layout;
        layout.passages.iter_mut().flatten().for_each(|place| *place += shift);
        Self { areas, rows, layout, size: (width_of_all, y - RISE + FRAME + MARGIN) }
    }

    /// Returns the frame of a group: left, top, right and bottom.
    fn frame(&self, nodes: &[usize]) -> [f64; 4] {
        let areas = || nodes.iter().filter_map(|at| self.areas.get(*at));
        let top = areas().map(|area| area.top).fold(f64::INFINITY, f64::min) - HEADING;
        let bottom = areas().map(|area| area.top + area.height).fold(0.0, f64::max) + FRAME;
        [MARGIN, top, self.size.0 - MARGIN, bottom]
    }

    /// A curve that leaves and enters every layer straight down.
    fn arrow(&self, text: &mut String, number: usize, from: usize, to: usize) {
        let (Some(start), Some(end)) = (self.areas.get(from), self.areas.get(to)) else { return };
        let first = self.layout.layers.get(from).map_or(0, |layer| layer + 1);
        let passed = self.layout.passages.get(number).into_iter().flatten().zip(self.rows.iter().skip(first));
        let points: Vec<Point> = std::iter::once((start.middle, start.top + start.height))
            .chain(passed.map(|(across, row)| (*across, *row)))
            .chain([(end.middle, end.top - 1.0)])
            .collect();
        let mut path = String::new();
        let mut before: Option<Point> = None;
        for (x, y) in points {
            let _ = match before {
                None => write!(path, "M{x:.1} {y:.1}"),
                Some((from_x, from_y)) => {
                    let middle = f64::midpoint(from_y, y);
                    write!(path, "C{from_x:.1} {middle:.1} {x:.1} {middle:.1} {x:.1} {y:.1}")
                }
            };
            before = Some((x, y));
        }
        let _ = writeln!(
            text,
            "<path d=\"{path}\" fill=\"none\" stroke=\"#444444\" stroke-width=\"1.3\" marker-end=\"url(#head)\"/>"
        );
    }
}

fn boxed(text: &mut String, node: &NodeBox, area: &Area) {
    let look = node.state.map(State::look);
    let (fill, frame) = look.map_or(("#ffffff", "#44546a"), |look| (look.fill, look.frame));
    let dashes = if look.is_some_and(|look| look.dashed) { " stroke-dasharray=\"5 3\"" } else { "" };
    let (round, thick) = if node.result { (14.0, 2.4) } else { (4.0, 1.2) };
    let left = area.middle - area.width / 2.0;
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "<rect x=\"{left:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"{round:.0}\" fill=\"{fill}\" \
         stroke=\"{frame}\" stroke-width=\"{thick:.1}\"{dashes}/>",
        area.top, area.width, area.height
    );
    let mut y = area.top + PAD + 10.0;
    for (number, line) in std::iter::once(&node.name).chain(&node.lines).enumerate() {
        let look = if number == 0 { " font-weight=\"bold\"" } else { " fill=\"#3b4350\"" };
        let _ = writeln!(
            text,
            "<text x=\"{:.1}\" y=\"{y:.1}\" text-anchor=\"middle\"{look}>{}</text>",
            area.middle,
            escaped(line)
        );
        y += LINE;
    }
}

pub(super) fn letters(text: &str) -> f64 {
    f64::from(u32::try_from(text.chars().count()).unwrap_or(u32::MAX))
}

fn width(node: &NodeBox) -> f64 {
    let longest =
        std::iter::once(&node.name).chain(&node.lines).map(|line| letters(line)).fold(8.0, f64::max);
    longest * LETTER + 2.0 * PAD
}

fn height(node: &NodeBox) -> f64 {
    LINE * f64::from(u32::try_from(node.lines.len() + 1).unwrap_or(u32::MAX)) + 2.0 * PAD - 4.0
}

pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
