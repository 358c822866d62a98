//! Puts what says the same as something better behind what says something else.

use super::rank::Ranked;
use super::state::Memory;

/// The share of its score that a passage loses which says just what a better one says.
const SAME: f32 = 0.3;

/// How many of the best passages are held against each other.
const COMPARED: usize = 200;

impl Memory {
    /// Orders passages by their scores, each lessened by how like it is to those before it: maximal marginal relevance
    /// (Carbonell and Goldstein, 1998), with the cosine of vectors as likeness.
    ///
    /// In chats between people alone, where many messages answer a question together: there it finds more of them. What a
    /// user tells an assistant about one thing is alike, and all of it is wanted; measured, it finds less there.
    pub(super) fn diverse<'a>(&self, ranked: Vec<&'a Ranked>) -> Vec<&'a Ranked> {
        let Some(index) = self.vectors.as_ref().filter(|_| !self.speakers.is_empty()) else { return ranked };
        let mut open: Vec<Open<'a>> = Vec::new();
        for one in ranked.iter().take(COMPARED) {
            // Without its vector nothing is known of what a passage is like.
            let Some(vector) = index.vector(one.position).ok().flatten() else { return ranked };
            open.push(Open { one, vector, like: 0.0 });
        }
        let mut ordered = Vec::new();
        while let Some(at) = best(&open) {
            let chosen = open.remove(at);
            for other in &mut open {
                let like: f32 = chosen.vector.iter().zip(&other.vector).map(|(a, b)| a * b).sum();
                other.like = other.like.max(like);
            }
            ordered.push(chosen.one);
        }
        ordered.extend(ranked.into_iter().skip(COMPARED));
        ordered
    }
}

/// A passage that has not been chosen yet.
struct Open<'a> {
    one: &'a Ranked,
    vector: Vec<f32>,
    /// How like it is to the one of those chosen that it is most like.
    like: f32,
}

/// Returns where the best one stands, the first of equals.
fn best(open: &[Open<'_>]) -> Option<usize> {
    let worth = |one: &Open<'_>| one.one.score * (1.0 - SAME * one.like);
    let order = |a: &(usize, &Open<'_>), b: &(usize, &Open<'_>)| {
        worth(a.1).total_cmp(&worth(b.1)).then(b.0.cmp(&a.0))
    };
    open.iter().enumerate().max_by(order).map(|(at, _)| at)
}
