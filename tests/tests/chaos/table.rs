//! What came of it, for people.

use std::io::Write;
use std::time::Duration;

use crate::chaos::breaker::Moves;
use crate::chaos::exercise::{Others, Result};
use crate::chaos::fault::Fault;

/// Past the test harness, which hides what a test that passes says.
pub(crate) fn print(results: &[Result], moves: &[(&Fault, Moves)]) {
    let mut lines = vec![
        format!(
            "{:<36} {:<6} {:<6} {:>7} {:>9} {:>5} {:>12}  {}",
            "fault", "call", "others", "ms", "extra ms", "calls", "charged USD", "the caller saw"
        ),
        "-".repeat(133),
    ];
    lines.extend(results.iter().map(line));
    if !moves.is_empty() {
        lines.push(String::new());
        lines.push("breakers, with a cool-down of 2 s and stages of 1 s".to_owned());
        lines.push(format!("{:<36} {:>14} {:>24}", "fault", "opened after", "closed after mending"));
        lines.push("-".repeat(77));
        lines.extend(moves.iter().map(|(fault, moves)| {
            format!("{:<36} {:>14} {:>24}", fault.name, millis(moves.opened), millis(moves.closed))
        }));
    }
    drop(writeln!(std::io::stderr(), "{}", lines.join("\n")));
}

fn line(result: &Result) -> String {
    let Result { fault, form, others, seen, extra, record, .. } = result;
    let others = match others {
        Others::Healthy => "one",
        Others::None => "none",
    };
    let is_estimated = record.end.as_ref().is_some_and(|end| end.estimated);
    let charged = format!("{}{}", if is_estimated { "~" } else { "" }, record.charged_nanos);
    format!(
        "{fault:<36} {:<6} {others:<6} {:>7} {:>9} {:>5} {charged:>12}  {}",
        form.name(),
        seen.took.as_millis(),
        extra.map_or_else(|| "-".to_owned(), |extra| extra.as_millis().to_string()),
        record.tries.len(),
        seen.words(),
    )
}

fn millis(time: Option<Duration>) -> String {
    time.map_or_else(|| "-".to_owned(), |time| format!("{} ms", time.as_millis()))
}
