// Clients of one or more servers that do everything in random order, and what has to hold when all is quiet.
import assert from 'node:assert/strict';
import { GetItemRequest } from '../fixture/gen/fixture/v1/fixture.ts';
import type { LiveClient } from '../support/client/live-client.ts';
import { presentAt } from '../support/client/present-at.ts';
import { callOf, keptTransports, signIn } from '../support/client/protocols.ts';
import { scraped } from '../support/client/scrape.ts';
import { callInternal, type LiveServer, liveRegistry } from '../support/server/live-server.ts';
import { seeded } from '../support/time/seeded.ts';
import { until as untilWithin } from '../support/time/until.ts';

export type HammerParts = {
  /** Replicas of one cluster. */
  readonly servers: readonly LiveServer[];
  /** Lets the method that decides about topics refuse everybody, or nobody. */
  readonly refuse: (isRefused: boolean) => void;
  readonly seed: number;
  readonly steps: number;
};

const users = ['ann', 'ben', 'cid'];
const topics = ['news:h0', 'news:h1', 'place:h0', 'hall:h0', 'hall:h1', 'item:i0', 'item:i1'];
const slots = 8;
const screens = 'fixture.v1.ScreenService';
const gauges = ['portico_live_streams', 'portico_live_topics', 'portico_live_watched'];
const transports = keptTransports();
/** On a busy machine. Milliseconds. */
const patienceMs = 30_000;
const until = (what: string, isTrue: () => boolean | Promise<boolean>) => untilWithin(what, isTrue, patienceMs);

/** A client, and what it wished last of each topic: a generation, or undefined. */
type Slot = {
  readonly user: string;
  readonly client: LiveClient;
  refreshToken: string;
  isMute: boolean;
  readonly wishes: Map<string, number | undefined>;
};

export async function hammer({ servers, refuse, seed, steps }: HammerParts): Promise<void> {
  const random = seeded(seed);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const before = await Promise.all(servers.map(({ adminUrl }) => scraped({ adminUrl }, 'portico_bus_topics')));
  const open = new Map<number, Slot>();
  /** All that ever were: of another user, or begun at the same time, they displace no other. */
  const all: Slot[] = [];
  let generation = 0;

  const begin = async (at: number) => {
    const user = pick(users);
    const { headers, refreshToken } = await signIn(pick(servers), liveRegistry, user, ['items.read']);
    const wishes = new Map<string, number | undefined>();
    const subscriptions = topics.filter(() => random() < 0.3).map((topic) => ({ topic, generation: ++generation, presence: random() < 0.5 }));
    for (const { topic, generation: own } of subscriptions) wishes.set(topic, own);
    const client = await pick(servers).live(user, { device: `hammer ${at}`, subscriptions }, { headers });
    const slot: Slot = { user, client, refreshToken, isMute: false, wishes };
    open.set(at, slot);
    all.push(slot);
  };
  const renew = async (slot: Slot) => {
    const transport = transports('connect h2', pick(servers));
    const { messages } = await callOf(liveRegistry, transport, 'portico.v1.SessionService/Refresh', { refreshToken: slot.refreshToken });
    const { accessToken = 'none', refreshToken = '' } = (messages[0] ?? {}) as { accessToken?: string; refreshToken?: string };
    slot.refreshToken = refreshToken;
    slot.client.send({ case: 'renew', value: { accessToken } });
  };
  /** Whether the method refuses: what it says then is part of what is hammered. */
  let refused = false;
  const turn = async () => {
    refused = !refused;
    refuse(refused);
    await pick(servers).invalidate('item:i0', 'item:i1');
  };
  const step = async () => {
    const at = Math.floor(random() * slots);
    const slot = open.get(at);
    if (slot === undefined || slot.isMute || slot.client.ended() !== undefined) return begin(at);
    const { client, wishes, user } = slot;
    const [topic, id, own] = [pick(topics), Math.floor(random() * 3), ++generation];
    const request = Buffer.from(GetItemRequest.encode({ itemId: `i${id}` }).finish());
    const acts: readonly (() => unknown)[] = [
      () => {
        client.send({ case: 'subscribe', value: { topic, generation: own, presence: random() < 0.5 } });
        wishes.set(topic, own);
      },
      () => {
        client.send({ case: 'unsubscribe', value: { topic, generation: own } });
        wishes.set(topic, undefined);
      },
      () => client.send({ case: 'watch', value: { id, generation: own, method: `${screens}/GetItem`, request } }),
      () => client.send({ case: 'unwatch', value: { id, generation: own } }),
      () => pick(servers).publish({ topic, text: String(own) }),
      () => pick(servers).invalidate(`item:i${id}`, `user:${user}`),
    ];
    const rare: readonly (() => unknown)[] = [
      () => client.cut(),
      () => client.send({ case: 'goodbye', value: {} }),
      () => {
        client.halfClose(); // the stream goes on
        slot.isMute = true;
      },
      () => begin(at), // which displaces the other one, if it is the same user
      () => renew(slot),
      () => callInternal(pick(servers), 'Disconnect', { userId: user, resume: random() < 0.5 }),
      turn,
    ];
    await pick(random() < 0.85 ? acts : rare)();
  };
  const running = new Set<Promise<unknown>>();
  for (let i = 0; i < steps; i++) {
    const done = step();
    if (random() < 0.7) await done;
    else running.add(done.catch(() => {})); // two at once; a client that is cut meanwhile fails, and that is all right
  }
  if (refused) await turn();
  await Promise.allSettled(running);
  await agree(all, servers, `seed ${seed}`);
  for (const { client } of all) client.cut();
  await until(`seed ${seed}: hub and watches are empty`, async () => {
    const values = await Promise.all(servers.flatMap(({ adminUrl }) => gauges.map((name) => scraped({ adminUrl }, name))));
    return values.every((value) => value === 0);
  });
  await until(`seed ${seed}: the bus is as before`, async () => {
    const after = await Promise.all(servers.map(({ adminUrl }) => scraped({ adminUrl }, 'portico_bus_topics')));
    return after.join() === before.join();
  });
  for (const topic of topics.filter((name) => name.startsWith('hall:'))) {
    const last = await pick(servers).live('zoe', { subscriptions: [{ topic, presence: true }] });
    await until(`seed ${seed}: nobody else is left on ${topic}`, () => presentAt(last.received, topic)?.users?.join() === 'zoe');
    last.cut();
  }
}

