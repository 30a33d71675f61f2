//! OpenAI's Responses, as OpenAI, bedrock-mantle and bedrock-runtime serve them.

mod items;
mod output;
mod request;
mod rules;
mod store;
mod stream;

use serde_json::{Value, json};
use uuid::Uuid;

use self::items::{asked, tokens};
use self::output::Turn;
use self::request::ResponsesRequest;
use super::calls::now_us;
use super::fault::Rule;
use super::going_on::Asked;
use super::models::{Line, Model, Surface};
use super::refusal::Refusal;
use super::reply::{Prompt, Reply, count_tokens};
use super::wire::{Answer, Content, Wire};

pub(super) use self::store::{Drawer, Store};

/// A call of Responses on one of the surfaces that have it.
#[derive(Debug)]
pub(super) struct Responses {
    request: ResponsesRequest,
    surface: Surface,
    /// What the endpoint in this region keeps.
    drawer: Drawer,
    /// The part that all ids of this answer share.
    stem: String,
    created: u64,
}

impl Responses {
    pub(super) fn read(body: &[u8], surface: Surface, drawer: Drawer) -> Result<Self, Refusal> {
        Ok(Self {
            request: ResponsesRequest::read(body)?,
            surface,
            drawer,
            stem: Uuid::now_v7().simple().to_string(),
            created: now_us() / 1_000_000,
        })
    }

    fn id(&self, kind: &str) -> String {
        format!("{kind}_{}", self.stem)
    }

    /// The conversation so far: what was kept under the previous response, and the input.
    fn history(&self) -> Result<Vec<Value>, Refusal> {
        let mut items = match &self.request.previous_response_id {
            None => Vec::new(),
            Some(id) => self.drawer.find(id).ok_or_else(|| {
                Refusal::invalid_param(
                    "previous_response_not_found",
                    "previous_response_id",
                    format!("Previous response with id '{id}' not found."),
                )
            })?,
        };
        for item in &self.request.input {
            items.push(items::resolve(item, &self.drawer)?);
        }
        Ok(items)
    }

    fn prompt(&self, model: Model, rule: &Rule, history: &[Value]) -> Prompt {
        let instructions = self.request.instructions.as_deref().map_or(0, count_tokens);
        let Asked { text, said } = asked(history);
        Prompt {
            input_tokens: history.iter().map(tokens).sum::<u64>() + instructions,
            last_user_text: text,
            said,
            offer: self.request.offer(history),
            schema: self.request.schema(),
            output_cap: self.request.max_output_tokens,
            thinks_aloud: model.line == Line::Open || self.request.asks_for_reasoning() || rule.think,
            ..Prompt::default()
        }
    }
}

impl Wire for Responses {
    fn model(&self) -> &str {
        &self.request.model
    }

    fn is_streamed(&self) -> bool {
        self.request.stream == Some(true)
    }

    fn answer(&self, rule: &Rule) -> Result<Answer, Refusal> {
        let model = self.surface.find(&self.request.model)?;
        rules::check(&self.request, self.surface, model)?;
        let history = self.history()?;
        items::check(&history, &self.drawer, model)?;
        let reply = Reply::compose(&self.prompt(model, rule, &history), rule);
        let turn = Turn { call: self, reply: &reply, line: model.line };
        // What breaks off is not kept.
        if self.request.is_stored() && rule.error_after_chunks.is_none() {
            let items = history.into_iter().chain(turn.output()).collect();
            self.drawer.keep(self.id("resp"), items);
        }
        let content = if self.is_streamed() {
            Content::Stream(turn.stream(rule.error_event))
        } else {
            Content::Document(turn.document())
        };
        Ok(Answer::of(&reply, content))
    }
}

/// The error object of a response that failed on the way.
fn failure(refusal: &Refusal) -> Value {
    json!({ "code": refusal.code.unwrap_or("server_error"), "message": refusal.message })
}
