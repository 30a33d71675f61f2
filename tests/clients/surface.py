"""The official Python client and LangChain over the whole surface: one line `ok <check>` each, and exit 1 at the first that fails.

    surface.py MODEL...              chat and responses of these models
    surface.py --embed MODEL...      embeddings of these models

OPENAI_BASE_URL and OPENAI_API_KEY say where and with which key. What is asked lets the provider stand-in call tools
(`call tool …`) and answer with the least JSON that a schema allows.
"""

import argparse
import asyncio
import sys
import uuid

import openai
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel

PIXEL = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
SCHEMA = {
    "type": "object",
    "properties": {"input": {"type": "string"}},
    "required": ["input"],
    "additionalProperties": False,
}


class City(BaseModel):
    name: str
    people: int


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("models", nargs="+")
    parser.add_argument("--embed", action="store_true")
    parser.add_argument("--without", action="append", default=[], help="part of a check's name")
    options = parser.parse_args()
    # Retries would hide refusals.
    client = openai.OpenAI(max_retries=0)
    for model in options.models:
        for check in EMBEDDING_CHECKS if options.embed else TALK_CHECKS:
            if any(part in check.__name__ for part in options.without):
                continue
            check(client, model)
            print(f"ok {model} {check.__name__}", flush=True)
    return 0


def models(client: openai.OpenAI, model: str) -> None:
    assert model in [listed.id for listed in client.models.list()]
    assert client.models.retrieve(model).id == model


def chat(client: openai.OpenAI, model: str) -> None:
    completion = client.chat.completions.create(model=model, messages=[user(f"Say hello, {model}.")])
    choice = completion.choices[0]
    assert choice.finish_reason == "stop" and "Say hello" in choice.message.content, completion
    assert completion.usage.total_tokens == completion.usage.prompt_tokens + completion.usage.completion_tokens > 0


def chat_async(_client: openai.OpenAI, model: str) -> None:
    async def ask() -> str:
        async with openai.AsyncOpenAI(max_retries=0) as client:
            stream = await client.chat.completions.create(
                model=model, messages=[user(f"Say it bit by bit, {model}.")], stream=True
            )
            return "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])

    assert "Say it bit by bit" in asyncio.run(ask())


def chat_stream(client: openai.OpenAI, model: str) -> None:
    with client.chat.completions.stream(
        model=model, messages=[user(f"Stream, {model}.")], stream_options={"include_usage": True}
    ) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_completion()
    assert "content.delta" in kinds, kinds
    assert final.choices[0].finish_reason == "stop" and "Stream" in final.choices[0].message.content, final
    assert final.usage.completion_tokens > 0, final


def chat_tools(client: openai.OpenAI, model: str) -> None:
    messages = [user(f"call tool for {model}")]
    tools = [{"type": "function", "function": {"name": "look_up", "description": "Looks up.", "parameters": SCHEMA}}]
    asked = client.chat.completions.create(model=model, messages=messages, tools=tools).choices[0]
    assert asked.finish_reason == "tool_calls", asked
    [call] = asked.message.tool_calls
    assert call.function.name == "look_up" and '"input"' in call.function.arguments, call
    with client.chat.completions.stream(model=model, messages=messages, tools=tools) as stream:
        final = stream.get_final_completion().choices[0]
    assert final.message.tool_calls[0].function.arguments == call.function.arguments, final
    messages += [
        asked.message.model_dump(exclude_none=True),
        {"role": "tool", "tool_call_id": call.id, "content": "42"},
        user("Thank you."),
    ]
    answered = client.chat.completions.create(model=model, messages=messages, tools=tools).choices[0]
    assert answered.finish_reason == "stop" and answered.message.content, answered


def chat_structured(client: openai.OpenAI, model: str) -> None:
    completion = client.chat.completions.parse(
        model=model, messages=[user(f"A city, {model}.")], response_format=City
    )
    assert isinstance(completion.choices[0].message.parsed, City), completion


def chat_image(client: openai.OpenAI, model: str) -> None:
    content = [
        {"type": "text", "text": f"What is this, {model}?"},
        {"type": "image_url", "image_url": {"url": PIXEL}},
    ]
    completion = client.chat.completions.create(model=model, messages=[{"role": "user", "content": content}])
    assert completion.choices[0].message.content, completion


def idempotency(client: openai.OpenAI, model: str) -> None:
    # An answer is there to be replayed shortly after it ended; until then the client waits as it is told.
    patient = client.with_options(max_retries=5)
    key = {"Idempotency-Key": f"surface-{uuid.uuid4()}"}
    # A text of its own: a hit of the exact cache would need no claim.
    asked = {"model": model, "messages": [user(f"Say it once, {uuid.uuid4()}.")], "extra_headers": key}
    said = [patient.chat.completions.with_raw_response.create(**asked) for _ in range(2)]
    assert said[0].text == said[1].text, said
    first, again = [raw.headers for raw in said]
    assert "idempotent-replayed" not in first and again["idempotent-replayed"] == "true", again
    assert again["x-tollgate-original-request-id"] == first["x-tollgate-request-id"], again
    assert (again["x-tollgate-cache"], again["x-tollgate-cost-usd"]) == ("replay", "0"), again

    streamed = {**asked, "stream": True, "extra_headers": {"Idempotency-Key": f"surface-{uuid.uuid4()}"}}
    told = [[chunk.to_json() for chunk in patient.chat.completions.create(**streamed)] for _ in range(2)]
    assert told[0] == told[1] and len(told[0]) > 2, told

    try:
        patient.chat.completions.create(**{**asked, "messages": [user("Something else.")]})
    except openai.ConflictError as error:
        assert error.code == "idempotency_key_reused", error
    else:
        raise AssertionError("another body under the same key was answered")


