// The stream form of a cached screen: one computation for all, and marks that are true of what is sent.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '../../src/core/kit/fault.ts';
import type { Answer } from '../../src/core/ports/call.ts';
import { screen } from '../../src/core/screen/define-app.ts';
import { screenStreamHandler } from '../../src/core/screen/screen-stream-handler.ts';
import { GetItemResponse, ScreenServiceDefinition } from '../fixture/gen/fixture/v1/fixture.ts';
import { planOf, readyCall } from '../support/cache/ready-call.ts';
import { cameBy, computation, messagesOf, openTestCache } from './open.ts';

const messages = (answer: Answer) => messagesOf(answer);
function open(run: () => Promise<object>, cachePart = {}) {
  const plan = planOf('GetItem', { ttlMs: 1_000, staleWhileRevalidateMs: 0, staleIfErrorMs: 600_000, ...cachePart });
  const t = openTestCache();
  const upstreams = {
    names: new Set<string>(),
    prepare: () => {
      throw new Error();
    },
    unary: () => {
      throw new Error();
    },
    close: () => {},
  } as never;
  const s = screen(ScreenServiceDefinition, 'getItem', run as never) as never;
  const handler = screenStreamHandler(s, plan, t.cache.answerStream, {
    app: { upstreams: {}, screens: [s], messages: {}, reasons: {} } as never,
    upstreams,
    readers: new Map(),
    effects: {} as never,
    clock: t.clock,
  });
  return { ...t, plan, handler };
}
const ada = { user: 'ada', request: { itemId: '7' } };

test('stream form, if-none-match, computation fails: the old answer comes whole, or it is said in the metadata that it is not modified', async () => {
  const { cache, clock, plan, handler } = open(async () => {
    throw new Fault('UPSTREAM_DOWN', 'down');
  });
  const etag = String((await cache.answer(readyCall(plan, ada), computation())).metadata.get('etag'));
  await clock.advance(2_000); // past ttl, within stale-if-error
  const answer = await handler(readyCall(plan, { ...ada, metadata: { 'if-none-match': etag } }));
  const got = await messages(answer);
  const said = answer.metadata.get('portico-not-modified') ?? answer.trailers.get('portico-not-modified');
  assert.ok(
    (got.at(-1)?.length ?? 0) > 0 || said === '1',
    `status OK, ${got.length} message of ${got.at(-1)?.length} bytes = ${String(GetItemResponse.decode(got.at(-1) ?? new Uint8Array()).title === '')}, metadata ${JSON.stringify([...answer.metadata])}, trailers ${JSON.stringify([...answer.trailers])}`,
  );
});

test('stream form: what covers a failure is marked as stale', async () => {
  const { cache, clock, plan, handler } = open(async () => {
    throw new Fault('UPSTREAM_DOWN', 'down');
  });
  await cache.answer(readyCall(plan, ada), computation());
  await clock.advance(2_000);
  const answer = await handler(readyCall(plan, ada));
  const got = await messages(answer);
  assert.ok(
    answer.metadata.has('portico-stale') || answer.trailers.has('portico-stale'),
    `${got.length} message of ${got[0]?.length} bytes; metadata ${JSON.stringify([...answer.metadata])}, trailers ${JSON.stringify([...answer.trailers])}`,
  );
});

test('stream form, if-none-match of the stale entry within swr: "not modified" is not said of a stream that then brings a modified answer', async () => {
  const { cache, clock, plan, handler } = open(async () => ({ itemId: '7', title: 'new' }), { staleWhileRevalidateMs: 60_000 });
  const etag = String((await cache.answer(readyCall(plan, ada), computation())).metadata.get('etag'));
  await clock.advance(2_000);
  const answer = await handler(readyCall(plan, { ...ada, metadata: { 'if-none-match': etag } }));
  const got = await messages(answer);
  assert.ok(
    answer.metadata.get('portico-not-modified') !== '1' || got.length === 1,
    `portico-not-modified: 1, and messages of ${got.map((m) => m.length)} bytes, etag in metadata ${answer.metadata.get('etag')}, in trailers ${answer.trailers.get('etag')}`,
  );
});

test('100 streams of one shared answer at once: computed once', async () => {
  let computed = 0;
  const { plan, handler } = open(
    async () => {
      computed++;
      await Promise.resolve();
      return { itemId: '7' };
    },
    { scope: 'shared', tags: [] },
  );
  await Promise.all(Array.from({ length: 100 }, async () => messages(await handler(readyCall(plan, ada)))));
  assert.equal(computed, 1);
});

test('a client that reads slowly does not make a shared answer older than its ttl says', async () => {
  let version = 'old';
  const { cache, clock, plan, handler } = open(async () => ({ itemId: '7', title: version }), {
    scope: 'shared',
    tags: [],
    ttlMs: 1_000,
    staleIfErrorMs: 0,
  });
  const answer = await handler(readyCall(plan, ada));
  const reading = (answer.body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  const first = await reading.next(); // computed now, and stored
  version = 'new';
  await clock.advance(900);
  assert.equal(cameBy(await cache.answer(readyCall(plan, ada), computation())), 'hit 0');
  await clock.advance(200);
  const rest: Uint8Array[] = [first.value];
  for await (const message of { [Symbol.asyncIterator]: () => reading }) rest.push(message);
  assert.equal(GetItemResponse.decode(rest.at(-1) ?? new Uint8Array()).title, 'old');
  assert.equal(cameBy(await cache.answer(readyCall(plan, ada), computation())), 'miss 1');
});

test('the trailers of a stream are true of its last message, also where that is its first one', async () => {
  const { cache, clock } = openTestCache();
  const plan = planOf('GetItem', { ttlMs: 1_000, staleWhileRevalidateMs: 600_000, staleIfErrorMs: 0 });
  let down = false;
  const compute = computation(() => {
    if (down) throw new Fault('UPSTREAM_DOWN', 'down');
    return {};
  });
  const marks = async () => {
    const answer = await cache.answerStream(plan, readyCall(plan, ada), compute);
    await messages(answer);
    return ['portico-cache', 'etag', 'portico-stale'].flatMap((key) => [answer.metadata.get(key), answer.trailers.get(key)]);
  };
  const etag = (await cache.answer(readyCall(plan, ada), compute)).metadata.get('etag');
  assert.deepEqual(await marks(), ['hit', undefined, etag, etag, undefined, undefined]);
  await clock.advance(2_000);
  down = true;
  assert.deepEqual(await marks(), ['stale', undefined, undefined, etag, '2', '2'], 'a new answer was tried');
  assert.deepEqual(await marks(), ['stale', undefined, undefined, etag, '2', '2'], 'none was, so soon after that');
});
