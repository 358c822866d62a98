//! A pass without weights: what it says next follows from all tokens of the sequence, as they are read through its pages. A page
//! of another sequence, one that was written over too early and one that was never written give other answers.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::sync::{mpsc, oneshot};

use super::tiny::model;
use crate::local::gguf::ModelFile;
use crate::local::pass::{PAGE, PageId, Pass, Span};
use crate::local::serving::{Capacity, Job, Outcome, Scheduler, Task};
use crate::local::tokenizer::{TokenId, Vocabulary};
use crate::model::{ChatRequest, ModelError, Sampling};
use crate::text::TokenCount;

/// The first of the tokens that the toy says, and how many they are: each stands for one character, which no merge joins to another.
const SAID: (TokenId, u64) = (40, 50);

/// After this token the toy's logits are no numbers.
pub(super) const POISON: TokenId = 268;

/// A step with this token fails.
pub(super) const BROKEN: TokenId = 269;

/// What was asked of a toy.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) steps: AtomicU64,
    pub(super) tokens: AtomicU64,
    pub(super) sequences: AtomicUsize,
    pub(super) room: AtomicUsize,
}

/// The pass.
pub(super) struct Toy {
    /// The token of each position, and where in its sequence it stands.
    slots: Vec<Option<(TokenId, usize)>>,
    pub(super) seen: Arc<Seen>,
    /// The most pages that there is memory for.
    memory: usize,
    /// Whether it mostly says what follows from the last two tokens alone, and so repeats itself.
    repetitive: bool,
}

impl Toy {
    pub(super) fn new(memory: usize) -> Self {
        Self { slots: Vec::new(), seen: Arc::default(), memory, repetitive: false }
    }

    pub(super) fn repeating(self, repetitive: bool) -> Self {
        Self { repetitive, ..self }
    }

    fn row(&self, tokens: &[TokenId], logits: &mut Vec<f32>) {
        let mix = |state: u64, id: &TokenId| {
            (state ^ u64::from(*id)).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(23)
        };
        let all = tokens.iter().fold(7, mix);
        let (last, hash) = match tokens {
            [.., a, b] if self.repetitive && !all.is_multiple_of(16) => {
                (*b, [*a % 3, *b % 5].iter().fold(3, mix))
            }
            _ => (tokens.last().copied().unwrap_or(0), all),
        };
        let best = SAID.0 + TokenId::try_from(hash % SAID.1).unwrap();
        let sayable = SAID.0..SAID.0 + TokenId::try_from(SAID.1).unwrap();
        for id in 0..TokenId::try_from(vocabulary().len()).unwrap() {
            let noise = f32::from(u16::try_from(mix(hash, &id) >> 48).unwrap()) / 65536.0;
            let logit = noise
                + if id == best {
                    9.0
                } else if sayable.contains(&id) {
                    0.0
                } else {
                    -99.0
                };
            logits.push(if last == POISON { f32::NAN } else { logit });
        }
    }
}

impl Pass for Toy {
    fn vocabulary(&self) -> usize {
        vocabulary().len()
    }

    fn position_bytes(&self) -> u64 {
        1
    }

    fn reserve(&mut self, pages: usize) -> Result<(), ModelError> {
        if pages > self.memory {
            return Err(ModelError::Compute { reason: "out of memory".into() });
        }
        self.slots.resize((pages * PAGE).max(self.slots.len()), None);
        self.seen.room.fetch_max(pages, Ordering::Relaxed);
        Ok(())
    }

