//! Where in a request a value stands, as API Gateway's mapping expressions name it.

use serde_json::Value;

use super::call::Call;

/// A mapping expression: an authorizer's identity source, or the value of a gateway response's header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Static(String),
    Header(String),
    Query(String),
    Path(String),
    Context(String),
}

impl Source {
    /// None: an expression that is not served here.
    pub(super) fn parse(expression: &str) -> Option<Self> {
        let quoted = expression.strip_prefix('\'').and_then(|e| e.strip_suffix('\''));
        if let Some(text) = quoted {
            return Some(Self::Static(text.to_owned()));
        }
        if let Some(path) = expression.strip_prefix("context.") {
            return Some(Self::Context(path.to_owned()));
        }
        let (place, name) = expression.strip_prefix("method.request.")?.split_once('.')?;
        match place {
            "header" => Some(Self::Header(name.to_owned())),
            "querystring" => Some(Self::Query(name.to_owned())),
            "path" => Some(Self::Path(name.to_owned())),
            _ => None,
        }
    }

    pub(super) fn value(&self, call: &Call, context: &Value) -> Option<String> {
        match self {
            Self::Static(text) => Some(text.clone()),
            Self::Header(name) => call.header(name),
            Self::Query(name) => {
                let found = call.query.iter().rfind(|(key, _)| key == name);
                found.map(|(_, value)| value.clone())
            }
            Self::Path(name) => call.path_parameters.get(name).cloned(),
            Self::Context(path) => in_context(context, path),
        }
    }

    /// API Gateway takes an empty value for a missing one.
    pub(super) fn is_present(&self, call: &Call, context: &Value) -> bool {
        self.value(call, context).is_some_and(|value| !value.is_empty())
    }
}

/// The value at a dotted path, as text.
pub(super) fn in_context(context: &Value, path: &str) -> Option<String> {
    let value = path.split('.').try_fold(context, |value, key| value.get(key))?;
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}
