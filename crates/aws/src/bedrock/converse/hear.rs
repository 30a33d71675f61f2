//! What Converse answers, read into events.

use std::collections::BTreeMap;

use aws_sdk_bedrockruntime::operation::converse::ConverseOutput as Answer;
use aws_sdk_bedrockruntime::types::{
    CitationGeneratedContent, ContentBlock, ContentBlockDelta, ContentBlockStart, ConverseOutput,
    ConverseStreamOutput, ReasoningContentBlock, ReasoningContentBlockDelta, ServiceTier, StopReason,
    TokenUsage, ToolUseBlock,
};
use tollgate_core::converse::Seal;
use tollgate_core::event::{Event, FinishReason};
use tollgate_core::model::ModelError;
use tollgate_core::usage::Usage;

use crate::bedrock::converse::document::to_value;
use crate::bedrock::runtime::Progress;

/// A whole answer.
pub(super) fn whole(answer: &Answer) -> Result<Vec<Event>, ModelError> {
    let Some(ConverseOutput::Message(message)) = answer.output() else {
        return Err(ModelError::Garbled("no message".into()));
    };
    let (mut events, mut calls) = (Vec::new(), 0);
    for block in message.content() {
        match block {
            ContentBlock::ToolUse(call) => {
                events.extend(tool_call(calls, call));
                calls += 1;
            }
            block => events.extend(said(block)?),
        }
    }
    events.push(Event::Finish(finish_reason(answer.stop_reason())?));
    events.extend(counted(answer.usage(), answer.service_tier()));
    Ok(events)
}

fn tool_call(index: usize, call: &ToolUseBlock) -> [Event; 2] {
    let text = to_value(call.input()).to_string();
    let (call_id, name) = (call.tool_use_id().to_owned(), call.name().to_owned());
    [Event::ToolCall { index, call_id, name }, Event::Arguments { index, text }]
}

fn said(block: &ContentBlock) -> Result<Vec<Event>, ModelError> {
    match block {
        ContentBlock::Text(text) => Ok(text_of(text).into_iter().collect()),
        ContentBlock::CitationsContent(cited) => {
            let text = |content: &CitationGeneratedContent| text_of(content.as_text().ok()?);
            Ok(cited.content().iter().filter_map(text).collect())
        }
        ContentBlock::ReasoningContent(ReasoningContentBlock::ReasoningText(thought)) => {
            let seal = thought.signature().filter(|signature| !signature.is_empty());
            let sealed = seal.map(|signature| sealed(&Seal::Signature(signature.to_owned())));
            Ok(thought_of(thought.text()).into_iter().chain(sealed).collect())
        }
        ContentBlock::ReasoningContent(ReasoningContentBlock::RedactedContent(blob)) => {
            Ok(vec![sealed(&Seal::Redacted(blob.as_ref().to_vec().into()))])
        }
        // An answer of which we would show only a part is none.
        _ => Err(ModelError::Garbled("content of an unknown kind".into())),
    }
}

fn text_of(text: &str) -> Option<Event> {
    (!text.is_empty()).then(|| Event::Text(text.to_owned()))
}

fn thought_of(text: &str) -> Option<Event> {
    (!text.is_empty()).then(|| Event::Thought(text.to_owned()))
}

fn sealed(seal: &Seal) -> Event {
    Event::Sealed(seal.write())
}

