//! Answers for callers who speak as the target does: all passes byte for byte but the answer's id, which becomes the
//! gateway's own, and encrypted reasoning, which is bound to the target.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::{RawValue, to_raw_value};

use super::failure::failure;
use super::frame::frame;
use super::reader::{no_output, parse};
use super::seal::seal;
use super::usage::ResponsesUsage;
use crate::completion::{Finish, Glimpse, NoAnswer};
use crate::error::Error;
use crate::raw::RawObject;
use crate::sse::DONE;
use crate::usage::Usage;

/// Passes one answer on.
#[derive(Clone, Debug)]
pub struct ResponsesPass {
    response_id: String,
    target_id: String,
    previous_id: Option<String>,
    events: u64,
}

/// The id under which callers know the answer to a request.
pub(super) fn response_id(request_id: &str) -> String {
    format!("resp_{}", request_id.replace('-', ""))
}

/// The request whose answer has this id; `None` where no gateway gave it.
#[must_use]
pub fn request_id_of(response_id: &str) -> Option<String> {
    const LONGEST: usize = 128;
    let id = response_id.strip_prefix("resp_")?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if id.is_empty() || id.len() > LONGEST || !id.bytes().all(is_plain) {
        return None;
    }
    if id.len() != 32 || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Some(id.to_owned());
    }
    let id = id.to_ascii_lowercase();
    let groups = [0..8, 8..12, 12..16, 16..20, 20..32];
    Some(groups.map(|group| &id[group]).join("-"))
}

/// Reads a whole answer.
pub fn glimpse(json: &[u8]) -> Result<Glimpse, NoAnswer> {
    let answer: Answer<'_> = parse(json)?;
    if answer.output.is_none() {
        return Err(no_output(json));
    }
    glimpse_of(&answer)
}

#[derive(Deserialize)]
struct Answer<'a> {
    error: Option<IgnoredAny>,
    #[serde(borrow)]
    output: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    status: Option<Cow<'a, str>>,
    usage: Option<ResponsesUsage>,
    #[serde(borrow)]
    service_tier: Option<Cow<'a, str>>,
}

fn glimpse_of(answer: &Answer<'_>) -> Result<Glimpse, NoAnswer> {
    let finish = match answer.status.as_deref() {
        _ if answer.error.is_some() => return Err(NoAnswer::Failed),
        Some("failed" | "cancelled") => return Err(NoAnswer::Failed),
        Some("completed") => Some(Finish::Whole),
        Some("incomplete") => Some(Finish::Partial),
        _ => None,
    };
    Ok(Glimpse {
        usage: answer.usage.map(Usage::from),
        has_content: finish.is_some() || answer.output.as_ref().is_some_and(|output| !output.is_empty()),
        finish,
        response_id: answer.id.as_deref().map(str::to_owned),
        // Until it is finished, an answer only repeats what was asked.
        service_tier: finish.and(answer.service_tier.as_deref()).map(str::to_owned),
        ..Glimpse::default()
    })
}

#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    r#type: Cow<'a, str>,
    #[serde(borrow)]
    delta: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Added<'a> {
    #[serde(borrow)]
    item: Named<'a>,
}

#[derive(Deserialize)]
struct Enclosed<'a> {
    #[serde(borrow)]
    response: Answer<'a>,
}

/// The provider's own id of the answer, where an event of its stream says it.
pub(crate) fn id_in(json: &[u8]) -> Option<String> {
    let Enclosed { response } = serde_json::from_slice(json).ok()?;
    response.id.map(Cow::into_owned)
}

impl ResponsesPass {
    /// Passes the answer of this target to this request.
    #[must_use]
    pub fn new(request_id: &str, target_id: &str) -> Self {
        let (response_id, target_id) = (response_id(request_id), target_id.to_owned());
        Self { response_id, target_id, previous_id: None, events: 0 }
    }

    /// The same, with the id that the caller gave for the answer before, where the target knows that by its own.
    #[must_use]
    pub fn continuing(mut self, previous_id: &str) -> Self {
        self.previous_id = Some(previous_id.to_owned());
        self
    }

    /// Passes an answer that came at once.
    pub fn whole(&mut self, json: &[u8]) -> Result<(Bytes, Glimpse), NoAnswer> {
        let seen = glimpse(json)?;
        let answer = self.own(parse(json)?).map_err(NoAnswer::Garbled)?;
        let bytes = serde_json::to_vec(&answer).map_err(NoAnswer::Garbled)?;
        Ok((Bytes::from(bytes), seen))
    }

