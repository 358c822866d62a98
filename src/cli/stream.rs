//! `--jsonl`: what happens in a run, told on stdout as it happens.

use super::error::CommandError;
use super::printer::Printer;
use crate::name::RunId;
use crate::report::{Line, Naming};
use crate::run::{DocumentRecord, Event, Plan, RunState};
use crate::store::Ledger;

/// A stream of lines; silent unless it was asked for.
pub(super) struct Stream {
    naming: Naming,
    printer: Printer,
}

impl Stream {
    /// Tells what the run is and what it reads. A resumed run tells that again: its reader may be another.
    pub(super) fn begin(
        printer: &Printer,
        run: &RunId,
        plan: &Plan,
        resumed: bool,
        ledger: &Ledger,
    ) -> Result<Self, CommandError> {
        let (documents, refused): (Vec<DocumentRecord>, Vec<(String, String)>) =
            ledger.read(|state: &RunState| (state.documents().to_vec(), state.refused().to_vec()));
        let names = documents.iter().map(|document| document.name.clone()).collect();
        let stream = Self { naming: Naming::new(names, plan.purpose), printer: printer.clone() };
        if printer.jsonl {
            printer.line(&Line::Started {
                run: run.to_string(),
                workflow: plan.workflow.clone(),
                model: plan.model.clone(),
                resumed,
            })?;
            let documents = documents.into_iter().map(Event::Document);
            let refused = refused.into_iter().map(|(name, error)| Event::Refused { name, error });
            for event in documents.chain(refused).chain([Event::Gathered]) {
                stream.see(&event);
            }
        }
        Ok(stream)
    }

    /// Tells what happened. A reader that has gone away hears no more; the run goes on.
    pub(super) fn see(&self, event: &Event) {
        if self.printer.jsonl
            && let Some(line) = Line::of(event, &self.naming)
        {
            let _ = self.printer.line(&line);
        }
    }
}
