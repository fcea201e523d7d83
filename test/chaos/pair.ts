// Two whole servers that share PostgreSQL, Redis and one truth, and how the workload speaks to them.
import assert from 'node:assert/strict';
import { type Fixture, openFixture } from '../fixture/app.ts';
import { openScriptedUpstream } from '../fixture/scripted-upstream.ts';
import { callOf, keptTransports, type Outcome, registryOf, signIn } from '../support/client/protocols.ts';
import { pageOf } from '../support/client/scrape.ts';
import type { RedisPlace } from '../support/redis/redis.ts';
import { fixtureRelease, openTestServer, type TestServer } from '../support/server/test-server.ts';
import { until } from '../support/time/until.ts';
import type { Read, Replica } from './load.ts';

const registry = registryOf(fixtureRelease.descriptorSet);
const users = ['ada', 'bob'] as const;

export type Pair = AsyncDisposable & {
  readonly servers: readonly [TestServer, TestServer];
  readonly replicas: readonly [Replica, Replica];
  /** Calls that need no Redis. */
  readonly others: Readonly<Record<string, () => Promise<unknown>>>;
  change(item: string, value: number): void;
  /** What /readyz says, by server: "ok" and what it does without. */
  readyz(): Promise<readonly string[]>;
  /** The sum of a metric's series, by server; 0 where it was never counted. */
  metric(series: RegExp): Promise<readonly number[]>;
  /** Holds them against all that two whole replicas do together. */
  assertWhole(): Promise<void>;
};

