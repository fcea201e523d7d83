// The load of an upgrade: clients with both streams, conversations of ten, events for all, and steady unary calls.
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Closers } from '../../scripts/cluster/closers.ts';
import type { Cluster } from '../../scripts/cluster/open-cluster.ts';
import { nodeTransport } from '../../src/client/node-transport.ts';
import { PublishRequest } from '../../src/gen/portico/internal/v1/publisher.ts';
import { ChatServiceDefinition, ConversationKind } from '../../src/gen/portico/v1/chat.ts';
import { until } from '../support/time/until.ts';
import { type FailedCall, failedCall, isLate, type LoadClient, openLoadClient } from './load-client.ts';

const topic = 'news:upgrade';
/** Of a conversation. */
const members = 10;
/**
 * Between two calls, two messages and two events of all clients together: steady, however many there are, and no more
 * than a machine of two cores serves beside the clients themselves. Milliseconds.
 */
const every = { call: 50, post: 100, event: 1_000 };
/** Clients that sign in at once. */
const together = 10;
const publishAgainMs = 200;
const settleMs = 120_000;

export type Load = {
  /** Unary calls that failed, those that publish events among them. */
  failed(): readonly FailedCall[];
  /** Ends the load, and waits until all that was sent has come. @returns what is wrong */
  finish(): Promise<readonly string[]>;
  /** Calls that ran out of time, and all. */
  late(): { readonly late: readonly FailedCall[]; readonly calls: number };
  summary(): string;
};

/** Begins it. @param count of clients */
export async function openLoad(cluster: Cluster, count: number, closers: Closers): Promise<Load> {
  const ca = readFileSync(cluster.caFile, 'utf8');
  const at = { address: new URL(cluster.url).host, ca };
  const clients: LoadClient[] = [];
  closers.add(() => {
    for (const { client } of clients) client.close();
  });
  const signIn = async (n: number) => {
    const { idToken } = (await (await fetch(`${cluster.identityUrl}/sign-in?user=upgrade-${n}`)).json()) as { idToken: { token: string } };
    clients.push(await openLoadClient(at, idToken.token, topic));
  };
  for (let n = 0; n < count; n += together) await Promise.all(Array.from({ length: Math.min(together, count - n) }, (_, i) => signIn(n + i)));
  const isLive = ({ client }: LoadClient) => client.live.state.phase === 'live' && client.chat.state.phase === 'live';
  await until('all clients are live', () => clients.every(isLive), settleMs);
  const groups = await Promise.all(chunks(clients, members).map(groupOf));

  let ended = false;
  closers.add(() => {
    ended = true;
  });
  const published: string[] = [];
  const posted = new Map<string, readonly LoadClient[]>();
  const failed: FailedCall[] = [];
  const publish = publisher(cluster, ca, failed, () => ended);
  const repeat = async (ms: number, work: () => Promise<void> | void) => {
    await pause(Math.random() * ms); // so that not all do it at once
    while (!ended) {
      await work();
      await pause(ms);
    }
  };
  const running = Promise.all([
    repeat(every.event, async () => {
      const text = String(published.length);
      published.push(text);
      await publish(text);
    }),
    ...clients.map((one) => repeat(every.call * count, one.read)),
    ...groups.flatMap(({ id, clients: all }, g) =>
      all.map((one, m) => {
        let n = 0;
        return repeat(every.post * count, () => {
          const text = `${g}.${m}.${n++}`;
          posted.set(text, all);
          one.post(id, text);
        });
      }),
    ),
  ]);
  // the internal services have the replicas' keys by then, which they fetch from the first one
  const isSteady = (one: LoadClient) => one.calls() > 1 && one.texts.size > 0 && one.events.length > 0;
  await until('the load is steady', () => clients.every(isSteady), settleMs);
  return {
    failed: () => [...failed, ...clients.flatMap((one) => one.failed)],
    late: () => ({ late: clients.flatMap((one) => one.late), calls: clients.reduce((all, one) => all + one.calls(), 0) }),
    finish: async () => {
      ended = true;
      await running;
      const isWhole = () =>
        clients.every(({ events, unstored }) => events.length >= published.length && unstored.size === 0) &&
        [...posted].every(([text, all]) => all.every(({ texts }) => texts.has(text)));
      await until('everything has come', isWhole, settleMs).catch(() => {}); // what is missing is named below
      return [
        ...clients.flatMap((one) => [
          ...one.lost.map((what) => `${one.userId}: ${what}`),
          ...one.refused.map((what) => `${one.userId}: not stored: ${what}`),
          ...[...one.unstored].map((text) => `${one.userId}: never answered: ${text}`),
          ...(one.events.join() === published.join() ? [] : [`${one.userId}: events are ${one.events.join()}, published were ${published.join()}`]),
          ...[...one.texts].filter(([, { size }]) => size !== 1).map(([text]) => `${one.userId}: ${text} is stored more than once`),
          ...one.again.map((text) => `${one.userId}: ${text} came once more`),
        ]),
        ...[...posted].flatMap(([text, all]) => all.filter(({ texts }) => !texts.has(text)).map(({ userId }) => `${userId}: ${text} never came`)),
      ];
    },
    summary: () => {
      const sum = (of: (one: LoadClient) => number) => clients.reduce((all, one) => all + of(one), 0);
      return JSON.stringify({
        clients: clients.length,
        calls: sum((one) => one.calls()),
        failed: failed.length + sum((one) => one.failed.length),
        late: sum((one) => one.late.length),
        events: sum((one) => one.events.length),
        messages: sum((one) => one.texts.size),
        streams: sum((one) => one.streams()),
        resyncs: sum((one) => one.resyncs()),
        whys: Object.fromEntries(
          [...Map.groupBy([...failed, ...clients.flatMap((one) => [...one.failed, ...one.late])], ({ why }) => why.slice(0, 80))].map(
            ([why, all]) => [why, all.length],
          ),
        ),
      });
    },
  };
}

