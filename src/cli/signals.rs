//! What an interrupt from the keyboard does to a run.

use super::printer::Printer;
use crate::schedule::Stop;

/// First interrupt: finish what is in flight. Second: drop it.
pub(super) async fn watch(stop: Stop, printer: Printer) {
    if tokio::signal::ctrl_c().await.is_err() {
        return;
    }
    printer.say("stopping: finishing what is in flight; interrupt again to drop it");
    stop.drain.cancel();
    if tokio::signal::ctrl_c().await.is_ok() {
        stop.abort.cancel();
    }
}
