// Clients with a stream and a subscription each: opened, kept by heartbeats, and sent events.
import { setTimeout as sleep } from 'node:timers/promises';
import { LiveRequest, LiveResponse } from '../../../src/gen/portico/v1/live.ts';
import { type H2Client, openH2Client } from '../../support/client/h2-client.ts';
import { payloadOf, topic } from '../fanout/event.ts';

export type ClientsParts = { readonly port: number; readonly ca: Buffer; readonly tokens: readonly string[]; readonly heartbeatMs?: number };
export type Clients = {
  /** Each has received so many events since it came. */
  received(events: number): Promise<void>;
  heartbeat(): void;
  close(): void;
};

const livePath = '/portico.v1.LiveService/Connect';
export const events = (n: number, count: number) =>
  Array.from({ length: count }, (_, i) => ({ topic, payload: payloadOf(n + i), requestId: '', key: '' }));

const request = (message: LiveRequest['message']) => LiveRequest.encode({ message }).finish();
const atOnce = 20;
const [acknowledgeEvery, longMs] = [20, 60_000];

/** Resolved when all are subscribed. */
export async function openClients({ port, ca, tokens, heartbeatMs = 600_000 }: ClientsParts): Promise<Clients> {
  let wrong: string | undefined;
  const received = tokens.map(() => 0);
  const all: H2Client[] = [];
  const open = (i: number) => {
    const isSubscribed = Promise.withResolvers<void>();
    const subscriptions = [{ topic, generation: 1, position: undefined, presence: false }];
    all[i] = openH2Client({
      ...{ port, ca, path: livePath, token: tokens[i] ?? '' },
      first: request({ $case: 'hello', value: { subscriptions, watches: [], heartbeatMs, device: '' } }),
      onEnd: (why) => {
        wrong ??= why;
        isSubscribed.reject(new Error(why));
      },
      onMessage: (bytes) => {
        const { message } = LiveResponse.decode(bytes);
        if (message?.$case === 'subscribed') isSubscribed.resolve();
        if (message?.$case !== 'events') return;
        const count = (received[i] ?? 0) + message.value.events.length;
        received[i] = count;
        if (count % acknowledgeEvery === 0) all[i]?.send(request({ $case: 'acknowledge', value: { count: BigInt(count) } }));
      },
    });
    return isSubscribed.promise;
  };
  let next = 0;
  const lane = async () => {
    while (next < tokens.length) await open(next++);
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  return {
    received: async (events) => {
      const untilMs = performance.now() + longMs;
      while (received.some((count) => count < events)) {
        if (wrong !== undefined || performance.now() > untilMs) throw new Error(`A client did not receive all events: ${wrong ?? 'it is late'}`);
        await sleep(5);
      }
    },
    heartbeat: () => {
      for (const client of all) client.send(request({ $case: 'heartbeat', value: { intervalMs: heartbeatMs } }));
    },
    close: () => {
      for (const client of all) client.close();
    },
  };
}
