//! Whose the pages are: a fixed number of them, of which each is free, of one request, or full and kept for whoever begins alike.
//!
//! A request is let in when all that it may ever need can be had, so that none has to stop halfway for another.

use super::prefixes::Prefixes;
use crate::local::pass::{PAGE, PageId};
use crate::local::tokenizer::TokenId;
use crate::model::ModelError;

/// The pages of one request. It goes back to [`Pages::release`] in the end.
#[derive(Debug, Default)]
pub(super) struct Holding {
    /// Page `i` holds the positions from `i * PAGE` on.
    pages: Vec<PageId>,
    /// How many of them, from the first on, are full and others may use them, too. Nobody writes to them any more.
    shared: usize,
    /// How many more it may take.
    promised: usize,
}

impl Holding {
    /// Returns the pages, in the order of their positions.
    pub(super) fn pages(&self) -> &[PageId] {
        &self.pages
    }

    /// Returns how many positions lie in pages that others may use, too.
    pub(super) fn shared(&self) -> usize {
        self.shared * PAGE
    }

    /// Returns the last page that others may use, too.
    pub(super) fn last_shared(&self) -> Option<PageId> {
        self.pages.get(self.shared.checked_sub(1)?).copied()
    }
}

/// All pages.
#[derive(Debug)]
pub(super) struct Pages {
    budget: usize,
    /// How many have been handed out at least once; the numbers from there on have never been used.
    made: usize,
    free: Vec<PageId>,
    prefixes: Prefixes,
    /// How many the requests that are let in may still take.
    promised: usize,
}

impl Pages {
    /// Makes a stock of `budget` pages.
    pub(super) fn new(budget: usize) -> Self {
        Self { budget, made: 0, free: Vec::new(), prefixes: Prefixes::default(), promised: 0 }
    }

    /// Returns how many pages there can be.
    pub(super) fn budget(&self) -> usize {
        self.budget
    }

    /// Returns how many pages the pass must have room for.
    pub(super) fn made(&self) -> usize {
        self.made
    }

    /// Returns how many pages nobody uses: free ones, and full ones that would be evicted.
    pub(super) fn available(&self) -> usize {
        self.budget - self.made + self.free.len() + self.prefixes.idle()
    }

    /// Lets a request in that may come to hold `positions` positions, with what there is of the beginning of its prompt; nothing
    /// where so many pages cannot be had now.
    pub(super) fn admit(&mut self, prompt: &[TokenId], positions: usize) -> Option<Holding> {
        let pages = self.prefixes.chain(None, reusable(prompt));
        let promised = positions.div_ceil(PAGE).saturating_sub(pages.len());
        let revived = pages.iter().filter(|&&page| self.prefixes.is_idle(page)).count();
        if self.available() < self.promised + promised + revived {
            return None;
        }
        for &page in &pages {
            self.prefixes.take(page);
        }
        self.promised += promised;
        Some(Holding { shared: pages.len(), pages, promised })
    }

    /// Gives a request that still reads its prompt what others have computed of it in the meantime. All its pages are full.
    pub(super) fn join(&mut self, holding: &mut Holding, prompt: &[TokenId]) {
        let rest = reusable(prompt).get(holding.shared()..).unwrap_or(&[]);
        for page in self.prefixes.chain(holding.last_shared(), rest) {
            if holding.pages.len() != holding.shared || holding.promised == 0 {
                return;
            }
            self.prefixes.take(page);
            holding.pages.push(page);
            holding.shared += 1;
            holding.promised -= 1;
            self.promised -= 1;
        }
    }

    /// Takes pages until there is one for the position before `end`.
    ///
    /// # Errors
    /// [`ModelError::Compute`] where the request was not let in for so many.
    pub(super) fn cover(&mut self, holding: &mut Holding, end: usize) -> Result<(), ModelError> {
        while holding.pages.len() * PAGE < end {
            let page = if holding.promised == 0 { None } else { self.take() };
            let Some(page) = page else {
                let reason = format!("position {end} lies beyond the pages that were set aside for it");
                return Err(ModelError::Compute { reason });
            };
            holding.promised -= 1;
            self.promised -= 1;
            holding.pages.push(page);
        }
        Ok(())
    }

