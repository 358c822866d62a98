//! What a session's events added up to, kept beside the journal, so that opening a session reads in and does not work out again.
//!
//! Cutting every message into passages, and those into stems, takes a third of a second for a thousand turns. A snapshot
//! holds what came of it, and the mark in the journal up to which it goes; what follows the mark is taken in as ever. It is
//! never the truth: whatever is wrong with one, or was made by other rules, it is left out and the journal read from its start.
//!
//! ```text
//! hash of the rest, 32 bytes as 64 digits | what made it | mark | damaged | the memory
//! ```

use std::collections::BTreeMap;

use super::episode::{Episode, Role, Said, Turn};
use super::event::MemoryEvent;
use super::session::MemoryError;
use super::state::{Kept, Memory, MemoryOptions};
use crate::hash::ContentHash;
use crate::store::{JournalMark, JournalReader, Records, SessionFolder, StoreError};

/// The file, in the session's folder.
const FILE: &str = "memory.snapshot";

/// Raised when the rules change by which a memory is made from its events, or the form of the snapshot.
const RULES: u32 = 1;

/// A sentence whose tokens tell one counter from another.
const SAMPLE: &str = "On 3 May 1961 she moved to Szeged, didn't she?";

/// Hexadecimal digits of a hash.
const DIGITS: usize = 64;

/// So many events are taken in again rather than written into a new snapshot, or one in so many of a long session's:
/// writing takes as long as taking in some of them.
const FEW: u64 = 64;

/// A session's memory as its journal says.
pub(super) struct Opened {
    pub(super) memory: Memory,
    /// How many records could not be read.
    pub(super) damaged: usize,
    /// Whether nothing ever happened in the session.
    pub(super) is_new: bool,
}

/// Makes the memory of a session from its journal and the snapshot, and keeps a new snapshot where that one lags far behind.
pub(super) fn open(
    folder: &SessionFolder,
    journal: &JournalReader,
    options: &MemoryOptions,
) -> Result<Opened, MemoryError> {
    let mut opened = Opened { memory: Memory::new(options.clone()), damaged: 0, is_new: true };
    let mut next = 0;
    if let Some((mark, events)) = read(folder, journal, options, &mut opened)? {
        next = mark.records();
        opened.is_new = false;
        opened.take_in(events, &mut next)?;
        if next - mark.records() < FEW.max(mark.records() / FEW) {
            return Ok(opened);
        }
    } else {
        opened.take_in(journal.entries(), &mut next)?;
        if next < FEW {
            return Ok(opened);
        }
    }
    // A snapshot only saves time: a full disk must not keep anybody from opening a session.
    if let Err(error) = write(folder, journal, &opened, next) {
        tracing::warn!(%error, "no snapshot of the session is kept");
    }
    Ok(opened)
}

/// Removes the snapshot, for what is in it may be forgotten.
pub(super) fn remove(folder: &SessionFolder) -> Result<(), StoreError> {
    folder.remove_file(FILE)
}

impl Opened {
    fn take_in(
        &mut self,
        events: impl Iterator<Item = Result<(u64, MemoryEvent), StoreError>>,
        next: &mut u64,
    ) -> Result<(), StoreError> {
        for event in events {
            *next += 1;
            match event {
                Ok((_, event)) => self.memory.apply(&event),
                Err(StoreError::DamagedRecord { .. }) => self.damaged += 1,
                Err(error) => return Err(error),
            }
            self.is_new = false;
        }
        Ok(())
    }
}

/// Who made a snapshot: only the same may use it.
fn maker(options: &MemoryOptions) -> String {
    let (version, tokens) = (env!("CARGO_PKG_VERSION"), options.counter.count(SAMPLE));
    format!("longhand {version}, rules {RULES}, {tokens} tokens, forgetting {:?}", options.forgetting)
}

/// Reads the snapshot into `opened`; none, and nothing read, where there is none that can be used.
fn read(
    folder: &SessionFolder,
    journal: &JournalReader,
    options: &MemoryOptions,
    opened: &mut Opened,
) -> Result<Option<(JournalMark, Records<MemoryEvent>)>, StoreError> {
    let Some(bytes) = folder.read_file(FILE)? else { return Ok(None) };
    let Some((digits, rest)) = bytes.split_at_checked(DIGITS) else { return Ok(None) };
    if digits != ContentHash::of(rest).to_string().as_bytes() {
        tracing::warn!("the snapshot of the session is damaged and made anew");
        return Ok(None);
    }
    let Ok(((made_by, mark, damaged), rest)) =
        postcard::take_from_bytes::<(String, JournalMark, usize)>(rest)
    else {
        return Ok(None);
    };
    if made_by != maker(options) {
        return Ok(None);
    }
    let Some(events) = journal.entries_after(&mark)? else { return Ok(None) };
    let Some(memory) = Memory::thawed(rest, options) else { return Ok(None) };
    (opened.memory, opened.damaged) = (memory, damaged);
    Ok(Some((mark, events)))
}

