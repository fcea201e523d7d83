// Promise 2 of live updates for many clients on a rough network, with replicas that are killed: each ends with exactly
// the published events in order. CONTRIBUTING.md has the full size.
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { runRough } from './crowd/rough-run.ts';

const number = (name: string, usual: number) => Number(process.env[name] ?? usual);
const seed = number('LIVE_SEED', randomInt(1_000_000));
const clients = number('LIVE_CLIENTS', 60);
const seconds = number('LIVE_SECONDS', 8);
const events = number('LIVE_EVENTS', 3_000);

test(`${clients} clients on a rough network miss nothing while ${events} events are published and replicas are killed`, {
  timeout: (5 * seconds + 300) * 1_000,
}, async (context) => {
  context.diagnostic(`LIVE_SEED=${seed}`);
  const { problems, counts } = await runRough({
    seed,
    clients,
    seconds,
    events,
    kills: Math.ceil(seconds / 6),
    silentEnd: seconds >= 30,
    swallowMs: Math.min(25_000, seconds * 800),
  });
  context.diagnostic(JSON.stringify(counts));
  assert.deepEqual(problems.slice(0, 20), []);
  assert.equal(counts.lost, 0, 'Redis has lost nothing: all was recovered');
});
