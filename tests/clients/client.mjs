// The official Node client, driven over argv by the end-to-end test: one JSON line on stdout per event.
//
//     node client.mjs chat|stream|models|error [options]
//     node client.mjs leave CHUNKS [options]
//
// OPENAI_BASE_URL and OPENAI_API_KEY say where and with which key. `at_us` is microseconds since the epoch, never going back.
// Every command but `error` exits with 1 when the call fails; `error` does so when the call succeeds.

import { parseArgs } from 'node:util';
import OpenAI from 'openai';

const SHOWN_HEADERS = /^x-(tollgate|ratelimit)-/;
const COMMANDS = { chat, stream, models, leave, error: chat };

async function main() {
  const { command, options } = readOptions();
  // Retries would hide refusals and double the calls that a test counts.
  const client = new OpenAI({ maxRetries: 0, defaultHeaders: options.headers });
  const expectsError = command === 'error';
  try {
    await COMMANDS[command](client, options);
  } catch (error) {
    // A connection that breaks amid a stream is fetch's own error here, not one of the library's.
    if (!(error instanceof OpenAI.APIError) && error.message !== 'terminated') throw error;
    say('error', describe(error));
    return expectsError ? 0 : 1;
  }
  return expectsError ? 1 : 0;
}

function readOptions() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      model: { type: 'string', default: 'gpt-5.5' },
      text: { type: 'string', default: 'Say hello.' },
      'include-usage': { type: 'boolean', default: false },
      'max-tokens': { type: 'string' },
      header: { type: 'string', multiple: true, default: [] },
    },
  });
  const [command, chunks = '1'] = positionals;
  if (!Object.hasOwn(COMMANDS, command ?? '')) {
    throw new TypeError(`the command is one of ${Object.keys(COMMANDS).join(', ')}`);
  }
  return { command, options: { ...values, chunks: Number(chunks), headers: Object.fromEntries(values.header.map(header)) } };
}

function header(option) {
  const at = option.indexOf('=');
  if (at < 0) throw new TypeError(`${option} is not NAME=VALUE`);
  return [option.slice(0, at), option.slice(at + 1)];
}

async function chat(client, options) {
  const { data: completion, response } = await client.chat.completions.create(request(options)).withResponse();
  const [choice] = completion.choices;
  say('answer', {
    content: choice.message.content,
    finish_reason: choice.finish_reason,
    model: completion.model,
    usage: completion.usage ?? null,
    headers: shown(response.headers),
  });
}

async function stream(client, options) {
  let usage = null;
  let count = 0;
  for await (const chunk of await openStream(client, options)) {
    sayChunk(chunk);
    usage = chunk.usage ?? usage;
    count += 1;
  }
  say('end', { at_us: nowUs(), chunks: count, usage });
}

async function leave(client, options) {
  const chunks = await openStream(client, options);
  let left = options.chunks;
  for await (const chunk of chunks) {
    sayChunk(chunk);
    left -= 1;
    if (left === 0) break;
  }
  chunks.controller.abort();
  say('left', { at_us: nowUs() });
}

async function models(client) {
  const { data: page, response } = await client.models.list().withResponse();
  say('models', { ids: page.data.map((model) => model.id), headers: shown(response.headers) });
}

async function openStream(client, options) {
  const extra = options['include-usage'] ? { stream_options: { include_usage: true } } : {};
  const call = client.chat.completions.create({ ...request(options), stream: true, ...extra });
  const { data: chunks, response } = await call.withResponse();
  say('headers', { at_us: nowUs(), headers: shown(response.headers) });
  return chunks;
}

function request(options) {
  const cap = options['max-tokens'];
  return {
    model: options.model,
    messages: [{ role: 'user', content: options.text }],
    ...(cap === undefined ? {} : { max_completion_tokens: Number(cap) }),
  };
}

function sayChunk(chunk) {
  const choice = chunk.choices[0];
  say('chunk', {
    at_us: nowUs(),
    content: choice?.delta.content ?? null,
    finish_reason: choice?.finish_reason ?? null,
  });
}

function describe(error) {
  return {
    class: error.constructor.name,
    status: error.status ?? null,
    code: error.code ?? null,
    type: error.type ?? null,
    param: error.param ?? null,
    message: error.error?.message ?? error.message,
    retry_after: error.headers?.get('retry-after') ?? null,
    headers: error.headers ? shown(error.headers) : {},
  };
}

function shown(headers) {
  return Object.fromEntries([...headers].filter(([name]) => SHOWN_HEADERS.test(name)));
}

function nowUs() {
  return Math.round((performance.timeOrigin + performance.now()) * 1000);
}

function say(event, fields) {
  process.stdout.write(`${JSON.stringify({ event, ...fields })}\n`);
}

process.exitCode = await main();
