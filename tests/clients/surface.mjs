// The official Node client and the Vercel AI SDK over the whole surface: one line `ok <check>` each, and exit 1 at the first
// that fails.
//
//     node surface.mjs MODEL...           chat and responses of these models
//     node surface.mjs --embed MODEL...   embeddings of these models
//
// OPENAI_BASE_URL and OPENAI_API_KEY say where and with which key; what is asked is explained in surface.py.

import assert from 'node:assert/strict';
import { parseArgs } from 'node:util';
import { createOpenAI } from '@ai-sdk/openai';
import { Output, embedMany, generateText, stepCountIs, streamText, tool } from 'ai';
import OpenAI from 'openai';
import { zodResponseFormat, zodTextFormat } from 'openai/helpers/zod';
import { z } from 'zod';

const PIXEL =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const SCHEMA = {
  type: 'object',
  properties: { input: { type: 'string' } },
  required: ['input'],
  additionalProperties: false,
};
const City = z.object({ name: z.string(), people: z.number() });
const user = (content) => ({ role: 'user', content });

const talkChecks = {
  async models(client, model) {
    const ids = [];
    for await (const listed of client.models.list()) ids.push(listed.id);
    assert.ok(ids.includes(model));
    assert.equal((await client.models.retrieve(model)).id, model);
  },

  async chat(client, model) {
    const completion = await client.chat.completions.create({ model, messages: [user(`Say hi, ${model}.`)] });
    assert.equal(completion.choices[0].finish_reason, 'stop');
    assert.match(completion.choices[0].message.content, /Say hi/);
    assert.ok(completion.usage.total_tokens > 0);
  },

  async chatStream(client, model) {
    const stream = client.chat.completions.stream({
      model,
      messages: [user(`Stream to Node, ${model}.`)],
      stream_options: { include_usage: true },
    });
    const final = await stream.finalChatCompletion();
    assert.match(final.choices[0].message.content, /Stream to Node/);
    assert.ok(final.usage.completion_tokens > 0);
  },

  async chatTools(client, model) {
    const messages = [user(`call tool from Node for ${model}`)];
    const tools = [{ type: 'function', function: { name: 'look_up', parameters: SCHEMA } }];
    const { message, finish_reason } = (await client.chat.completions.create({ model, messages, tools })).choices[0];
    assert.equal(finish_reason, 'tool_calls');
    const [call] = message.tool_calls;
    assert.ok('input' in JSON.parse(call.function.arguments));
    const streamed = await client.chat.completions.stream({ model, messages, tools }).finalChatCompletion();
    assert.equal(streamed.choices[0].message.tool_calls[0].function.arguments, call.function.arguments);
    messages.push(message, { role: 'tool', tool_call_id: call.id, content: '42' }, user('Thank you.'));
    const answer = await client.chat.completions.create({ model, messages, tools });
    assert.ok(answer.choices[0].message.content);
  },

  async chatStructured(client, model) {
    const completion = await client.chat.completions.parse({
      model,
      messages: [user(`A city for Node, ${model}.`)],
      response_format: zodResponseFormat(City, 'city'),
    });
    City.parse(completion.choices[0].message.parsed);
  },

  async responses(client, model) {
    const response = await client.responses.create({ model, input: `Respond to Node, ${model}.` });
    assert.equal(response.status, 'completed');
    assert.match(response.output_text, /Respond to Node/);
  },

  async responsesStream(client, model) {
    const stream = client.responses.stream({ model, input: `Respond to Node piece by piece, ${model}.` });
    const kinds = [];
    for await (const event of stream) kinds.push(event.type);
    assert.ok(kinds.includes('response.output_text.delta'), kinds.join());
    assert.equal(kinds.at(-1), 'response.completed');
    assert.match((await stream.finalResponse()).output_text, /piece by piece/);
  },

  async responsesTools(client, model) {
    const tools = [{ type: 'function', name: 'look_up', parameters: SCHEMA, strict: true }];
    const question = user(`call tool from Node for ${model}`);
    const asked = await client.responses.create({ model, input: [question], tools, store: false });
    const call = asked.output.find((item) => item.type === 'function_call');
    assert.equal(call.name, 'look_up');
    const output = { type: 'function_call_output', call_id: call.call_id, output: '42' };
    const { call_id, name, arguments: text } = call;
    const input = [question, { type: 'function_call', call_id, name, arguments: text }, output, user('Thank you.')];
    const answer = await client.responses.create({ model, input, tools, store: false });
    assert.ok(answer.output_text);
  },

  async responsesStructured(client, model) {
    const response = await client.responses.parse({
      model,
      input: `Another city for Node, ${model}.`,
      text: { format: zodTextFormat(City, 'city') },
    });
    City.parse(response.output_parsed);
  },

  async responsesImage(client, model) {
    const content = [
      { type: 'input_text', text: `What is this for Node, ${model}?` },
      { type: 'input_image', image_url: PIXEL, detail: 'auto' },
    ];
    assert.ok((await client.responses.create({ model, input: [user(content)] })).output_text);
  },

  async aiSdk(_client, model) {
    const openai = vercel();
    // Items that a provider keeps are not known to the others; without a store, they come whole.
    const providerOptions = { openai: { store: false } };
    for (const [name, llm] of [['chat', openai.chat(model)], ['responses', openai.responses(model)]]) {
      const { text } = await generateText({ model: llm, prompt: `Hello from the AI SDK, ${name}, ${model}.`, maxRetries: 0, providerOptions });
      assert.match(text, /Hello from the AI SDK/);

      const stream = streamText({ model: llm, prompt: `Stream to the AI SDK, ${name}, ${model}.`, maxRetries: 0, providerOptions });
      let streamed = '';
      for await (const piece of stream.textStream) streamed += piece;
      assert.match(streamed, /Stream to the AI SDK/);
      assert.equal(await stream.finishReason, 'stop');

      const called = [];
      const look_up = tool({
        description: 'Looks up.',
        inputSchema: z.object({ input: z.string() }),
        execute: async ({ input }) => called.push(input) && '42',
      });
      await generateText({
        model: llm,
        prompt: `call tool of the AI SDK, ${name}, ${model}`,
        tools: { look_up },
        stopWhen: stepCountIs(2),
        maxRetries: 0,
        providerOptions,
      });
      assert.ok(called.length > 0);

      const output = Output.object({ schema: City });
      const structured = await generateText({ model: llm, prompt: `City, ${name}, ${model}.`, output, maxRetries: 0, providerOptions });
      City.parse(structured.output);
    }
  },
};

