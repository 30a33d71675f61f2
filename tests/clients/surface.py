"""The official Python client over the whole surface: one line `ok NAME` per check, `FAILED NAME: why` for one that fails.

    surface.py --base-url URL [--key KEY] [--model M] [--embedding-model M] [--plain-model M] [--only PART]

A user text that begins with `call tools` makes the stand-in call them; a real model is asked in words that a person would use
as well. `--plain-model` names a model that takes n and logprobs, and `--only` runs the checks whose name has PART in it.
"""

import argparse
import asyncio
import base64
import struct
import sys
import traceback

import openai
from pydantic import BaseModel

PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
CHAT_TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather in a city.",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}
TOOL = {"type": "function", **CHAT_TOOL["function"]}
ASK_TOOLS = "call tools: what is the weather in Paris and in Rome?"
CHECKS = []


class Place(BaseModel):
    """A place, as a schema for an answer."""

    name: str
    people: int
    tags: list[str]


class Surface:
    """The clients, and the models to ask."""

    def __init__(self, options: argparse.Namespace) -> None:
        common = {"base_url": options.base_url, "api_key": options.key, "max_retries": 0}
        self.client = openai.OpenAI(**common)
        self.later = openai.AsyncOpenAI(**common)
        self.model = options.model
        self.embedding_model = options.embedding_model
        self.plain_model = options.plain_model


def check(function):
    CHECKS.append(function)
    return function


def user(text: str) -> list[dict]:
    return [{"role": "user", "content": text}]


@check
def chat(on: Surface) -> None:
    completion = on.client.chat.completions.create(model=on.model, messages=user("Say hello."))
    assert completion.choices[0].message.content
    assert completion.choices[0].finish_reason == "stop"
    assert completion.usage.total_tokens == completion.usage.prompt_tokens + completion.usage.completion_tokens


@check
def chat_stream(on: Surface) -> None:
    chunks = list(
        on.client.chat.completions.create(
            model=on.model, messages=user("Say hello."), stream=True, stream_options={"include_usage": True}
        )
    )
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert chunks[-1].usage.completion_tokens > 0


@check
def chat_stream_helper(on: Surface) -> None:
    with on.client.chat.completions.stream(model=on.model, messages=user("Say hello.")) as stream:
        kinds = {event.type for event in stream}
        final = stream.get_final_completion()
    assert {"chunk", "content.delta", "content.done"} <= kinds, kinds
    assert final.choices[0].message.content


@check
async def chat_async(on: Surface) -> None:
    completion = await on.later.chat.completions.create(model=on.model, messages=user("Say hello."))
    assert completion.choices[0].message.content


@check
async def chat_async_stream(on: Surface) -> None:
    stream = await on.later.chat.completions.create(model=on.model, messages=user("Say hello."), stream=True)
    assert [chunk async for chunk in stream][-1].choices[0].finish_reason == "stop"


@check
def chat_tools(on: Surface) -> None:
    messages = user(ASK_TOOLS)
    ask = {"model": on.model, "tools": [CHAT_TOOL], "reasoning_effort": "none"}
    message = on.client.chat.completions.create(messages=messages, **ask).choices[0].message
    assert len(message.tool_calls) >= 2
    messages.append(message.model_dump(exclude_none=True))
    for call in message.tool_calls:
        messages.append({"role": "tool", "tool_call_id": call.id, "content": "Sunny."})
    final = on.client.chat.completions.create(messages=messages, **ask).choices[0]
    assert final.finish_reason == "stop" and final.message.content


@check
def chat_tools_stream(on: Surface) -> None:
    ask = {"model": on.model, "tools": [CHAT_TOOL], "reasoning_effort": "none"}
    with on.client.chat.completions.stream(messages=user(ASK_TOOLS), **ask) as stream:
        message = stream.get_final_completion().choices[0].message
    assert len(message.tool_calls) >= 2
    assert all(isinstance(call.function.parsed_arguments, dict) for call in message.tool_calls)


@check
def chat_parse(on: Surface) -> None:
    completion = on.client.chat.completions.parse(
        model=on.model, messages=user("Name a place."), response_format=Place
    )
    assert isinstance(completion.choices[0].message.parsed, Place)


@check
def chat_image(on: Surface) -> None:
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
    content = [{"type": "text", "text": "What is this?"}, image]
    completion = on.client.chat.completions.create(
        model=on.model, messages=[{"role": "user", "content": content}]
    )
    assert completion.choices[0].message.content


@check
def chat_choices_and_logprobs(on: Surface) -> None:
    completion = on.client.chat.completions.create(
        model=on.plain_model, messages=user("Say hello."), n=2, logprobs=True, top_logprobs=2, seed=1
    )
    assert [choice.index for choice in completion.choices] == [0, 1]
    assert len(completion.choices[0].logprobs.content[0].top_logprobs) == 2


@check
def responses(on: Surface) -> None:
    response = on.client.responses.create(model=on.model, input="Say hello.", instructions="Be brief.")
    assert response.status == "completed" and response.output_text
    assert response.usage.input_tokens_details.cached_tokens >= 0


