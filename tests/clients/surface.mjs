// The official Node client over the whole surface: one line `ok NAME` per check, `FAILED NAME: why` for one that fails.
//
//     node surface.mjs --base-url URL [--key KEY] [--model M] [--embedding-model M] [--plain-model M] [--only PART]
//
// A user text that begins with `call tools` makes the stand-in call them. `--plain-model` names a model that takes n and
// logprobs, and `--only` runs the checks whose name has PART in it.

import assert from 'node:assert/strict';
import { parseArgs } from 'node:util';
import OpenAI from 'openai';

const PIXEL =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const ASK_TOOLS = 'call tools: what is the weather in Paris and in Rome?';
const WEATHER = {
  name: 'weather',
  description: 'The weather in a city.',
  strict: true,
  parameters: {
    type: 'object',
    properties: { city: { type: 'string' } },
    required: ['city'],
    additionalProperties: false,
  },
};
const CHAT_TOOL = { type: 'function', function: WEATHER };
const TOOL = { type: 'function', ...WEATHER };
const PLACE = {
  name: 'place',
  strict: true,
  schema: {
    type: 'object',
    properties: { name: { type: 'string' }, people: { type: 'integer' } },
    required: ['name', 'people'],
    additionalProperties: false,
  },
};

const user = (content) => [{ role: 'user', content }];

async function collect(stream) {
  const items = [];
  for await (const item of stream) items.push(item);
  return items;
}