const embeddingChecks = {
  async embeddings(client, model) {
    const packed = await client.embeddings.create({ model, input: ['one', 'two'] });
    const plain = await client.embeddings.create({ model, input: 'one', encoding_format: 'float' });
    assert.equal(packed.data.length, 2);
    assert.equal(packed.data[0].embedding.length, plain.data[0].embedding.length);
    assert.ok(Math.abs(packed.data[0].embedding[0] - plain.data[0].embedding[0]) < 1e-6);
  },

  async aiSdkEmbeddings(_client, model) {
    const { embeddings } = await embedMany({ model: vercel().embedding(model), values: ['one', 'two'], maxRetries: 0 });
    assert.equal(embeddings.length, 2);
  },
};

function vercel() {
  return createOpenAI({ baseURL: process.env.OPENAI_BASE_URL, apiKey: process.env.OPENAI_API_KEY });
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    embed: { type: 'boolean', default: false },
    // Part of a check's name.
    without: { type: 'string', multiple: true, default: [] },
  },
});
// Retries would hide refusals.
const client = new OpenAI({ maxRetries: 0 });
for (const model of positionals) {
  for (const [name, check] of Object.entries(values.embed ? embeddingChecks : talkChecks)) {
    if (values.without.some((part) => name.toLowerCase().includes(part))) continue;
    await check(client, model);
    console.log(`ok ${model} ${name}`);
  }
}
