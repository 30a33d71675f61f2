//! Which turns go: the oldest, as few as are needed, and never so that a call is parted from its result.

use std::collections::HashMap;

use super::entry::{Entry, Speaker};
use super::size::Size;

/// How many turns go.
pub(super) struct Cut {
    pub(super) turns: usize,
    /// What stays is still too long.
    pub(super) is_over: bool,
}

/// All that is said, and what stands beside it.
pub(super) fn total(entries: &[Entry], beside: Size) -> Size {
    beside + entries.iter().map(|entry| entry.size).sum()
}

/// The fewest turns whose going makes the rest fit, or the most that can go. The last turn stays.
pub(super) fn cut(entries: &[Entry], beside: Size, budget_tokens: u64) -> Cut {
    let turns = turns(entries);
    let mut left = total(entries, beside);
    let mut cut = Cut { turns: 0, is_over: left.tokens() > budget_tokens };
    let (before_last, mut answered_in) = (turns.len().saturating_sub(1), 0);
    for (index, turn) in turns.iter().take(before_last).enumerate() {
        if !cut.is_over {
            break;
        }
        left = left - turn.size;
        answered_in = answered_in.max(turn.answered_in);
        if answered_in <= index {
            cut = Cut { turns: index + 1, is_over: left.tokens() > budget_tokens };
        }
    }
    cut
}

#[derive(Clone, Default)]
struct Turn {
    size: Size,
    /// The last turn with a result of one of its calls.
    answered_in: usize,
}

fn turns(entries: &[Entry]) -> Vec<Turn> {
    let count = entries.last().map_or(0, |entry| entry.turn + 1);
    let mut turns = vec![Turn::default(); count];
    // A result belongs to the latest call of that id: some clients count anew in every turn.
    let mut called_in: HashMap<&str, usize> = HashMap::new();
    for entry in entries.iter().filter(|entry| !entry.is_operators()) {
        turns[entry.turn].size = turns[entry.turn].size + entry.size;
        match &entry.speaker {
            Speaker::Model { calls } => called_in.extend(calls.iter().map(|id| (id.as_str(), entry.turn))),
            Speaker::Tool { call_id } => {
                if let Some(call) = called_in.get(call_id.as_str()) {
                    turns[*call].answered_in = turns[*call].answered_in.max(entry.turn);
                }
            }
            Speaker::Operator | Speaker::User => {}
        }
    }
    turns
}