const CHECKS = {
  async chat({ client, model }) {
    const completion = await client.chat.completions.create({ model, messages: user('Say hello.') });
    assert.equal(completion.choices[0].finish_reason, 'stop');
    assert.ok(completion.choices[0].message.content);
    assert.ok(completion.usage.total_tokens > 0);
  },

  async chat_stream({ client, model }) {
    const ask = { model, messages: user('Say hello.'), stream: true, stream_options: { include_usage: true } };
    const chunks = await collect(await client.chat.completions.create(ask));
    assert.ok(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join(''));
    assert.ok(chunks.at(-1).usage.completion_tokens > 0);
  },

  async chat_stream_helper({ client, model }) {
    const stream = client.chat.completions.stream({ model, messages: user('Say hello.') });
    assert.ok(await stream.finalContent());
  },

  async chat_tools({ client, model }) {
    const ask = { model, tools: [CHAT_TOOL], reasoning_effort: 'none' };
    const messages = user(ASK_TOOLS);
    const { message } = (await client.chat.completions.create({ messages, ...ask })).choices[0];
    assert.ok(message.tool_calls.length >= 2);
    messages.push(message);
    for (const call of message.tool_calls) {
      messages.push({ role: 'tool', tool_call_id: call.id, content: 'Sunny.' });
    }
    const [choice] = (await client.chat.completions.create({ messages, ...ask })).choices;
    assert.equal(choice.finish_reason, 'stop');
  },

  async chat_tools_stream({ client, model }) {
    const ask = { model, messages: user(ASK_TOOLS), tools: [CHAT_TOOL], reasoning_effort: 'none' };
    const completion = await client.chat.completions.stream(ask).finalChatCompletion();
    const { tool_calls: calls } = completion.choices[0].message;
    assert.ok(calls.length >= 2);
    assert.ok(calls.every((call) => typeof call.function.parsed_arguments === 'object'));
  },

  async chat_run_tools({ client, model }) {
    const tool = { type: 'function', function: { ...WEATHER, parse: JSON.parse, function: () => 'Sunny.' } };
    const ask = { model, messages: user(ASK_TOOLS), tools: [tool], reasoning_effort: 'none' };
    assert.ok(await client.chat.completions.runTools(ask).finalContent());
  },

  async chat_parse({ client, model }) {
    const format = { type: 'json_schema', json_schema: PLACE };
    const ask = { model, messages: user('Name a place.'), response_format: format };
    const completion = await client.chat.completions.parse(ask);
    assert.equal(typeof completion.choices[0].message.parsed.people, 'number');
  },

  async chat_image({ client, model }) {
    const image = { type: 'image_url', image_url: { url: `data:image/png;base64,${PIXEL}` } };
    const messages = user([{ type: 'text', text: 'What is this?' }, image]);
    const completion = await client.chat.completions.create({ model, messages });
    assert.ok(completion.choices[0].message.content);
  },

  async chat_choices_and_logprobs({ client, plainModel }) {
    const ask = { model: plainModel, messages: user('Say hello.'), n: 2, logprobs: true, top_logprobs: 2, seed: 1 };
    const { choices } = await client.chat.completions.create(ask);
    assert.equal(choices.length, 2);
    assert.equal(choices[0].logprobs.content[0].top_logprobs.length, 2);
  },

  async responses({ client, model }) {
    const response = await client.responses.create({ model, input: 'Say hello.', instructions: 'Be brief.' });
    assert.equal(response.status, 'completed');
    assert.ok(response.output_text);
  },

  async responses_stream({ client, model }) {
    const events = await collect(await client.responses.create({ model, input: 'Say hello.', stream: true }));
    assert.equal(events[0].type, 'response.created');
    assert.equal(events.at(-1).type, 'response.completed');
  },

  async responses_stream_helper({ client, model }) {
    const response = await client.responses.stream({ model, input: 'Say hello.' }).finalResponse();
    assert.ok(response.output_text);
  },

  async responses_tools({ client, model }) {
    const ask = { model, tools: [TOOL], store: false };
    const input = user(ASK_TOOLS);
    const { output } = await client.responses.create({ input, ...ask });
    const calls = output.filter((item) => item.type === 'function_call');
    assert.ok(calls.length >= 2);
    input.push(...output);
    for (const call of calls) {
      input.push({ type: 'function_call_output', call_id: call.call_id, output: 'Sunny.' });
    }
    assert.ok((await client.responses.create({ input, ...ask })).output_text);
  },

  async responses_tools_stream({ client, model }) {
    const stream = client.responses.stream({ model, input: ASK_TOOLS, tools: [TOOL] });
    const { output } = await stream.finalResponse();
    assert.ok(output.filter((item) => item.type === 'function_call').length >= 2);
  },

  async responses_parse({ client, model }) {
    const format = { type: 'json_schema', ...PLACE };
    const response = await client.responses.parse({ model, input: 'Name a place.', text: { format } });
    assert.equal(typeof response.output_parsed.people, 'number');
  },

  async responses_image({ client, model }) {
    const image = { type: 'input_image', image_url: `data:image/png;base64,${PIXEL}`, detail: 'auto' };
    const input = user([{ type: 'input_text', text: 'What is this?' }, image]);
    assert.ok((await client.responses.create({ model, input })).output_text);
  },

  async responses_reasoning({ client, model }) {
    const reasoning = { effort: 'low', summary: 'auto' };
    const ask = { model, store: false, reasoning, include: ['reasoning.encrypted_content'] };
    const { output } = await client.responses.stream({ input: 'Say hello.', ...ask }).finalResponse();
    assert.equal(output[0].type, 'reasoning');
    assert.ok(output[0].encrypted_content && output[0].summary.length);
    const input = [...user('Say hello.'), ...output, ...user('More.')];
    assert.ok((await client.responses.create({ model, input, store: false })).output_text);
  },

  async responses_go_on({ client, model }) {
    const first = await client.responses.create({ model, input: 'Say hello.' });
    const second = await client.responses.create({ model, input: 'More.', previous_response_id: first.id });
    assert.ok(second.usage.input_tokens > first.usage.input_tokens);
  },

  async embeddings({ client, embeddingModel: model }) {
    // The client asks for base64 unless it is told otherwise, and turns it into numbers.
    const input = ['Say hello.', 'Bye.'];
    const coded = await client.embeddings.create({ model, input });
    const floats = await client.embeddings.create({ model, input, encoding_format: 'float' });
    for (const [index, { embedding }] of floats.data.entries()) {
      assert.ok(embedding.every((value, at) => Math.abs(value - coded.data[index].embedding[at]) < 1e-6));
    }
  },

  async embeddings_base64({ client, embeddingModel: model }) {
    const ask = { model, input: 'Say hello.', encoding_format: 'base64', dimensions: 256 };
    const { data } = await client.embeddings.create(ask);
    assert.equal(Buffer.from(data[0].embedding, 'base64').length, 4 * 256);
  },

  async models({ client, model }) {
    const ids = (await collect(await client.models.list())).map(({ id }) => id);
    assert.ok(ids.includes(model));
    assert.equal((await client.models.retrieve(model)).id, model);
  },

  async errors({ client }) {
    const asked = client.chat.completions.create({ model: 'no-such-model', messages: user('Say hello.') });
    await assert.rejects(asked, (error) => error instanceof OpenAI.APIError && [403, 404].includes(error.status));
  },
};

async function main() {
  const { values: options } = parseArgs({
    options: {
      'base-url': { type: 'string' },
      key: { type: 'string', default: 'sk-surface' },
      model: { type: 'string', default: 'gpt-5.5' },
      'embedding-model': { type: 'string', default: 'text-embedding-3-small' },
      'plain-model': { type: 'string', default: 'gpt-4.1' },
      only: { type: 'string', default: '' },
    },
  });
  if (!options['base-url']) throw new TypeError('--base-url is missing');
  const on = {
    client: new OpenAI({ baseURL: options['base-url'], apiKey: options.key, maxRetries: 0 }),
    model: options.model,
    embeddingModel: options['embedding-model'],
    plainModel: options['plain-model'],
  };
  let failures = 0;
  for (const [name, check] of Object.entries(CHECKS).filter(([name]) => name.includes(options.only))) {
    try {
      await check(on);
      console.log(`ok ${name}`);
    } catch (error) {
      failures += 1;
      console.log(`FAILED ${name}: ${error}`);
      console.error(error);
    }
  }
  return failures ? 1 : 0;
}

process.exitCode = await main();