fn counted(usage: Option<&TokenUsage>, tier: Option<&ServiceTier>) -> impl Iterator<Item = Event> {
    let usage = usage.and_then(usage_of).map(Event::Usage);
    let tier = tier.map(|tier| Event::ServiceTier(tier.r#type().as_str().to_owned()));
    usage.into_iter().chain(tier)
}

/// Converse counts cached tokens beside the input, OpenAI counts them in it. Where nothing at all is counted, the usage
/// never came, and the SDK has filled in zeros.
fn usage_of(usage: &TokenUsage) -> Option<Usage> {
    let count = |tokens: i32| u64::try_from(tokens).unwrap_or_default();
    let cached = usage.cache_read_input_tokens().map(count).unwrap_or_default();
    let cache_write = usage.cache_write_input_tokens().map(count).unwrap_or_default();
    let input = count(usage.input_tokens()) + cached + cache_write;
    let output = count(usage.output_tokens());
    (input + output > 0).then_some(Usage { input, cached, cache_write, output, reasoning: 0 })
}

/// A stop that is none of the model's own is an error, never a clean end.
fn finish_reason(reason: &StopReason) -> Result<FinishReason, ModelError> {
    match reason {
        StopReason::EndTurn | StopReason::StopSequence => Ok(FinishReason::Stop),
        StopReason::ToolUse => Ok(FinishReason::ToolCalls),
        StopReason::MaxTokens | StopReason::ModelContextWindowExceeded => Ok(FinishReason::Length),
        StopReason::ContentFiltered | StopReason::GuardrailIntervened => Ok(FinishReason::ContentFilter),
        other => Err(ModelError::Garbled(format!("stop reason {}", other.as_str()).into())),
    }
}

/// Reads a stream.
#[derive(Debug, Default)]
pub(super) struct Listener {
    /// Blocks that have begun and not stopped, of the kinds that their stop has to say something about.
    open: BTreeMap<i32, Open>,
    calls: usize,
    has_begun: bool,
    is_finished: bool,
}

#[derive(Debug)]
enum Open {
    /// A call, and whether any of its arguments has come.
    Call { index: usize, has_arguments: bool },
    /// What the model needs to know its reasoning again: it comes in pieces, and counts only whole.
    Reasoning { signature: String, redacted: Vec<u8> },
}

impl Listener {
    pub(super) const fn is_finished(&self) -> bool {
        self.is_finished
    }

    pub(super) const fn progress(&self) -> Progress {
        if self.has_begun { Progress::Begun } else { Progress::Silent }
    }

    /// What an event of Converse says; nothing for those that only mark a place.
    pub(super) fn hear(&mut self, event: &ConverseStreamOutput) -> Result<Vec<Event>, ModelError> {
        let said = match event {
            ConverseStreamOutput::ContentBlockStart(start) => match start.start() {
                Some(ContentBlockStart::ToolUse(call)) => {
                    vec![self.begin_call(start.content_block_index(), call.tool_use_id(), call.name())]
                }
                _ => Vec::new(),
            },
            ConverseStreamOutput::ContentBlockDelta(delta) => {
                let piece = delta.delta().map(|piece| self.piece(delta.content_block_index(), piece));
                piece.transpose()?.flatten().into_iter().collect()
            }
            ConverseStreamOutput::ContentBlockStop(stop) => {
                let block = self.open.remove(&stop.content_block_index());
                block.into_iter().flat_map(Open::close).collect()
            }
            ConverseStreamOutput::MessageStop(stop) => {
                self.is_finished = true;
                let finish = Event::Finish(finish_reason(stop.stop_reason())?);
                let open = std::mem::take(&mut self.open);
                open.into_values().flat_map(Open::close).chain([finish]).collect()
            }
            ConverseStreamOutput::Metadata(metadata) => {
                counted(metadata.usage(), metadata.service_tier()).collect()
            }
            _ => Vec::new(),
        };
        self.has_begun |= !said.is_empty();
        Ok(said)
    }

    fn begin_call(&mut self, block: i32, call_id: &str, name: &str) -> Event {
        let index = self.calls;
        self.calls += 1;
        self.open.insert(block, Open::Call { index, has_arguments: false });
        Event::ToolCall { index, call_id: call_id.to_owned(), name: name.to_owned() }
    }

    fn piece(&mut self, block: i32, piece: &ContentBlockDelta) -> Result<Option<Event>, ModelError> {
        match piece {
            ContentBlockDelta::Text(text) => Ok(text_of(text)),
            ContentBlockDelta::ToolUse(arguments) => match self.open.get_mut(&block) {
                _ if arguments.input().is_empty() => Ok(None),
                Some(Open::Call { index, has_arguments }) => {
                    *has_arguments = true;
                    Ok(Some(Event::Arguments { index: *index, text: arguments.input().to_owned() }))
                }
                _ => Err(ModelError::Broken("arguments of a call that never began".into())),
            },
            ContentBlockDelta::ReasoningContent(piece) => self.thought(block, piece),
            ContentBlockDelta::Citation(_) => Ok(None),
            _ => Err(ModelError::Broken("content of an unknown kind".into())),
        }
    }

    fn thought(
        &mut self,
        block: i32,
        piece: &ReasoningContentBlockDelta,
    ) -> Result<Option<Event>, ModelError> {
        let empty = || Open::Reasoning { signature: String::new(), redacted: Vec::new() };
        let reasoning = match piece {
            ReasoningContentBlockDelta::Text(text) => return Ok(thought_of(text)),
            _ => self.open.entry(block).or_insert_with(empty),
        };
        match (piece, reasoning) {
            (ReasoningContentBlockDelta::Signature(piece), Open::Reasoning { signature, .. }) => {
                signature.push_str(piece);
            }
            (ReasoningContentBlockDelta::RedactedContent(piece), Open::Reasoning { redacted, .. }) => {
                redacted.extend_from_slice(piece.as_ref());
            }
            _ => return Err(ModelError::Broken("reasoning of an unknown kind".into())),
        }
        Ok(None)
    }
}

impl Open {
    fn close(self) -> Vec<Event> {
        match self {
            Self::Call { has_arguments: true, .. } => Vec::new(),
            // Nothing comes for a function without arguments; clients parse what came.
            Self::Call { index, .. } => vec![Event::Arguments { index, text: "{}".to_owned() }],
            Self::Reasoning { signature, redacted } => {
                let signature = (!signature.is_empty()).then_some(Seal::Signature(signature));
                let redacted = (!redacted.is_empty()).then(|| Seal::Redacted(redacted.into()));
                signature.iter().chain(&redacted).map(sealed).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests;