@check
def responses_stream(on: Surface) -> None:
    with on.client.responses.stream(model=on.model, input="Say hello.") as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()
    assert kinds[0] == "response.created" and kinds[-1] == "response.completed", kinds
    assert final.output_text


@check
async def responses_async(on: Surface) -> None:
    response = await on.later.responses.create(model=on.model, input=user("Say hello."))
    assert response.output_text


@check
async def responses_async_stream(on: Surface) -> None:
    stream = await on.later.responses.create(model=on.model, input="Say hello.", stream=True)
    assert [event async for event in stream][-1].type == "response.completed"


@check
def responses_tools(on: Surface) -> None:
    items = user(ASK_TOOLS)
    response = on.client.responses.create(model=on.model, input=items, tools=[TOOL], store=False)
    calls = [item for item in response.output if item.type == "function_call"]
    assert len(calls) >= 2
    items += [item.model_dump(exclude_none=True) for item in response.output]
    items += [{"type": "function_call_output", "call_id": call.call_id, "output": "Sunny."} for call in calls]
    assert on.client.responses.create(model=on.model, input=items, tools=[TOOL], store=False).output_text


@check
def responses_tools_stream(on: Surface) -> None:
    with on.client.responses.stream(model=on.model, input=ASK_TOOLS, tools=[TOOL]) as stream:
        response = stream.get_final_response()
    assert sum(item.type == "function_call" for item in response.output) >= 2


@check
def responses_parse(on: Surface) -> None:
    response = on.client.responses.parse(model=on.model, input="Name a place.", text_format=Place)
    assert isinstance(response.output_parsed, Place)


@check
def responses_image(on: Surface) -> None:
    image = {"type": "input_image", "image_url": f"data:image/png;base64,{PIXEL}", "detail": "auto"}
    content = [{"type": "input_text", "text": "What is this?"}, image]
    assert on.client.responses.create(model=on.model, input=[{"role": "user", "content": content}]).output_text


@check
def responses_reasoning(on: Surface) -> None:
    ask = {"reasoning": {"effort": "low", "summary": "auto"}, "include": ["reasoning.encrypted_content"]}
    with on.client.responses.stream(model=on.model, input="Say hello.", store=False, **ask) as stream:
        kinds = {event.type for event in stream}
        response = stream.get_final_response()
    thought = response.output[0]
    assert thought.type == "reasoning" and thought.summary and thought.encrypted_content
    assert "response.reasoning_summary_text.delta" in kinds
    items = [*user("Say hello."), *(item.model_dump(exclude_none=True) for item in response.output), *user("More.")]
    assert on.client.responses.create(model=on.model, input=items, store=False).output_text


@check
def responses_go_on(on: Surface) -> None:
    first = on.client.responses.create(model=on.model, input="Say hello.")
    second = on.client.responses.create(model=on.model, input="More.", previous_response_id=first.id)
    assert second.usage.input_tokens > first.usage.input_tokens
    assert second.previous_response_id == first.id


@check
def embeddings(on: Surface) -> None:
    # The client asks for base64 unless it is told otherwise, and turns it into numbers.
    default = on.client.embeddings.create(model=on.embedding_model, input=["Say hello.", "Bye."])
    floats = on.client.embeddings.create(
        model=on.embedding_model, input=["Say hello.", "Bye."], encoding_format="float"
    )
    assert [entry.index for entry in floats.data] == [0, 1]
    for left, right in zip(default.data, floats.data):
        assert max(abs(a - b) for a, b in zip(left.embedding, right.embedding, strict=True)) < 1e-6
    assert abs(sum(a * a for a in floats.data[0].embedding) - 1) < 1e-4


@check
async def embeddings_base64(on: Surface) -> None:
    answer = await on.later.embeddings.create(
        model=on.embedding_model, input="Say hello.", encoding_format="base64", dimensions=256
    )
    assert len(struct.unpack("<256f", base64.b64decode(answer.data[0].embedding))) == 256


@check
def models(on: Surface) -> None:
    assert on.model in [model.id for model in on.client.models.list()]
    assert on.client.models.retrieve(on.model).id == on.model


@check
def errors(on: Surface) -> None:
    try:
        on.client.chat.completions.create(model="no-such-model", messages=user("Say hello."))
    except openai.APIStatusError as error:
        assert error.status_code in (403, 404), error
        assert error.code and error.type, error.body
        return
    raise AssertionError("an unknown model was served")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--key", default="sk-surface")
    parser.add_argument("--model", default="gpt-5.5")
    parser.add_argument("--embedding-model", default="text-embedding-3-small")
    parser.add_argument("--plain-model", default="gpt-4.1")
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    failures = asyncio.run(run(Surface(options), options.only))
    return 1 if failures else 0


async def run(on: Surface, only: str) -> int:
    failures = 0
    for function in CHECKS:
        if only not in function.__name__:
            continue
        try:
            outcome = function(on)
            if asyncio.iscoroutine(outcome):
                await outcome
            print(f"ok {function.__name__}", flush=True)
        except Exception as error:  # Whatever the client does not like is a failure.
            failures += 1
            print(f"FAILED {function.__name__}: {type(error).__name__}: {error}", flush=True)
            traceback.print_exc()
    return failures


if __name__ == "__main__":
    sys.exit(main())
