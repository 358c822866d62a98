//! One try of a call: a place among those in flight, what it may use, and how long it may take.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::model::{Admission, ChatModel, ChatRequest, ChatResponse, ModelError, TokenSink};
use crate::spec::CallPolicy;

/// Waits for an answer no longer than the policy allows. Dropping what is waited for stops the work.
pub(super) async fn answer(
    model: &dyn ChatModel,
    admission: Admission,
    request: &ChatRequest,
    policy: &CallPolicy,
) -> Result<ChatResponse, ModelError> {
    let (whole, idle) = (seconds(policy.timeout_s), seconds(policy.idle_timeout_s));
    if whole.is_none() && idle.is_none() {
        return model.chat_within(admission, request, None).await;
    }
    let watch = Watch { began: Instant::now(), last: AtomicU64::new(0) };
    let mut answer = model.chat_within(admission, request, idle.map(|_| &watch as &dyn TokenSink));
    loop {
        let now = Instant::now();
        let last = watch.last();
        if let Some(limit) = whole.filter(|limit| now >= watch.began + *limit) {
            return Err(ModelError::TimedOut { limit, idle: false });
        }
        if let Some(limit) = idle.filter(|limit| last.is_some_and(|last| now >= last + *limit)) {
            return Err(ModelError::TimedOut { limit, idle: true });
        }
        // Before the answer begins there is nothing to be late for; it is looked at again when it could be late.
        let of_idle = idle.map(|limit| last.unwrap_or(now) + limit);
        let Some(due) = whole.map(|limit| watch.began + limit).into_iter().chain(of_idle).min() else {
            return answer.await;
        };
        tokio::select! {
            biased;
            answered = &mut answer => return answered,
            () = sleep_until(due) => {}
        }
    }
}

fn seconds(given: Option<u64>) -> Option<Duration> {
    given.map(Duration::from_secs)
}

/// Notes when the last piece of an answer came.
#[derive(Debug)]
struct Watch {
    began: Instant,
    /// Milliseconds after the beginning, plus one; 0 where nothing has come.
    last: AtomicU64,
}

impl Watch {
    fn last(&self) -> Option<Instant> {
        let after = self.last.load(Ordering::Acquire).checked_sub(1)?;
        Some(self.began + Duration::from_millis(after))
    }
}

impl TokenSink for Watch {
    fn token(&self, _: &str) {
        let after = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(after.saturating_add(1), Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{BoxFuture, Message, ModelLimits, Script, ScriptedModel};
    use crate::text::{TokenCount, TokenCounter};

    /// Says a word after each of these many seconds, and then answers.
    #[derive(Debug)]
    struct Slow(ScriptedModel, Vec<u64>);

    impl ChatModel for Slow {
        fn identity(&self) -> &str {
            self.0.identity()
        }

        fn limits(&self) -> ModelLimits {
            self.0.limits()
        }

        fn counter(&self) -> &dyn TokenCounter {
            self.0.counter()
        }

        fn prompt_tokens(&self, messages: &[Message]) -> Result<TokenCount, ModelError> {
            self.0.prompt_tokens(messages)
        }

        fn chat<'a>(
            &'a self,
            request: &'a ChatRequest,
            sink: Option<&'a dyn TokenSink>,
        ) -> BoxFuture<'a, Result<ChatResponse, ModelError>> {
            Box::pin(async move {
                for pause in &self.1 {
                    tokio::time::sleep(Duration::from_secs(*pause)).await;
                    if let Some(sink) = sink {
                        sink.token("word");
                    }
                }
                self.0.chat(request, None).await
            })
        }
    }

    async fn ended(pauses: &[u64], whole: Option<u64>, idle: Option<u64>) -> (Result<String, String>, u64) {
        let model = Slow(ScriptedModel::new(Script::default()), pauses.to_vec());
        let request = ChatRequest::new(vec![Message::user("one two")], TokenCount(10));
        let policy = CallPolicy { timeout_s: whole, idle_timeout_s: idle, ..CallPolicy::default() };
        let began = Instant::now();
        let ended = answer(&model, Admission::free(), &request, &policy).await;
        (ended.map(|answer| answer.text).map_err(|error| error.to_string()), began.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_has_its_time_and_no_more() {
        let said = Ok("one two".to_owned());
        assert_eq!(ended(&[500, 500], None, None).await, (said.clone(), 1000));
        assert_eq!(ended(&[5, 4], Some(10), None).await, (said.clone(), 9));
        assert_eq!(
            ended(&[5, 6], Some(10), None).await,
            (Err("the model did not finish its answer within 10 s".to_owned()), 10)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_has_begun_may_not_stall() {
        let said = Ok("one two".to_owned());
        assert_eq!(
            ended(&[100, 3, 3, 3], None, Some(4)).await,
            (said, 109),
            "reading a prompt takes what it takes"
        );
        let stalled = Err("the model wrote nothing more within 4 s".to_owned());
        assert_eq!(ended(&[101, 3, 5], None, Some(4)).await, (stalled, 108));
    }
}
