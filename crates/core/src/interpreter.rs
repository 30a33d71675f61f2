//! The interpreter of one attempt: it hears what a target says, and says it in the caller's dialect. Where both speak
//! the same, the bytes pass.

pub(crate) mod dialects;
mod gatherer;
mod thread;
mod translator;

use bytes::Bytes;

use self::dialects::{Reader, Writer};
pub use self::gatherer::Gatherer;
use self::translator::Translator;
use crate::chat::ChatWriter;
use crate::completion::{Finish, Glimpse, NoAnswer};
use crate::dialect::Dialect;
use crate::error::Error;
use crate::event::FinishReason;
use crate::model::Said;
use crate::parameter::Parameter;
use crate::redaction::Restorer;
use crate::request::Request;
use crate::responses::{ResponsesPass, ResponsesWriter};
use crate::sse::{DONE, encode};
use crate::time::Timestamp;
use crate::{chat, embedding};

/// How a target's answer is to be heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hearing {
    /// It speaks as the caller does.
    Pass,
    /// It speaks Chat Completions; some put their reasoning into the text.
    Chat {
        /// Between `<reasoning>` and `</reasoning>`.
        inline_reasoning: bool,
    },
    /// It speaks Responses.
    Responses,
    /// Its answer comes read: events, or vectors.
    Read,
}

/// To whom, and in whose name, an answer is said.
#[derive(Clone, Copy, Debug)]
pub struct Telling<'a> {
    /// What was asked, and in which dialect.
    pub request: &'a Request,
    /// The call's id in the ledger.
    pub request_id: &'a str,
    /// The model, as the provider names it.
    pub model: &'a str,
    /// The target's id in the catalogue.
    pub target_id: &'a str,
    /// When the answer began.
    pub now: Timestamp,
}

/// What the caller is told of one thing that was heard.
#[derive(Debug, Default)]
pub struct Told {
    /// Frames of an event stream.
    pub frames: Vec<Bytes>,
    /// What the gateway takes from it.
    pub glimpse: Glimpse,
    /// Nothing that belongs to the answer comes after it: a target that speaks Responses says all with its last event.
    pub is_last: bool,
}

/// Hears and tells. What the request lost on its way is put back first, so that all that follows is as if nothing had
/// been missing.
#[derive(Debug)]
pub struct Interpreter {
    voice: Voice,
    restorer: Option<Restorer>,
}

/// From whose words into whose.
#[derive(Debug)]
enum Voice {
    /// Chat on both sides.
    Chat {
        /// Whether the caller wants the chunk with the usage.
        include_usage: bool,
    },
    /// Responses on both sides.
    Responses(ResponsesPass),
    /// Embeddings, passed on or written.
    Embeddings {
        /// The model, as the provider names it.
        model: String,
        /// Whether they are wanted as base64.
        is_base64: bool,
    },
    /// Two dialects.
    Translator(Box<Translator>),
}

impl Interpreter {
    /// For one answer.
    #[must_use]
    pub fn new(hearing: Hearing, telling: &Telling<'_>) -> Self {
        Self { voice: Voice::new(hearing, telling), restorer: None }
    }

    /// For one stream that another target may have to go on with. All is said in the gateway's own words then, even
    /// where both sides speak the same: bytes of two targets make no stream.
    #[must_use]
    pub fn spliceable(hearing: Hearing, telling: &Telling<'_>) -> Self {
        let request = telling.request;
        let reader = Reader::new(hearing, request.dialect);
        let translator = Translator::new(reader, writer(telling)).remembering(is_kept(hearing, request));
        Self { voice: Voice::Translator(Box::new(translator)), restorer: None }
    }

    /// What was said, where another target can go on with it.
    #[must_use]
    pub fn said(&self) -> Option<&str> {
        match &self.voice {
            Voice::Translator(translator) => translator.said(),
            Voice::Chat { .. } | Voice::Responses(_) | Voice::Embeddings { .. } => None,
        }
    }

    /// From here on another target is heard, which goes on with what was [`said`](Self::said): it was asked with this
    /// request, from which the restorer has what it lost.
    pub fn go_on(&mut self, hearing: Hearing, request: &Request, restorer: Option<Restorer>) {
        self.restorer = restorer;
        if let Voice::Translator(translator) = &mut self.voice {
            translator.go_on(Reader::new(hearing, request.dialect), is_kept(hearing, request));
        }
    }

    /// The same for an answer to a request that was redacted.
    #[must_use]
    pub fn restoring(self, restorer: Option<Restorer>) -> Self {
        Self { restorer, ..self }
    }

    /// A whole answer, as the caller reads it.
    pub fn whole(&mut self, said: Said) -> Result<(Bytes, Glimpse), NoAnswer> {
        self.voice.whole(match &self.restorer {
            Some(restorer) => restorer.whole(said),
            None => said,
        })
    }

    /// A piece of a stream.
    pub fn hear(&mut self, said: Said) -> Result<Told, NoAnswer> {
        let Some(restorer) = &mut self.restorer else { return self.voice.hear(said) };
        let mut told = Told::default();
        for said in restorer.piece(said) {
            told = told.and(self.voice.hear(said)?);
        }
        Ok(told)
    }

