"""The official Python client, driven over argv by the end-to-end test: one JSON line on stdout per event.

    client.py chat|stream|models|error [options]
    client.py leave CHUNKS [options]

OPENAI_BASE_URL and OPENAI_API_KEY say where and with which key. `at_us` is microseconds since the epoch, never going back.
Every command but `error` exits with 1 when the call fails; `error` does so when the call succeeds.
"""

import argparse
import json
import sys
import time

import openai

EPOCH_NS = time.time_ns() - time.monotonic_ns()
SHOWN_HEADERS = ("x-tollgate-", "x-ratelimit-")


def main() -> int:
    options = read_options()
    # Retries would hide refusals and double the calls that a test counts.
    client = openai.OpenAI(max_retries=0, default_headers=dict(options.header))
    expects_error = options.command == "error"
    try:
        COMMANDS[options.command](client, options)
    except openai.APIError as error:
        say("error", **describe(error))
        return 0 if expects_error else 1
    return 1 if expects_error else 0


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("chunks", nargs="?", type=int, default=1)
    parser.add_argument("--model", default="gpt-5.5")
    parser.add_argument("--text", default="Say hello.")
    parser.add_argument("--include-usage", action="store_true")
    parser.add_argument("--max-tokens", type=int)
    parser.add_argument("--header", action="append", default=[], type=header)
    return parser.parse_args()


def header(option: str) -> tuple[str, str]:
    name, separator, value = option.partition("=")
    if not separator:
        raise argparse.ArgumentTypeError(f"{option!r} is not NAME=VALUE")
    return name, value


def chat(client: openai.OpenAI, options: argparse.Namespace) -> None:
    raw = client.chat.completions.with_raw_response.create(**request(options))
    completion = raw.parse()
    choice = completion.choices[0]
    say(
        "answer",
        content=choice.message.content,
        finish_reason=choice.finish_reason,
        model=completion.model,
        usage=dump(completion.usage),
        headers=shown(raw.headers),
    )


def stream(client: openai.OpenAI, options: argparse.Namespace) -> None:
    chunks = open_stream(client, options)
    usage = None
    count = 0
    for count, chunk in enumerate(chunks, start=1):
        say_chunk(chunk)
        usage = chunk.usage or usage
    say("end", at_us=now_us(), chunks=count, usage=dump(usage))


def leave(client: openai.OpenAI, options: argparse.Namespace) -> None:
    with open_stream(client, options) as chunks:
        for _, chunk in zip(range(options.chunks), chunks):
            say_chunk(chunk)
    say("left", at_us=now_us())


def models(client: openai.OpenAI, _options: argparse.Namespace) -> None:
    raw = client.models.with_raw_response.list()
    say("models", ids=[model.id for model in raw.parse()], headers=shown(raw.headers))


def open_stream(client: openai.OpenAI, options: argparse.Namespace) -> openai.Stream:
    extra = {"stream_options": {"include_usage": True}} if options.include_usage else {}
    raw = client.chat.completions.with_raw_response.create(**request(options), stream=True, **extra)
    say("headers", at_us=now_us(), headers=shown(raw.headers))
    return raw.parse()


def request(options: argparse.Namespace) -> dict:
    body = {"model": options.model, "messages": [{"role": "user", "content": options.text}]}
    if options.max_tokens is not None:
        body["max_completion_tokens"] = options.max_tokens
    return body


def say_chunk(chunk) -> None:
    choice = chunk.choices[0] if chunk.choices else None
    say(
        "chunk",
        at_us=now_us(),
        content=choice and choice.delta.content,
        finish_reason=choice and choice.finish_reason,
    )


def describe(error: openai.APIError) -> dict:
    response = getattr(error, "response", None)
    body = error.body if isinstance(error.body, dict) else {}
    return {
        "class": type(error).__name__,
        "status": getattr(error, "status_code", None),
        "code": error.code,
        "type": error.type,
        "param": error.param,
        "message": body.get("message", error.message),
        "retry_after": response.headers.get("retry-after") if response else None,
        "headers": shown(response.headers) if response else {},
    }


def shown(headers) -> dict:
    return {name.lower(): value for name, value in headers.items() if name.lower().startswith(SHOWN_HEADERS)}


def dump(usage) -> dict | None:
    return usage.to_dict() if usage else None


def now_us() -> int:
    return (EPOCH_NS + time.monotonic_ns()) // 1000


def say(event: str, **fields) -> None:
    print(json.dumps({"event": event, **fields}), flush=True)


COMMANDS = {"chat": chat, "stream": stream, "models": models, "leave": leave, "error": chat}

if __name__ == "__main__":
    sys.exit(main())
