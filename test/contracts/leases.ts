import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CacheEntry, CacheStore } from '../../src/core/ports/cache-store.ts';
import type { Leases } from '../../src/core/ports/leases.ts';

/** An adapter under test, with the store that is set with its leases. */
export type LeasesHarness = AsyncDisposable & {
  readonly leases: Leases;
  readonly store: CacheStore;
  readonly nowMs: () => number;
  /** Moves a fake clock, or really waits. */
  elapse(ms: number): Promise<void>;
};

/** What every adapter of leases promises. */
export function leasesContract(adapter: string, open: () => Promise<LeasesHarness>) {
  const contract = (name: string, body: (on: LeasesHarness) => Promise<void>) =>
    test(`${adapter}: ${name}`, async () => {
      await using on = await open();
      await body(on);
    });
  const entryOf = ({ nowMs }: LeasesHarness, mark: number): CacheEntry => ({
    body: Uint8Array.of(mark),
    etag: '"e"',
    metadata: [],
    trailers: [],
    generation: 'g',
    tags: [],
    versions: [],
    startedAt: 7,
    computedAtMs: nowMs(),
    freshUntilMs: nowMs() + 10_000,
    staleUntilMs: nowMs() + 20_000,
    scope: 'ada',
  });
  const bodyIn = async ({ store }: LeasesHarness) => (await store.get('entry'))?.body[0];

  contract('a lease has one holder until it is released', async ({ leases }) => {
    const lease = await leases.take('entry', 'v1', 5_000);
    assert.ok(lease);
    assert.equal(await leases.take('entry', 'v1', 5_000), undefined);
    assert.equal(await leases.held('entry', 'v1'), true);
    await leases.release(lease);
    assert.equal(await leases.held('entry', 'v1'), false);
    assert.ok(await leases.take('entry', 'v1', 5_000));
  });

  contract('of many who ask at once one gets it', async ({ leases }) => {
    const taken = await Promise.all(Array.from({ length: 20 }, async () => leases.take('entry', 'v1', 5_000)));
    assert.equal(taken.filter((lease) => lease !== undefined).length, 1);
  });

  contract('other names and other entries are other leases', async ({ leases }) => {
    assert.ok(await leases.take('entry', 'v1', 5_000));
    assert.ok(await leases.take('entry', 'v2', 5_000));
    assert.ok(await leases.take('other', 'v1', 5_000));
  });

  contract('a lease ends by itself, and then neither keeps nor frees what another holds', async ({ leases, elapse }) => {
    const old = await leases.take('entry', 'v1', 50);
    assert.ok(old);
    await elapse(100);
    assert.equal(await leases.held('entry', 'v1'), false);
    assert.ok(await leases.take('entry', 'v1', 5_000));
    await leases.release(old);
    assert.equal(await leases.held('entry', 'v1'), true);
  });

  contract('an entry that is set with a lease is kept, and the lease is over with it', async (on) => {
    const lease = await on.leases.take('entry', 'v1', 5_000);
    assert.ok(lease);
    assert.equal(await on.store.set('entry', entryOf(on, 1), lease), 'stored');
    assert.equal(await bodyIn(on), 1);
    assert.equal(await on.leases.held('entry', 'v1'), false);
    assert.equal(await on.store.set('entry', entryOf(on, 2), lease), 'lease_over');
    assert.equal(await bodyIn(on), 1);
  });

  contract('setting an entry again whose reply was lost is "stored" while it is there, and replaces nothing', async (on) => {
    const lease = await on.leases.take('entry', 'v1', 5_000);
    assert.ok(lease);
    const entry = entryOf(on, 1);
    assert.equal(await on.store.set('entry', entry, lease), 'stored');
    assert.equal(await on.store.set('entry', { ...entry }, lease), 'stored');
    const next = await on.leases.take('entry', 'v1', 5_000);
    assert.ok(next, 'the lease is over all the same');
    assert.equal(await on.store.set('entry', { ...entryOf(on, 2), startedAt: 8 }, next), 'stored');
    assert.equal(await on.store.set('entry', entry, lease), 'lease_over');
    assert.equal(await bodyIn(on), 2);
  });

  contract('whoever stalled past its lease does not replace what was stored since', async (on) => {
    const stalled = await on.leases.take('entry', 'v1', 50);
    assert.ok(stalled);
    await on.elapse(100);
    const next = await on.leases.take('entry', 'v1', 5_000);
    assert.ok(next);
    assert.equal(await on.store.set('entry', entryOf(on, 1), stalled), 'lease_over', 'while another holds it');
    assert.equal(await on.store.set('entry', entryOf(on, 2), next), 'stored');
    assert.equal(await on.store.set('entry', entryOf(on, 1), stalled), 'lease_over', 'and when nobody does');
    assert.equal(await bodyIn(on), 2);
  });
}
