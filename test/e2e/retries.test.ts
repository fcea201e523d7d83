// What is tried again: calls of idempotent methods that the upstream was not there for, and no others; its own wishes are heeded.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openFixture } from '../fixture/app.ts';
import { ScriptedResponse } from '../fixture/gen/fixture/v1/fixture.ts';
import { callOf, keptTransports, registryOf, signIn } from '../support/client/protocols.ts';
import { fixtureRelease, openTestServer, type TestServer } from '../support/server/test-server.ts';
import { openRawUpstream, type RawUpstream, reply, trailersOnly } from '../support/upstream/raw-upstream.ts';

const registry = registryOf(fixtureRelease.descriptorSet);
const transportOf = keptTransports();
const answered = ScriptedResponse.encode(ScriptedResponse.fromPartial({ text: 'read' })).finish();

let upstream: RawUpstream;
let server: TestServer;
let headers: { readonly authorization: string };
before(async () => {
  upstream = await openRawUpstream();
  server = await openTestServer({ app: openFixture().app, samples: { scripted: upstream.address } });
  ({ headers } = await signIn(server, registry, 'alice'));
});
after(async () => {
  await server?.close();
  await upstream?.close();
});

const call = (at: TestServer, method: string, text: string, foreign = false) =>
  callOf(registry, transportOf('grpc h2', at), `fixture.v1.${method}`, { text }, { headers, foreign });

/**
 * Lets the upstream fail with this status until it was asked `failures` times. @returns how often it was asked, and
 * what became of the call
 */
async function readWhenItFails(failures: number, trailers: Readonly<Record<string, string>>) {
  const first = upstream.calls.length;
  upstream.answer = (asked) => (upstream.calls.length - first <= failures ? trailersOnly(asked, trailers) : reply(asked, { messages: [answered] }));
  const { code } = await call(server, 'GuardedService/Read', `read ${first}`, true); // none is in the cache
  return { code, asked: upstream.calls.slice(first).map(({ headers }) => headers['grpc-previous-rpc-attempts']) };
}

test('an upstream that says when is asked again then', async () => {
  const begunMs = performance.now();
  const { code, asked } = await readWhenItFails(1, { 'grpc-status': '14', 'grpc-retry-pushback-ms': '200' });
  assert.deepEqual([code, asked.length], [0, 2]);
  assert.ok(performance.now() - begunMs >= 190);
});

test('an idempotent method is tried again when its upstream is unavailable, three times in all', async () => {
  assert.deepEqual(await readWhenItFails(2, { 'grpc-status': '14' }), { code: 0, asked: [undefined, '1', '2'] });
});

test('after three tries the call ends as the last of them did', async () => {
  const { code, asked } = await readWhenItFails(9, { 'grpc-status': '14' });
  assert.deepEqual([code, asked.length], [14, 3]);
});

test('an upstream that says not to is not asked again', async () => {
  const { code, asked } = await readWhenItFails(9, { 'grpc-status': '14', 'grpc-retry-pushback-ms': '-1' });
  assert.deepEqual([code, asked.length], [14, 1]);
});

for (const status of ['2', '4', '5', '8', '13']) {
  test(`a failure with status ${status} is not tried again`, async () => {
    const first = upstream.calls.length;
    upstream.answer = (asked) => trailersOnly(asked, { 'grpc-status': status });
    assert.notEqual((await call(server, 'GuardedService/Read', `status ${status}`, true)).code, 0);
    assert.equal(upstream.calls.length - first, 1);
  });
}

test('an upstream that failed so often is spared further tries', async () => {
  const { code, asked } = await readWhenItFails(9, { 'grpc-status': '14' });
  assert.deepEqual([code, asked.length], [14, 1]);
});

test('a write is sent once, whatever becomes of it', async () => {
  const fresh = await openTestServer({ app: openFixture().app, samples: { scripted: upstream.address }, shared: server }); // its budget is whole
  try {
    const first = upstream.calls.length;
    upstream.answer = (asked) => trailersOnly(asked, { 'grpc-status': '14' });
    assert.equal((await call(fresh, 'ForwardService/Unary', 'write', true)).code, 14);
    assert.equal(upstream.calls.length - first, 1);
  } finally {
    await fresh.close();
  }
});