fn write(
    folder: &SessionFolder,
    journal: &JournalReader,
    opened: &Opened,
    next: u64,
) -> Result<(), MemoryError> {
    let Some(mark) = journal.mark(next)? else { return Ok(()) };
    let head = (maker(&opened.memory.options), mark, opened.damaged);
    let frozen = postcard::to_extend(&head, vec![0; DIGITS]).and_then(|bytes| opened.memory.frozen(bytes));
    let Ok(mut bytes) = frozen else { return Ok(()) };
    let Some((digits, rest)) = bytes.split_at_mut_checked(DIGITS) else { return Ok(()) };
    digits.copy_from_slice(ContentHash::of(rest).to_string().as_bytes());
    Ok(folder.replace_file(FILE, &bytes)?)
}

/// A turn as it is frozen: the form has no names, and so no place for a field that is left out.
type Frozen<T> = (Turn, Option<u64>, Vec<(Role, Option<T>, T)>);

impl Memory {
    /// Adds all but the vectors to `bytes`.
    fn frozen(&self, bytes: Vec<u8>) -> Result<Vec<u8>, postcard::Error> {
        let episodes: Vec<Frozen<&str>> = self.episodes.values().map(frozen).collect();
        let made = (episodes, &self.kept, &self.words, &self.compact, &self.standing, self.pruned);
        let told = (&self.pins, &self.written, &self.earlier, self.last, &self.imported, &self.speakers);
        postcard::to_extend(&(made, told), bytes)
    }

    /// Makes a memory of what was frozen; none where that is something else.
    fn thawed(bytes: &[u8], options: &MemoryOptions) -> Option<Self> {
        let (made, told) = postcard::from_bytes(bytes).ok()?;
        let (episodes, kept, words, compact, standing, pruned): (Vec<Frozen<String>>, Vec<Kept>, _, _, _, _) =
            made;
        let (pins, written, earlier, last, imported, speakers) = told;
        let said = |(role, name, text)| Said { role, name, text };
        let turn = |(turn, at_ms, all): Frozen<String>| {
            (turn, Episode { turn, at_ms, said: all.into_iter().map(said).collect() })
        };
        let episodes = episodes.into_iter().map(turn).collect();
        let mut by_turn: BTreeMap<Turn, Vec<usize>> = BTreeMap::new();
        for (at, kept) in kept.iter().enumerate() {
            by_turn.entry(kept.passage.place.turn).or_default().push(at);
        }
        let (options, vectors) = (options.clone(), None);
        Some(Self {
            options,
            episodes,
            kept,
            by_turn,
            words,
            vectors,
            compact,
            standing,
            pins,
            written,
            earlier,
            last,
            imported,
            pruned,
            speakers,
        })
    }
}