    fn forward(&mut self, spans: &[Span<'_>], logits: &mut Vec<f32>) -> Result<(), ModelError> {
        logits.clear();
        let slot = |span: &Span<'_>, at: usize| span.pages[at / PAGE].0 as usize * PAGE + at % PAGE;
        let mut written: Vec<PageId> = Vec::new();
        for span in spans {
            assert!(!span.tokens.is_empty(), "a span has a token");
            let own = &span.pages[span.start / PAGE..span.end().div_ceil(PAGE)];
            for (at, &token) in (span.start..).zip(span.tokens) {
                let slot = slot(span, at);
                self.slots[slot] = Some((token, at));
            }
            assert!(own.iter().all(|page| !written.contains(page)), "two spans write to one page");
            written.extend(own);
        }
        for span in spans {
            let read = &span.pages[..span.start / PAGE];
            assert!(
                read.iter().all(|page| !written.contains(page)),
                "a page is read while another writes to it"
            );
        }
        self.seen.steps.fetch_add(1, Ordering::Relaxed);
        self.seen.sequences.fetch_max(spans.len(), Ordering::Relaxed);
        let tokens: usize = spans.iter().map(|span| span.tokens.len()).sum();
        self.seen.tokens.fetch_add(tokens as u64, Ordering::Relaxed);
        if spans.iter().any(|span| span.tokens.contains(&BROKEN)) {
            return Err(ModelError::Compute { reason: "the step is broken".into() });
        }
        for span in spans {
            let read: Vec<TokenId> = (0..span.end())
                .map(|at| match self.slots[slot(span, at)] {
                    Some((token, stood)) if stood == at => token,
                    found => panic!("position {at} holds {found:?}"),
                })
                .collect();
            for end in span.end() - span.wanted()..span.end() {
                self.row(&read[..=end], logits);
            }
        }
        Ok(())
    }
}

/// The vocabulary of the tiny model.
pub(super) fn vocabulary() -> &'static Arc<Vocabulary> {
    static VOCABULARY: OnceLock<Arc<Vocabulary>> = OnceLock::new();
    VOCABULARY.get_or_init(|| {
        let (_dir, path) = model();
        Arc::new(Vocabulary::load(&ModelFile::open(&path).unwrap()).unwrap())
    })
}

/// A scheduler over a toy, with as many pages as it has memory for.
pub(super) fn scheduler(toy: Toy, sequences: usize, lookup: bool) -> Scheduler {
    let capacity = Capacity { sequences, tokens: 256, pages: toy.memory, lookup, ignore_end: true };
    Scheduler::new(Box::new(toy), Arc::clone(vocabulary()), capacity)
}

/// A scheduler with more pages than its toy has memory for.
pub(super) fn overpromised(toy: Toy, pages: usize) -> Scheduler {
    let capacity = Capacity { sequences: 8, tokens: 256, pages, lookup: false, ignore_end: true };
    Scheduler::new(Box::new(toy), Arc::clone(vocabulary()), capacity)
}

/// Who waits for an answer.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) cancel: Arc<AtomicBool>,
    pieces: mpsc::UnboundedReceiver<String>,
    told: String,
    reply: oneshot::Receiver<Result<Outcome, ModelError>>,
}

impl Asked {
    /// Returns what came, once it has come.
    pub(super) fn answer(&mut self) -> Option<Result<Outcome, ModelError>> {
        let answer = self.reply.try_recv().ok()?;
        self.pieces();
        if let Ok(outcome) = &answer {
            assert_eq!(self.told, outcome.text, "an answer is told as it is returned");
        }
        Some(answer)
    }

    /// Takes the pieces that have come, and tells how many they are.
    pub(super) fn pieces(&mut self) -> usize {
        let pieces: Vec<String> = std::iter::from_fn(|| self.pieces.try_recv().ok()).collect();
        self.told.extend(pieces.iter().map(String::as_str));
        pieces.len()
    }
}

/// A request and who waits for it.
pub(super) fn ask(prompt: Vec<TokenId>, task: Task) -> (Job, Asked) {
    let cancel = Arc::new(AtomicBool::new(false));
    let (tell, pieces) = mpsc::unbounded_channel();
    let (send, reply) = oneshot::channel();
    (
        Job { prompt, task, cancel: Arc::clone(&cancel), pieces: tell, reply: send },
        Asked { cancel, pieces, told: String::new(), reply },
    )
}

/// A text to write; greedily where there is no seed.
pub(super) fn writing(max_output: u64, seed: Option<u64>) -> Task {
    let mut request = ChatRequest::new(Vec::new(), TokenCount(max_output));
    if let Some(seed) = seed {
        request.sampling = Sampling { temperature: 3.0, seed, ..Sampling::default() };
    }
    Task::Write { request: Box::new(request), constraint: None }
}

/// Works until nothing is left to do.
pub(super) fn run(scheduler: &mut Scheduler) {
    for _ in 0..10_000 {
        if scheduler.is_idle() {
            return;
        }
        scheduler.step();
    }
    panic!("the scheduler turns for ever");
}

/// The tokens of what a toy said.
pub(super) fn said(text: &str) -> Vec<TokenId> {
    vocabulary().plain(text).unwrap()
}