    /// Lets others use the pages that `tokens` fill: those of all positions that are computed and will not be written again.
    pub(super) fn share(&mut self, holding: &mut Holding, tokens: &[TokenId]) {
        for tokens in tokens.chunks_exact(PAGE).skip(holding.shared) {
            let before = holding.last_shared();
            let Some(own) = holding.pages.get_mut(holding.shared) else { return };
            if let Some(page) = self.prefixes.find(before, tokens) {
                // Another has computed the same at the same time. One of the two is enough, and what follows hangs on one.
                self.prefixes.take(page);
                self.free.push(std::mem::replace(own, page));
            } else {
                self.prefixes.insert(before, tokens, *own);
            }
            holding.shared += 1;
        }
    }

    /// Takes the pages of a request back. Full ones stay for whoever begins alike.
    pub(super) fn release(&mut self, holding: Holding) {
        let Holding { mut pages, shared, promised } = holding;
        self.free.extend(pages.drain(shared.min(pages.len())..));
        self.prefixes.give_back(&pages);
        self.promised -= promised;
    }

    /// Forgets all pages from the number `room` on, of which none is used or kept; from now on there are no more than these, if
    /// there are any.
    pub(super) fn shrink(&mut self, room: usize) {
        self.made = self.made.min(room);
        self.free.retain(|page| (page.0 as usize) < room);
        if room > 0 {
            self.budget = self.budget.min(room);
        }
    }

    fn take(&mut self) -> Option<PageId> {
        if let Some(page) = self.free.pop() {
            return Some(page);
        }
        if self.made < self.budget {
            let page = u32::try_from(self.made).ok().map(PageId)?;
            self.made += 1;
            return Some(page);
        }
        self.prefixes.evict()
    }
}

/// Returns the part of a prompt that may come from full pages: its last token must be computed, for its logits.
fn reusable(prompt: &[TokenId]) -> &[TokenId] {
    prompt.split_last().map_or(&[], |(_, before)| before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_kept_for_the_next_until_others_need_them() {
        let mut pages = Pages::new(4);
        let prompt: Vec<TokenId> = (0..200).collect();
        let mut first = pages.admit(&prompt, 250).unwrap();
        assert!(pages.admit(&[1], 1).is_none(), "all four are promised");
        pages.cover(&mut first, 200).unwrap();
        pages.share(&mut first, &prompt);
        assert_eq!(first.shared(), 192);
        pages.release(first);
        assert_eq!((pages.available(), pages.made()), (4, 4));

        let second = pages.admit(&prompt, 250).unwrap();
        assert_eq!(second.shared(), 192);
        pages.release(second);
        // Prompts that end where a page ends compute that page again, for its last token.
        let ended = pages.admit(&prompt[..128], 250).unwrap();
        assert_eq!(ended.shared(), 64);
        pages.release(ended);

        let mut other = pages.admit(&[7; 100], 250).unwrap();
        pages.cover(&mut other, 250).unwrap();
        assert!(pages.cover(&mut other, 257).is_err());
        pages.release(other);
        assert_eq!(pages.admit(&prompt, 1).unwrap().shared(), 0);
    }

    #[test]
    fn the_same_page_computed_twice_is_kept_once() {
        let mut pages = Pages::new(8);
        let prompt: Vec<TokenId> = (0..100).collect();
        let mut both = [pages.admit(&prompt, 100).unwrap(), pages.admit(&prompt, 100).unwrap()];
        for holding in &mut both {
            pages.cover(holding, 64).unwrap();
        }
        pages.share(&mut both[0], &prompt[..64]);
        // One of them only has to begin.
        let mut late = pages.admit(&prompt[..1], 100).unwrap();
        pages.join(&mut late, &prompt);
        assert_eq!((late.shared(), late.pages()), (64, both[0].pages()));
        pages.share(&mut both[1], &prompt[..64]);
        assert_eq!(both[0].pages(), both[1].pages());
        let [first, second] = both;
        for holding in [first, second, late] {
            pages.release(holding);
        }
        assert_eq!((pages.available(), pages.promised, pages.prefixes.idle()), (8, 0, 1));
    }
}
