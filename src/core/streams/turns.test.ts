import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { eachInTurns, openTurns, perTurn } from './turns.ts';

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
  const turns = openTurns();
  const notes: string[] = [];
  turns.begin(work('a', 2 * perTurn + 1, notes));
  assert.equal(notes.length, 0, 'nothing at once');
  for (const expected of [perTurn, 2 * perTurn, 2 * perTurn + 1, 2 * perTurn + 1]) {
    await turn();
    assert.equal(notes.length, expected);
  }
});

test('small work waits for one turn of large work, not for its end', async () => {
  const turns = openTurns();
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
  const turns = openTurns();
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
  const turns = openTurns();
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
