//! What the gateway reads of an answer that passes as it is: usage, content, how it finished. The rest passes unread.

use crate::usage::Usage;

/// What a whole answer or a chunk says to the gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Glimpse {
    /// What the provider counted.
    pub usage: Option<Usage>,
    /// It holds something of the answer itself: from here on, nobody else can take over unseen.
    pub has_content: bool,
    /// It carries usage and no choices: the chunk that `include_usage` asks for.
    pub is_usage_chunk: bool,
    /// How the answer finished, if this says so.
    pub finish: Option<Finish>,
    /// The provider's own id of the response, where a later one can go on from it.
    pub response_id: Option<String>,
    /// The tier that served the call, if this says it.
    pub service_tier: Option<String>,
}

impl Glimpse {
    /// This, and what came with it.
    #[must_use]
    pub fn and(self, later: Self) -> Self {
        Self {
            usage: later.usage.or(self.usage),
            has_content: self.has_content || later.has_content,
            is_usage_chunk: later.is_usage_chunk,
            finish: later.finish.or(self.finish),
            response_id: later.response_id.or(self.response_id),
            service_tier: later.service_tier.or(self.service_tier),
        }
    }
}

/// How an answer finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// Whole.
    Whole,
    /// Cut by the cap, or filtered.
    Partial,
}

/// Why a text is no answer.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// No JSON, or none of the dialect's answers. The parser's own words quote what it read, and errors are logged: so
    /// only the place is said, and the parser's error is no source.
    #[error("not a model's answer, at line {} column {}", .0.line(), .0.column())]
    Garbled(serde_json::Error),
    /// The provider says that it failed.
    #[error("the provider reports an error")]
    Failed,
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    #[test]
    fn no_secret_out_what_cannot_be_read_is_not_quoted() {
        let reply = "the reply to a prompt";
        let read = [
            crate::chat::glimpse(format!(r#"{{"choices":"{reply}"}}"#).as_bytes()),
            crate::responses::glimpse(format!(r#"{{"output":"{reply}"}}"#).as_bytes()),
            crate::embedding::glimpse(format!(r#"{{"data":"{reply}"}}"#).as_bytes()),
        ];

        for error in read.map(Result::unwrap_err) {
            let mut said = error.to_string();
            let mut cause = error.source();
            while let Some(current) = cause {
                said.extend([": ", &current.to_string()]);
                cause = current.source();
            }
            assert!(!said.contains(reply), "{said}");
        }
    }
}
