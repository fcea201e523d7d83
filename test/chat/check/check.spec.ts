// The check of chat in a smaller size. `npm run check:chat -- --seeds 4` runs the whole.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runCheck } from './run-check.ts';

test('killed replicas, failing engines and broken connections lose, double and reorder nothing, and a restored backup is noticed', async (context) => {
  const { did, broken } = await runCheck({ seed: 1, clients: 6, replicas: 2, seconds: 5, onStep: (step) => context.diagnostic(step) });
  context.diagnostic(JSON.stringify(did));
  assert.deepEqual(broken, []);
  assert.ok((did['messages acknowledged'] ?? 0) > 0, 'there was something to break');
});
