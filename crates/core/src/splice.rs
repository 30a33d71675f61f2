//! Going on with an answer whose stream broke after its first content: which answers can be gone on with, what the next
//! target is asked, and where its words join those already said.

mod seam;

use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};

use crate::dialect::Dialect;
use crate::parameter::Parameter;
use crate::prompt::Format;
use crate::request::{MAX_BODY_BYTES, Request};

pub use self::seam::Seam;

/// What the next target is told after the part that was said. It is the user's, because not every wire has an operator's
/// word there, and some models refuse a conversation that ends with their own.
pub const GO_ON: &str = "Your last message was cut off by a fault on the line. Go on with it from exactly where it \
    stops: your first character follows its last one, so begin with a space or a line break if one belongs there. Repeat \
    nothing of it, say nothing about the fault, and write on as if it had not happened.";

/// The longest part that is given to another target, in bytes.
pub(crate) const MAX_SAID_BYTES: usize = 256 * 1024;

/// English text has about four bytes a token.
const BYTES_PER_TOKEN: u64 = 4;

/// Whether an answer to this request can be gone on with by another target: one stream of plain text, of which no part
/// is a function's, a schema's or a number's, and which rests on nothing that only one provider keeps.
#[must_use]
pub fn fits(request: &Request) -> bool {
    let Some(prompt) = request.prompt() else { return false };
    let is_plain = matches!(prompt.format, None | Some(Format::Text));
    let has_logprobs = [Parameter::Logprobs, Parameter::TopLogprobs].into_iter().any(|parameter| {
        let value = prompt.parameters.get(parameter);
        value.is_some_and(|value| !value.is_null() && value.as_bool() != Some(false))
    });
    request.stream
        && is_plain
        && !has_logprobs
        && request.choices() == 1
        && prompt.tools.is_empty()
        && prompt.strange.is_empty()
        && prompt.continues.is_none()
        && prompt.held == 0
}

/// What is left of an output cap after this was said, as far as that can be known: nobody counted. `None` where that is
/// nothing.
#[must_use]
pub fn rest_of(cap: u64, said: &str) -> Option<u64> {
    let spent = u64::try_from(said.len()).unwrap_or(u64::MAX).div_ceil(BYTES_PER_TOKEN);
    cap.checked_sub(spent).filter(|rest| *rest > 0)
}

/// The request as the next target is asked: with the part that was said, and the word to go on; a cap that it names is
/// lowered to `rest`. Blank words say nothing, so the request is asked as it came. `None` where it would be too large.
#[must_use]
pub fn carried_on(request: &Request, said: &str, rest: u64) -> Option<Request> {
    let mut body = request.body().clone();
    if !said.trim().is_empty() {
        let field = match request.dialect {
            Dialect::Chat => "messages",
            Dialect::Responses => "input",
            Dialect::Embeddings => return None,
        };
        let mut talk = talk(body.raw(field)?)?;
        talk.push(to_raw_value(&json!({"role": "assistant", "content": said})).ok()?);
        talk.push(to_raw_value(&json!({"role": "user", "content": GO_ON})).ok()?);
        body.set(field, &talk).ok()?;
    }
    if let Some(cap) = request.output_cap() {
        body.set(request.cap_field(), &cap.min(rest)).ok()?;
    }
    let text = serde_json::to_string(&body).ok().filter(|text| text.len() <= MAX_BODY_BYTES)?;
    request.with_body(&text)
}

/// The conversation so far. An input of the Responses dialect may be a mere text.
fn talk(raw: &RawValue) -> Option<Vec<Box<RawValue>>> {
    if !raw.get().starts_with('"') {
        return serde_json::from_str(raw.get()).ok();
    }
    let text: String = serde_json::from_str(raw.get()).ok()?;
    let said = |text| to_raw_value(&json!({"role": "user", "content": text})).ok();
    if text.is_empty() { Some(Vec::new()) } else { said(text).map(|first| vec![first]) }
}

#[cfg(test)]
mod tests;