fn frozen(episode: &Episode) -> Frozen<&str> {
    let said = episode.said.iter().map(|said| (said.role, said.name.as_deref(), said.text.as_str()));
    (episode.turn, episode.at_ms, said.collect())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;

    use super::super::session::{NewTurn, Session, events, folded};
    use super::super::{Cue, Room, Salience};
    use super::*;
    use crate::name::SessionName;
    use crate::store::Store;
    use crate::text::{ApproximateCounter, TokenCount};

    fn options(forgetting: Option<Salience>) -> MemoryOptions {
        MemoryOptions { counter: Arc::new(ApproximateCounter), forgetting }
    }

    fn name() -> SessionName {
        "mia".parse().unwrap()
    }

    fn opened(store: &Store, forgetting: Option<Salience>) -> Session {
        Session::open(store, &name(), options(forgetting), None, 0).unwrap()
    }

    fn tell(session: &Session, numbers: std::ops::Range<u32>) {
        for number in numbers {
            let user = format!("Actually, my boat number {} lies in Szeged now. I prefer tea.", number % 7);
            let said = vec![Said::user(user), Said::assistant(format!("Boat {number} is noted."))];
            let recalled = session.read(|memory| memory.passages().take(2).map(|one| one.place).collect());
            let summary = number.is_multiple_of(9).then(|| format!("{number} boats."));
            session
                .remember(NewTurn { said, recalled, summary, run: None, at_ms: Some(u64::from(number)) })
                .unwrap();
        }
    }

    /// All that can be seen of a memory.
    fn seen(memory: &Memory) -> String {
        let cue = Cue { text: "Where does boat number 3 lie?", vector: None, at_ms: 99 };
        let composed = memory.compose(&cue, Room::of(TokenCount(900)), &ApproximateCounter);
        let compact = memory.compact();
        let told: Vec<_> = memory.episodes().map(|one| (one, memory.earlier(one.turn))).collect();
        let kept: Vec<_> =
            memory.kept.iter().map(|one| (&one.passage, one.recalled, one.indexed, one.superseded)).collect();
        format!(
            "{composed:?} {:?} {:?} {told:?} {kept:?} {:?} {:?} {:?} {:?}",
            compact.history(),
            compact.overview(),
            memory.standing(),
            memory.pins(),
            memory.next_turn(),
            memory.by_turn,
        )
    }

    /// What a memory is without any snapshot.
    fn expected(store: &Store, forgetting: Option<Salience>) -> String {
        seen(&folded(&events(store, &name()).unwrap().0, &options(forgetting)))
    }

    #[test]
    fn a_session_that_is_opened_from_a_snapshot_is_as_its_journal_says() {
        for forgetting in [None, Some(Salience::default())] {
            let folder = tempfile::tempdir().unwrap();
            let store = Store::open(folder.path()).unwrap();
            let file = folder.path().join("sessions/mia").join(FILE);
            let mut sizes = Vec::new();
            for turns in [1..50, 50..130, 130..150, 150..290, 290..291] {
                let session = opened(&store, forgetting);
                assert_eq!(session.read(seen), expected(&store, forgetting), "{turns:?}");
                sizes.push(fs::metadata(&file).map_or(0, |file| file.len()));
                let (pinned, edited) = (Turn(turns.start), Turn(turns.start / 2 + 1));
                tell(&session, turns);
                session.pin(pinned, true).unwrap();
                session.edit(edited, 0, "My boat number 3 was sold.".to_owned()).unwrap();
                session.undo().unwrap();
            }
            assert_eq!(opened(&store, forgetting).read(seen), expected(&store, forgetting));
            let grown: Vec<bool> = sizes.windows(2).map(|pair| pair[1] > pair[0]).collect();
            assert_eq!(grown, [false, true, false, true], "{sizes:?}: written when 64 events are not in it");
        }
    }

    #[test]
    fn a_snapshot_that_does_not_fit_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let file = folder.path().join("sessions/mia").join(FILE);
        tell(&opened(&store, None), 0..80);
        drop(opened(&store, None));
        let whole = fs::read(&file).unwrap();
        for at in [0, DIGITS, DIGITS + 9, whole.len() / 2, whole.len() - 1] {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            fs::write(&file, damaged).unwrap();
            assert_eq!(opened(&store, None).read(seen), expected(&store, None), "{at}");
        }
        for length in [0, 1, DIGITS, whole.len() - 1] {
            fs::write(&file, &whole[..length]).unwrap();
            assert_eq!(opened(&store, None).read(seen), expected(&store, None), "{length}");
        }
        let forgetting = Some(Salience::default());
        assert_eq!(opened(&store, forgetting).read(seen), expected(&store, forgetting), "other rules");
        fs::write(&file, &whole).unwrap();
        store.remove_session(&name()).unwrap();
        tell(&opened(&store, None), 500..590);
        fs::write(&file, &whole).unwrap();
        assert_eq!(opened(&store, None).read(seen), expected(&store, None), "another journal's");
    }

    #[test]
    fn forgetting_takes_the_snapshot_away_and_what_a_kill_left_of_one() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let session = folder.path().join("sessions/mia");
        tell(&opened(&store, None), 0..80);
        drop(opened(&store, None));
        fs::write(session.join(".new-memory.snapshot"), "half").unwrap();
        let open = opened(&store, None);
        assert!(!session.join(".new-memory.snapshot").exists());
        assert!(session.join(FILE).exists());
        open.forget(&[Turn(3)].into(), &store).unwrap();
        assert!(!session.join(FILE).exists());
    }
}
