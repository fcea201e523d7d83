// What a watch is given while the shared store cannot be asked whether a newer answer is needed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryTagVersions } from '../../src/core/adapters/memory/tag-versions.ts';
import { StoreDown } from '../../src/core/kit/store-down.ts';
import type { Answer } from '../../src/core/ports/call.ts';
import type { Watched } from '../../src/core/ports/watched.ts';
import { planOf, readyCall } from '../support/cache/ready-call.ts';
import { fakeClock } from '../support/time/clock.ts';
import { computation, openTestCache } from './open.ts';

const plan = planOf('GetItem', { ttlMs: 60_000, staleWhileRevalidateMs: 0, staleIfErrorMs: 0 });

test('an answer for a watch that could not be verified has no fresh time: it is asked for again', async () => {
  const clock = fakeClock();
  const inner = memoryTagVersions({ clock });
  let isDown = false;
  const standing: typeof inner.standing = (...words) => {
    if (isDown) return Promise.reject(new StoreDown('timeout', 'It did not answer.'));
    return inner.standing(...words);
  };
  const { cache } = openTestCache({ clock, versions: { ...inner, standing } });
  const compute = computation({}, { held: true });
  const call = readyCall(plan, { user: 'ada', request: { itemId: '7' } });
  const watchedNow = async () => ((await cache.answerWatched(call, compute)) as Answer & { readonly watched: Watched }).watched;
  const older = cache.answer(call, compute);
  await clock.advance(1);
  const joining = watchedNow(); // of a computation that began before it
  await clock.advance(1);
  isDown = true;
  compute.release();
  await older;
  const joined = await joining;
  assert.deepEqual([joined.verified, joined.freshForMs], [false, undefined]);
  isDown = false;
  const again = await watchedNow();
  assert.deepEqual([again.verified, again.freshForMs !== undefined, compute.seen.length], [true, true, 1]);
});