    /// The last frames of a stream that ended as it should.
    pub fn end(&mut self) -> Vec<Bytes> {
        self.voice.end()
    }

    /// The last frame of a stream that broke.
    pub fn fail(&mut self, error: &Error) -> Bytes {
        self.voice.fail(error)
    }
}

impl Told {
    /// This, and what came with it.
    fn and(mut self, later: Self) -> Self {
        self.frames.extend(later.frames);
        Self { frames: self.frames, glimpse: self.glimpse.and(later.glimpse), is_last: later.is_last }
    }
}

impl Voice {
    fn new(hearing: Hearing, telling: &Telling<'_>) -> Self {
        let request = telling.request;
        match (request.dialect, hearing) {
            (Dialect::Embeddings, _) => {
                Self::Embeddings { model: telling.model.to_owned(), is_base64: request.wants_base64() }
            }
            (Dialect::Chat, Hearing::Pass) => Self::Chat { include_usage: request.include_usage },
            (Dialect::Responses, Hearing::Pass) => Self::Responses(responses_pass(telling)),
            (dialect, _) => {
                let reader = Reader::new(hearing, dialect);
                Self::Translator(Box::new(Translator::new(reader, writer(telling))))
            }
        }
    }

    fn whole(&mut self, said: Said) -> Result<(Bytes, Glimpse), NoAnswer> {
        match (self, said) {
            (Self::Chat { .. }, Said::Json(json)) => {
                let glimpse = chat::glimpse(&json)?;
                Ok((json, glimpse))
            }
            (Self::Responses(pass), Said::Json(json)) => pass.whole(&json),
            (Self::Embeddings { .. }, Said::Json(json)) => {
                let glimpse = embedding::glimpse(&json)?;
                Ok((json, glimpse))
            }
            (Self::Embeddings { model, is_base64 }, Said::Embeddings(vectors)) => {
                let body = embedding::whole(&vectors, model, *is_base64);
                let glimpse = embedding::glimpse(&body)?;
                let usage = glimpse.usage.filter(|_| vectors.input_tokens.is_some());
                Ok((body, Glimpse { usage, ..glimpse }))
            }
            (Self::Translator(translator), said) => translator.whole(said),
            _ => Err(NoAnswer::Failed),
        }
    }

    fn hear(&mut self, said: Said) -> Result<Told, NoAnswer> {
        match (self, said) {
            (Self::Chat { include_usage }, Said::Json(json)) => {
                let glimpse = chat::glimpse(&json)?;
                let is_wanted = !glimpse.is_usage_chunk || *include_usage;
                let frames = if is_wanted { vec![encode(&json)] } else { Vec::new() };
                Ok(Told { frames, glimpse, is_last: false })
            }
            (Self::Responses(pass), Said::Json(json)) => {
                let (frame, glimpse) = pass.event(&json)?;
                let is_last = glimpse.finish.is_some();
                Ok(Told { frames: vec![frame], glimpse, is_last })
            }
            (Self::Translator(translator), said) => translator.hear(said),
            _ => Err(NoAnswer::Failed),
        }
    }

    fn end(&mut self) -> Vec<Bytes> {
        match self {
            Self::Chat { .. } => vec![encode(DONE)],
            Self::Responses(_) | Self::Embeddings { .. } => Vec::new(),
            Self::Translator(translator) => translator.end(),
        }
    }

    fn fail(&mut self, error: &Error) -> Bytes {
        match self {
            Self::Chat { .. } | Self::Embeddings { .. } => chat::failure(error),
            Self::Responses(pass) => pass.fail(error),
            Self::Translator(translator) => translator.fail(error),
        }
    }
}

/// Whether the target keeps its answer, so that a later call can go on from it.
fn is_kept(hearing: Hearing, request: &Request) -> bool {
    let store = request.prompt().and_then(|prompt| prompt.parameters.get(Parameter::Store)?.as_bool());
    hearing == Hearing::Pass && request.dialect == Dialect::Responses && store != Some(false)
}

/// Who passes an answer on to a caller who speaks Responses, as the target does.
fn responses_pass(telling: &Telling<'_>) -> ResponsesPass {
    let pass = ResponsesPass::new(telling.request_id, telling.target_id);
    match telling.request.prompt().and_then(|prompt| prompt.continues.as_deref()) {
        Some(previous) => pass.continuing(previous),
        None => pass,
    }
}

/// Who says an answer to the caller.
fn writer(telling: &Telling<'_>) -> Writer {
    let Telling { request, request_id, model, target_id, now } = *telling;
    if request.dialect == Dialect::Responses {
        let writer = ResponsesWriter::new(request_id, model, now);
        return Writer::Responses(writer.sealing_for(target_id).echoing(&request.parameters()));
    }
    Writer::Chat(ChatWriter::new(request_id, model, now, request.include_usage))
}

impl From<FinishReason> for Finish {
    fn from(reason: FinishReason) -> Self {
        match reason {
            FinishReason::Stop | FinishReason::ToolCalls => Self::Whole,
            FinishReason::Length | FinishReason::ContentFilter => Self::Partial,
        }
    }
}
