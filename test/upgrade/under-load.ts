// Three replicas of a release under the load, and what is reported of it.
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { openClosers } from '../../scripts/cluster/closers.ts';
import { type Cluster, openCluster, sampleNamespaces } from '../../scripts/cluster/open-cluster.ts';
import { type Load, openLoad } from './load.ts';

const clients = Number(process.env.UPGRADE_CLIENTS ?? 300);
/** `drain.spread`, in seconds. */
const spread = Number(process.env.UPGRADE_SPREAD ?? 30);

/** @param main the `src/main.ts` of the release */
export async function underLoad(work: (cluster: Cluster, load: Load) => Promise<void>, main: string): Promise<void> {
  const closers = openClosers();
  try {
    const variables = {
      PORTICO_LIVE__NAMESPACES: JSON.stringify({ ...sampleNamespaces, news: { listen: 'users', history: 1_000 } }),
      PORTICO_DRAIN__SPREAD: `${spread}s`,
    };
    const replicas = Array.from({ length: 3 }, () => ({ variables, main }));
    const cluster = await openCluster({ host: '127.0.0.1', port: 0, identityPort: 0, log: 'error', migrateBy: main, replicas }, closers);
    await work(cluster, await openLoad(cluster, clients, closers));
  } finally {
    await closers.close();
  }
}

/** Of all calls: those that may run out of time, because replicas, clients and engines share one machine. */
const lateMax = 0.01;

/** Ends the load: no event and no message may be missing or doubled, no call may fail, and hardly one may be late. */
export async function report(t: TestContext, load: Load): Promise<void> {
  const wrong = await load.finish();
  t.diagnostic(load.summary());
  assert.deepEqual(load.failed().slice(0, 20), []);
  assert.deepEqual(wrong.slice(0, 20), []);
  const { late, calls } = load.late();
  assert.ok(late.length <= calls * lateMax, `${late.length} of ${calls} calls were late, such as ${late[0]?.why}`);
}
