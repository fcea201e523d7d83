import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CacheEntry } from '../../ports/cache-store.ts';
import { memoryCacheStore } from './cache-store.ts';

const entryOf = (bytes: number, scope = 'ada'): CacheEntry => ({
  body: new Uint8Array(bytes),
  etag: '"a"',
  metadata: [],
  trailers: [],
  generation: '',
  tags: [],
  versions: [],
  startedAt: 0,
  computedAtMs: 0,
  freshUntilMs: 1,
  staleUntilMs: 1,
  scope,
});

test('another form of an entry is kept with it, counted in its bytes, and goes with it', () => {
  const store = memoryCacheStore({ bytesMax: 100_000 }); // 10,000 for a scope
  const entry = entryOf(1_000);
  void store.set('a', entry);
  const forms = store.forms?.('a', entry);
  assert.equal(forms?.get('json'), undefined);
  forms?.keep('json', new Uint8Array(3_000));
  assert.equal(forms?.get('json')?.byteLength, 3_000);
  assert.equal(store.get('a'), entry);
  void store.set('b', entryOf(6_000)); // with the form the scope has no room for both
  assert.equal(store.get('a'), undefined);
  assert.equal(forms?.get('json'), undefined);
});

test('a form for which there is no room is not kept, and the entry stays', () => {
  const store = memoryCacheStore({ bytesMax: 100_000 });
  const entry = entryOf(1_000);
  void store.set('a', entry);
  store.forms?.('a', entry).keep('json', new Uint8Array(20_000));
  assert.equal(store.forms?.('a', entry).get('json'), undefined);
  assert.equal(store.get('a'), entry);
});

test('a form of an entry that was replaced is not kept with the new one', () => {
  const store = memoryCacheStore({ bytesMax: 100_000 });
  const old = entryOf(10);
  void store.set('a', old);
  const forms = store.forms?.('a', old);
  void store.set('a', entryOf(20));
  forms?.keep('json', new Uint8Array(5));
  assert.equal(forms?.get('json'), undefined);
});
