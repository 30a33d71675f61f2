//! What the operator sees.

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;

/// How much of a log says why its process died.
const TAIL_LINES: usize = 20;

/// Lines with the time that has passed, on standard output.
#[derive(Clone, Copy, Debug)]
pub(super) struct Console {
    started: Instant,
}

impl Console {
    pub(super) fn new() -> Self {
        Self { started: Instant::now() }
    }

    /// Says what has been done.
    pub(super) fn step(self, done: &str) {
        print(&format!("[{}] {done}", format_elapsed(self.started.elapsed())));
    }
}

/// Prints a line or more. A reader who has gone is no reason to stop the stack.
pub(super) fn print(text: &str) {
    let mut out = io::stdout().lock();
    drop(writeln!(out, "{text}").and_then(|()| out.flush()));
}

fn format_elapsed(elapsed: Duration) -> String {
    format!("{:>3}.{} s", elapsed.as_secs(), elapsed.subsec_millis() / 100)
}

/// The last lines of a log, indented; nothing where there is none.
pub(super) fn tail(path: &Path) -> String {
    let text =
        std::fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let last = lines.len().saturating_sub(TAIL_LINES);
    lines[last..].iter().map(|line| format!("    {line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_elapsed_time_in_tenths() {
        assert_eq!(format_elapsed(Duration::from_millis(1_290)), "  1.2 s");
        assert_eq!(format_elapsed(Duration::from_millis(123_456)), "123.4 s");
    }

    #[test]
    fn has_no_tail_of_a_log_that_is_not_there() {
        assert_eq!(tail(Path::new("no/such/file")), "");
    }
}
