//! What holds for every stream and every request.

use proptest::prelude::*;
use serde_json::{Value, json};
use tollgate_core::dialect::Dialect;
use tollgate_core::model::Payload;
use tollgate_core::parameter::Parameter;
use tollgate_core::prompt::Prompt;
use tollgate_core::request::Request;
use tollgate_core::sse::{DONE, SseDecoder};

use crate::answers::{ask, said};
use crate::pairs::{CHAT, CHAT_OSS, INVOKE, PASS, RESPONSES};
use crate::stage::{Heard, hear, interpreter, json as said_json, ready, request};
use crate::text::fixture;

/// Every stream of a target that speaks in server-sent events, with whoever hears it.
const STREAMS: [(Dialect, &str, &str); 14] = [
    (Dialect::Chat, PASS, "chat/answer/text"),
    (Dialect::Chat, PASS, "chat/answer/calls"),
    (Dialect::Chat, PASS, "chat/answer/broken"),
    (Dialect::Responses, CHAT, "chat/answer/text"),
    (Dialect::Responses, CHAT, "chat/answer/calls"),
    (Dialect::Responses, CHAT, "chat/answer/logprobs"),
    (Dialect::Responses, CHAT_OSS, "chat/answer/reasoning"),
    (Dialect::Chat, INVOKE, "chat/answer/inline"),
    (Dialect::Responses, INVOKE, "chat/answer/inline"),
    (Dialect::Chat, RESPONSES, "responses/answer/text"),
    (Dialect::Chat, RESPONSES, "responses/answer/calls"),
    (Dialect::Chat, RESPONSES, "responses/answer/broken"),
    (Dialect::Responses, RESPONSES, "responses/answer/text"),
    (Dialect::Responses, RESPONSES, "responses/answer/calls"),
];

/// What a client hears of bytes that come in these pieces.
fn heard(client: Dialect, target: &str, pieces: &[&[u8]]) -> Heard {
    let mut decoder = SseDecoder::default();
    let events = pieces.iter().flat_map(|piece| decoder.feed(piece).expect("no event is too long"));
    let events: Vec<_> = events.take_while(|data| *data != DONE).collect();
    hear(interpreter(&ask(client, true), target), events.iter().map(|data| said_json(data)))
}

fn any_words() -> impl Strategy<Value = String> {
    "[a-zé\"\\\\\n{}]{1,12}"
}

fn any_part() -> impl Strategy<Value = Value> {
    prop_oneof![
        any_words().prop_map(|text| json!({"type": "text", "text": text})),
        prop::option::of(prop::sample::select(vec!["low", "high", "auto"])).prop_map(|detail| {
            json!({"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": detail}})
        }),
    ]
}

/// Messages that belong together.
fn any_turn() -> impl Strategy<Value = Vec<Value>> {
    prop_oneof![
        (prop::sample::select(vec!["system", "developer", "user", "assistant"]), any_words())
            .prop_map(|(role, text)| vec![json!({"role": role, "content": text})]),
        prop::collection::vec(any_part(), 1..4)
            .prop_map(|parts| vec![json!({"role": "user", "content": parts})]),
        any_words().prop_map(|text| vec![json!({"role": "assistant", "refusal": text})]),
        any_words().prop_map(|text| vec![json!({"role": "assistant", "content": "a", "reasoning": text})]),
        prop::collection::vec((any_words(), any_words()), 1..4).prop_map(|calls| {
            let id = |index: usize| format!("call_{index}");
            let call = |(index, (arguments, _)): (usize, &(String, String))| {
                json!({"id": id(index), "type": "function", "function": {"name": "f", "arguments": arguments}})
            };
            let result = |(index, (_, text)): (usize, &(String, String))| {
                json!({"role": "tool", "tool_call_id": id(index), "content": text})
            };
            let said: Vec<_> = calls.iter().enumerate().map(call).collect();
            let said = json!({"role": "assistant", "content": null, "tool_calls": said});
            [said].into_iter().chain(calls.iter().enumerate().map(result)).collect()
        }),
    ]
}

