import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CacheEntry, CacheStore } from '../../src/core/ports/cache-store.ts';

/** An adapter under test. */
export type CacheStoreHarness = AsyncDisposable & {
  readonly store: CacheStore;
  /** The bound for which it was opened; at least 200,000. */
  readonly bytesMax: number;
};

const entryOf = (bytes: number, scope: string, mark = 1): CacheEntry => ({
  body: new Uint8Array(bytes).fill(mark),
  etag: '"etag"',
  metadata: [['x-note', ['a']]],
  trailers: [['x-bin', [Uint8Array.of(1, 2)]]],
  generation: 'g1',
  tags: ['item:1'],
  versions: [7],
  computedAtMs: 1,
  freshUntilMs: 2,
  staleUntilMs: 3,
  scope,
});

/** What every adapter of the cache's store promises. */
export function cacheStoreContract(adapter: string, open: () => Promise<CacheStoreHarness>) {
  const contract = (name: string, body: (on: CacheStoreHarness) => Promise<void>) =>
    test(`${adapter}: ${name}`, async () => {
      await using on = await open();
      await body(on);
    });

  contract('gives back the whole of what was last set under exactly this key', async ({ store }) => {
    assert.equal(await store.get('key'), undefined);
    assert.equal(await store.set('key', entryOf(10, 'alice', 1)), 'stored');
    assert.equal(await store.set('key', entryOf(20, 'alice', 2)), 'stored');
    assert.deepEqual(await store.get('key'), entryOf(20, 'alice', 2));
    assert.equal(await store.get('KEY'), undefined);
    assert.equal(await store.get('key '), undefined);
  });

  contract('an entry larger than the share of its scope is refused, and what it would have replaced is gone', async ({ store, bytesMax }) => {
    await store.set('key', entryOf(10, 'alice'));
    assert.equal(await store.set('key', entryOf(bytesMax / 10 + 1, 'alice')), 'too_large');
    assert.equal(await store.get('key'), undefined);
    assert.equal(await store.set('key', entryOf(bytesMax / 20, 'alice')), 'stored');
  });

  contract('a scope over its tenth of the bytes loses its own oldest entries, and nobody else any', async ({ store, bytesMax }) => {
    await store.set('bob', entryOf(100, 'bob'));
    for (let i = 0; i < 100; i++) await store.set(`alice:${i}`, entryOf(bytesMax / 40, 'alice'));
    let kept = 0;
    for (let i = 0; i < 100; i++) if ((await store.get(`alice:${i}`)) !== undefined) kept++;
    assert.ok(kept >= 1 && kept <= 4, `${kept} kept`);
    assert.ok(await store.get('alice:99'));
    assert.ok(await store.get('bob'));
  });

  contract('all entries together stay within the bound, and what was asked for last stays', async ({ store, bytesMax }) => {
    const bytes = bytesMax / 50;
    await store.set('asked', entryOf(bytes, 'scope'));
    for (let i = 0; i < 200; i++) {
      await store.set(`key:${i}`, entryOf(bytes, `scope:${i}`));
      await store.get('asked');
    }
    let kept = 0;
    for (let i = 0; i < 200; i++) if ((await store.get(`key:${i}`)) !== undefined) kept++;
    assert.ok(kept >= 20 && kept < 50, `${kept} kept`);
    assert.ok(await store.get('asked'));
  });

  contract('replacing one entry again and again takes no more room than one', async ({ store, bytesMax }) => {
    await store.set('other', entryOf(100, 'alice'));
    for (let i = 0; i < 100; i++) await store.set('key', entryOf(bytesMax / 20, 'alice'));
    assert.ok(await store.get('other'));
    assert.ok(await store.get('key'));
  });
}
