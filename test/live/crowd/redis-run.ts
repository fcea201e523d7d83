// Two whole servers on one Redis, to which something happens while clients of both listen and watch.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { openLive } from '../../../src/client/live/live.ts';
import { systemClock } from '../../../src/wire/system-clock.ts';
import { openFixture } from '../../fixture/app.ts';
import { GetItemRequest, GetItemResponse } from '../../fixture/gen/fixture/v1/fixture.ts';
import { openScriptedUpstream } from '../../fixture/scripted-upstream.ts';
import { h2Live } from '../../support/client/h2-live.ts';
import { signIn } from '../../support/client/protocols.ts';
import type { RedisPlace } from '../../support/redis/redis.ts';
import { liveCalls, liveRegistry } from '../../support/server/live-server.ts';
import { openTestServer, type TestServer } from '../../support/server/test-server.ts';
import { seeded } from '../../support/time/seeded.ts';
import { shiftedClock } from '../../support/time/shifted-clock.ts';
import { until } from '../../support/time/until.ts';
import { fixedSession, openListener } from './listener.ts';
import { type Progress, progressOf } from './progress.ts';
import { openPublishers } from './publishers.ts';

export const topics = Array.from({ length: 8 }, (_, i) => `chaos:${i}`);
const items = ['one', 'two', 'three'];
const listenersPerServer = 6;
const eventsPerSecond = 300;
/** Of the position check. Milliseconds. */
const lookMs = 41_000;
/**
 * Long enough that no server, whose clock is moved on, takes a client for lost: its return would give it what the
 * position check is to find. Milliseconds.
 */
const heartbeatMs = 300_000;

export type RedisRun = AsyncDisposable & {
  readonly progress: Progress;
  /**
   * Publishes and invalidates while something happens; then waits until all clients have all.
   * @param happen called in the midst of it
   * @returns how often a client was notified that events may be missing
   */
  during(what: string, happen: () => Promise<unknown>, events?: number): Promise<number>;
};

/** @param ofOther how the second server reaches the same Redis, where it goes another way */
export async function openRedisRun(place: RedisPlace, ofOther = place): Promise<RedisRun> {
  await using opening = new AsyncDisposableStack();
  const random = seeded(1);
  const clock = shiftedClock();
  const scripted = await openScriptedUpstream();
  opening.defer(scripted.close);
  const fixture = openFixture();
  const settings = {
    'live.namespaces': { chaos: { listen: 'users', history: 10_000 } },
    'live.streamsPerUser': 1_000,
    'live.beginsPerSecond': 10_000,
  };
  const common = { app: fixture.app, samples: { scripted: scripted.address }, settings, clock };
  const a = opening.use(await openTestServer({ ...common, redis: place }));
  const b = opening.use(await openTestServer({ ...common, shared: a, redis: ofOther }));
  const { accessToken: token } = await signIn(a, liveRegistry, 'alice', ['items.read']);
  const serviceToken = await a.portico.serviceToken('orders', 3_600_000);
  const publishers = openPublishers({ topics, ports: [portOf(a.internalUrl)], ca: a.ca, serviceToken, random, eventsPerSecond });
  opening.defer(publishers.close);
  const listeners = [a, b].flatMap((server, s) =>
    Array.from({ length: listenersPerServer }, (_, i) => {
      const own = [topics[i], topics[(i + 3) % topics.length]].filter((topic) => topic !== undefined);
      return openListener({ name: `client ${i} of ${'AB'[s]}`, port: portOf(server.url), ca: a.ca, token, topics: own, random, heartbeatMs });
    }),
  );
  const watcher = openWatcher(b, token, random);
  opening.defer(() => {
    for (const { live } of [...listeners, watcher]) live.close();
  });
  const truth = new Map(items.map((item) => [item, 0]));
  for (const [item, value] of truth) fixture.titles.set(item, String(value));
  const { invalidate } = liveCalls(a);
  let changing = false;
  const change = async () => {
    while (changing) {
      const item = items[Math.floor(random() * items.length)] as string;
      const value = (truth.get(item) ?? 0) + 1;
      truth.set(item, value);
      fixture.titles.set(item, String(value));
      while (
        !(await invalidate(`item:${item}`).then(
          () => true,
          () => false,
        ))
      )
        await sleep(50); // the store is down: it says so
      await sleep(random() * 100);
    }
  };
  const allHaveAll = () =>
    listeners.every((listener) => listener.isAtEnd(publishers.published)) && items.every((item) => watcher.values(item).at(-1) === truth.get(item));
  const problems = () => [...listeners.flatMap((listener) => listener.problems(publishers.published)), ...watcher.problems(truth)];
  await until('all clients are live', () => [...listeners, watcher].every(({ live }) => live.state.phase === 'live'), 30_000);
  const lost = () => listeners.reduce((sum, listener) => sum + listener.lost(), 0);
  const opened = opening.move();
  return {
    progress: progressOf(publishers.published),
    during: async (what, happen, events = 600) => {
      const before = lost();
      changing = true;
      const changed = change();
      const published = publishers.publish(events);
      await sleep(((events / eventsPerSecond) * 1_000) / 3);
      await happen();
      await published;
      changing = false;
      await changed;
      await until(`${what}: all clients have all`, allHaveAll, 3_000).catch(() => clock.shift(lookMs));
      await until(`${what}: all clients have all`, allHaveAll, 60_000).catch(() => {}); // who has not is named here:
      assert.deepEqual(problems().slice(0, 20), [], what);
      return lost() - before;
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

const portOf = (url: string) => Number(new URL(url).port);

/** A client of one server that watches all items. Their titles are numbers that only rise. */
function openWatcher({ url, ca }: TestServer, token: string, random: () => number) {
  const seen = new Map(items.map((item): [string, number[]] => [item, []]));
  const live = openLive({
    transport: h2Live({ port: portOf(url), ca, device: 'watcher' }),
    session: fixedSession(token),
    clock: systemClock,
    random,
    headers: {},
    onNotice: (notice) => {
      if (notice.kind === 'snapshot') seen.get(items[notice.id] ?? '')?.push(Number(GetItemResponse.decode(notice.payload).title));
    },
  });
  for (const [id, itemId] of items.entries())
    live.dispatch({ type: 'watch', id, method: 'fixture.v1.ScreenService/GetItem', request: GetItemRequest.encode({ itemId }).finish() });
  live.dispatch({ type: 'start' });
  const values = (item: string) => seen.get(item) ?? [];
  return {
    live,
    values,
    /** @returns where a watch went back, or does not stand at the last value */
    problems: (truth: ReadonlyMap<string, number>) =>
      [...truth].flatMap(([item, last]) => [
        ...values(item).flatMap((value, i, all) =>
          value < (all[i - 1] ?? 0) ? [`the watch of ${item} went back from ${all[i - 1]} to ${value}`] : [],
        ),
        ...(values(item).at(-1) === last ? [] : [`the watch of ${item} ended with ${values(item).at(-1)}, not ${last}`]),
      ]),
  };
}
