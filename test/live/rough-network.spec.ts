// Promise 2 of live updates for many clients on a rough network, with replicas that are killed: each ends with exactly
// the published events in order, or was notified where Redis itself has lost some. CONTRIBUTING.md has the full size.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runRough } from './crowd/rough-run.ts';
import { roughMostMs, roughSize } from './crowd/rough-size.ts';

const { seed, clients, seconds, events } = roughSize;
const silentEnd = seconds >= 30;
const what = `${clients} clients on a rough network miss nothing while ${events} events are published and replicas are killed`;

test(what, { timeout: roughMostMs }, async (context) => {
  context.diagnostic(`LIVE_SEED=${seed}`);
  const { problems, counts } = await runRough({ ...roughSize, silentEnd, redisLoses: false });
  context.diagnostic(JSON.stringify(counts));
  assert.deepEqual(problems.slice(0, 20), []);
  assert.equal(counts.lost, 0, 'Redis has lost nothing: all was recovered');
});

test(`${what}, and Redis comes back without its end: they miss nothing silently`, { timeout: roughMostMs }, async (context) => {
  context.diagnostic(`LIVE_SEED=${seed}`);
  const { problems, counts } = await runRough({ ...roughSize, silentEnd, redisLoses: true });
  context.diagnostic(JSON.stringify(counts));
  assert.deepEqual(problems.slice(0, 20), []);
  assert.ok(counts.lost > 0, 'Redis has lost some: clients were notified');
});
