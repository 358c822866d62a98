//! The account of a run: one place where all that is used is set aside and settled.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::name::NodeName;
use crate::run::{Budget, Limits, Slot, Spending, Spent, TaskId};

/// Whose limit it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Purse {
    /// The whole run.
    Run,
    /// One source.
    Document(Slot),
    /// One node, over all sources.
    Node(NodeName),
}

impl fmt::Display for Purse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run => f.write_str("the run"),
            Self::Document(_) => f.write_str("a document"),
            Self::Node(node) => write!(f, "node `{node}`"),
        }
    }
}

/// The next call does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the budget of {purse} is {limits}: {spent} are used, and the next call may need {needed}")]
pub struct Refusal {
    /// Whose limit it is.
    pub purse: Purse,
    /// The limit.
    pub limits: Limits,
    /// What is used.
    pub spent: Spent,
    /// What the call can use at most.
    pub needed: Spent,
}

/// What is used of one limit.
#[derive(Debug, Default, Clone, Copy)]
struct Balance {
    spent: Spent,
    reserved: Spent,
}

#[derive(Debug, Default)]
struct Books {
    balances: HashMap<Purse, Balance>,
    /// The refusal that ended the run's spending: what was refused once is not overtaken by a smaller call.
    closed: Option<Refusal>,
}

/// What a run may use, and what is left of it.
#[derive(Debug, Default)]
pub struct Account {
    budget: Budget,
    books: Mutex<Books>,
    settled: Notify,
}

/// What a call was allowed to use; dropping it gives all of it back.
#[derive(Debug)]
#[must_use = "dropping it gives back what was set aside"]
pub struct Reservation<'a> {
    account: &'a Account,
    purses: Vec<Purse>,
    amount: Spent,
}

impl Account {
    /// Opens the account of a run that has used `spending` so far.
    #[must_use]
    pub fn new(budget: Budget, spending: &Spending) -> Self {
        let balance = |spent: Spent| Balance { spent, reserved: Spent::default() };
        let run = [(Purse::Run, balance(spending.run()))];
        let slots = spending.slots().iter().map(|(slot, spent)| (Purse::Document(*slot), balance(*spent)));
        let of_nodes =
            spending.nodes().iter().map(|(node, spent)| (Purse::Node(node.clone()), balance(*spent)));
        let balances = run.into_iter().chain(slots).chain(of_nodes).collect();
        let books = Mutex::new(Books { balances, closed: None });
        Self { budget, books, settled: Notify::new() }
    }

    /// Tells whether anything that a task asks is limited: where nothing is, nothing has to be counted.
    #[must_use]
    pub fn limits(&self, task: &TaskId) -> bool {
        self.purses(task).next().is_some()
    }

    /// Sets `most` aside for a call of `task`.
    ///
    /// Where it does not fit only because of what other calls have set aside, this waits until one of them is settled.
    ///
    /// # Errors
    /// [`Refusal`] where it does not fit beside what is used. After a refusal of the whole run everything is refused.
    pub async fn reserve(&self, task: &TaskId, most: Spent) -> Result<Reservation<'_>, Refusal> {
        loop {
            // Whoever is settled from here on wakes this call.
            let settled = self.settled.notified();
            match self.try_reserve(task, most) {
                Ok(Some(reservation)) => return Ok(reservation),
                Ok(None) => settled.await,
                Err(refusal) => return Err(refusal),
            }
        }
    }

    /// Returns the refusal that ended the run's spending, if there was one.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        self.books().closed.clone()
    }

    fn try_reserve(&self, task: &TaskId, most: Spent) -> Result<Option<Reservation<'_>>, Refusal> {
        let mut books = self.books();
        if let Some(refusal) = &books.closed {
            return Err(refusal.clone());
        }
        let mut fits = true;
        for (purse, limits) in self.purses(task) {
            let balance = books.balances.get(&purse).copied().unwrap_or_default();
            if !limits.allow(balance.spent + most) {
                let refusal = Refusal { purse, limits, spent: balance.spent, needed: most };
                if refusal.purse == Purse::Run {
                    books.closed = Some(refusal.clone());
                    self.settled.notify_waiters();
                }
                return Err(refusal);
            }
            fits &= limits.allow(balance.spent + balance.reserved + most);
        }
        if !fits {
            return Ok(None);
        }
        let purses: Vec<Purse> = self.purses(task).map(|(purse, _)| purse).collect();
        for purse in &purses {
            let balance = books.balances.entry(purse.clone()).or_default();
            balance.reserved = balance.reserved + most;
        }
        Ok(Some(Reservation { account: self, purses, amount: most }))
    }

    /// The limits that hold for a task.
    fn purses(&self, task: &TaskId) -> impl Iterator<Item = (Purse, Limits)> {
        let document =
            (task.slot != Slot::Archive).then_some((Purse::Document(task.slot), self.budget.document));
        let node = self.budget.nodes.get(&task.node).map(|limits| (Purse::Node(task.node.clone()), *limits));
        let all = [Some((Purse::Run, self.budget.run)), document, node];
        all.into_iter().flatten().filter(|(_, limits)| !limits.is_none())
    }

    /// The books are whole between two calls, and nothing panics half-way.
    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn settle(&self, purses: &[Purse], reserved: Spent, used: Spent) {
        let mut books = self.books();
        for purse in purses {
            let balance = books.balances.entry(purse.clone()).or_default();
            balance.reserved = balance.reserved.saturating_sub(reserved);
            balance.spent = balance.spent + used;
        }
        drop(books);
        self.settled.notify_waiters();
    }
}

