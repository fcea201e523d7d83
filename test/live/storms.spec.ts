// Many clients that return at once, and many tags that are invalidated at once: what the server computes and reads for
// it is bounded, and unary calls go on.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { GetItemRequest, GetItemResponse } from '../fixture/gen/fixture/v1/fixture.ts';
import { scraped } from '../support/client/scrape.ts';
import { openRoughNetwork } from '../support/link/rough-network.ts';
import { startRedisServer } from '../support/redis/redis.ts';
import { startProcess } from '../support/server/process.ts';
import { seeded } from '../support/time/seeded.ts';
import { until } from '../support/time/until.ts';
import { openListener } from './crowd/listener.ts';
import type { Probed } from './crowd/probe-main.ts';
import { openPublishers } from './crowd/publishers.ts';

const clients = Number(process.env.LIVE_STORM ?? 100);
const tags = Math.ceil(clients / 2);
const topics = Array.from({ length: 20 }, (_, i) => `news:${i}`);
const patienceMs = 60_000 + 60 * clients;
/** `live.computationsMax`, once for changes and once for clients that come; and the probe's own. */
const computationsMost = 2 * 64 + 1;
const tagsAtOnce = 64;
/** The time to live of the watched answers is 30 s, varied by a tenth. Milliseconds. */
const freshLeastMs = 25_000;

type Ready = { readonly url: string; readonly internalUrl: string; readonly adminUrl: string } & Readonly<
  Record<'ca' | 'token' | 'serviceToken', string>
>;

test(`${clients} clients return at once, and ${tags} tags are invalidated at once`, { timeout: 6 * patienceMs }, async (context) => {
  await using stack = new AsyncDisposableStack();
  const random = seeded(1);
  const redis = stack.use(await startRedisServer({ config: ['maxmemory-policy noeviction'] }));
  const { NODE_TEST_CONTEXT: _, ...env } = process.env; // the server is no part of this test run
  const server = startProcess(process.execPath, [resolve('test/live/crowd/storm-main.ts'), redis.address], { cwd: resolve('.'), env });
  stack.defer(server.stop);
  const { url, internalUrl, adminUrl, ca, token, serviceToken } = JSON.parse(await server.line(/^ready (.*)$/)) as Ready;
  const countsOf = async () => {
    server.say('counts');
    return JSON.parse(await server.line(/^counts (.*)$/)) as { readonly computed: number; readonly most: number };
  };
  const setTitles = async (title: string) => {
    server.say(`title ${title}`);
    await server.line(/^(titled)$/);
  };
  const network = stack.use(await openRoughNetwork([Number(new URL(url).port)], random));
  const ports = [Number(new URL(internalUrl).port)];
  const publishers = openPublishers({ topics, ports, ca, serviceToken, random, eventsPerSecond: 1_000 });
  stack.defer(publishers.close);
  const probe = new Worker(resolve('test/live/crowd/probe-main.ts'), { workerData: { url, ca, token } });
  stack.defer(async () => {
    probe.postMessage('stop');
    await once(probe, 'exit');
  });
  const probed = async (): Promise<Probed> => {
    const answer = once(probe, 'message');
    probe.postMessage('report');
    return (await answer)[0] as Probed;
  };
  const readsOf = async () => Number(/cmdstat_evalsha:calls=(\d+)/.exec(String(await redis.command('INFO', 'commandstats')))?.[1] ?? 0);

  await setTitles('first');
  await until('the unary client makes calls', async () => (await probed()).calls > 0);
  const readsAlone = await readsOf();
  await sleep(3_000);
  const alone = await probed();
  const readsPerCall = ((await readsOf()) - readsAlone) / alone.calls;
  const titles = new Map<number, string>();
  const listeners = Array.from({ length: clients }, (_, i) => {
    const listener = openListener({
      name: `client ${i}`,
      port: network.port,
      ca,
      token,
      topics: [topics[i % topics.length] as string],
      random,
      heartbeatMs: 25_000,
      onSnapshot: (payload) => void titles.set(i, GetItemResponse.decode(payload).title),
    });
    const request = GetItemRequest.encode({ itemId: String(i % tags) }).finish();
    listener.live.dispatch({ type: 'watch', id: 1, method: 'fixture.v1.ScreenService/GetItem', request });
    return listener;
  });
  stack.defer(() => {
    for (const { live } of listeners) live.close();
  });
  const allAreLive = () => listeners.every(({ live }) => live.state.phase === 'live');
  const allHave = (title: string) => titles.size === clients && [...titles.values()].every((own) => own === title);
  await until('all are live', () => allAreLive() && allHave('first'), patienceMs);
  await probed();
  await sleep(3_000);
  const calm = await probed();

  await countsOf();
  const readsBefore = await readsOf();
  network.cut(20 * clients); // chance picks each of them
  await publishers.publish(20 * topics.length);
  await until('all are live again', () => allAreLive() && listeners.every((listener) => listener.isAtEnd(publishers.published)), patienceMs);
  const [returning, allReads] = [await probed(), (await readsOf()) - readsBefore];
  const ownReads = Math.round(readsPerCall * returning.calls);
  const reads = allReads - ownReads;
  const recovered = listeners.reduce((sum, listener) => sum + listener.recovered(), 0);
  const { computed } = await countsOf();
  const beganMs = performance.now();
  const computesBefore = await scraped({ adminUrl }, 'portico_live_computes_total');
  await setTitles('second');
  const all = Array.from({ length: tags }, (_, i) => `item:${i}`);
  await Promise.all(
    Array.from({ length: Math.ceil(tags / tagsAtOnce) }, (_, i) => publishers.invalidate(all.slice(i * tagsAtOnce, (i + 1) * tagsAtOnce))),
  );
  await until('all have the new answer', () => allHave('second'), patienceMs);
  const [invalidated, counts] = [await probed(), await countsOf()];
  const computes = (await scraped({ adminUrl }, 'portico_live_computes_total')) - computesBefore;

  const ratio = ({ p99Ms }: Probed) => (p99Ms / calm.p99Ms).toFixed(2);
  const show = ({ calls, p50Ms, p99Ms }: Probed) => `${calls} calls, p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms`;
  context.diagnostic(`calm: ${show(calm)}`);
  context.diagnostic(`${recovered} returned: ${show(returning)}, ratio ${ratio(returning)}; ${reads} scripts of Redis, ${computed} computations`);
  context.diagnostic(`the unary client: ${ownReads} scripts more, ${readsPerCall.toFixed(2)} for each call`);
  context.diagnostic(`${tags} tags: ${show(invalidated)}, ratio ${ratio(invalidated)}; ${computes} computations, ${counts.most} at once`);
  assert.deepEqual(listeners.flatMap((listener) => listener.problems(publishers.published)).slice(0, 20), []);
  assert.deepEqual([...calm.failed, ...returning.failed, ...invalidated.failed], []);
  assert.ok(recovered > clients / 2, `${recovered} returned`);
  assert.ok(reads <= 4 * (recovered + computed), `${reads} scripts of Redis`);
  const expiries = 1 + Math.floor((performance.now() - beganMs) / freshLeastMs); // each answer is computed anew for these, too
  assert.ok(computes <= (1 + expiries) * tags, `${computes} computations for ${tags} tags with two watchers each`);
  assert.ok(counts.most <= computationsMost, `${counts.most} at once`);
});