def responses(client: openai.OpenAI, model: str) -> None:
    response = client.responses.create(model=model, input=f"Respond, {model}.", instructions="Be brief.")
    assert response.status == "completed" and "Respond" in response.output_text, response
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens > 0


def responses_async(_client: openai.OpenAI, model: str) -> None:
    async def ask() -> str:
        async with openai.AsyncOpenAI(max_retries=0) as client:
            return (await client.responses.create(model=model, input=f"Respond soon, {model}.")).output_text

    assert "Respond soon" in asyncio.run(ask())


def responses_stream(client: openai.OpenAI, model: str) -> None:
    with client.responses.stream(model=model, input=f"Respond bit by bit, {model}.") as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()
    assert kinds[0] == "response.created" and kinds[-1] == "response.completed", kinds
    assert "response.output_text.delta" in kinds and "Respond bit by bit" in final.output_text, final
    assert final.usage.output_tokens > 0, final


def responses_tools(client: openai.OpenAI, model: str) -> None:
    tools = [{"type": "function", "name": "look_up", "description": "Looks up.", "parameters": SCHEMA, "strict": True}]
    asked = client.responses.create(model=model, input=f"call tool for {model}", tools=tools, store=False)
    [call] = [item for item in asked.output if item.type == "function_call"]
    assert call.name == "look_up" and '"input"' in call.arguments, asked
    with client.responses.stream(model=model, input=f"call tool for {model}", tools=tools, store=False) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()
    assert "response.function_call_arguments.delta" in kinds, kinds
    assert [item.arguments for item in final.output if item.type == "function_call"] == [call.arguments], final
    history = [
        {"role": "user", "content": f"call tool for {model}"},
        {"type": "function_call", "call_id": call.call_id, "name": call.name, "arguments": call.arguments},
        {"type": "function_call_output", "call_id": call.call_id, "output": "42"},
        {"role": "user", "content": "Thank you."},
    ]
    answered = client.responses.create(model=model, input=history, tools=tools, store=False)
    assert answered.status == "completed" and answered.output_text, answered


def responses_structured(client: openai.OpenAI, model: str) -> None:
    response = client.responses.parse(model=model, input=f"Another city, {model}.", text_format=City)
    assert isinstance(response.output_parsed, City), response


def responses_image(client: openai.OpenAI, model: str) -> None:
    content = [
        {"type": "input_text", "text": f"And this, {model}?"},
        {"type": "input_image", "image_url": PIXEL, "detail": "auto"},
    ]
    response = client.responses.create(model=model, input=[{"role": "user", "content": content}])
    assert response.output_text, response


def langchain(_client: openai.OpenAI, model: str) -> None:
    @tool
    def look_up(input: str) -> str:
        """Looks up."""
        return "42"

    for uses_responses in (False, True):
        llm = ChatOpenAI(model=model, max_retries=0, use_responses_api=uses_responses)
        assert "LangChain" in llm.invoke(f"Hello from LangChain, {model}.").text
        assert "LangChain" in "".join(piece.text for piece in llm.stream(f"Stream to LangChain, {model}."))
        question = HumanMessage(f"call tool of LangChain, {model}")
        asked = llm.bind_tools([look_up]).invoke([question])
        [call] = asked.tool_calls
        assert call["name"] == "look_up" and "input" in call["args"], asked
        talk = [question, asked, ToolMessage("42", tool_call_id=call["id"]), HumanMessage("Thank you.")]
        assert llm.bind_tools([look_up]).invoke(talk).text
        assert isinstance(llm.with_structured_output(City, method="json_schema").invoke(f"City, {model}."), City)


def embeddings(client: openai.OpenAI, model: str) -> None:
    packed = client.embeddings.create(model=model, input=["one", "two"])
    plain = client.embeddings.create(model=model, input="one", encoding_format="float")
    assert [item.index for item in packed.data] == [0, 1], packed
    assert len(packed.data[0].embedding) == len(plain.data[0].embedding) > 100
    differences = [abs(a - b) for a, b in zip(packed.data[0].embedding, plain.data[0].embedding)]
    assert max(differences) < 1e-6, max(differences)
    assert packed.usage.prompt_tokens > 0, packed.usage


def embeddings_smaller(client: openai.OpenAI, model: str) -> None:
    answer = client.embeddings.create(model=model, input=f"small {model}", dimensions=256)
    assert len(answer.data[0].embedding) == 256


def langchain_embeddings(_client: openai.OpenAI, model: str) -> None:
    # Texts go as they are: token ids are understood by OpenAI's own models only.
    vectors = OpenAIEmbeddings(model=model, check_embedding_ctx_length=False, max_retries=0)
    assert len(vectors.embed_documents(["one", "two"])) == 2


def user(text: str) -> dict:
    return {"role": "user", "content": text}


TALK_CHECKS = [
    models,
    chat,
    chat_async,
    chat_stream,
    chat_tools,
    chat_structured,
    chat_image,
    idempotency,
    responses,
    responses_async,
    responses_stream,
    responses_tools,
    responses_structured,
    responses_image,
    langchain,
]
EMBEDDING_CHECKS = [models, embeddings, embeddings_smaller, langchain_embeddings]

if __name__ == "__main__":
    sys.exit(main())
