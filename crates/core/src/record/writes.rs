//! What a change of a record writes: the record itself, and the counters, lanes and flows that hold something for it.

use super::Record;
use crate::budget::Delta;
use crate::write::{Change, Check, Item, Table, Write};

/// The whole record, written over `before` only: its state, and what the counters hold for it.
#[must_use]
pub fn write(before: Option<&Record>, after: &Record) -> Write {
    let checks = match before {
        None => vec![Check::Absent(Table::Ledger.key().to_owned())],
        Some(before) => vec![
            Check::Is("state".to_owned(), before.state.as_str().into()),
            Check::Is("charged_nanos".to_owned(), before.charged_nanos.0.into()),
            // Records of an earlier release have no tokens, which is as good as none.
            Check::AtMost("charged_tokens".to_owned(), before.charged_tokens.into()),
            Check::AtLeast("charged_tokens".to_owned(), before.charged_tokens.into()),
        ],
    };
    Write { table: Table::Ledger, key: after.request_id.clone(), checks, change: Change::Put(item(after)) }
}

/// All that a change of a record moves when the call ends, or its end becomes known: the record first.
#[must_use]
pub fn close(before: &Record, after: &Record) -> Vec<Write> {
    let delta = Delta::between(before.charged(), after.charged());
    let mut writes = vec![write(Some(before), after), after.spend_item().add(delta)];
    let today = after.end.as_ref().map_or(after.day, |end| end.ended_us.day());
    writes.extend(after.lane().into_iter().flat_map(|lane| lane.settle(delta, today)));
    // The flow is left once, whatever becomes known later.
    if let (true, Some(flow), Some(end)) = (before.state.is_open(), after.flow(), &after.end) {
        let tokens = (before.charged_tokens, after.charged_tokens);
        writes.push(flow.leave(tokens, before.created_us, end.ended_us));
    }
    writes
}

fn item(record: &Record) -> Item {
    // A record is plain data with texts as keys: writing it as JSON cannot fail.
    match serde_json::json!(record) {
        serde_json::Value::Object(item) => item,
        _ => Item::new(),
    }
}