/// What else a request may say, member by member.
fn any_members() -> impl Strategy<Value = Vec<(&'static str, Value)>> {
    let schema = json!({"type": "object", "properties": {"why": {}, "answer": {}}, "required": []});
    let function = json!({"name": "f", "description": "F.", "parameters": schema, "strict": true});
    let format = json!({"name": "s", "schema": schema, "strict": false});
    let all = vec![
        ("max_completion_tokens", json!(200)),
        ("temperature", json!(1)),
        ("seed", json!(7)),
        ("n", json!(1)),
        ("reasoning_effort", json!("high")),
        ("verbosity", json!("low")),
        ("parallel_tool_calls", json!(false)),
        ("store", json!(true)),
        ("metadata", json!({"a": "b"})),
        ("user", json!("jane")),
        ("prompt_cache_key", json!("k")),
        ("tools", json!([{"type": "function", "function": function}])),
        ("tool_choice", json!({"type": "function", "function": {"name": "f"}})),
        ("response_format", json!({"type": "json_schema", "json_schema": format})),
    ];
    let count = all.len();
    prop::sample::subsequence(all, 0..=count)
}

/// All that a prompt says and that Responses has a word for, and the settings as they are sent.
fn meaning(prompt: &Prompt, with: &[(Parameter, Value)]) -> String {
    let Prompt { items, tools, tool_choice, format, parameters, continues, strange, held } = prompt;
    let mut parameters = parameters.clone();
    for unsaid in [Parameter::Seed, Parameter::N, Parameter::Temperature] {
        parameters.remove(unsaid);
    }
    for (parameter, value) in with {
        if parameters.get(*parameter).is_none() {
            parameters.set(*parameter, value.clone());
        }
    }
    format!("{items:?} {tools:?} {tool_choice:?} {format:?} {parameters:?} {continues:?} {strange:?} {held}")
}

fn prompt(request: &Request) -> &Prompt {
    request.prompt().expect("it is a conversation")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn wherever_a_stream_is_cut_the_client_gets_the_same(
        (client, target, name) in prop::sample::select(STREAMS.to_vec()),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
    ) {
        let bytes = fixture(&format!("{name}.sse"));
        let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.index(bytes.len())).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let pieces: Vec<_> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();

        let cut = heard(client, target, &pieces);

        prop_assert_eq!(cut, heard(client, target, &[&bytes]));
    }

    #[test]
    fn a_chat_request_that_is_said_in_responses_means_the_same(
        turns in prop::collection::vec(any_turn(), 1..6),
        members in any_members(),
        stream in any::<bool>(),
    ) {
        let mut body = json!({"model": "m", "messages": turns.concat(), "stream": stream});
        for (name, value) in members {
            body[name] = value;
        }
        let asked = request(Dialect::Chat, body.to_string().as_bytes());

        let Payload::Openai { dialect: Dialect::Responses, body } = ready(&asked, RESPONSES).unwrap().payload
        else { panic!("it speaks Responses") };
        let again = request(Dialect::Responses, &body);

        let with = [(Parameter::MaxOutputTokens, json!(4_096)), (Parameter::Store, json!(false))];
        prop_assert_eq!(meaning(prompt(&again), &[]), meaning(prompt(&asked), &with));
        prop_assert_eq!(again.stream, asked.stream);
        prop_assert_eq!(again.model, "us.openai.gpt-5.6-sol");
    }
}

#[test]
fn a_stream_that_comes_byte_by_byte_is_the_same() {
    for (client, target, name) in STREAMS {
        let bytes = fixture(&format!("{name}.sse"));

        let cut = heard(client, target, &bytes.chunks(1).collect::<Vec<_>>());

        let (_, name) = name.rsplit_once('/').unwrap();
        assert_eq!(cut, hear(interpreter(&ask(client, true), target), said(target, name)), "{target} {name}");
    }
}
