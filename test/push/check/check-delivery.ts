import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { deliverAll, type Load } from './deliver-all.ts';
import { deliverByReplicas } from './deliver-by-replicas.ts';

const ways = { workers: deliverAll, replicas: deliverByReplicas } as const;
type Wish = { readonly killed: keyof typeof ways; readonly killsLeast: number };

/** Each device is pushed or has confirmed; repeats come after kills only; none is pushed what it had read. */
export async function checkDelivery(t: TestContext, load: Load, { killed, killsLeast }: Wish): Promise<void> {
  const { missing, unexplained, unwanted, ...counts } = await ways[killed](load);
  t.diagnostic(JSON.stringify(counts));
  assert.deepEqual({ missing, unexplained, unwanted }, { missing: [], unexplained: [], unwanted: [] });
  assert.ok(counts.kills >= killsLeast, `${counts.kills} kills`);
  assert.ok(counts.pushed > 0 && counts.spared > 0);
}