/** @param ofOther how the second server reaches the same Redis, where it goes another way */
export async function openPair(redis: RedisPlace, ofOther = redis): Promise<Pair> {
  await using opening = new AsyncDisposableStack();
  const scripted = await openScriptedUpstream();
  opening.defer(scripted.close);
  const fixture = openFixture();
  const samples = { scripted: scripted.address };
  const one = opening.use(await openTestServer({ app: fixture.app, samples, redis }));
  const other = opening.use(await openTestServer({ app: fixture.app, samples, shared: one, redis: ofOther }));
  const servers = [one, other] as const;
  const transportOf = keptTransports();
  const headers = new Map<string, { readonly authorization: string }>();
  for (const user of users) headers.set(user, (await signIn(one, registry, user)).headers);
  const serviceToken = await one.portico.serviceToken('orders', 3_600_000);
  let turn = 0;

  const good = (outcome: Outcome): Outcome => {
    if (outcome.code !== 0) throw new Error(`${outcome.code} ${outcome.reason} ${outcome.message}`);
    return outcome;
  };
  const callAt = (server: TestServer, method: string, request: Record<string, unknown>, authorization?: string) =>
    callOf(registry, transportOf('grpc h2', server), method, request, { headers: authorization === undefined ? {} : { authorization } });
  const asUser = (server: TestServer, method: string, request: Record<string, unknown>, user: string = users[0]) =>
    callAt(server, method, request, headers.get(user)?.authorization);
  const next = () => servers[turn++ % 2] as TestServer;
  const replicaOf = (name: string, server: TestServer): Replica => ({
    name,
    read: async (itemId): Promise<Read> => {
      const user = users[turn++ % 2] ?? users[0];
      const { messages, headers } = good(await asUser(server, 'fixture.v1.ScreenService/GetItem', { itemId }, user));
      const { title, owner } = messages[0] as { title: string; owner: string };
      assert.equal(owner, user);
      return { value: Number(title), fresh: !headers.has('portico-stale'), result: headers.get('portico-cache') ?? '' };
    },
    write: async (itemId, value) => {
      good(await asUser(server, 'fixture.v1.ScreenService/ChangeItem', { itemId, title: String(value) }));
    },
    invalidate: async (itemId) => {
      const internal = { url: server.internalUrl, ca: server.ca };
      const options = { headers: { authorization: `Bearer ${serviceToken}` } };
      const outcome = await callOf(
        registry,
        transportOf('grpc h2', internal),
        'portico.internal.v1.PublisherService/Invalidate',
        { tags: [`item:${itemId}`] },
        options,
      );
      if (outcome.reason !== 'STORE_DOWN') good(outcome);
      return outcome.code === 0;
    },
    pending: async () => (await readyzOf(server)).includes('still to be sent'),
  });
  const replicas = [replicaOf('one', one), replicaOf('other', other)] as const;
  const signInAndOut = async (server: TestServer) => {
    const session = await signIn(server, registry, 'carol');
    good(await callAt(server, 'fixture.v1.ScreenService/WhoAmI', {}, session.headers.authorization));
    good(await callAt(server, 'portico.v1.SessionService/SignOut', {}, session.headers.authorization));
    return session.headers.authorization;
  };
  const readyz = () => Promise.all(servers.map(readyzOf));
  const metric = (series: RegExp) => Promise.all(servers.map((server) => metricOf(server, series)));
  const opened = opening.move();
  return {
    servers,
    replicas,
    others: {
      whoAmI: async () => good(await asUser(next(), 'fixture.v1.ScreenService/WhoAmI', {})),
      echo: async () => good(await callAt(next(), 'fixture.v1.ScreenService/Echo', { text: 'x' })),
      forwarded: async () => good(await asUser(next(), 'fixture.v1.ForwardService/Unary', { text: 'x' })),
      streamed: async () => good(await asUser(next(), 'fixture.v1.ScreenService/StreamItem', { itemId: '1' })),
      list: async () => good(await callAt(next(), 'fixture.v1.ScreenService/ListItems', {})),
      signInAndOut: () => signInAndOut(next()),
    },
    change: (item, value) => changeIn(fixture, item, value),
    readyz,
    metric,
    assertWhole: async () => {
      let said: readonly string[] = [];
      const saysNothing = async () => {
        said = await readyz();
        return said.every((text) => text === 'ok\n');
      };
      await until('both say that nothing is wrong', saysNothing, 20_000).catch((error: Error) => {
        throw new Error(`${error.message}: ${said.join()}`);
      });
      // a busy machine leaves a write pending for a moment at any time: the load goes on
      const both = (series: RegExp, value: number) => until(`${series} is ${value}`, async () => (await metric(series)).every((is) => is === value));
      await both(/^portico_store_up\b/, 1);
      await both(/^portico_cache_invalidations_pending\b/, 0);
      const item = `whole-${turn++}`;
      for (const [i, [here, there]] of [replicas, replicas.toReversed() as [Replica, Replica]].entries()) {
        changeIn(fixture, item, i + 1);
        await untilAnswered('Invalidate works', () => here.invalidate(item));
        for (const replica of [here, there]) {
          const read = async () => {
            const { value, fresh, result } = await replica.read(item);
            if (fresh) assert.equal(value, i + 1);
            return result === 'hit';
          };
          await untilAnswered(`hits at ${replica.name}`, read);
        }
      }
      for (const [here, there] of [servers, servers.toReversed() as [TestServer, TestServer]]) {
        let authorization = '';
        await untilAnswered('sign-in works', async () => {
          authorization = await signInAndOut(here);
          return true;
        });
        const isOut = async () => (await callAt(there, 'fixture.v1.ScreenService/WhoAmI', {}, authorization)).reason === 'SESSION_REVOKED';
        await untilAnswered('a sign-out at one server reaches the other', isOut);
      }
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** A call that fails is made again. The load counts failed calls, and knows which of them a busy machine excuses. */
async function untilAnswered(what: string, isTrue: () => Promise<boolean>): Promise<void> {
  let failed: unknown;
  const attempt = () =>
    isTrue().catch((error: unknown) => {
      if (error instanceof assert.AssertionError) throw error;
      failed = error;
      return false;
    });
  await until(what, attempt, 20_000).catch((cause: Error) => {
    throw new Error(`${cause.message}; the last failure: ${failed}`, { cause });
  });
}

function changeIn({ titles }: Fixture, item: string, value: number): void {
  titles.set(item, String(value));
}

async function readyzOf({ adminUrl }: TestServer): Promise<string> {
  const answer = await fetch(`${adminUrl}/readyz`);
  if (answer.status !== 200) throw new Error(`/readyz says ${answer.status}: ${await answer.text()}`);
  return answer.text();
}

async function metricOf({ adminUrl }: TestServer, series: RegExp): Promise<number> {
  const text = await pageOf(adminUrl, '/metrics');
  return text
    .split('\n')
    .filter((line) => series.test(line))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}
