// Promise 2 of live updates on random histories: a client receives what was published, in its order, or is notified.
// `HISTORIES=5000 HISTORY_SEED=7` makes more, from another seed on.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runHistory } from './history.ts';

const histories = Number(process.env.HISTORIES ?? 10);
const firstSeed = Number(process.env.HISTORY_SEED ?? 1);

test('20 clients come and go while announcements and tails of the log are lost: nothing is missed silently', async () => {
  for (let seed = firstSeed; seed < firstSeed + histories; seed++)
    assert.deepEqual(await runHistory({ seed, clients: 20, events: 500 }), [], `seed ${seed}`);
});
