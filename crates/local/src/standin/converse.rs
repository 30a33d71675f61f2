//! Converse and ConverseStream, bedrock-runtime's native operations.

mod answer;
mod check;
mod request;
mod turns;

use serde_json::{Value, json};
use uuid::Uuid;

use self::request::{ConverseRequest, Message};
use super::fault::Rule;
use super::going_on::Asked;
use super::models::{Line, Model, Surface};
use super::refusal::Refusal;
use super::reply::{Prompt, Reply, count_tokens};
use super::wire::{Answer, Content, Wire, read};

/// A call of Converse or ConverseStream.
#[derive(Debug)]
pub(super) struct Converse {
    request: ConverseRequest,
    model_id: String,
    streamed: bool,
    tool_use_id: String,
}

impl Converse {
    pub(super) fn read(body: &[u8], model_id: String, streamed: bool) -> Result<Self, Refusal> {
        Ok(Self {
            request: read(body)?,
            model_id,
            streamed,
            tool_use_id: format!("tooluse_{}", Uuid::now_v7().simple()),
        })
    }

    fn prompt(&self, model: Model, rule: &Rule) -> Result<Prompt, Refusal> {
        let request = &self.request;
        let system = request.system.iter().map(|block| count_tokens(block.text()));
        let turns = request.messages.iter().map(Message::tokens);
        let Asked { text, said } = request.asked();
        Ok(Prompt {
            input_tokens: turns.chain(system).sum(),
            last_user_text: text,
            said,
            offer: request.offer(),
            schema: request.schema()?,
            stops: request.inference_config.stop_sequences.clone(),
            output_cap: request.inference_config.max_tokens,
            thinks_aloud: match model.line {
                Line::Open => true,
                Line::Claude => request.thinks() || rule.think,
                Line::EarlyGpt | Line::LateGpt | Line::Nova | Line::Free => rule.think,
            },
            more_choices: 0,
            is_guarded: request.guardrail_config.is_some(),
        })
    }

    fn tool_use_id(&self, index: usize) -> String {
        if index == 0 { self.tool_use_id.clone() } else { format!("{}{index}", self.tool_use_id) }
    }
}

impl Wire for Converse {
    fn model(&self) -> &str {
        &self.model_id
    }

    fn is_streamed(&self) -> bool {
        self.streamed
    }

    fn metadata(&self) -> Option<Value> {
        self.request.request_metadata.as_ref().map(|metadata| json!(metadata))
    }

    fn answer(&self, rule: &Rule) -> Result<Answer, Refusal> {
        let model = Surface::RuntimeNative.find(&self.model_id)?;
        check::check(&self.request, model)?;
        let reply = Reply::compose(&self.prompt(model, rule)?, rule);
        let is_signed = model.line == Line::Claude;
        let content = if self.streamed {
            Content::Stream(self.stream(&reply, is_signed))
        } else {
            Content::Document(self.document(&reply, is_signed))
        };
        Ok(Answer::of(&reply, content))
    }
}

/// The signature that lets a later turn bring a thought back unchanged.
fn signature(thought: &str) -> String {
    super::frame::encode64(format!("signed by the stand-in: {:08x}", crc32fast::hash(thought.as_bytes())))
}