impl Reservation<'_> {
    /// Settles what the call really used.
    pub fn settle(mut self, used: Spent) {
        let purses = std::mem::take(&mut self.purses);
        self.account.settle(&purses, self.amount, used);
    }

    /// Returns what was set aside.
    #[must_use]
    pub fn amount(&self) -> Spent {
        self.amount
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        if !self.purses.is_empty() {
            self.account.settle(&self.purses, self.amount, Spent::default());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use proptest::prelude::*;

    use super::*;
    use crate::model::Money;
    use crate::text::TokenCount;

    fn task(source: u32) -> TaskId {
        TaskId { slot: Slot::Source(source), node: "read".parse().unwrap() }
    }

    fn tokens(count: u64) -> Spent {
        Spent { tokens: TokenCount(count), cost: Money(count * 3) }
    }

    fn limits(count: u64) -> Limits {
        Limits { tokens: Some(TokenCount(count)), cost: None }
    }

    fn account(run: u64, document: Option<u64>) -> Account {
        let budget = Budget {
            run: limits(run),
            document: document.map_or_else(Limits::default, limits),
            ..Budget::default()
        };
        Account::new(budget, &Spending::default())
    }

    #[tokio::test]
    async fn what_is_not_used_is_there_for_the_next_call() {
        let account = account(100, None);
        account.reserve(&task(0), tokens(80)).await.unwrap().settle(tokens(30));
        drop(account.reserve(&task(0), tokens(70)).await.unwrap());
        account.reserve(&task(0), tokens(70)).await.unwrap().settle(tokens(70));
        let refused = account.reserve(&task(0), tokens(1)).await.unwrap_err();
        assert_eq!(
            refused.to_string(),
            "the budget of the run is 100 tokens: 100 tokens and 0.0000000003 USD are used, and the next call may \
             need 1 tokens and 0.000000000003 USD"
        );
    }

    #[tokio::test]
    async fn a_call_that_others_stand_in_the_way_of_waits_for_them() {
        let account = Arc::new(account(100, None));
        let first = account.reserve(&task(0), tokens(80)).await.unwrap();
        let second = {
            let account = Arc::clone(&account);
            tokio::spawn(async move {
                account.reserve(&task(1), tokens(60)).await.map(|one| one.settle(tokens(60)))
            })
        };
        tokio::task::yield_now().await;
        assert!(!second.is_finished());
        first.settle(tokens(40));
        assert_eq!(second.await.unwrap(), Ok(()));
    }

    #[tokio::test]
    async fn a_document_over_its_limit_does_not_stop_the_others_and_a_run_over_its_limit_does() {
        let account = account(100, Some(50));
        account.reserve(&task(0), tokens(40)).await.unwrap().settle(tokens(40));
        let refused = account.reserve(&task(0), tokens(20)).await.unwrap_err();
        assert_eq!(refused.purse, Purse::Document(Slot::Source(0)));
        assert_eq!(account.refusal(), None);
        account.reserve(&task(1), tokens(50)).await.unwrap().settle(tokens(50));
        assert_eq!(account.reserve(&task(2), tokens(20)).await.unwrap_err().purse, Purse::Run);
        assert_eq!(
            account.reserve(&task(2), tokens(1)).await.unwrap_err().purse,
            Purse::Run,
            "closed is closed"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn sixty_four_calls_at_once_never_pass_a_limit(
            limit in 0_u64..20_000,
            calls in prop::collection::vec((0_u32..5, 1_u64..500, 0_u64..500), 64..200),
        ) {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().unwrap();
            let account = Arc::new(account(limit, Some(limit / 2)));
            let (used, most) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
            let held = Arc::new(AtomicU64::new(0));
            runtime.block_on(async {
                let mut all = tokio::task::JoinSet::new();
                for (source, reserved, share) in calls {
                    let (account, used, most, held) = (Arc::clone(&account), Arc::clone(&used), Arc::clone(&most), Arc::clone(&held));
                    all.spawn(async move {
                        let Ok(one) = account.reserve(&task(source), tokens(reserved)).await else { return };
                        let now = held.fetch_add(reserved, Ordering::SeqCst) + reserved;
                        most.fetch_max(now, Ordering::SeqCst);
                        tokio::task::yield_now().await;
                        let really = reserved.min(share);
                        used.fetch_add(really, Ordering::SeqCst);
                        held.fetch_sub(reserved - really, Ordering::SeqCst);
                        one.settle(tokens(really));
                    });
                }
                while let Some(ended) = all.join_next().await {
                    ended.unwrap();
                }
            });
            prop_assert!(used.load(Ordering::SeqCst) <= limit);
            prop_assert!(most.load(Ordering::SeqCst) <= limit, "what is used and set aside never passes it either");
        }
    }
}
