import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Metadata } from 'nice-grpc-common';
import { memoryCacheStore } from '../../src/core/adapters/memory/cache-store.ts';
import type { Answer } from '../../src/core/ports/call.ts';
import { GetItemResponse } from '../fixture/gen/fixture/v1/fixture.ts';
import { planOf, readyCall } from '../support/cache/ready-call.ts';
import { cameBy, computation, openTestCache } from './open.ts';

const plan = planOf('GetItem');
const call = (options = {}) => readyCall(plan, { user: 'ada', request: { itemId: '7' }, ...options });

const notStored: readonly (readonly [string, Partial<Answer>, string])[] = [
  ['with missing parts', { partial: true }, 'partial'],
  ['with more than 64 tags', { tags: Array.from({ length: 63 }, (_, i) => `tag:${i}`) }, 'tags_wrong'],
  ['with a tag that has a space', { tags: ['two words'] }, 'tags_wrong'],
  ['with a tag of more than 256 bytes', { tags: ['x'.repeat(257)] }, 'tags_wrong'],
];
for (const [what, answer, reason] of notStored) {
  test(`an answer ${what} is given and not stored`, async () => {
    const { cache, clock, counts } = openTestCache();
    const compute = computation(answer);
    const first = await cache.answer(call(), compute);
    assert.equal(cameBy(first), 'miss 1');
    assert.equal(first.metadata.has('etag'), answer.partial !== true);
    await clock.advance(251); // one with missing parts is good for another moment
    assert.equal(cameBy(await cache.answer(call(), compute)), 'miss 2');
    assert.equal(counts.notStored[reason as keyof typeof counts.notStored], 2);
  });
}

const edge = ['x'.repeat(256), '{', '}', '{}', '__proto__', 'constructor', '*', '"', '\\', '~', '!'];
test('an answer with 64 tags, some of them named twice, of up to 256 bytes and of any printable character, is stored, and each invalidates it', async () => {
  const tags = [...edge, ...Array.from({ length: 62 - edge.length }, (_, i) => `tag:${i}`)]; // with the two of its policy
  const { cache } = openTestCache();
  const compute = computation({ tags: [...tags, ...tags, 'item:7'] });
  for (const [i, tag] of ['user:ada', ...tags].entries()) {
    assert.equal(cameBy(await cache.answer(call(), compute)), `miss ${i + 1}`, tag);
    assert.equal(cameBy(await cache.answer(call(), compute)), `hit ${i + 1}`);
    await cache.invalidate([tag]);
  }
});

test('an answer whose tag has no value is not stored, because nobody could invalidate it', async () => {
  const { cache, counts } = openTestCache();
  const compute = computation();
  const unnamed = planOf('GetItem', { scope: 'claims', claims: ['tenant'], tags: [{ source: '{tenant}', parts: [{ claim: 'tenant' }] }] });
  await cache.answer(readyCall(unnamed, { user: 'ada', request: { itemId: '7' } }), compute);
  assert.equal(counts.notStored.tag_empty, 1);
});

test('an answer larger than the share of one caller is given and not stored', async () => {
  const { cache, counts } = openTestCache({ store: memoryCacheStore({ bytesMax: 10_000 }) });
  const compute = computation({ body: GetItemResponse.encode(GetItemResponse.fromPartial({ title: 'x'.repeat(1_000) })).finish() });
  await cache.answer(call(), compute);
  await cache.answer(call(), compute);
  assert.deepEqual([compute.seen.length, counts.notStored.too_large], [2, 2]);
});

test('metadata and trailers of the computation are remembered with its answer, those of the server are not', async () => {
  const { cache } = openTestCache();
  const compute = computation({ metadata: Metadata({ 'x-note': 'a', 'portico-else': 'b' }), trailers: Metadata({ 'x-end': 'c' }) });
  await cache.answer(call(), compute);
  const hit = await cache.answer(call(), compute);
  assert.deepEqual([hit.metadata.get('x-note'), hit.metadata.has('portico-else'), hit.trailers.get('x-end')], ['a', false, 'c']);
});

const bodyOf = (fields: Parameters<typeof GetItemResponse.fromPartial>[0]) => GetItemResponse.encode(GetItemResponse.fromPartial(fields)).finish();
const etagOf = async (body: Uint8Array) => (await openTestCache().cache.answer(call(), computation({ body }))).metadata.get('etag');

test('the order of a map and volatile fields do not change an etag, everything else does', async () => {
  const etag = await etagOf(
    bodyOf({
      title: 'a',
      labels: new Map([
        ['x', '1'],
        ['y', '2'],
      ]),
      madeAtMs: 1n,
    }),
  );
  assert.match(String(etag), /^"[\w-]{22}"$/);
  assert.equal(
    await etagOf(
      bodyOf({
        title: 'a',
        labels: new Map([
          ['y', '2'],
          ['x', '1'],
        ]),
        madeAtMs: 2n,
      }),
    ),
    etag,
  );
  assert.notEqual(
    await etagOf(
      bodyOf({
        title: 'b',
        labels: new Map([
          ['x', '1'],
          ['y', '2'],
        ]),
      }),
    ),
    etag,
  );
  assert.notEqual(
    await etagOf(
      bodyOf({
        title: 'a',
        labels: new Map([
          ['x', '1'],
          ['y', '3'],
        ]),
      }),
    ),
    etag,
  );
});

test('a call that has the answer already is told so with an empty message', async () => {
  const { cache, counts } = openTestCache();
  const compute = computation();
  const etag = String((await cache.answer(call(), compute)).metadata.get('etag'));
  for (const wanted of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
    const answer = await cache.answer(call({ metadata: { 'if-none-match': wanted } }), compute);
    assert.deepEqual([answer.metadata.get('portico-not-modified'), (answer.body as Uint8Array).length], ['1', 0], wanted);
  }
  assert.equal(counts.requests.not_modified, 4);
  const answer = await cache.answer(call({ metadata: { 'if-none-match': '"other"' } }), compute);
  assert.deepEqual([answer.metadata.has('portico-not-modified'), cameBy(answer)], [false, 'hit 1']);
});

test('what an HTTP cache may keep is said to Connect: private to a user, public where anybody may call', async () => {
  const { cache, clock } = openTestCache();
  const mine = async () => (await cache.answer(call({ protocol: 'connect' }), computation())).metadata;
  assert.equal((await mine()).get('cache-control'), 'private, max-age=30');
  await clock.advance(10_000);
  assert.deepEqual([(await mine()).get('cache-control'), (await mine()).get('vary')], ['private, max-age=20', 'authorization, accept-language']);
  const all = await cache.answer(readyCall(planOf('ListItems'), { protocol: 'connect' }), computation());
  assert.deepEqual([all.metadata.get('cache-control'), all.metadata.has('vary')], ['public, max-age=60', false]);
  const partial = await openTestCache().cache.answer(call({ protocol: 'connect' }), computation({ partial: true }));
  assert.equal(partial.metadata.get('cache-control'), 'no-store');
});

test('an answer from memory is there at once: it costs no promise', async () => {
  const { answerSoon } = openTestCache();
  const compute = computation();
  const computed = answerSoon(call(), compute);
  assert.ok(computed instanceof Promise);
  assert.equal(cameBy(await computed), 'miss 1');
  const remembered = answerSoon(call(), compute);
  assert.ok(!(remembered instanceof Promise));
  assert.equal(cameBy(remembered), 'hit 1');
});
