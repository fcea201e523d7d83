// The check of chat in a smaller size. `npm run check:chat -- --seeds 3 --seconds 60 --clients 20` runs the whole.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runCheck } from './run-check.ts';

test('killed replicas, a lost Redis and cut connections to PostgreSQL lose, double and reorder nothing', async (context) => {
  const { did, broken } = await runCheck({ seed: 1, clients: 6, replicas: 2, seconds: 6 });
  context.diagnostic(JSON.stringify(did));
  assert.deepEqual(broken, []);
  assert.ok((did['messages acknowledged'] ?? 0) > 50, 'there was something to break');
});