    /// Passes the data of one event of a stream, as the bytes of an event: none for `[DONE]`, which callers of this
    /// dialect do not know.
    pub fn event(&mut self, json: &[u8]) -> Result<(Bytes, Glimpse), NoAnswer> {
        if json == DONE {
            return Ok((Bytes::new(), Glimpse::default()));
        }
        let named: Named<'_> = parse(json)?;
        let kind = named.r#type.as_ref();
        let (changed, seen) = match kind {
            "error" | "response.failed" => return Err(NoAnswer::Failed),
            "response.created" | "response.queued" | "response.in_progress" => {
                let Enclosed { response } = parse(json)?;
                let seen = Glimpse { has_content: false, ..glimpse_of(&response)? };
                (Some(self.enclosed(json)?), seen)
            }
            "response.completed" | "response.incomplete" => {
                let Enclosed { response } = parse(json)?;
                (Some(self.enclosed(json)?), glimpse_of(&response)?)
            }
            "response.output_item.added" | "response.output_item.done" => {
                let Added { item } = parse(json)?;
                let is_whole = kind.ends_with("done");
                let has_content = is_whole || !matches!(item.r#type.as_ref(), "message" | "reasoning");
                let changed = (item.r#type == "reasoning").then(|| self.item_event(json)).transpose()?;
                (changed, Glimpse { has_content, ..Glimpse::default() })
            }
            _ => {
                let says = |delta: &RawValue| !matches!(delta.get(), "null" | "\"\"");
                let has_content = named.delta.is_some_and(says) || kind.ends_with(".done");
                (None, Glimpse { has_content, ..Glimpse::default() })
            }
        };
        self.events += 1;
        Ok((frame(kind, changed.as_deref().unwrap_or(json)), seen))
    }

    /// The event that ends an answer that broke.
    #[must_use]
    pub fn fail(&self, error: &Error) -> Bytes {
        failure(error, self.events)
    }

    fn enclosed(&self, json: &[u8]) -> Result<Vec<u8>, NoAnswer> {
        let change = || {
            let mut event: RawObject = serde_json::from_slice(json)?;
            if let Some(response) = event.read("response")? {
                event.set("response", &self.own(response)?)?;
            }
            serde_json::to_vec(&event)
        };
        change().map_err(NoAnswer::Garbled)
    }

    fn item_event(&self, json: &[u8]) -> Result<Vec<u8>, NoAnswer> {
        let change = || {
            let mut event: RawObject = serde_json::from_slice(json)?;
            let sealed = event.raw("item").map(|item| self.sealed(item)).transpose()?.flatten();
            match sealed {
                Some(item) => {
                    event.set("item", &item)?;
                    serde_json::to_vec(&event)
                }
                None => Ok(json.to_vec()),
            }
        };
        change().map_err(NoAnswer::Garbled)
    }

    /// The answer as the gateway's own.
    fn own(&self, mut answer: RawObject) -> Result<RawObject, serde_json::Error> {
        answer.set("id", &self.response_id)?;
        if let Some(id) = &self.previous_id {
            answer.set("previous_response_id", id)?;
        }
        if let Some(output) = answer.read::<Vec<&RawValue>>("output")? {
            let sealed: Result<Vec<_>, _> = output.iter().map(|item| self.sealed(item)).collect();
            let sealed = sealed?;
            if sealed.iter().any(Option::is_some) {
                let items = output.into_iter().map(ToOwned::to_owned).zip(sealed);
                let items: Vec<_> = items.map(|(item, sealed)| sealed.unwrap_or(item)).collect();
                answer.set("output", &items)?;
            }
        }
        Ok(answer)
    }

    /// The item with its encrypted reasoning bound to the target, if it has any.
    fn sealed(&self, item: &RawValue) -> Result<Option<Box<RawValue>>, serde_json::Error> {
        if !item.get().contains("encrypted_content") {
            return Ok(None);
        }
        let mut item: RawObject = serde_json::from_str(item.get())?;
        if item.read::<String>("type")?.as_deref() != Some("reasoning") {
            return Ok(None);
        }
        let Some(text) = item.read::<String>("encrypted_content")? else { return Ok(None) };
        item.set("encrypted_content", &seal(&self.target_id, &text))?;
        to_raw_value(&item).map(Some)
    }
}
