//! The calls of an answer. A call's id and name come with its first piece; the others are known by their index, or,
//! where a server leaves that out or gives the same to all, by the id or by coming after.

use serde::Deserialize;

use crate::event::Event;

/// A call, or a piece of one.
#[derive(Deserialize)]
pub(super) struct WireCall {
    #[serde(default)]
    index: Option<usize>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    function: Option<WireFunction>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireFunction {
    name: Option<String>,
    arguments: Option<String>,
}

/// The calls that have begun, as the provider knows them.
#[derive(Debug, Default)]
pub(super) struct Calls(Vec<Begun>);

#[derive(Debug)]
struct Begun {
    wire_index: Option<usize>,
    id: String,
}

impl Calls {
    /// The events of a piece.
    pub(super) fn read(&mut self, call: WireCall) -> Result<Vec<Event>, &'static str> {
        let WireFunction { name, arguments } = call.function.unwrap_or_default();
        let id = call.id.filter(|id| !id.is_empty());
        let mut events = Vec::new();
        let index = match self.find(call.index, id.as_deref()) {
            Some(index) => index,
            None => {
                let call_id = id.ok_or("a tool call without an id")?;
                let name = name.filter(|name| !name.is_empty()).ok_or("a tool call without a name")?;
                let index = self.0.len();
                self.0.push(Begun { wire_index: call.index, id: call_id.clone() });
                events.push(Event::ToolCall { index, call_id, name });
                index
            }
        };
        let text = arguments.filter(|text| !text.is_empty());
        events.extend(text.map(|text| Event::Arguments { index, text }));
        Ok(events)
    }

    fn find(&self, wire_index: Option<usize>, id: Option<&str>) -> Option<usize> {
        let is_this = |begun: &Begun| {
            (wire_index.is_none() || begun.wire_index == wire_index) && id.is_none_or(|id| begun.id == id)
        };
        self.0.iter().rposition(is_this)
    }
}
