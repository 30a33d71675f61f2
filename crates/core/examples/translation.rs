//! How long it takes to make a request ready and to tell its answer, per pair of dialects, on this machine: the median of
//! many rounds, and its ratio to passing the bytes. `cargo run --release -p tollgate-core --example translation`

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "it measures, and says what it measured"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use serde_json::json;
use tollgate_core::budget::{Budget, FlowPolicy};
use tollgate_core::cache::key::Asked;
use tollgate_core::cache::{CachePolicy, Sharing};
use tollgate_core::caller::{Caller, Role};
use tollgate_core::catalogue::Catalogue;
use tollgate_core::dialect::Dialect;
use tollgate_core::event::{Event, FinishReason};
use tollgate_core::interpreter::{Gatherer, Hearing, Interpreter, Telling};
use tollgate_core::model::Said;
use tollgate_core::output_policy::OutputPolicy;
use tollgate_core::ready::{Manner, Ready};
use tollgate_core::request::Request;
use tollgate_core::time::Timestamp;
use tollgate_core::usage::Usage;

const ROUNDS: usize = 301;
const CHUNKS: usize = 200;

/// A client's dialect, a target, and what a stream of it says.
struct Pair {
    name: &'static str,
    dialect: Dialect,
    target: &'static str,
    said: Vec<Said>,
}

fn main() {
    let catalogue: Catalogue = serde_json::from_str(include_str!("../../../config/catalogue.json"))
        .expect("the shipped catalogue is valid");
    let kilobytes = 16;
    println!("a request of {kilobytes} KB, and a stream of {CHUNKS} pieces; medians of {ROUNDS} rounds\n");
    println!(
        "{:<26} {:>12} {:>8} {:>14} {:>8} {:>14} {:>8}",
        "client → target", "request", "ratio", "per piece", "ratio", "gathered", "ratio"
    );
    let mut passed = None;
    for pair in pairs() {
        let body = body(pair.dialect, kilobytes);
        let request_time = median(|| {
            let request = Request::parse(pair.dialect, &body).expect("the request is right");
            let target = (pair.target, &catalogue.targets[pair.target]);
            let settings = request.parameters();
            let ready = Ready::new(&request, target, &Manner::as_asked(&settings));
            black_box(ready.expect("the target takes it"));
        });
        let request = Request::parse(pair.dialect, &body).expect("the request is right");
        let target = (pair.target, &catalogue.targets[pair.target]);
        let settings = request.parameters();
        let ready = Ready::new(&request, target, &Manner::as_asked(&settings)).expect("the target takes it");
        let telling = Telling {
            request: &request,
            request_id: "r-1",
            model: "model",
            target_id: pair.target,
            now: Timestamp::from_secs(1_795_348_800),
        };
        let (stream_time, gathered_time) = measure_answer(&pair, ready.hearing, &telling);
        let per_piece = |time: Duration| time / u32::try_from(CHUNKS).unwrap_or(1);
        let (piece_time, gathered_time) = (per_piece(stream_time), per_piece(gathered_time));
        let (of_request, of_piece) = *passed.get_or_insert((request_time, piece_time));
        println!(
            "{:<26} {:>12} {:>8} {:>14} {:>8} {:>14} {:>8}",
            pair.name,
            format!("{request_time:.1?}"),
            ratio(request_time, of_request),
            format!("{piece_time:.1?}"),
            ratio(piece_time, of_piece),
            format!("{gathered_time:.1?}"),
            ratio(gathered_time, of_piece),
        );
    }
    measure_key(kilobytes);
}

/// What a stream takes that is told as it comes, and one that is gathered.
fn measure_answer(pair: &Pair, hearing: Hearing, telling: &Telling<'_>) -> (Duration, Duration) {
    let told = median(|| {
        let mut interpreter = Interpreter::new(hearing, telling);
        for said in &pair.said {
            black_box(interpreter.hear(said.clone()).expect("the answer is right"));
        }
        black_box(interpreter.end());
    });
    let gathered = median(|| {
        let mut gatherer = Gatherer::new(hearing, telling, None);
        for said in &pair.said {
            black_box(gatherer.hear(said.clone()).expect("the answer is right"));
        }
        black_box(gatherer.whole().expect("the answer is whole"));
    });
    (told, gathered)
}

