//! How providers fail, and what becomes of a call then.

use serde_json::{Value, json};

/// One way to fail.
pub(crate) struct Fault {
    pub(crate) name: &'static str,
    /// The provider of its targets.
    pub(crate) slug: &'static str,
    pub(crate) how: How,
    /// What a JSON call comes to where another target is left, and what a stream does.
    pub(crate) ends: (Ends, Ends),
    /// Whether an attempt may be billed although no answer came.
    pub(crate) bills: bool,
    /// What a caller is told where nobody else is left, and after how many calls.
    pub(crate) alone: (u16, usize),
    /// In seconds, where nobody else is left.
    pub(crate) retry_after: Option<&'static str>,
    /// Whether it opens a breaker.
    pub(crate) opens: bool,
}

/// What brings it about.
pub(crate) enum How {
    /// The stand-in, by this rule.
    Rule(Value),
    /// Nobody listens.
    Closed,
    /// The connection is reset once the request has come.
    Reset,
    /// A server that says just this to a JSON call, and this to a stream.
    Says(&'static str, &'static str),
    /// Its name is nobody's.
    Nameless,
    /// Its certificate is nobody's.
    Untrusted,
}

/// What a call comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ends {
    /// The other target answers.
    FailsOver,
    /// It breaks off after its first content.
    Breaks,
    /// It is answered, and nobody knows at which price.
    Uncounted,
}

/// How the answer is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Json,
    Stream,
}

impl Form {
    pub(crate) const ALL: [Self; 2] = [Self::Json, Self::Stream];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Stream => "stream",
        }
    }
}

impl Fault {
    pub(crate) const fn ends(&self, form: Form) -> Ends {
        match form {
            Form::Json => self.ends.0,
            Form::Stream => self.ends.1,
        }
    }

    pub(crate) const fn is_silent(&self) -> bool {
        matches!(self.alone.0, 504)
    }

    pub(crate) const fn can_be_mended(&self) -> bool {
        !matches!(self.how, How::Nameless | How::Untrusted)
    }

    /// One that is told by an answer or by none, from which another target takes over.
    fn new(name: &'static str, slug: &'static str, how: How) -> Self {
        let ends = (Ends::FailsOver, Ends::FailsOver);
        Self { name, slug, how, ends, bills: false, alone: (503, 2), retry_after: None, opens: true }
    }

    /// The same, where nobody knows whether the attempt is billed: so it is not repeated.
    fn billed(self) -> Self {
        Self { bills: true, alone: (503, 1), ..self }
    }
}

const ERROR_BODY: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n\
    {\"error\":{\"message\":\"overloaded\",\"type\":\"server_error\",\"code\":null}}";
const ERROR_EVENT: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n\
    data: {\"error\":{\"message\":\"overloaded\",\"type\":\"server_error\",\"code\":null}}\n\n";
const EXPIRED: &str = "HTTP/1.1 403 Forbidden\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n\
    {\"message\":\"Signature expired: 20261126T100000Z is now earlier than 20261126T105500Z\"}";
const LONG_AGO: &str = "HTTP/1.1 429 Too Many Requests\r\ncontent-type: application/json\r\n\
    retry-after: Thu, 01 Jan 2026 00:00:00 GMT\r\nconnection: close\r\n\r\n\
    {\"error\":{\"message\":\"slow down\",\"type\":\"rate_limit_error\",\"code\":\"rate_limit_exceeded\"}}";

/// All of them.
pub(crate) fn faults() -> Vec<Fault> {
    let rule = How::Rule;
    let wish = rule(json!({"status": 429, "retry_after_secs": 3}));
    vec![
        Fault::new("dead: connection refused", "dead", How::Closed),
        Fault::new("dead: answers 503", "down", rule(json!({"status": 503}))),
        Fault {
            alone: (504, 1),
            ..Fault::new("slow: says nothing", "slow", rule(json!({"latency_ms": 60_000}))).billed()
        },
        Fault {
            alone: (503, 1),
            retry_after: Some("3"),
            ..Fault::new("throttles, Retry-After 3", "busy", wish)
        },
        Fault {
            ends: (Ends::FailsOver, Ends::Breaks),
            ..Fault::new("broken in mid-stream", "cut", rule(json!({"cut_after_chunks": 3}))).billed()
        },
        Fault::new("wrong JSON", "garbled", rule(json!({"garbage": true}))).billed(),
        Fault::new("connection reset", "reset", How::Reset).billed(),
        Fault::new("DNS failure", "nameless", How::Nameless),
        Fault::new("certificate error", "untrusted", How::Untrusted),
        Fault::new("200 with an error body", "liar", How::Says(ERROR_BODY, ERROR_EVENT)).billed(),
        Fault::new("200 and empty", "empty", rule(json!({"empty": true}))).billed(),
        Fault {
            ends: (Ends::Uncounted, Ends::Uncounted),
            alone: (200, 1),
            opens: false,
            ..Fault::new("usage missing", "uncounted", rule(json!({"omit_usage": true})))
        },
        Fault {
            alone: (503, 1),
            ..Fault::new("clock skew: signature expired", "skewed", How::Says(EXPIRED, EXPIRED))
        },
        Fault::new("clock skew: Retry-After in the past", "late", How::Says(LONG_AGO, LONG_AGO)),
    ]
}
