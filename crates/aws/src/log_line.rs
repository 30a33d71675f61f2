//! A line in the function's log that `tracing` cannot write, because it has objects at its top.

use std::io::Write;

/// Writes a line at once, so that lines of others never come in between.
pub fn write(line: &str) {
    let written = std::io::stdout().lock().write_all(format!("{line}\n").as_bytes());
    // Nobody is left to tell.
    drop(written);
}
