//! A chat: a session, the models that answer in it, and the workflow that a turn is.

mod import;
mod lines;
mod listing;
mod slash;
mod turn;
mod visible;
mod way;

pub(super) use import::read as read_import;
pub(super) use lines::{Lines, Typed};
pub(super) use listing::{exported, markdown};
pub(super) use slash::{Slash, Told};
pub(super) use turn::Answered;
pub(super) use visible::visible;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value as Json;

use super::connecting::{connection, embedder as embedder_of};
use super::error::{CommandError, ExitStatus};
use super::heard::{Heard, Listener};
use super::journals::now_ms;
use super::printer::Printer;
use super::settings::Settings;
use crate::connect::DEFAULT_MODEL;
use crate::memory::{
    Forgotten, KeptVectors, Memory, MemoryError, MemoryEvent, MemoryOptions, Reading, Salience, Session, Turn,
};
use crate::model::Embedder;
use crate::name::{NameError, SessionName};
use crate::store::{Store, StoreError};
use crate::text::ApproximateCounter;
use way::{Turning, Way, compiled};

/// The workflow that is a turn.
pub(super) const WORKFLOW: &str = "chat";

/// The workflow that is a turn whose message is too long for a prompt.
pub(super) const LONG_WORKFLOW: &str = "chat-long";

/// What turns passages into vectors, where nothing else is named.
pub(super) const EMBEDDER: &str = "minilm";

/// With fewer passages to embed nobody needs to hear of it.
const TOLD: usize = 512;

/// The name of no embedder.
pub(super) const NO_EMBEDDER: &str = "none";

/// Which chat, and how.
#[derive(Debug, Clone, Copy)]
pub(super) struct Which<'a> {
    pub(super) session: &'a SessionName,
    /// The workflow that a turn is.
    pub(super) workflow: &'a str,
    /// The workflow that a turn is whose message is too long for a prompt.
    pub(super) long_workflow: &'a str,
    /// At every how many turns `workflow` is run; the others are runs of [`WORKFLOW`].
    pub(super) every: u32,
    /// What turns passages into vectors.
    pub(super) embedder: &'a str,
    /// How what matters least is forgotten every 100 turns; none forgets nothing.
    pub(super) forgetting: Option<Reading>,
}

/// A chat that is under way.
pub(super) struct Chat<'a> {
    settings: &'a Settings,
    printer: &'a Printer,
    store: Store,
    session: Arc<Session>,
    usual: Way,
    /// The way of the turns between, where `usual` is not that of every turn.
    between: Option<Way>,
    every: u32,
    /// The way of messages that are too long for a prompt; connected when the first one comes.
    long: Option<Way>,
    long_workflow: Turning,
    model: String,
    heard: Arc<Heard>,
    listener: Arc<dyn Listener>,
    /// What was shown to the model in the last turn.
    shown: Vec<Json>,
    /// Whether something that may have been in it was put right or deleted since.
    amended: bool,
}

impl<'a> Chat<'a> {
    /// Connects a session to its models, one that is open already or the one that `at` names.
    pub(super) fn open(
        at: &Which<'_>,
        settings: &'a Settings,
        printer: &'a Printer,
        listener: Arc<dyn Listener>,
        opened: Option<(Store, Session)>,
    ) -> Result<Self, CommandError> {
        // A mistake in any of them is told before a model is fetched.
        let long_workflow = compiled(at.long_workflow, settings, printer)?;
        let workflow = compiled(at.workflow, settings, printer)?;
        let between = (at.every > 1).then(|| compiled(WORKFLOW, settings, printer)).transpose()?;
        let model = settings.model.clone().unwrap_or_else(|| DEFAULT_MODEL.to_owned());
        let (usual, heard) = connected(&model, workflow, settings, printer, &listener)?;
        let own = usual.connections.own.clone();
        let between =
            between.map(|between| Way::open(between, &model, own, settings, printer)).transpose()?;
        let (store, session) = match opened {
            Some(opened) => opened,
            None => open_session(at, settings, printer)?,
        };
        Ok(Self {
            settings,
            printer,
            store,
            session: Arc::new(session),
            usual,
            between,
            every: at.every,
            long: None,
            long_workflow,
            model,
            heard,
            listener,
            shown: Vec::new(),
            amended: false,
        })
    }

    /// Returns the session.
    pub(super) fn session(&self) -> &Session {
        &self.session
    }

    /// Returns the name of the session.
    pub(super) fn name(&self) -> SessionName {
        self.session.folder(|folder| folder.name().clone())
    }

    /// Returns the name of the model that answers.
    pub(super) fn model(&self) -> &str {
        &self.model
    }

    /// Returns what was shown to the model in the last turn; empty before the first one.
    pub(super) fn shown(&self) -> &[Json] {
        &self.shown
    }

    /// Lets another model answer from now on.
    pub(super) fn change_model(&mut self, name: &str) -> Result<(), CommandError> {
        let workflow = self.usual.turning();
        let (usual, heard) = connected(name, workflow, self.settings, self.printer, &self.listener)?;
        if let Some(between) = &mut self.between {
            let own = usual.connections.own.clone();
            *between = Way::open(between.turning(), name, own, self.settings, self.printer)?;
        }
        (self.usual, self.heard, self.long) = (usual, heard, None);
        name.clone_into(&mut self.model);
        Ok(())
    }

