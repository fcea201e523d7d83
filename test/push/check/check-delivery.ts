import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { deliverAll, type Load } from './deliver-all.ts';

/** Each device is pushed or has confirmed; repeats come after kills only; none is pushed what it had read. */
export async function checkDelivery(t: TestContext, load: Load, { killsLeast }: { readonly killsLeast: number }): Promise<void> {
  const { missing, unexplained, unwanted, ...counts } = await deliverAll(load);
  t.diagnostic(JSON.stringify(counts));
  assert.deepEqual({ missing, unexplained, unwanted }, { missing: [], unexplained: [], unwanted: [] });
  assert.ok(counts.kills >= killsLeast, `${counts.kills} kills`);
  assert.ok(counts.pushed > 0 && counts.spared > 0);
}
