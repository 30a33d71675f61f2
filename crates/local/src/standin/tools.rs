//! Tools on offer, and which of them a reply calls.

use serde_json::{Value, json};

use super::schema::instance;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tool {
    pub(super) name: String,
    /// The schema of its arguments.
    pub(super) parameters: Value,
}

/// A tool call as the reply makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ToolCall {
    pub(super) name: String,
    pub(super) arguments: String,
}

/// How far the caller leaves it to the model whether it calls a tool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Choice {
    #[default]
    Free,
    Never,
    Some,
    Only(String),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Offer {
    pub(super) tools: Vec<Tool>,
    pub(super) choice: Choice,
    pub(super) at_most_one: bool,
    /// Whether the last turn brings results of earlier calls.
    pub(super) is_answered: bool,
}

impl Offer {
    /// The calls that the reply consists of. A user who wants one says `call tool…`, and several, `call tools…`.
    pub(super) fn calls(&self, text: &str, asked: Option<usize>) -> Vec<ToolCall> {
        let wants = match asked {
            Some(count) => count,
            None if text.starts_with("call tools") => self.tools.len().max(2),
            None => usize::from(text.starts_with("call tool")),
        };
        let free = if self.is_answered { 0 } else { wants };
        let (count, only) = match &self.choice {
            Choice::Never => (0, None),
            Choice::Free => (free, None),
            Choice::Some => (free.max(1), None),
            Choice::Only(name) => (free.max(1), Some(name)),
        };
        let count = if self.at_most_one { count.min(1) } else { count };
        let eligible = self.tools.iter().filter(|tool| only.is_none_or(|name| *name == tool.name));
        let eligible: Vec<_> = eligible.collect();
        eligible.into_iter().cycle().take(count).map(|tool| tool.call(text)).collect()
    }
}

impl Tool {
    fn call(&self, text: &str) -> ToolCall {
        let has_members =
            self.parameters["properties"].as_object().is_some_and(|members| !members.is_empty());
        let arguments = if has_members { instance(&self.parameters) } else { json!({ "input": text }) };
        ToolCall { name: self.name.clone(), arguments: arguments.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(choice: Choice) -> Offer {
        let tool = |name: &str| Tool { name: name.to_owned(), parameters: json!({}) };
        Offer { tools: vec![tool("a"), tool("b")], choice, ..Offer::default() }
    }

    fn names(calls: &[ToolCall]) -> String {
        calls.iter().map(|call| call.name.as_str()).collect()
    }

    #[test]
    fn the_user_s_words_decide_where_the_choice_is_free() {
        let offer = offer(Choice::Free);

        let called = ["hello", "call tool", "call tools"].map(|text| names(&offer.calls(text, None)));

        assert_eq!(called, ["", "a", "ab"]);
    }

    #[test]
    fn the_caller_s_choice_comes_first() {
        let only = Choice::Only("b".to_owned());

        let called = [Choice::Never, Choice::Some, only].map(|choice| {
            let offer = offer(choice);
            [offer.calls("hello", None), offer.calls("call tools", None)].map(|calls| names(&calls))
        });

        assert_eq!(called, [["", ""], ["a", "ab"], ["b", "bb"]]);
    }

    #[test]
    fn results_are_answered_with_words_and_one_call_may_be_the_limit() {
        let answered = Offer { is_answered: true, ..offer(Choice::Free) };
        let single = Offer { at_most_one: true, ..offer(Choice::Free) };

        assert_eq!(names(&answered.calls("call tool", None)), "");
        assert_eq!(names(&single.calls("call tools", None)), "a");
        assert_eq!(names(&single.calls("hello", Some(3))), "a");
    }
}
