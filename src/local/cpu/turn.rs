//! Turning heads by the angles of their positions.

use crate::local::architecture::Pairing;
use crate::local::positions::Turns;

/// Cosines and sines of the positions of a step, one row for each.
#[derive(Debug, Default)]
pub(super) struct Angles {
    cos: Vec<f32>,
    sin: Vec<f32>,
    half: usize,
}

impl Angles {
    /// Computes those of `positions`.
    #[expect(clippy::cast_precision_loss, reason = "positions are far below 2^24")]
    pub(super) fn set(&mut self, positions: impl Iterator<Item = usize>, turns: &Turns) {
        self.cos.clear();
        self.sin.clear();
        self.half = turns.angles.len();
        for position in positions {
            for turn in &turns.angles {
                let (sin, cos) = (position as f32 * turn).sin_cos();
                self.cos.push(cos * turns.magnitude);
                self.sin.push(sin * turns.magnitude);
            }
        }
    }

    /// Tells whether there are any.
    pub(super) fn any(&self) -> bool {
        self.half > 0
    }

    /// Turns a head of the position of `row`; numbers for which there is no angle stay.
    pub(super) fn turn(&self, pairing: Pairing, row: usize, head: &mut [f32]) {
        let at = row * self.half..(row + 1) * self.half;
        let (cos, sin) = (self.cos.get(at.clone()).unwrap_or(&[]), self.sin.get(at).unwrap_or(&[]));
        let angles = cos.iter().zip(sin);
        let turned_numbers = 2 * self.half.min(head.len() / 2);
        let (head, _) = head.split_at_mut(turned_numbers);
        match pairing {
            Pairing::Neighbours => {
                for ([first, second], (cos, sin)) in head.as_chunks_mut().0.iter_mut().zip(angles) {
                    (*first, *second) = turned(*first, *second, *cos, *sin);
                }
            }
            Pairing::Halves => {
                let (firsts, seconds) = head.split_at_mut(self.half.min(head.len()));
                for ((first, second), (cos, sin)) in firsts.iter_mut().zip(seconds).zip(angles) {
                    (*first, *second) = turned(*first, *second, *cos, *sin);
                }
            }
        }
    }
}

fn turned(first: f32, second: f32, cos: f32, sin: f32) -> (f32, f32) {
    (first * cos - second * sin, first * sin + second * cos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_of_a_turn_swaps_what_is_paired() {
        let mut angles = Angles::default();
        let turns = Turns { angles: vec![std::f32::consts::FRAC_PI_2, 0.0], magnitude: 1.0 };
        angles.set([0, 1].into_iter(), &turns);
        let turned = |pairing, row| {
            let mut head = [1.0, 2.0, 3.0, 4.0];
            angles.turn(pairing, row, &mut head);
            head.map(|number: f32| format!("{number:.0}")).join(" ")
        };
        assert_eq!(turned(Pairing::Neighbours, 1), "-2 1 3 4");
        assert_eq!(turned(Pairing::Halves, 1), "-3 2 1 4");
        assert_eq!(turned(Pairing::Halves, 0), "1 2 3 4");
    }
}
