import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { eachInTurns, openTurns, passesInTurns, perTurn } from './event-loop-turns.ts';

/** Work with so many steps, which notes each of them. */
function work(name: string, steps: number, notes: string[]): () => boolean {
  let done = 0;
  return () => {
    if (done === steps) return false;
    notes.push(name);
    return ++done < steps;
  };
}

test('a turn of the loop has only so many steps, and all get done', async () => {
  const turns = openTurns(() => 0);
  const notes: string[] = [];
  turns.begin(work('a', 2 * perTurn + 1, notes));
  assert.equal(notes.length, 0, 'nothing at once');
  for (const expected of [perTurn, 2 * perTurn, 2 * perTurn + 1, 2 * perTurn + 1]) {
    await turn();
    assert.equal(notes.length, expected);
  }
});

test('small work waits for one turn of large work, not for its end', async () => {
  const turns = openTurns(() => 0);
  const notes: string[] = [];
  turns.begin(work('large', 100 * perTurn, notes));
  turns.begin(work('small', 2, notes));
  turns.begin(work('small', 2, notes));
  await turn();
  await turn();
  assert.equal(notes.filter((name) => name === 'small').length, 4);
  assert.equal(notes.filter((name) => name === 'large').length, 2 * perTurn - 4);
});

test('work that is begun again while it is under way, or by its own step, is done once more and no oftener', async () => {
  const turns = openTurns(() => 0);
  let calls = 0;
  const step = () => {
    calls++;
    if (calls === 1) turns.begin(step);
    return false;
  };
  turns.begin(step);
  turns.begin(step);
  await turn();
  await turn();
  assert.equal(calls, 2);
});

test('a list is served in turns, as it was when that began', async () => {
  const turns = openTurns(() => 0);
  const list = new Set(Array.from({ length: perTurn + 1 }, (_, i) => i));
  const served: number[] = [];
  eachInTurns(turns, list, (one) => {
    served.push(one);
    list.delete(one);
  });
  eachInTurns(turns, [], () => assert.fail('nobody is on this list'));
  assert.equal(served.length, 0, 'nothing at once');
  list.add(-1);
  await turn();
  assert.equal(served.length, perTurn);
  await turn();
  await turn();
  assert.deepEqual(
    served,
    Array.from({ length: perTurn + 1 }, (_, i) => i),
  );
});

test('a turn whose steps take long ends after a millisecond, with one step at least', async () => {
  for (const [stepMs, expected] of [
    [0.01, perTurn],
    [0.4, 3],
    [20, 1],
  ] as const) {
    let nowMs = 0;
    const turns = openTurns(() => nowMs);
    const notes: string[] = [];
    const step = work('a', 2 * perTurn, notes);
    turns.begin(() => {
      nowMs += stepMs;
      return step();
    });
    await turn();
    assert.equal(notes.length, expected, `${stepMs} ms`);
    while (notes.length < 2 * perTurn) await turn();
  }
});

test('a piece of work is done for all of a list before the next one begins, and what is dropped is not done', async () => {
  const passes = passesInTurns<number>(openTurns(() => 0));
  const list = Array.from({ length: perTurn + 1 }, (_, i) => i);
  const served: string[] = [];
  for (const piece of ['a', 'b']) passes.begin(list, (one) => served.push(`${piece}${one}`));
  for (let i = 0; i < 4; i++) await turn();
  assert.deepEqual(served, [...list.map((one) => `a${one}`), ...list.map((one) => `b${one}`)]);
  assert.equal(passes.waiting(), 0);
  passes.begin(list, (one) => {
    served.push(`c${one}`);
    if (one !== 3) return;
    passes.clear();
    passes.begin([1], () => served.push('instead'));
  });
  for (let i = 0; i < 4; i++) await turn();
  assert.deepEqual(served.slice(2 * list.length), ['c0', 'c1', 'c2', 'c3', 'instead']);
});
