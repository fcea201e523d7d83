// What the transport for browsers sends, to a fetch that answers what a test says.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeEnvelope } from '@connectrpc/connect/protocol';
import { webTransport } from '../../src/client/web-transport.ts';
import { ChatHello, ChatResponse } from '../../src/gen/portico/v1/chat.ts';
import { LiveHello, LiveResponse } from '../../src/gen/portico/v1/live.ts';
import { until } from '../support/time/until.ts';

const welcome = { message: { $case: 'welcome' as const, value: { streamId: 's1' } } };

/** Answers each `Open` with a welcome, and keeps the token of each `Send`. */
function scripted() {
  const tokens: string[] = [];
  const fetch = (async (url: string, { headers }: { readonly headers: Readonly<Record<string, string>> }) => {
    if (url.endsWith('/Send')) {
      tokens.push(headers.authorization ?? '');
      return new Response(new Uint8Array());
    }
    const message = url.includes('Chat')
      ? ChatResponse.encode(ChatResponse.fromPartial(welcome))
      : LiveResponse.encode(LiveResponse.fromPartial(welcome));
    const body = new ReadableStream({ start: (stream) => stream.enqueue(encodeEnvelope(0, message.finish())) });
    return new Response(body);
  }) as unknown as typeof globalThis.fetch;
  return { transport: webTransport({ url: 'https://server', fetch }), tokens };
}

const events = { onMessage: () => {}, onEnd: () => {} };
const headers = { authorization: 'Bearer first' };
const opened = {
  live: (transport: ReturnType<typeof webTransport>) => transport.live(LiveHello.fromPartial({}), headers, events),
  chat: (transport: ReturnType<typeof webTransport>) => transport.chat(ChatHello.fromPartial({}), headers, events),
};

for (const [name, open] of Object.entries(opened))
  test(`${name}: after a renewal, what is sent is authorized by the new token`, async () => {
    const { transport, tokens } = scripted();
    const stream = open(transport);
    stream.send({ $case: 'heartbeat', value: { intervalMs: 0 } });
    stream.send({ $case: 'renew', value: { accessToken: 'second' } });
    stream.send({ $case: 'acknowledge', value: { count: 1n } });
    await until('all were sent', () => tokens.length === 3);
    assert.deepEqual(tokens, ['Bearer first', 'Bearer second', 'Bearer second']);
    stream.close();
  });
