import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Revocations } from '../../src/core/ports/revocations.ts';
import { until } from '../support/time/until.ts';

/** Two replicas' revocations; the same one twice where there is one replica. */
export type RevocationsHarness = AsyncDisposable & {
  readonly a: Revocations;
  readonly b: Revocations;
  /** Moves a fake clock, or really waits. */
  elapse(ms: number): Promise<void>;
};

/** What every adapter of revocations promises. */
export function revocationsContract(adapter: string, open: () => Promise<RevocationsHarness>) {
  const contract = (name: string, body: (on: RevocationsHarness) => Promise<void>) =>
    test(`${adapter}: ${name}`, { timeout: 60_000 }, async () => {
      await using on = await open();
      await body(on);
    });

  contract('a session stays revoked until its tokens are dead, here and there', async ({ a, b, elapse }) => {
    assert.deepEqual([a.has('s1'), b.has('s1')], [false, false]);
    await a.add('s1', 60_000);
    assert.equal(a.has('s1'), true, 'at once where it was said');
    await until('the other knows', () => b.has('s1'));
    await a.add('s2', 300);
    await until('the other knows', () => b.has('s2'));
    await elapse(400);
    assert.deepEqual([a.has('s2'), b.has('s2'), a.has('s1'), b.has('s1')], [false, false, true, true]);
  });

  contract('those who watch are called once for each session, wherever it was ended', async ({ a, b }) => {
    const seen: string[] = [];
    const off = b.onAdd((id) => void seen.push(id));
    for (const id of ['x', 'y', 'x']) await a.add(id, 60_000);
    await b.add('z', 60_000);
    await b.add('y', 60_000);
    await until('all are seen', () => seen.length >= 3);
    assert.deepEqual(seen.toSorted(), ['x', 'y', 'z']);
    off();
    await a.add('w', 60_000);
    await until('it is known', () => b.has('w'));
    assert.equal(seen.length, 3);
  });

  contract('a session revoked again for longer stays so for longer, for shorter too', async ({ a, elapse }) => {
    await a.add('s', 300);
    await a.add('s', 60_000);
    await a.add('s', 1);
    await elapse(400);
    assert.equal(a.has('s'), true);
  });
}
