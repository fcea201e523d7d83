import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { openLimiter } from './concurrency-limiter.ts';
import { openYielding, yieldingLimiter } from './yield-to-calls.ts';

/** A loop whose time goes on by one millisecond with each look, of which it was busy for a part. */
function openLoop(busy: number, turnMs = 1) {
  let now = 1_000;
  let collected = 0;
  const openLine = openYielding({ busyMs: () => busy * now, nowMs: () => (now += turnMs), collectYoung: () => void collected++ });
  return { openLine, now: () => now, collected: () => collected };
}

/** @returns when each step ran */
async function ranAt(busy: number, steps: number, turnMs = 1): Promise<readonly number[]> {
  const { openLine, now } = openLoop(busy, turnMs);
  const line = openLine();
  const ran: number[] = [];
  for (let i = 0; i < steps; i++) line(() => void ran.push(now()));
  while (ran.length < steps) await sleep(1);
  return ran;
}

const gapsOf = (ran: readonly number[]) => ran.slice(1).map((at, i) => at - (ran[i] ?? 0));

test('while the loop has room, two steps run in each turn', async () => {
  for (const busy of [0, 0.3, 0.59]) assert.deepEqual(gapsOf(await ranAt(busy, 6)), [0, 1, 0, 1, 0], `busy for ${busy}`);
});

test('while it has none, steps wait, and run every 10 ms all the same', async () => {
  for (const busy of [0.61, 0.9, 1]) {
    const [, ...gaps] = gapsOf(await ranAt(busy, 7)); // the first look is a moment after the line was opened
    assert.deepEqual(gaps, [10, 0, 10, 0, 10], `busy for ${busy}`);
  }
});

test('where turns of the loop last longer than that, each makes up for what it has missed, up to a bound', async () => {
  const inTurn = async (turnMs: number) => {
    const ran = await ranAt(1, 40, turnMs);
    return [...Map.groupBy(ran, (at) => at).values()].map(({ length }) => length).slice(1, 3);
  };
  assert.deepEqual(await inTurn(19), [2, 2]);
  assert.deepEqual(await inTurn(20), [4, 4]);
  assert.deepEqual(await inTurn(35), [6, 6]);
  assert.deepEqual(await inTurn(1_000), [10, 10]);
});

test('a step that comes alone runs in the next turn', async () => {
  const { openLine } = openLoop(0);
  const line = openLine();
  for (let i = 0; i < 3; i++) {
    let ran = false;
    line(() => {
      ran = true;
    });
    assert.equal(ran, false, 'not at once: its caller goes on first');
    await turn();
    assert.equal(ran, true);
  }
});

test('young objects are looked after while others wait, and not for one that comes alone', async () => {
  const { openLine, collected } = openLoop(0);
  const line = openLine();
  line(() => {});
  await turn();
  assert.equal(collected(), 0);
  let ran = 0;
  for (let i = 0; i < 6; i++) line(() => void ran++);
  while (ran < 6) await sleep(1);
  assert.equal(collected(), 2, 'two steps in each turn, and after the last ones nobody waits');
});

test('a short line waits for one turn of a long one, and each keeps its order', async () => {
  const { openLine } = openLoop(0);
  const notes: string[] = [];
  const [long, short] = [openLine(), openLine()];
  for (let i = 0; i < 10; i++) long(() => void notes.push(`long ${i}`));
  for (let i = 0; i < 2; i++) short(() => void notes.push(`short ${i}`));
  while (notes.length < 12) await sleep(1);
  assert.deepEqual(notes.slice(0, 4), ['long 0', 'short 0', 'long 1', 'short 1']);
  assert.deepEqual(
    notes.filter((note) => note.startsWith('long')),
    Array.from({ length: 10 }, (_, i) => `long ${i}`),
  );
});

test('a step that has left does not run and takes no place of another, and steps may add steps', async () => {
  const { openLine } = openLoop(0);
  const line = openLine();
  const notes: string[] = [];
  const leaves = Array.from({ length: 100 }, (_, i) => line(() => void notes.push(`left ${i}`)));
  line(() => {
    notes.push('first');
    line(() => void notes.push('added'));
  });
  for (const leave of leaves) leave();
  await turn();
  assert.deepEqual(notes, ['first']);
  while (notes.length < 2) await sleep(1);
  leaves[0]?.(); // once more, to no effect
  assert.deepEqual(notes, ['first', 'added']);
});

test('tasks of a limiter wait in the line, and those whose signal is aborted do not run', async () => {
  const steps = new Set<() => void>();
  const limiter = yieldingLimiter(openLimiter(2), (step) => {
    steps.add(step);
    return () => void steps.delete(step);
  });
  const notes: string[] = [];
  const leaving = new AbortController();
  const task = (name: string, signal?: AbortSignal) => limiter(async () => void notes.push(name), signal);
  const all = Promise.allSettled([task('a'), task('left', leaving.signal), task('b')]);
  await turn();
  assert.deepEqual([steps.size, notes], [2, []], 'two wait in the line, as the limiter allows');
  leaving.abort();
  await turn();
  for (let i = 0; i < 2; i++) {
    for (const step of [...steps]) step();
    await turn();
  }
  assert.deepEqual(notes, ['a', 'b']);
  assert.deepEqual(
    (await all).map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  );
});