/** A new conversation of these clients. */
async function groupOf(clients: readonly LoadClient[]): Promise<{ readonly id: string; readonly clients: readonly LoadClient[] }> {
  const [owner, ...others] = clients;
  const userIds = others.map(({ userId }) => userId);
  const request = { kind: ConversationKind.CONVERSATION_KIND_GROUP, userIds, title: 'Upgrade', subject: '', clientId: randomUUID() };
  const { conversation } = (await owner?.client.calls.call(ChatServiceDefinition, 'createConversation', request)) ?? {};
  const id = conversation?.id ?? '';
  await until('all members have it', () => clients.every(({ client }) => client.chat.state.conversations.has(id)), settleMs);
  return { id, clients };
}

/** Publishes an event, again where it failed: by its request id it is published once. @param failed receives each failure */
function publisher(
  { internalAddress, serviceToken }: Cluster,
  ca: string,
  failed: FailedCall[],
  isEnded: () => boolean,
): (text: string) => Promise<void> {
  // grpc-js sends a call again that crossed with a GOAWAY; Connect's client does not
  const { unary } = nodeTransport({ address: internalAddress, ca: Buffer.from(ca) });
  const options = { headers: { authorization: `Bearer ${serviceToken}` }, timeoutMs: settleMs };
  return async (text) => {
    const request = PublishRequest.encode(PublishRequest.fromPartial({ events: [{ topic, payload: Buffer.from(text), requestId: text }] })).finish();
    for (;;) {
      const beganMs = performance.now();
      try {
        return void (await unary('portico.internal.v1.PublisherService/Publish', request, options));
      } catch (error) {
        if (!isLate(error)) failed.push(failedCall(beganMs, error));
        if (isEnded()) return;
        await pause(publishAgainMs);
      }
    }
  };
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function chunks<T>(all: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, n) => all.slice(n * size, (n + 1) * size));
}
