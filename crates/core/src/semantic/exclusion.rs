//! Which requests have no part in the semantic cache, and what of the others is compared.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::parameter::Parameter;
use crate::prompt::{Format, Item, Part, Prompt, Role};
use crate::request::Request;
use crate::semantic::policy::SemanticPolicy;

/// Why a request has no part in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exclusion {
    /// It asks for vectors.
    Embeddings,
    /// Its data are marked personal.
    Personal,
    /// The model may call functions, or has called some.
    Tools,
    /// There is an image in it.
    Images,
    /// The answer's text is to have a form.
    StructuredOutput,
    /// Several answers are asked for, or the probabilities of its tokens.
    Choices,
    /// It has fields or parts that only its own dialect has a word for.
    Strange,
    /// It goes on from a response that the provider keeps.
    Continues,
    /// The conversation has too many messages.
    LongConversation,
    /// The person has not the last word, or says nothing.
    NoQuestion,
}

/// Why the request has no part in it, if it has none.
#[must_use]
pub fn exclusion(request: &Request, policy: &SemanticPolicy, is_personal: bool) -> Option<Exclusion> {
    let Some(prompt) = request.prompt() else { return Some(Exclusion::Embeddings) };
    let has_odds = prompt.parameters.get(Parameter::Logprobs) == Some(&Value::Bool(true));
    let reasons = [
        (is_personal, Exclusion::Personal),
        (has_tools(prompt), Exclusion::Tools),
        (prompt.parts().any(|part| matches!(part, Part::Image { .. })), Exclusion::Images),
        (!matches!(prompt.format, None | Some(Format::Text)), Exclusion::StructuredOutput),
        (request.choices() > 1 || has_odds, Exclusion::Choices),
        (!prompt.strange.is_empty(), Exclusion::Strange),
        (prompt.continues.is_some() || prompt.held > 0, Exclusion::Continues),
        (turns(prompt) > policy.max_turns, Exclusion::LongConversation),
        (last_turn(request).is_none(), Exclusion::NoQuestion),
    ];
    reasons.into_iter().find_map(|(is_so, reason)| is_so.then_some(reason))
}

/// The text of the person's last message, where that is the last of the conversation.
#[must_use]
pub fn last_turn(request: &Request) -> Option<String> {
    let Item::Message { role: Role::User, parts } = request.prompt()?.items.last()? else { return None };
    let texts: Vec<_> = parts
        .iter()
        .filter_map(|part| match part {
            Part::Text(text) => Some(text.trim()),
            Part::Refusal(_) | Part::Image { .. } => None,
        })
        .filter(|text| !text.is_empty())
        .collect();
    (!texts.is_empty()).then(|| texts.join("\n"))
}

fn has_tools(prompt: &Prompt) -> bool {
    let is_call = |item: &Item| matches!(item, Item::ToolCall { .. } | Item::ToolResult { .. });
    !prompt.tools.is_empty() || prompt.tool_choice.is_some() || prompt.items.iter().any(is_call)
}

/// Messages of the person and of the model; the operator's do not make a conversation long.
fn turns(prompt: &Prompt) -> usize {
    let is_turn = |item: &&Item| matches!(item, Item::Message { role: Role::User | Role::Assistant, .. });
    prompt.items.iter().filter(is_turn).count()
}

#[cfg(test)]
mod tests;
