// How long a message takes from its commit to another client at another replica, beside the commit itself.

import { openStatementsLink } from '../../support/postgres/statements-link.ts';
import { sharedRedis } from '../../support/redis/redis.ts';
import type { Harness } from '../harness.ts';
import { quantile } from '../interleave.ts';
import { idOf, membersOf, numberOf, userOf } from './conversations.ts';
import { openStreamClient } from './senders.ts';

export type Deliveries = Readonly<Record<'commit' | 'deliver', { readonly p50Ms: number; readonly p99Ms: number }>>;

/** One message at a time. The commit is what PostgreSQL takes, without the way to it: from the statement to its answer. */
export async function deliveries(
  harness: Harness,
  settings: Readonly<Record<string, unknown>>,
  { times }: { readonly times: number },
): Promise<Deliveries> {
  console.error('  deliveries');
  await using open = new AsyncDisposableStack();
  const link = await openStatementsLink(harness.databaseUrl);
  open.use(link);
  const redis = await sharedRedis();
  const [a, b] = [await harness.replica({ ...settings, redis, sql: { url: link.url } }), await harness.replica({ ...settings, redis })];
  open.defer(() => a.stop());
  open.defer(() => b.stop());
  const n = 1;
  const conversationId = idOf(numberOf('deliver', n));
  const [sending, receiving] = membersOf(n).map((user) => userOf('deliver', user)) as [string, string];
  let came = (_atMs: number) => {};
  const sender = await openStreamClient({ port: a.port, ca: harness.ca, token: await harness.token(sending) });
  const receiver = await openStreamClient({
    port: b.port,
    ca: harness.ca,
    token: await harness.token(receiving),
    onEvents: (events) => events.conversationId === conversationId && came(performance.now()),
  });
  open.defer(async () => {
    sender.close();
    receiver.close();
  });
  const seen = { commit: [] as number[], deliver: [] as number[] };
  for (let i = 0; i < times; i++) {
    link.take();
    const arrived = new Promise<number>((resolve) => {
      came = resolve;
    });
    const [, arrivedAtMs] = await Promise.all([sender.send(conversationId), arrived]);
    const { sentAtMs, answeredAtMs } = link.take().find(({ text }) => text.includes('chat_append')) ?? {};
    if (sentAtMs === undefined || answeredAtMs === undefined) throw new Error('A message was acknowledged before its commit.');
    seen.commit.push(answeredAtMs - sentAtMs);
    seen.deliver.push(arrivedAtMs - answeredAtMs);
  }
  const warmUp = Math.floor(times / 10);
  const of = (values: readonly number[]) => ({ p50Ms: quantile(values.slice(warmUp), 0.5), p99Ms: quantile(values.slice(warmUp), 0.99) });
  return { commit: of(seen.commit), deliver: of(seen.deliver) };
}
