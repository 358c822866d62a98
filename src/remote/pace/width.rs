//! How many requests may be under way at once: more by one for every round that went well, half of it after a push-back.
//! Pure. Knows no time: a round is as many successes as there are places.

/// How many are asked at once before anything is known of an endpoint.
const FIRST: usize = 4;

/// The number at once.
#[derive(Debug)]
pub(super) struct Width {
    most: usize,
    now: usize,
    /// Below it every success adds one, so that the number doubles in a round.
    threshold: usize,
    /// Successes of this round.
    successes: usize,
    pushed_back: bool,
}

impl Width {
    pub(super) fn new(most: usize) -> Self {
        let most = most.max(1);
        Self { most, now: FIRST.min(most), threshold: most, successes: 0, pushed_back: false }
    }

    pub(super) fn now(&self) -> usize {
        self.now
    }

    /// Never more than so many from now on.
    pub(super) fn bound(&mut self, most: usize) {
        self.most = most.max(1);
        self.now = self.now.min(self.most);
        self.threshold = self.threshold.min(self.most);
    }

    /// A limit is known, and where it is kept nothing has to be felt for.
    pub(super) fn trust(&mut self) {
        if !self.pushed_back {
            self.now = self.most;
        }
    }

    /// A request went well while so many were under way.
    pub(super) fn succeeded(&mut self, under_way: usize) {
        // Where something else stood in the way it is not known whether more would have gone well.
        if self.now >= self.most || under_way.saturating_mul(2) <= self.now {
            return;
        }
        self.successes += 1;
        if self.now < self.threshold || self.successes >= self.now {
            self.now += 1;
            self.successes = 0;
        }
    }

    /// The endpoint pushed back.
    pub(super) fn halve(&mut self) {
        self.now = (self.now / 2).max(1);
        self.threshold = self.now;
        self.successes = 0;
        self.pushed_back = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(width: &mut Width) -> usize {
        for _ in 0..width.now() {
            width.succeeded(width.now());
        }
        width.now()
    }

    #[test]
    fn it_doubles_until_the_first_push_back_and_then_adds_one_a_round() {
        let mut width = Width::new(100);
        let mut seen = vec![width.now(), round(&mut width)];
        width.halve();
        width.halve();
        seen.extend((0..3).map(|_| round(&mut width)));
        assert_eq!(seen, [4, 8, 3, 4, 5]);
        width.trust();
        assert_eq!(width.now(), 5, "a push-back is believed more than a limit");
        (0..9).for_each(|_| width.halve());
        assert_eq!(width.now(), 1);
    }

    #[test]
    fn it_does_not_grow_where_it_does_not_stand_in_the_way() {
        let mut width = Width::new(100);
        (0..50).for_each(|_| width.succeeded(2));
        assert_eq!(width.now(), 4);
        width.trust();
        assert_eq!(width.now(), 100);
        assert_eq!(Width::new(0).now(), 1);
    }
}
