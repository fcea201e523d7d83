import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { fakeClock } from '../../../../test/support/time/clock.ts';
import { until } from '../../../../test/support/time/until.ts';
import type { UpstreamTransport } from '../../ports/upstream-transport.ts';
import { sendUnary } from '../../upstreams/send-unary.ts';
import { openHttp2Transport } from './open-transport.ts';

/** A server that counts its calls, on one of the addresses of loopback. */
async function open(host: string, port: number) {
  const server = new Server();
  let calls = 0;
  const asIs = (bytes: Buffer) => bytes;
  const ping = { path: '/a.B/Ping', requestStream: false, responseStream: false } as const;
  const both = { requestSerialize: asIs, requestDeserialize: asIs, responseSerialize: asIs, responseDeserialize: asIs };
  server.addService(
    { ping: { ...ping, ...both } },
    {
      ping: (_call: unknown, answer: (error: null, value: Buffer) => void) => {
        calls++;
        answer(null, Buffer.alloc(0));
      },
    },
  );
  const bound = await new Promise<number>((resolve, reject) =>
    server.bindAsync(`${host}:${port}`, ServerCredentials.createInsecure(), (error, got) => (error === null ? resolve(got) : reject(error))),
  );
  return { port: bound, calls: () => calls, close: () => server.forceShutdown() };
}

const clock = fakeClock();
let hosts: readonly string[] = ['127.0.0.1'];
let failing = false;
let lookups = 0;
let first: Awaited<ReturnType<typeof open>>;
let second: Awaited<ReturnType<typeof open>>;
let transport: UpstreamTransport;
before(async () => {
  first = await open('127.0.0.1', 0);
  second = await open('127.0.0.2', first.port); // a pod of the same service has the same port
  const look = async (host: string) => {
    lookups++;
    assert.equal(host, 'orders.internal');
    if (failing) throw new Error('SERVFAIL');
    return hosts;
  };
  transport = openHttp2Transport({ address: `orders.internal:${first.port}` }, { clock, random: () => 0.5, look });
});
after(() => {
  transport?.close();
  first?.close();
  second?.close();
});

const call = async () => {
  const { end, body } = await sendUnary(
    transport,
    { path: '/a.B/Ping', metadata: [], deadlineAtMs: undefined },
    Buffer.alloc(0),
    new AbortController().signal,
  );
  assert.ok(body, JSON.stringify(end));
};

test('a new address gets traffic when its name is looked up again, though no connection was lost', async () => {
  await call();
  assert.deepEqual([first.calls(), second.calls(), lookups], [1, 0, 1]);
  hosts = ['127.0.0.1', '127.0.0.2'];
  await clock.advance(15_000);
  await until('the new address gets a call', async () => {
    await call();
    return second.calls() > 0;
  });
  const before = first.calls();
  for (let n = 0; n < 10; n++) await call();
  assert.ok(first.calls() > before, 'the old address gets no calls any more');
});

test('a look-up that fails changes nothing for connections that are there', async () => {
  failing = true;
  const before = lookups;
  await clock.advance(15_000);
  assert.ok(lookups > before);
  for (let n = 0; n < 4; n++) await call();
  failing = false;
});

test('an address that was removed from its name is left', async () => {
  hosts = ['127.0.0.2'];
  await clock.advance(15_000);
  await until('the old address gets no more calls', async () => {
    const before = first.calls();
    for (let n = 0; n < 4; n++) await call();
    return first.calls() === before;
  });
});