/// What the cache's key takes, beside reading the request.
fn measure_key(kilobytes: usize) {
    let body = body(Dialect::Chat, kilobytes);
    let read = || Request::parse(Dialect::Chat, &body).expect("the request is right");
    let (parse, request) = (median(|| drop(black_box(read()))), read());
    let name = |text: &str| text.parse().expect("it is a name");
    let caller = Caller {
        key_id: name("k"),
        user: name("u"),
        team: name("t"),
        tenant: name("default"),
        role: Role::Caller,
        models: Vec::new(),
        budget: Budget::default(),
        flow: FlowPolicy::default(),
        output: OutputPolicy::default(),
        sharing: Sharing::Tenant,
    };
    let policy = CachePolicy::default();
    let asked = Asked {
        caller: &caller,
        sharing: Sharing::Tenant,
        request: &request,
        template: None,
        is_strict: false,
        route: "",
        policy: &policy,
        stops: &[],
    };
    let key = median(|| drop(black_box(asked.key())));
    println!("\nkey of the cache: {key:.1?}, {} of reading the request ({parse:.1?})", ratio(key, parse));
}

fn pairs() -> Vec<Pair> {
    let pair = |name, dialect, target, said| Pair { name, dialect, target, said };
    vec![
        pair("chat → chat", Dialect::Chat, "mantle-us-east-1/gpt-5.5", chat_stream()),
        pair("responses → responses", Dialect::Responses, "mantle-us-east-1/gpt-5.5", responses_stream()),
        pair("chat → responses", Dialect::Chat, "runtime-openai-us-east-1/gpt-5.6-sol", responses_stream()),
        pair("chat → converse", Dialect::Chat, "runtime-us-east-1/gpt-5.6-sol", converse_stream()),
        pair("chat → invoke", Dialect::Chat, "invoke-us-east-1/gpt-oss-120b", chat_stream()),
        pair("responses → converse", Dialect::Responses, "runtime-us-east-1/gpt-5.6-sol", converse_stream()),
    ]
}

/// A conversation of about this many kilobytes.
fn body(dialect: Dialect, kilobytes: usize) -> Vec<u8> {
    let text = "How does a toll gate know whom to let through? ".repeat(11);
    let turns: Vec<_> = (0..kilobytes * 2)
        .map(|turn| json!({"role": if turn % 2 == 0 { "user" } else { "assistant" }, "content": text}))
        .collect();
    let tools = json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]});
    let body = match dialect {
        Dialect::Responses => json!({
            "model": "m", "input": turns, "stream": true, "max_output_tokens": 500,
            "tools": [{"type": "function", "name": "f", "parameters": tools}]
        }),
        Dialect::Chat | Dialect::Embeddings => json!({
            "model": "m", "messages": turns, "stream": true, "max_completion_tokens": 500,
            "tools": [{"type": "function", "function": {"name": "f", "parameters": tools}}]
        }),
    };
    body.to_string().into_bytes()
}

fn chat_stream() -> Vec<Said> {
    let piece = |delta: serde_json::Value, finish: Option<&str>| {
        let chunk = json!({
            "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m",
            "choices": [{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}]
        });
        Said::Json(chunk.to_string().into())
    };
    let mut said: Vec<_> = (0..CHUNKS).map(|_| piece(json!({"content": "word "}), None)).collect();
    said.push(piece(json!({}), Some("stop")));
    said
}

fn responses_stream() -> Vec<Said> {
    let item = json!({"id": "msg_1", "type": "message", "role": "assistant", "status": "in_progress", "content": []});
    let response =
        |status: &str| json!({"id": "resp_1", "object": "response", "status": status, "output": []});
    let event = |event: serde_json::Value| Said::Json(event.to_string().into());
    let mut said = vec![
        event(json!({"type": "response.created", "response": response("in_progress")})),
        event(json!({"type": "response.output_item.added", "output_index": 0, "item": item})),
    ];
    said.extend((0..CHUNKS).map(|number| {
        event(json!({
            "type": "response.output_text.delta", "item_id": "msg_1", "output_index": 0, "content_index": 0,
            "delta": "word ", "sequence_number": number + 2
        }))
    }));
    said.push(event(json!({"type": "response.completed", "response": response("completed")})));
    said
}

fn converse_stream() -> Vec<Said> {
    let mut said: Vec<_> = (0..CHUNKS).map(|_| Said::Events(vec![Event::Text("word ".to_owned())])).collect();
    let usage = Usage { input: 10, output: 10, ..Usage::default() };
    said.push(Said::Events(vec![Event::Finish(FinishReason::Stop), Event::Usage(usage)]));
    said
}

fn median(mut round: impl FnMut()) -> Duration {
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let begun = Instant::now();
            round();
            begun.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[ROUNDS / 2]
}

fn ratio(time: Duration, base: Duration) -> String {
    let hundredths = time.as_nanos() * 100 / base.as_nanos().max(1);
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}
