// Callers that leave at every step on the way of a miss: nothing is computed for nobody, and nothing is held for them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryCacheStore } from '../../src/core/adapters/memory/cache-store.ts';
import { memoryLeases } from '../../src/core/adapters/memory/leases.ts';
import { memoryTagVersions } from '../../src/core/adapters/memory/tag-versions.ts';
import type { Answer, Handler } from '../../src/core/ports/call.ts';
import { planOf, readyCall } from '../support/cache/ready-call.ts';
import { fakeClock } from '../support/time/clock.ts';
import { cameBy, computation, messagesOf, openTestCache } from './open.ts';
import { delayed, slowLeases, slowStore, slowVersions } from './slow.ts';

const plan = planOf('GetItem', { ttlMs: 60_000, staleWhileRevalidateMs: 0, staleIfErrorMs: 0 });
const ada = { user: 'ada', request: { itemId: '7' } };
/** More than a miss takes: look-up, versions, lease, look-up, computation, versions, storing; each a while before and after. */
const stepsMax = 24;

function opened() {
  const clock = fakeClock();
  const leases = memoryLeases(clock);
  const step = delayed(() => new Promise((resolve) => clock.after(1, resolve)));
  const { cache } = openTestCache({
    clock,
    versions: slowVersions(memoryTagVersions({ clock }), step),
    shared: { store: slowStore(memoryCacheStore({ bytesMax: 1_000_000, leases }), step), leases: slowLeases(leases, step) },
    waitMs: 1_000,
  });
  const running = new Set<AbortSignal>();
  let computed = 0;
  const inTime = computation();
  const compute: Handler = async (call) => {
    computed++;
    running.add(call.signal);
    await new Promise<void>((resolve) => clock.after(2, resolve));
    running.delete(call.signal);
    return inTime(call);
  };
  const ask = async (form: 'unary' | 'stream', signal?: AbortSignal): Promise<Answer> => {
    const call = readyCall(plan, { ...ada, ...(signal && { signal }) });
    if (form === 'unary') return cache.answer(call, compute);
    const answer = await cache.answerStream(plan, call, compute);
    await messagesOf(answer);
    return answer;
  };
  const settle = async (ms: number) => {
    for (let i = 0; i < ms; i++) await clock.advance(1);
  };
  return { cache, ask, settle, running, computed: () => computed };
}

for (const form of ['unary', 'stream'] as const) {
  test(`${form}: who leaves alone, at whatever step, leaves no computation and no lease`, async () => {
    for (let at = 0; at <= stepsMax; at++) {
      const { ask, settle, running, computed } = opened();
      const leaver = new AbortController();
      const left = ask(form, leaver.signal).catch(() => {});
      await settle(at);
      leaver.abort(new Error('left'));
      await settle(1);
      for (const signal of running) assert.equal(signal.aborted, true, `left after ${at} ms`);
      await settle(40);
      await left;
      const before = computed();
      const next = ask('unary');
      await settle(40); // a lease that was left would be waited for half of the deadline: 500 ms
      const came = cameBy(await next);
      assert.match(came, before === 0 ? /^miss 1$/ : /^(hit|miss) /, `left after ${at} ms: ${came}`);
      const again = ask('unary');
      await settle(40);
      assert.match(cameBy(await again), /^hit /, `left after ${at} ms`);
    }
  });

  for (const other of ['unary', 'stream'] as const)
    test(`${form}: who leaves at whatever step takes nothing from who joined as ${other}`, async () => {
      for (let at = 1; at <= stepsMax; at++) {
        const { cache, ask, settle, computed } = opened();
        const leaver = new AbortController();
        const left = ask(form, leaver.signal).catch(() => {});
        await settle(Math.floor(at / 2));
        const joined = ask(other);
        await settle(Math.ceil(at / 2));
        leaver.abort(new Error('left'));
        await settle(60);
        await left;
        await joined;
        assert.equal(computed(), 1, `left after ${at} ms`);
        const again = ask('unary');
        await settle(40);
        assert.match(cameBy(await again), /^hit /, `left after ${at} ms`);
        cache.close();
      }
    });
}
