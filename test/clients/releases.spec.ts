// Two releases side by side, as in the middle of an upgrade: one replica of an older release and two of this tree share
// Redis, the bus and SQL under load. `npm run test:releases`; RELEASES_MINUTES=10 for a long run. The chat has a file of
// its own, chat-releases.spec.ts.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Code } from '@connectrpc/connect';
import { openClosers } from '../../scripts/cluster/closers.ts';
import { type Cluster, openCluster, sampleNamespaces } from '../../scripts/cluster/open-cluster.ts';
import { ListOrdersRequest, ListOrdersResponse, OrderStatus } from '../../src/gen/app/v1/order.ts';
import { openLiveClient } from '../support/client/live-client.ts';
import { callOf, keptTransports, registryOf } from '../support/client/protocols.ts';
import { until } from '../support/time/until.ts';
import { olderRelease, withLiveAndChat } from './older-release.ts';
import { root } from './script.ts';

const minutes = Number(process.env.RELEASES_MINUTES ?? 0.5);
const workers = 3;
const topic = 'news:releases';
const registry = registryOf(readFileSync(join(root, 'src/gen/descriptors.binpb')));
const transports = keptTransports();

let cluster: Cluster;
let ca: string;
/** Replicas whose release has live updates: the first ones. */
let live = 0;

/** @param commit of the older release */
async function openTwoReleases(commit: string | undefined, olderHasLive: boolean): Promise<() => Promise<void>> {
  const closers = openClosers();
  const older = await olderRelease(commit);
  closers.add(older.remove);
  const namespaces = { ...sampleNamespaces, news: { listen: 'users', history: 1_000 } };
  const newer = { variables: { PORTICO_LIVE__NAMESPACES: JSON.stringify(namespaces) } };
  const olderVariables = olderHasLive ? newer.variables : { PORTICO_LIVE__NAMESPACES: undefined };
  const replicas = [newer, newer, { main: older.main, variables: olderVariables }];
  cluster = await openCluster({ host: '127.0.0.1', port: 0, identityPort: 0, log: 'error', replicas }, closers);
  ca = readFileSync(cluster.caFile, 'utf8');
  live = olderHasLive ? replicas.length : replicas.length - 1;
  return () => closers.close();
}

type Json = Readonly<Record<string, unknown>>;
const none = { calls: 0, writes: 0, sessions: 0, stale: 0, late: 0, events: 0, snapshots: 0 };
let counts = none;

/** A call that was not answered within its deadline, which says nothing about releases on a machine that is busy with other work. */
class LateError extends Error {}

async function call(url: string, method: string, request: Json, token = '', onHeaders = (_headers: Headers) => {}): Promise<Json> {
  const headers: Record<string, string> = token === '' ? {} : { authorization: `Bearer ${token}` };
  const outcome = await callOf(registry, transports('grpc h2', { url, ca }), method, request, { headers });
  counts.calls++;
  if (outcome.code === Code.DeadlineExceeded || outcome.reason === 'UPSTREAM_TIMEOUT') throw new LateError(`${method} at ${url}`);
  assert.equal(outcome.code, 0, `${method} at ${url}: ${outcome.reason} ${outcome.message}`);
  onHeaders(outcome.headers);
  return outcome.messages[0] as Json;
}

const urls = () => cluster.replicas.map(({ url }) => url);
const at = (n: number) => urls()[n % urls().length] ?? '';

async function signIn(url: string, user: string): Promise<{ readonly accessToken: string; readonly refreshToken: string }> {
  const { idToken } = (await (await fetch(`${cluster.identityUrl}/sign-in?user=${user}`)).json()) as { idToken: { token: string } };
  const identity = { case: 'idToken', value: idToken };
  return (await call(url, 'portico.v1.SessionService/SignIn', { identity, device: { platform: 'ios', name: 'load' } })) as never;
}

/** Counts a late call, and goes on. */
async function unlessLate(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof LateError)) throw error;
    counts.late++;
  }
}

/** A write at one replica is in the next answer of every replica, and in the next snapshot of a watch at the newer ones. */
async function writes(user: string, turn: number, token: string, watched: () => ReadonlyMap<string, number>): Promise<void> {
  const wish = { content: 'A book', recipient: 'Dora', address: 'Gasse 1', weightGrams: 400 };
  const { order } = (await call(at(turn), 'app.v1.OrderService/PlaceOrder', wish, token)) as { order: { orderId: string } };
  const statusIs = async (status: number) => {
    counts.writes++;
    for (const url of urls()) {
      // an answer that says it is stale could not be verified in time: it may be old, and is asked for again
      let isStale = true;
      let orders: readonly { orderId: string; status: number }[] = [];
      await until(`a verified answer of ${url}`, async () => {
        const onHeaders = (headers: Headers) => {
          isStale = headers.get('portico-cache') === 'stale';
        };
        ({ orders } = (await call(url, 'app.v1.OrderService/ListOrders', {}, token, onHeaders)) as { orders: typeof orders });
        if (isStale) counts.stale++;
        return !isStale;
      });
      const found = orders.find(({ orderId }) => orderId === order.orderId)?.status;
      assert.equal(found, status, `an old answer of replica ${urls().indexOf(url)}, of turn ${turn}`);
    }
    await until(`a snapshot with order ${order.orderId} of ${user}`, () => watched().get(order.orderId) === status, 30_000);
  };
  await statusIs(OrderStatus.ORDER_STATUS_PLACED);
  await call(at(turn + 1), 'app.v1.OrderService/CancelOrder', { orderId: order.orderId }, token);
  await statusIs(OrderStatus.ORDER_STATUS_CANCELLED);
}

