//! Which full pages can be used again: a tree of pages, each known by its tokens and by the page before it.
//!
//! Knows numbers of pages and tokens; nothing of requests, nor of pages that are not full.

use std::collections::{BTreeSet, HashMap};

use crate::local::pass::{PAGE, PageId};
use crate::local::tokenizer::TokenId;

/// What the keys and values of a page follow from. Tokens are compared and not only hashed: two beginnings that are taken for
/// each other would give an answer about another text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    before: Option<PageId>,
    tokens: [TokenId; PAGE],
}

/// One page of the tree.
#[derive(Debug)]
struct Entry {
    key: Key,
    /// How many requests have it.
    users: usize,
    /// How many pages follow it directly.
    after: usize,
    /// When it was last given back.
    used: u64,
}

/// Full pages that can be used again.
///
/// Who uses a page uses all those before it, so a page without users is followed by such pages only.
#[derive(Debug, Default)]
pub(super) struct Prefixes {
    pages: HashMap<Key, PageId>,
    entries: HashMap<PageId, Entry>,
    /// The pages without users that no other follows, the one that was given back first at the front.
    leaves: BTreeSet<(u64, PageId)>,
    idle: usize,
    clock: u64,
}

impl Prefixes {
    /// Returns how many pages nobody uses: all of them can be evicted, one after the other.
    pub(super) fn idle(&self) -> usize {
        self.idle
    }

    /// Tells whether nobody uses a page.
    pub(super) fn is_idle(&self, page: PageId) -> bool {
        self.entries.get(&page).is_some_and(|entry| entry.users == 0)
    }

    /// Returns the page that holds exactly `tokens` after the page `before`.
    pub(super) fn find(&self, before: Option<PageId>, tokens: &[TokenId]) -> Option<PageId> {
        self.pages.get(&Key { before, tokens: tokens.try_into().ok()? }).copied()
    }

    /// Returns the pages that hold the beginning of `tokens` after the page `before`, as many as there are.
    pub(super) fn chain(&self, before: Option<PageId>, tokens: &[TokenId]) -> Vec<PageId> {
        let mut found = Vec::new();
        let mut last = before;
        for tokens in tokens.chunks_exact(PAGE) {
            let Some(page) = self.find(last, tokens) else { break };
            found.push(page);
            last = Some(page);
        }
        found
    }

    /// Takes in a page that one request has computed after the page `before`, which it uses as well.
    pub(super) fn insert(&mut self, before: Option<PageId>, tokens: &[TokenId], page: PageId) {
        let Ok(tokens) = tokens.try_into() else { return };
        let key = Key { before, tokens };
        if let Some(entry) = before.and_then(|before| self.entries.get_mut(&before)) {
            entry.after += 1;
        }
        self.pages.insert(key, page);
        self.entries.insert(page, Entry { key, users: 1, after: 0, used: 0 });
    }

    /// Counts one more user of a page.
    pub(super) fn take(&mut self, page: PageId) {
        let Some(entry) = self.entries.get_mut(&page) else { return };
        if entry.users == 0 {
            self.idle -= 1;
            self.leaves.remove(&(entry.used, page));
        }
        entry.users += 1;
    }

    /// Counts one user less of each of `pages`, which follow one another from the beginning.
    pub(super) fn give_back(&mut self, pages: &[PageId]) {
        self.clock += 1;
        for &page in pages {
            let Some(entry) = self.entries.get_mut(&page) else { continue };
            entry.users -= 1;
            if entry.users == 0 {
                entry.used = self.clock;
                self.idle += 1;
                if entry.after == 0 {
                    self.leaves.insert((self.clock, page));
                }
            }
        }
    }

    /// Forgets the page that has not been used for longest among those that nobody uses and no other follows.
    pub(super) fn evict(&mut self) -> Option<PageId> {
        let (_, page) = self.leaves.pop_first()?;
        let entry = self.entries.remove(&page)?;
        self.pages.remove(&entry.key);
        self.idle -= 1;
        if let Some(before) = entry.key.before
            && let Some(entry) = self.entries.get_mut(&before)
        {
            entry.after -= 1;
            if entry.after == 0 && entry.users == 0 {
                self.leaves.insert((entry.used, before));
            }
        }
        Some(page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page_of(token: TokenId) -> [TokenId; PAGE] {
        [token; PAGE]
    }

    /// The tree `0 - 1 - 2` and `0 - 3`, of tokens of the same numbers.
    fn tree() -> Prefixes {
        let mut prefixes = Prefixes::default();
        for (before, page) in [(None, 0), (Some(0), 1), (Some(1), 2), (Some(0), 3)] {
            prefixes.insert(before.map(PageId), &page_of(page), PageId(page));
        }
        // The second request uses the first page as well.
        prefixes.take(PageId(0));
        prefixes
    }

    #[test]
    fn a_page_is_found_only_after_the_page_that_it_followed() {
        let prefixes = tree();
        let tokens = [page_of(0), page_of(1), page_of(9)].concat();
        assert_eq!(prefixes.chain(None, &tokens), [PageId(0), PageId(1)]);
        assert_eq!(prefixes.chain(None, &tokens[..PAGE * 2 - 1]), [PageId(0)]);
        assert_eq!(prefixes.find(None, &page_of(1)), None);
        assert_eq!(prefixes.find(Some(PageId(3)), &page_of(1)), None);
        assert_eq!(prefixes.find(Some(PageId(0)), &page_of(1)[1..]), None);
    }

    #[test]
    fn what_is_used_stays_and_what_follows_goes_before_what_it_follows() {
        let mut prefixes = tree();
        assert_eq!(prefixes.evict(), None);
        prefixes.give_back(&[PageId(0), PageId(3)]);
        assert_eq!((prefixes.idle(), prefixes.is_idle(PageId(0))), (1, false));
        prefixes.give_back(&[PageId(0), PageId(1), PageId(2)]);
        assert_eq!(prefixes.idle(), 4);
        // Used again, the page 3 is the last to go but for those that it follows.
        prefixes.take(PageId(0));
        prefixes.take(PageId(3));
        prefixes.give_back(&[PageId(0), PageId(3)]);
        let gone: Vec<PageId> = std::iter::from_fn(|| prefixes.evict()).collect();
        assert_eq!(gone, [2, 1, 3, 0].map(PageId));
        assert_eq!(prefixes.idle(), 0);
        assert!(prefixes.pages.is_empty() && prefixes.entries.is_empty() && prefixes.leaves.is_empty());
    }
}
