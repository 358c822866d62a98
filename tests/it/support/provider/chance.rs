//! Which fault a request gets: a pure function of a seed and of the request, whatever order requests arrive in.

use std::collections::HashMap;

use super::behaviour::{Behaviour, Fault};

/// A number of 64 bits that any change of the bytes changes, the same on every machine.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    let folded = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    });
    mix(folded, 0)
}

/// One number made of two.
pub(crate) fn mix(a: u64, b: u64) -> u64 {
    let mut mixed = a ^ b.wrapping_add(0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Whether something of so many in a thousand happens.
pub(crate) fn happens(number: u64, per_thousand: u32) -> bool {
    number % 1000 < u64::from(per_thousand)
}

/// What was played so far.
#[derive(Debug, Default)]
pub(crate) struct Chance {
    scripted: usize,
    bodies: HashMap<u64, Before>,
}

/// What happened to one body so far.
#[derive(Debug, Default)]
struct Before {
    seen: u64,
    faults: u32,
}

impl Chance {
    /// The fault of the next request, which has this body.
    pub(crate) fn draw(&mut self, behaviour: &Behaviour, body: u64) -> Fault {
        if let Some(fault) = behaviour.script.get(self.scripted) {
            self.scripted += 1;
            return fault.clone();
        }
        let before = self.bodies.entry(body).or_default();
        let own = mix(behaviour.seed, body);
        let number = mix(own, before.seen);
        before.seen += 1;
        let total: u64 = behaviour.faults.iter().map(|(_, weight)| u64::from(*weight)).sum();
        if total == 0 {
            return Fault::Sound;
        }
        let always = happens(mix(own, u64::MAX), behaviour.always_failing);
        if !always && before.faults >= behaviour.most_faults_per_body {
            return Fault::Sound;
        }
        let mut place = number % if always { total } else { total.max(1000) };
        for (fault, weight) in &behaviour.faults {
            if place < u64::from(*weight) {
                before.faults += 1;
                return fault.clone();
            }
            place -= u64::from(*weight);
        }
        Fault::Sound
    }
}
