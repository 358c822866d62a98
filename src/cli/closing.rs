//! What a person should know at the end of a run beside its results.

use std::collections::BTreeSet;

use crate::report::{CallLine, Lost};

/// Says how many answers ended at the longest length they were allowed; nothing where none did.
pub(super) fn cut_off(calls: &[CallLine]) -> Option<String> {
    let cut: Vec<&CallLine> = calls.iter().filter(|call| call.is_cut_off()).collect();
    let nodes: BTreeSet<String> = cut.iter().map(|call| format!("`{}`", call.node)).collect();
    let nodes = nodes.into_iter().collect::<Vec<_>>().join(", ");
    let answers = match cut.len() {
        0 => return None,
        1 => "1 answer was cut off at its longest length".to_owned(),
        many => format!("{many} answers were cut off at their longest length"),
    };
    Some(format!("{answers} (in {nodes}): give the agents there a larger `max_output`"))
}

/// Says what tries without an answer cost, or may have cost.
pub(super) fn lost(lost: &Lost) -> String {
    let cost = if lost.cost_usd > 0.0 { format!(" and {} USD", lost.cost_usd) } else { String::new() };
    format!("{} tokens{cost} beside that went to tries without an answer, or may have", lost.tokens)
}
