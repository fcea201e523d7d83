// An upstream of forwarded calls that fails below gRPC: the client gets a reason of ours, and nothing of the inside.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openFixture } from '../fixture/app.ts';
import { versions } from '../support/client/http.ts';
import { callOf, keptTransports, type Outcome, registryOf, signIn } from '../support/client/protocols.ts';
import { type FaultyLink, openFaultyLink } from '../support/link/faulty-link.ts';
import { fixtureRelease, openTestServer, type TestServer } from '../support/server/test-server.ts';
import { until } from '../support/time/until.ts';
import { framed, grpcHeaders, openRawUpstream, type RawUpstream, reply } from '../support/upstream/raw-upstream.ts';

const registry = registryOf(fixtureRelease.descriptorSet);
const kinds = ['Unary', 'ServerStream', 'ClientStream', 'BidiStream'] as const;

const transportOf = keptTransports();
let server: TestServer;
let upstream: RawUpstream;
let link: FaultyLink;
let headers: { readonly authorization: string };
before(async () => {
  upstream = await openRawUpstream();
  link = await openFaultyLink(upstream.address);
  server = await openTestServer({
    app: openFixture().app,
    settings: { 'upstreams.scripted.address': link.address, 'upstreams.scripted.deadline': '400ms' },
  });
  ({ headers } = await signIn(server, registry, 'alice'));
});
after(async () => {
  await server?.close();
  await link?.close();
  await upstream?.close();
});

/** By both edges: what each makes of it must be the same. */
async function failing(kind: string, options: { readonly timeoutMs?: number } = {}): Promise<Outcome> {
  const outcomes = [];
  for (const protocol of ['grpc h2', 'json h2'] as const) {
    const said = {
      ...headers,
      ...(options.timeoutMs === undefined
        ? {}
        : {
            [protocol === 'json h2' ? 'connect-timeout-ms' : 'grpc-timeout']:
              protocol === 'json h2' ? String(options.timeoutMs) : `${options.timeoutMs}m`,
          }),
    };
    outcomes.push(
      await callOf(registry, transportOf(protocol, server), `fixture.v1.ForwardService/${kind}`, [{ text: 'a', count: 1 }], { headers: said }),
    );
  }
  const [one, other] = outcomes;
  assert.ok(one && other);
  assert.deepEqual([one.code, one.reason, one.messages.length], [other.code, other.reason, other.messages.length]);
  return one;
}

for (const kind of kinds) {
  test(`${kind}: a stream that the upstream resets is a failure of the upstream`, async () => {
    upstream.answer = ({ stream }) => stream.close(2);
    assert.equal((await failing(kind)).reason, 'UPSTREAM_FAILED');
  });

  test(`${kind}: what is no gRPC at all is a failure of the upstream, and its headers are not told`, async () => {
    upstream.answer = ({ stream }) => {
      stream.respond({ ':status': 500, 'content-type': 'text/html', 'x-powered-by': 'inner 10.1.2.3' });
      stream.end('<h1>NullPointerException</h1>');
    };
    const { reason, headers: first, trailers } = await failing(kind);
    assert.equal(reason, 'UPSTREAM_FAILED');
    assert.deepEqual([first.get('x-powered-by'), trailers.get('x-powered-by')], [null, null]);
  });

  test(`${kind}: an answer that is too large is a failure of the upstream`, async () => {
    upstream.answer = (call) => reply(call, { messages: [Buffer.alloc(4_194_305)] });
    assert.equal((await failing(kind)).reason, 'UPSTREAM_FAILED');
  });

  test(`${kind}: the client's time is over before the upstream has answered`, async () => {
    upstream.answer = ({ stream }) => void stream.resume();
    assert.equal((await failing(kind, { timeoutMs: 100 })).reason, 'DEADLINE_EXCEEDED');
  });

  test(`${kind}: an upstream that is not there is down, and is found when it is back`, async () => {
    upstream.answer = (call) => reply(call, { messages: [Buffer.from([0x0a, 0x01, 0x61])] });
    await link.become('refused');
    assert.equal((await failing(kind)).reason, 'UPSTREAM_DOWN');
    await link.become('noise');
    assert.match((await failing(kind, { timeoutMs: 300 })).reason ?? '', /^(UPSTREAM_DOWN|DEADLINE_EXCEEDED)$/);
    await link.become('open');
    const transport = transportOf('grpc h2', server);
    await until('the upstream is found again', async () => {
      const { code } = await callOf(registry, transport, `fixture.v1.ForwardService/${kind}`, [{}], { headers, foreign: true });
      return code === 0;
    });
  });
}

test("an upstream that takes longer than its own deadline is told so, while the client's call still has time", async () => {
  upstream.answer = ({ stream }) => void stream.resume();
  assert.equal((await failing('Unary')).reason, 'UPSTREAM_TIMEOUT');
});

test('what an answer holds in an Any, JSON says where its type is known; where it is not, the call fails with a reason', async () => {
  /** A ScriptedResponse with an Any of this type, and of a thing named "a" in it. */
  const having = (type: string) => {
    const url = Buffer.from(`type.googleapis.com/${type}`);
    const any = Buffer.concat([Buffer.from([0x0a, url.length]), url, Buffer.from([0x12, 3, 0x0a, 1, 0x61])]);
    return Buffer.concat([Buffer.from([0x1a, any.length]), any]);
  };
  for (const [version, open] of versions) {
    upstream.answer = (call) => reply(call, { messages: [having('fixture.v1.Item')] });
    const asked = await open(server)('POST', '/fixture.v1.ForwardService/Unary', { ...headers, 'content-type': 'application/json' }, '{}');
    assert.deepEqual(JSON.parse(asked.body.toString()), { extra: { '@type': 'type.googleapis.com/fixture.v1.Item', name: 'a' } }, version);
  }
  upstream.answer = (call) => reply(call, { messages: [having('inner.v1.Unheard')] });
  for (const kind of kinds) {
    const ask = (protocol: Parameters<typeof transportOf>[0]) =>
      callOf(registry, transportOf(protocol, server), `fixture.v1.ForwardService/${kind}`, [{ count: 1 }], { headers });
    assert.deepEqual([(await ask('grpc h2')).code, (await ask('connect h2')).code], [0, 0], kind);
    const { code, reason, message } = await ask('json h2');
    assert.deepEqual([code, reason], [13, 'INTERNAL'], kind);
    assert.doesNotMatch(message, /Unheard/);
  }
});

for (const kind of ['ServerStream', 'BidiStream']) {
  test(`${kind}: a connection that is lost in the middle ends the stream after what has come`, async () => {
    upstream.answer = ({ stream }) => {
      stream.respond(grpcHeaders);
      stream.write(framed(Buffer.from([0x0a, 0x01, 0x61])), () => setTimeout(() => stream.session?.destroy(), 50));
    };
    const { reason, messages } = await failing(kind);
    assert.match(reason ?? '', /^UPSTREAM_(DOWN|FAILED)$/);
    assert.equal(messages.length, 1);
  });
}
