//! A request made ready for one target: in which words it leaves, how the answer is heard, and what was adapted.

use bytes::Bytes;

use crate::asking::Asking;
use crate::catalogue::{InvokeBody, Target, Wire};
use crate::converse;
use crate::dialect::Dialect;
use crate::embedding::{self, EmbeddingRequest};
use crate::interpreter::Hearing;
use crate::model::Payload;
use crate::parameter::{Parameter, Parameters, Unfit};
use crate::prompt::{Part, Prompt};
use crate::request::{Ask, Request};
use crate::{chat, responses};

/// A request in a target's words.
#[derive(Clone, Debug)]
pub struct Ready {
    /// What leaves.
    pub payload: Payload,
    /// How the answer is heard.
    pub hearing: Hearing,
    /// The output cap that is really sent: for each answer, where several are asked for.
    pub output_cap: u64,
    /// Whether the answer comes as a stream.
    pub stream: bool,
    /// What differs from what the caller asked, as `name=value`.
    pub adapted: Vec<String>,
}

/// How a request is said, besides what is in it.
#[derive(Clone, Copy, Debug)]
pub struct Manner<'a> {
    /// The settings instead of the caller's own: caps and stops that the operator set are in them.
    pub settings: &'a Parameters,
    /// The provider's own id of the response that the request goes on from.
    pub continues: Option<&'a str>,
    /// A target that can stream is asked for a stream even where the caller wants the answer whole.
    pub gathers: bool,
}

impl Ready {
    /// Says a request to a target.
    pub fn new(
        request: &Request,
        (target_id, target): (&str, &Target),
        manner: &Manner<'_>,
    ) -> Result<Self, Unfit> {
        let prompt = match &request.ask {
            Ask::Embed(texts) => return embed(request, texts, target),
            Ask::Talk(prompt) => prompt,
        };
        if target.max_image_tokens == 0 && prompt.parts().any(|part| matches!(part, Part::Image { .. })) {
            return Err(unfit("image", target));
        }
        if request.stream && !target.streams {
            return Err(unfit("stream", target));
        }
        let Manner { settings, continues, gathers } = *manner;
        let stream = request.stream || gathers && target.streams;
        let (parameters, mut adapted) = settings.adapt(&target.parameters, &target.model_id)?;
        let asking = Asking { target_id, target, parameters: &parameters, stream, continues };
        let (payload, hearing, notes) = talk(request, prompt, &asking)?;
        adapted.extend(notes);
        // A cap that is not sent caps nothing but what the model itself can say.
        let output_cap = parameters.count(Parameter::MaxOutputTokens).unwrap_or(target.max_output_tokens);
        Ok(Self { payload, hearing, output_cap, stream, adapted })
    }
}

impl<'a> Manner<'a> {
    /// As the caller asks.
    #[must_use]
    pub const fn as_asked(settings: &'a Parameters) -> Self {
        Self { settings, continues: None, gathers: false }
    }
}

/// What leaves, how the answer is heard, and what is not as it was asked.
type Words = (Payload, Hearing, Vec<String>);

fn talk(request: &Request, prompt: &Prompt, asking: &Asking<'_>) -> Result<Words, Unfit> {
    match &asking.target.wire {
        Wire::Openai { dialects, .. } if dialects.contains(&request.dialect) => pass(request, asking),
        Wire::Openai { dialects, .. } if dialects.contains(&Dialect::Responses) => {
            let (body, notes) = responses::write(prompt, asking)?;
            Ok((openai(Dialect::Responses, body), Hearing::Responses, notes))
        }
        Wire::Openai { dialects, .. } if dialects.contains(&Dialect::Chat) => {
            let (body, notes) = chat::write(prompt, asking)?;
            Ok((openai(Dialect::Chat, body), Hearing::Chat { inline_reasoning: false }, notes))
        }
        Wire::Converse { .. } => {
            let (said, notes) = converse::say(prompt, asking)?;
            Ok((Payload::Converse(Box::new(said)), Hearing::Read, notes))
        }
        Wire::Invoke { body: InvokeBody::Chat } => {
            let (body, notes) = chat::write(prompt, asking)?;
            Ok((Payload::Invoke(vec![body]), Hearing::Chat { inline_reasoning: true }, notes))
        }
        Wire::Openai { .. } | Wire::Invoke { .. } => Err(unfit("model", asking.target)),
    }
}

/// The same dialect on both sides.
fn pass(request: &Request, asking: &Asking<'_>) -> Result<Words, Unfit> {
    let strange = |_| unfit("body", asking.target);
    let given = &request.parameters();
    let (body, notes) = match request.dialect {
        Dialect::Responses => responses::forward(request.body(), given, asking).map_err(strange)?,
        Dialect::Chat | Dialect::Embeddings => {
            (chat::forward(request.body(), given, asking).map_err(strange)?, Vec::new())
        }
    };
    Ok((openai(request.dialect, body), Hearing::Pass, notes))
}

fn embed(request: &Request, texts: &EmbeddingRequest, target: &Target) -> Result<Ready, Unfit> {
    let payload = match &target.wire {
        Wire::Openai { dialects, .. } if dialects.contains(&Dialect::Embeddings) => {
            let body = embedding::forward(request.body(), &target.model_id);
            openai(Dialect::Embeddings, body.map_err(|_| unfit("body", target))?)
        }
        Wire::Invoke { body } if *body != InvokeBody::Chat => {
            Payload::Invoke(embedding::say(texts, *body, &target.model_id)?)
        }
        Wire::Openai { .. } | Wire::Invoke { .. } | Wire::Converse { .. } => {
            return Err(unfit("model", target));
        }
    };
    let hearing = if matches!(payload, Payload::Invoke(_)) { Hearing::Read } else { Hearing::Pass };
    Ok(Ready { payload, hearing, output_cap: 0, stream: false, adapted: Vec::new() })
}

fn openai(dialect: Dialect, body: Bytes) -> Payload {
    Payload::Openai { dialect, body }
}

fn unfit(field: &str, target: &Target) -> Unfit {
    Unfit { field: field.to_owned(), model: target.model_id.clone() }
}

/// The tier that a request asks for; `default` where it leaves that to the provider.
#[must_use]
pub fn service_tier(settings: &Parameters) -> &str {
    match settings.text(Parameter::ServiceTier) {
        None | Some("auto") => "default",
        Some(tier) => tier,
    }
}
