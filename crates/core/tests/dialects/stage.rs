//! One call on its way: what leaves for a target, and what the caller gets of what the target says.

use tollgate_core::catalogue::Target;
use tollgate_core::completion::Glimpse;
use tollgate_core::dialect::Dialect;
use tollgate_core::error::Error;
use tollgate_core::identity::Identity;
use tollgate_core::interpreter::{Gatherer, Hearing, Interpreter, Telling};
use tollgate_core::model::{Payload, Said};
use tollgate_core::parameter::{Parameter, Unfit};
use tollgate_core::ready::{Manner, Ready};
use tollgate_core::request::Request;
use tollgate_core::settings::Tenant;
use tollgate_core::time::Timestamp;

use crate::pairs::{real, target};
use crate::text::pretty;

/// The output cap of callers who name none.
const DEFAULT_CAP: u64 = 4_096;

/// What the provider calls the response that the call goes on from.
const EARLIER: &str = "resp_68f1c2d4a8b48190";

pub(crate) fn request(dialect: Dialect, body: &[u8]) -> Request {
    Request::parse(dialect, body).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(body)))
}

/// The request as a target is to have it, with the cap that the gateway sets where the caller sets none.
pub(crate) fn ready(request: &Request, target_id: &str) -> Result<Ready, Unfit> {
    let mut settings = request.parameters();
    if request.prompt().is_some() && settings.get(Parameter::MaxOutputTokens).is_none() {
        settings.set(Parameter::MaxOutputTokens, DEFAULT_CAP);
    }
    let continues = request.prompt().and_then(|prompt| prompt.continues.as_ref()).map(|_| EARLIER);
    let manner = Manner { settings: &settings, continues, gathers: false };
    Ready::new(request, (real(target_id), &target(target_id)), &manner)
}

/// The same in words: where it goes, how the answer is heard, what was adapted, and the bodies.
pub(crate) fn leaving(request: &Request, target_id: &str) -> String {
    let ready = match ready(request, target_id) {
        Ok(ready) => ready,
        Err(unfit) => return format!("unfit: {unfit}\n"),
    };
    let mut text = String::new();
    if !ready.adapted.is_empty() {
        text.push_str(&format!("adapted: {}\n", ready.adapted.join(", ")));
    }
    let (way, bodies) = match ready.payload {
        Payload::Openai { dialect, body } => (format!("POST {}", dialect.path()), vec![body]),
        Payload::Invoke(bodies) => ("InvokeModel".to_owned(), bodies),
        Payload::Converse(converse) => {
            let tenant = Tenant::default();
            let identity = Identity { user: "jane", team: "core", tenant_id: "default", tenant: &tenant };
            ("Converse".to_owned(), vec![converse.body(&identity).expect("a request is JSON")])
        }
    };
    text.push_str(&format!("{way}, heard as {:?}\n", ready.hearing));
    for body in bodies {
        text.push_str(&pretty(&body));
        text.push('\n');
    }
    text
}

/// Who hears the target's answer to a request.
pub(crate) fn interpreter(request: &Request, target_id: &str) -> Interpreter {
    Interpreter::new(hearing(request, target_id), &telling(request, &target(target_id), target_id))
}

/// Who hears the stream of a target for a caller who wants it whole.
pub(crate) fn gatherer(request: &Request, target_id: &str) -> Gatherer {
    Gatherer::new(hearing(request, target_id), &telling(request, &target(target_id), target_id), None)
}

fn hearing(request: &Request, target_id: &str) -> Hearing {
    ready(request, target_id).unwrap_or_else(|unfit| panic!("{target_id}: {unfit}")).hearing
}

fn telling<'a>(request: &'a Request, target: &'a Target, target_id: &'a str) -> Telling<'a> {
    Telling {
        request,
        request_id: "0199f6e2-7c1a-7b3e-9d2f-0123456789ab",
        model: &target.model_id,
        target_id: real(target_id),
        now: Timestamp::from_secs(1_795_392_000),
    }
}

/// What a client gets of a stream, and what the gateway takes from it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) frames: Vec<u8>,
    pub(crate) glimpse: Glimpse,
}

/// Hears a stream to its end, or to where it breaks.
pub(crate) fn hear(mut interpreter: Interpreter, pieces: impl IntoIterator<Item = Said>) -> Heard {
    let mut heard = Heard::default();
    for piece in pieces {
        let Ok(told) = interpreter.hear(piece) else {
            heard.frames.extend(interpreter.fail(&Error::StreamBroken));
            return heard;
        };
        heard.frames.extend(told.frames.concat());
        let (old, new) = (std::mem::take(&mut heard.glimpse), told.glimpse);
        heard.glimpse = Glimpse {
            usage: new.usage.or(old.usage),
            has_content: old.has_content || new.has_content,
            is_usage_chunk: old.is_usage_chunk || new.is_usage_chunk,
            finish: new.finish.or(old.finish),
            response_id: new.response_id.or(old.response_id),
            service_tier: new.service_tier.or(old.service_tier),
        };
    }
    heard.frames.extend(interpreter.end().concat());
    heard
}

pub(crate) fn json(data: &[u8]) -> Said {
    Said::Json(data.to_vec().into())
}
