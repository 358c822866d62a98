//! The same numbers always give the same picture, and nothing lies outside of it.

use insta::assert_snapshot;
use proptest::prelude::*;

use super::picture::COLUMNS;
use super::{Ceiling, Sawtooth, Tooth, sawtooth_lines, sawtooth_svg};

fn teeth(numbers: &[(u64, u64)]) -> Vec<Tooth> {
    numbers.iter().map(|(prompt, generated)| Tooth { prompt: *prompt, generated: *generated }).collect()
}

fn window(label: &str, tokens: u64) -> Ceiling {
    Ceiling { label: label.to_owned(), tokens }
}

/// Four rounds, of which each begins anew with a summary.
fn rounds() -> Sawtooth {
    Sawtooth {
        title: "rounds & <rounds>".to_owned(),
        teeth: teeth(&[(100, 700), (300, 600), (300, 650), (300, 200)]),
        windows: vec![window("small", 1_000), window("large", 128_000)],
        captions: vec!["attended pairs: 1,234".to_owned()],
    }
}

#[test]
fn rounds_are_a_sawtooth_in_a_terminal() {
    assert_snapshot!(sawtooth_lines(&rounds(), 40));
}

#[test]
fn rounds_are_a_sawtooth_in_a_picture() {
    assert_snapshot!(sawtooth_svg(&rounds()));
}

#[test]
fn many_calls_are_a_small_picture_in_which_the_highest_is_seen() {
    let mut many = Sawtooth { teeth: teeth(&[(10, 1)]).repeat(100_000), ..rounds() };
    many.teeth[77_700] = Tooth { prompt: 900, generated: 99 };
    let svg = sawtooth_svg(&many);
    assert!(svg.len() < 40_000, "{}", svg.len());
    assert!(svg.contains("100000 calls in 360 columns, of each column the highest call"), "{svg}");
    let columns = many.columns(COLUMNS);
    let highest: Vec<usize> = (0..columns.len()).filter(|at| columns[*at].prompt == 900).collect();
    assert_eq!(highest, [77_700 * COLUMNS / 100_000]);
    let lines = sawtooth_lines(&many, 80);
    assert_eq!(lines.lines().filter(|line| line.contains('█')).count(), 12, "{lines}");
    assert!(lines.lines().all(|line| line.chars().count() <= 80), "{lines}");
}

#[test]
fn nothing_is_a_picture_too() {
    let empty = Sawtooth::default();
    assert!(sawtooth_lines(&empty, 80).contains("0 calls"));
    assert!(sawtooth_svg(&empty).ends_with("</svg>\n"));
    let highest = Sawtooth { teeth: teeth(&[(u64::MAX, u64::MAX), (0, 0)]), ..empty };
    assert!(sawtooth_lines(&highest, 80).contains('█'));
    assert!(sawtooth_svg(&highest).ends_with("</svg>\n"));
}

/// Every point of the paths, as they are written here: with `M`, `L`, `H` and `V`.
fn points(svg: &str) -> Vec<(f64, f64)> {
    let mut points = Vec::new();
    for path in svg.split("<path d=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        let (mut x, mut y) = (0.0, 0.0);
        for part in path.split('z') {
            let mut rest = part;
            while let Some(command) = rest.chars().next() {
                let end = rest[1..].find(|c: char| c.is_ascii_alphabetic()).map_or(rest.len(), |at| at + 1);
                let numbers: Vec<f64> =
                    rest[1..end].split(' ').map(|number| number.parse().unwrap()).collect();
                match command {
                    'H' => x = numbers[0],
                    'V' => y = numbers[0],
                    _ => (x, y) = (numbers[0], numbers[1]),
                }
                points.push((x, y));
                rest = &rest[end..];
            }
        }
    }
    points
}

/// Reads a number behind a name in the first line.
fn size(svg: &str, name: &str) -> f64 {
    let rest = svg.split(&format!(" {name}=\"")).nth(1).unwrap();
    rest.split('"').next().unwrap().parse().unwrap()
}

proptest! {
    #[test]
    fn no_point_lies_outside(
        numbers in prop::collection::vec((0_u64..1 << 40, 0_u64..1 << 40), 0..900),
        windows in prop::collection::vec(0_u64..1 << 42, 0..6),
        width in 0_usize..300,
    ) {
        let windows = windows.into_iter().map(|tokens| window("m", tokens)).collect();
        let drawn = Sawtooth { teeth: teeth(&numbers), windows, ..Sawtooth::default() };
        let svg = sawtooth_svg(&drawn);
        let (wide, high) = (size(&svg, "width"), size(&svg, "height"));
        for (x, y) in points(&svg) {
            prop_assert!((0.0..=wide).contains(&x) && (0.0..=high).contains(&y), "{x} {y} in {wide} {high}");
        }
        let columns = drawn.columns(COLUMNS);
        prop_assert_eq!(columns.len(), numbers.len().min(COLUMNS));
        let highest = |teeth: &[Tooth]| teeth.iter().map(|tooth| tooth.height()).max();
        prop_assert_eq!(highest(&columns), highest(&drawn.teeth), "the highest call is never lost");
        let lines = sawtooth_lines(&drawn, width);
        let label = drawn.top().to_string().len();
        let most = width.max(label + 2 + 16);
        for line in lines.lines().filter(|line| line.contains(['┤', '┼'])) {
            prop_assert!(line.chars().count() <= most, "{line}");
        }
    }
}
