//! Errors in a log line.

use std::error::Error;
use std::fmt;

/// An error with all that caused it, in one line: JSON logs would show the outermost only.
#[derive(Clone, Copy, Debug)]
pub struct Causes<'a>(pub &'a dyn Error);

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(current) = cause {
            write!(f, ": {current}")?;
            cause = current.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_is_named() {
        let cause = "the socket is closed".into();
        let error = tollgate_core::ports::StoreError { store: "ledger", cause };

        assert_eq!(Causes(&error).to_string(), "the ledger table cannot be reached: the socket is closed");
    }
}
