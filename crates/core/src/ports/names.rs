//! Who finds the names of people in texts.

use async_trait::async_trait;

use crate::catalogue::Guardrail;
use crate::model::Cause;

/// Finds names of people. They have no form, so only a model can.
#[async_trait]
pub trait Names: Send + Sync {
    /// The names in these texts, as they are written there.
    async fn find(&self, guardrail: &Guardrail, texts: &[String]) -> Result<Vec<String>, NamesError>;
}

/// Nobody knows what names there are: the texts must not leave.
#[derive(Debug, thiserror::Error)]
pub enum NamesError {
    /// More text than can be looked at while the caller waits.
    #[error("too much text to look for names in")]
    TooLong,
    /// The guardrail did not answer in time.
    #[error("no names were found in time")]
    TimedOut,
    /// The guardrail did not answer.
    #[error("the guardrail does not answer")]
    Unavailable(#[source] Cause),
}
