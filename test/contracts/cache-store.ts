import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CacheEntry, CacheStore } from '../../src/core/ports/cache-store.ts';

/** An adapter under test. */
export type CacheStoreHarness = AsyncDisposable & {
  readonly store: CacheStore;
  /** The bound for which it was opened, at least 200,000; undefined where the bound is the server's. */
  readonly bytesMax: number | undefined;
};

const entryOf = (bytes: number, scope: string, mark = 1): CacheEntry => ({
  body: new Uint8Array(bytes).fill(mark),
  etag: '"etag"',
  metadata: [['x-note', ['a']]],
  trailers: [['x-bin', [Uint8Array.of(1, 2)]]],
  generation: 'g1',
  tags: ['item:1'],
  versions: [7],
  startedAt: 7,
  computedAtMs: Date.now(),
  freshUntilMs: Date.now() + 60_000,
  staleUntilMs: Date.now() + 120_000,
  scope,
});

/** What every adapter of the cache's store promises. */
export function cacheStoreContract(adapter: string, open: () => Promise<CacheStoreHarness>) {
  const contract = (name: string, body: (on: CacheStoreHarness) => Promise<void>) =>
    test(`${adapter}: ${name}`, async () => {
      await using on = await open();
      await body(on);
    });
  /** What only an adapter with a bound of its own promises. */
  const bounded = (name: string, body: (on: { readonly store: CacheStore; readonly bytesMax: number }) => Promise<void>) =>
    contract(name, async ({ store, bytesMax }) => {
      if (bytesMax !== undefined) await body({ store, bytesMax });
    });

  contract('gives back the whole of what was last set under exactly this key', async ({ store }) => {
    assert.equal(await store.get('key'), undefined);
    assert.equal(await store.set('key', entryOf(10, 'alice', 1)), 'stored');
    const last = entryOf(20, 'alice', 2);
    assert.equal(await store.set('key', last), 'stored');
    assert.deepEqual(await store.get('key'), last);
    assert.equal(await store.get('KEY'), undefined);
    assert.equal(await store.get('key '), undefined);
  });

  contract('keeps large bodies, empty ones, and what cannot be made smaller, byte for byte', async ({ store }) => {
    const noise = Uint8Array.from({ length: 20_000 }, (_, i) => (i * 2_654_435_761) >>> 13);
    for (const body of [new Uint8Array(0), new Uint8Array(20_000).fill(7), noise]) {
      const entry = { ...entryOf(0, 'alice'), body };
      await store.set('key', entry);
      assert.deepEqual(await store.get('key'), entry);
    }
  });

  bounded('an entry larger than the share of its scope is refused, and what it would have replaced is gone', async ({ store, bytesMax }) => {
    await store.set('key', entryOf(10, 'alice'));
    assert.equal(await store.set('key', entryOf(bytesMax / 10 + 1, 'alice')), 'too_large');
    assert.equal(await store.get('key'), undefined);
    assert.equal(await store.set('key', entryOf(bytesMax / 20, 'alice')), 'stored');
  });

  bounded('a scope over its tenth of the bytes loses its own oldest entries, and nobody else any', async ({ store, bytesMax }) => {
    await store.set('bob', entryOf(100, 'bob'));
    for (let i = 0; i < 100; i++) await store.set(`alice:${i}`, entryOf(bytesMax / 40, 'alice'));
    let kept = 0;
    for (let i = 0; i < 100; i++) if ((await store.get(`alice:${i}`)) !== undefined) kept++;
    assert.ok(kept >= 1 && kept <= 4, `${kept} kept`);
    assert.ok(await store.get('alice:99'));
    assert.ok(await store.get('bob'));
  });

  bounded('all entries together stay within the bound, and what was asked for last stays', async ({ store, bytesMax }) => {
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

  bounded('replacing one entry again and again takes no more room than one', async ({ store, bytesMax }) => {
    await store.set('other', entryOf(100, 'alice'));
    for (let i = 0; i < 100; i++) await store.set('key', entryOf(bytesMax / 20, 'alice'));
    assert.ok(await store.get('other'));
    assert.ok(await store.get('key'));
  });
}