    /// Really deletes turns.
    pub(super) fn forget(&mut self, turns: &BTreeSet<Turn>) -> Result<Forgotten, CommandError> {
        self.amended();
        Ok(self.session.forget(turns, &self.store)?)
    }

    /// Puts right what the user said in a turn.
    pub(super) fn edit(&mut self, turn: Turn, text: String) -> Result<(), CommandError> {
        self.session.edit(turn, 0, text)?;
        self.amended();
        Ok(())
    }

    fn amended(&mut self) {
        self.shown.clear();
        self.amended = true;
    }
}

/// Connects the model of a chat, so that its answers are heard, and those of its usual turns.
fn connected(
    name: &str,
    workflow: Turning,
    settings: &Settings,
    printer: &Printer,
    listener: &Arc<dyn Listener>,
) -> Result<(Way, Arc<Heard>), CommandError> {
    let mut own = connection(name, settings, settings.window, printer)?;
    let heard = Heard::new(Arc::clone(&own.model), Arc::clone(listener));
    own.model = Arc::<Heard>::clone(&heard);
    Ok((Way::open(workflow, name, own, settings, printer)?, heard))
}

/// Opens a session for writing and says what is amiss with it.
pub(super) fn open_session(
    at: &Which<'_>,
    settings: &Settings,
    printer: &Printer,
) -> Result<(Store, Session), CommandError> {
    let store = Store::open(&settings.store)?;
    let embedder = embedder(at.embedder, settings, printer)?;
    let session = Session::open(&store, at.session, options(at.forgetting), embedder, now_ms())?;
    if session.damaged() > 0 {
        printer.warn(&format!(
            "{} records of the session could not be read and are left out",
            session.damaged()
        ));
    }
    Ok((store, session))
}

impl From<MemoryError> for CommandError {
    fn from(error: MemoryError) -> Self {
        match error {
            MemoryError::Store(error) => error.into(),
            MemoryError::Imported { .. } => Self::new(ExitStatus::Usage, error.to_string())
                .hinted("nothing was taken in; another name, such as `--session again`, takes it in anew"),
            MemoryError::NoTurn { .. } => Self::new(ExitStatus::Usage, error.to_string()),
            other => Self::caused(ExitStatus::Failed, "the memory cannot be used", other),
        }
    }
}

/// Returns what turns passages into vectors, fetched first where it can be; none where nobody wants it, or where it cannot be had:
/// then passages are found by their words alone, and it is said.
pub(super) fn embedder(
    name: &str,
    settings: &Settings,
    printer: &Printer,
) -> Result<Option<Arc<dyn Embedder>>, CommandError> {
    if name == NO_EMBEDDER {
        return Ok(None);
    }
    match embedder_of(name, settings, printer) {
        Ok(embedder) => Ok(Some(embedder)),
        // One that was asked for by name has to be there.
        Err(error) if name != EMBEDDER => Err(error),
        Err(error) => {
            printer.warn(&format!("what was said is found by its words alone, not by its meaning: {error}"));
            Ok(None)
        }
    }
}

/// As much is shown of what is no name.
const LONGEST_SHOWN: usize = 80;

/// Reads the name of a session.
pub(super) fn session_name(text: &str) -> Result<SessionName, CommandError> {
    text.parse().map_err(|_| {
        let shown: String = visible(text).chars().take(LONGEST_SHOWN).collect();
        let error = NameError { text: shown };
        CommandError::caused(ExitStatus::Usage, "that is no name for a session", error)
            .hinted("give it a name such as `--session work`; its files lie in the store, not at a path")
    })
}

/// Embeds what a session has no vectors of. Says so where it takes a while, has to be done anew or cannot be done, and where the
/// embedder does not know the language.
pub(super) async fn embed(session: &Session, printer: &Printer) -> Result<(), CommandError> {
    let told = |done: usize, all: usize| {
        if all > TOLD && done < all {
            printer.say(&format!("reading what was said: {done} of {all} passages"));
        }
    };
    match session.embed(&told).await? {
        KeptVectors::Used => {}
        KeptVectors::Remade => {
            printer.warn("vectors of the session could not be used and were made anew from what was said");
        }
        KeptVectors::OfAnother(other) => printer.warn(&format!(
            "another embedder made the vectors of this session, `{other}`: what was said is found by its words alone; \
             `--reembed` makes new ones"
        )),
    }
    if let Some(language) = session.take_unfamiliar() {
        printer.warn(&format!(
            "the embedder was not made for {}: the meaning of what is said in it is found badly, its words are what counts",
            language.name
        ));
    }
    Ok(())
}

/// Reads what a session remembers, also while a chat in it is open.
pub(super) fn read_session(name: &SessionName, settings: &Settings) -> Result<Memory, CommandError> {
    let reader = Store::open(&settings.store)?.read_session(name)?;
    let mut memory = Memory::new(options(None));
    for event in reader.entries::<MemoryEvent>() {
        match event {
            Ok((_, event)) => memory.apply(&event),
            Err(StoreError::DamagedRecord { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(memory)
}

/// A chat forgets nothing by itself unless it is told to: DESIGN.md says what the paper's forgetting took away.
fn options(forgetting: Option<Reading>) -> MemoryOptions {
    let forgetting = forgetting.map(|reading| Salience { reading, ..Salience::default() });
    MemoryOptions { counter: Arc::new(ApproximateCounter), forgetting }
}