/** A session of one release is refreshed and ended by the other. */
async function sessions(user: string, turn: number): Promise<void> {
  counts.sessions++;
  const first = await signIn(at(turn), user);
  const next = (await call(at(turn + 1), 'portico.v1.SessionService/Refresh', { refreshToken: first.refreshToken })) as typeof first;
  await call(at(turn + 2), 'app.v1.OrderService/ListOrders', {}, next.accessToken);
  await call(at(turn), 'portico.v1.SessionService/SignOut', {}, next.accessToken);
  for (const url of urls()) {
    const headers = { authorization: `Bearer ${next.accessToken}` };
    const refused = () => callOf(registry, transports('grpc h2', { url, ca }), 'app.v1.OrderService/ListOrders', {}, { headers });
    await until(`the session has ended at ${url}`, async () => (await refused()).reason === 'SESSION_REVOKED', 5_000);
  }
}

function openWatcher(url: string, token: string) {
  const request = Buffer.from(ListOrdersRequest.encode(ListOrdersRequest.fromPartial({})).finish());
  const watches = [{ id: 1, method: 'app.v1.OrderService/ListOrders', request }];
  const headers = { authorization: `Bearer ${token}` };
  const client = openLiveClient({ registry, transport: transports('grpc h2', { url, ca }), headers, hello: { subscriptions: [{ topic }], watches } });
  const orders = () => ListOrdersResponse.decode(client.all('snapshot').at(-1)?.payload ?? Buffer.of()).orders;
  return { ...client, statuses: () => new Map(orders().map(({ orderId, status }) => [orderId, status as number])) };
}

const releases = {
  'the release before live updates': { commit: process.env.RELEASES_FROM, olderHasLive: false },
  'a release with live updates and chat': { commit: withLiveAndChat, olderHasLive: true },
};
for (const [name, { commit, olderHasLive }] of Object.entries(releases))
  test(`beside ${name} no call fails, and no answer, event or snapshot is wrong`, async (t) => {
    counts = { ...none };
    const close = await openTwoReleases(commit, olderHasLive);
    try {
      await load(t);
    } finally {
      await close();
    }
  });

async function load(t: TestContext): Promise<void> {
  const endMs = performance.now() + minutes * 60_000;
  const watchers: ReturnType<typeof openWatcher>[] = [];
  const worker = async (n: number) => {
    const user = `load-${n}`;
    const { accessToken } = await signIn(at(n), user);
    const watcher = openWatcher(at(n % live), accessToken);
    watchers.push(watcher);
    await watcher.wait('snapshot');
    for (let turn = n; performance.now() < endMs; turn++) {
      await unlessLate(async () => {
        if (turn % 10 === 0) await sessions(user, turn / 10);
        await writes(user, turn, accessToken, watcher.statuses);
      });
      await pause(50);
    }
  };
  const published: string[] = [];
  const publishing = async () => {
    await until('all listen', () => watchers.length === workers && watchers.every((one) => one.all('subscribed').length > 0), 60_000);
    while (performance.now() < endMs) {
      const texts = [1, 2, 3].map((i) => String(published.length + i));
      const events = texts.map((text) => ({ topic, payload: Buffer.from(text), requestId: text })); // repeated, it is published once
      const url = cluster.replicas[published.length % live]?.internalUrl ?? '';
      await unlessLate(async () => {
        await call(url, 'portico.internal.v1.PublisherService/Publish', { events }, cluster.serviceToken);
        published.push(...texts);
      });
      await pause(100);
    }
  };
  await Promise.all([publishing(), ...Array.from({ length: workers }, (_, n) => worker(n))]);
  for (const watcher of watchers) {
    await until('all events', () => watcher.events().length >= published.length, 30_000);
    assert.deepEqual(watcher.events(), published);
    assert.equal(watcher.all('subscribed').length, 1, 'nothing was said to be missing');
    assert.equal(watcher.ended(), undefined);
    counts.events += watcher.events().length;
    counts.snapshots += watcher.all('snapshot').length;
    watcher.cut();
  }
  assert.ok(counts.writes > 10 && counts.sessions > 0);
  t.diagnostic(JSON.stringify(counts));
}