/** Clients receive what is published to topics that they wished last, and nothing else; presence knows just those. */
async function agree(all: readonly Slot[], servers: HammerParts['servers'], seed: string): Promise<void> {
  const living = all.filter(({ client }) => client.ended() === undefined);
  const answerOf = ({ client }: Slot, topic: string, own: number) =>
    client.received.findLast(
      ({ $case, value }) => ($case === 'subscribed' || $case === 'subscriptionClosed') && value.topic === topic && value.generation === own,
    )?.$case;
  const isAnswered = (slot: Slot) =>
    slot.client.ended() !== undefined || [...slot.wishes].every(([topic, own]) => own === undefined || answerOf(slot, topic, own) !== undefined);
  await until(`${seed}: all wishes are answered`, () => living.every(isAnswered)).catch((cause: Error) => {
    const missing = living.flatMap((slot) =>
      isAnswered(slot) ? [] : [[...slot.wishes].filter(([topic, own]) => own !== undefined && answerOf(slot, topic, own) === undefined)],
    );
    throw new Error(`${cause.message}: ${JSON.stringify(missing)}`, { cause });
  });
  const listens = (slot: Slot, topic: string) => {
    const own = slot.wishes.get(topic);
    return slot.client.ended() === undefined && own !== undefined && answerOf(slot, topic, own) === 'subscribed';
  };
  const text = `the last of ${seed}`;
  for (const topic of topics) await servers[0]?.publish({ topic, text });
  const has = ({ client }: Slot, topic: string) =>
    client.all('events').some((events) => events.topic === topic && events.events.some(({ payload }) => new TextDecoder().decode(payload) === text));
  await until(`${seed}: who listens receives it`, () => living.every((slot) => topics.every((topic) => !listens(slot, topic) || has(slot, topic))));
  for (const slot of living)
    for (const topic of topics) if (has(slot, topic)) assert.ok(listens(slot, topic), `${seed}: ${slot.user} receives ${topic}, and does not listen`);
  for (const topic of topics.filter((name) => name.startsWith('hall:'))) {
    const present = () => [...new Set(living.filter((slot) => listens(slot, topic)).map(({ user }) => user))].sort().join();
    const probe = await servers.at(-1)?.live('zoe', { subscriptions: [{ topic, presence: true }] });
    const seen = () => presentAt(probe?.received ?? [], topic)?.users?.filter((user) => user !== 'zoe');
    await until(`${seed}: ${topic} knows who is there`, () => seen()?.join() === present()).catch((cause: Error) => {
      const [first] = probe?.received.filter(({ $case }) => $case === 'presenceState') ?? [];
      throw new Error(`${cause.message}: ${present()}, not ${seen()}, ${JSON.stringify(first?.value, (_, value) => String(value))}`, { cause });
    });
    probe?.cut();
  }
}
