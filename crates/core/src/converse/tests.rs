use super::*;
use crate::catalogue::Catalogue;

fn target(id: &str) -> Target {
    let catalogue: Catalogue =
        serde_json::from_str(include_str!("../../../../config/catalogue.json")).unwrap();
    catalogue.targets[id].clone()
}

fn request(members: &str) -> ChatRequest {
    ChatRequest::parse(format!(r#"{{"model":"gpt-oss-120b",{members}}}"#).as_bytes()).unwrap()
}

const OSS: &str = "runtime-us-east-1/gpt-oss-120b";

#[test]
fn a_conversation_is_said_in_converse() {
    let request = request(
        r#""messages":[{"role":"system","content":"be brief"},{"role":"developer","content":"no lists"},
           {"role":"user","content":"a"},{"role":"user","content":[{"type":"text","text":"b"}]},
           {"role":"assistant","content":"c"},{"role":"user","content":"d"}],
           "temperature":0.5,"stop":"x","reasoning_effort":"low","user":"u""#,
    );

    let converse = to_converse(&request, &target(OSS), 50).unwrap();

    insta::assert_json_snapshot!(converse, @r###"
    {
      "system": [
        "be brief",
        "no lists"
      ],
      "messages": [
        {
          "speaker": "user",
          "texts": [
            "a",
            "b"
          ]
        },
        {
          "speaker": "assistant",
          "texts": [
            "c"
          ]
        },
        {
          "speaker": "user",
          "texts": [
            "d"
          ]
        }
      ],
      "maxTokens": 50,
      "temperature": 0.5,
      "topP": null,
      "stopSequences": [
        "x"
      ],
      "additional": {
        "reasoning_effort": "low"
      }
    }
    "###);
}

#[test]
fn what_would_change_its_meaning_is_unfit() {
    let user = r#""messages":[{"role":"user","content":"a"}]"#;
    let cases = [
        (format!(r#"{user},"tools":[]"#), "tools"),
        (format!(r#"{user},"n":2"#), "n"),
        (format!(r#"{user},"logprobs":true"#), "logprobs"),
        (format!(r#"{user},"temperature":"hot""#), "temperature"),
        (format!(r#"{user},"stop":7"#), "stop"),
        (r#""messages":[{"role":"assistant","content":"a"}]"#.to_owned(), "messages"),
        (r#""messages":[{"role":"system","content":"a"}]"#.to_owned(), "messages"),
        (r#""messages":[{"role":"user","content":""}]"#.to_owned(), "messages"),
        (
            r#""messages":[{"role":"user","content":"a"},{"role":"system","content":"b"}]"#.to_owned(),
            "messages",
        ),
        (
            r#""messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}}]}]"#
                .to_owned(),
            "messages",
        ),
    ];
    for (members, name) in cases {
        assert_eq!(to_converse(&request(&members), &target(OSS), 1).unwrap_err().field, name, "{members}");
    }
}

#[test]
fn a_target_says_what_it_refuses() {
    let request = request(r#""messages":[{"role":"user","content":"a"}],"temperature":1"#);

    assert_eq!(fits(&request, &target("runtime-us-east-1/gpt-5.6-sol")).unwrap_err().field, "temperature");
    assert_eq!(fits(&request, &target("mantle-us-east-1/gpt-5.5")), Ok(()));
}

#[test]
fn an_answer_is_a_chat_completion() {
    let writer = ChatWriter::new("r1", "m", Timestamp::from_secs(7));
    let usage = Usage { input: 3, output: 2, ..Usage::default() };

    // Compared as values: the order of keys depends on which crates are built along (serde_json's `preserve_order`).
    let body: Value = serde_json::from_slice(&writer.completion("hi", "stop", usage)).unwrap();
    let message = json!({"role": "assistant", "content": "hi", "refusal": null});
    assert_eq!(
        body,
        json!({
            "id": "chatcmpl-r1", "object": "chat.completion", "created": 7, "model": "m",
            "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": "stop"}],
            "usage": {
                "prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5,
                "prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
                "completion_tokens_details": {"reasoning_tokens": 0},
            },
        })
    );
    let chunk = crate::completion::glimpse(&writer.usage(usage)).unwrap();
    assert!(chunk.is_usage_chunk);
}

#[test]
fn no_unknown_price_for_another_service_tier() {
    let mantle = target("mantle-us-east-1/gpt-oss-120b");
    let asks = |tier: &str| {
        request(&format!(r#""messages":[{{"role":"user","content":"a"}}],"service_tier":{tier}"#))
    };

    for tier in [r#""default""#, r#""auto""#, "null"] {
        assert_eq!(fits(&asks(tier), &mantle), Ok(()), "{tier}");
    }
    for tier in [r#""priority""#, r#""flex""#, r#""scale""#, "5"] {
        assert_eq!(fits(&asks(tier), &mantle).unwrap_err().field, "service_tier", "{tier}");
    }
}
