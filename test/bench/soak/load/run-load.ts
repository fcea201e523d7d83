import type { StubIssuer } from '../../../support/token/issuer.ts';
import { openPublisher } from '../../fanout/publisher.ts';
import type { Harness, Replica } from '../../harness.ts';
import type { Counts } from '../counts.ts';
import { callSteadily } from './calls.ts';
import { chatUser, openChatter, sendSteadily } from './chatters.ts';
import { churn, openAll } from './churn.ts';
import { openListener } from './listeners.ts';
import type { LoadParts } from './parts.ts';
import { signInSteadily } from './sign-ins.ts';
import { steadily } from './steadily.ts';
import { tryAgain } from './try-again.ts';

export type RunLoadParts = {
  readonly harness: Harness;
  readonly replica: Replica;
  readonly issuer: StubIssuer;
  readonly clients: number;
  readonly counts: Counts;
  readonly signal: AbortSignal;
  /** All clients are there. */
  readonly onAllOpen: () => void;
};

/** Of all clients; the others listen. */
const chattingShare = 0.3;
const listenersOfTopic = 50;
const usersMost = 200;
const [publishedPerSecond, returnedPerSecond] = [10, 10];
export const namespace = 'soak';

/** Opens all clients; then all kinds of load at once, until the signal. @returns when all of it has ended */
export async function runLoad({ harness, replica, issuer, clients, counts, signal, onAllOpen }: RunLoadParts): Promise<void> {
  const tokenOf = (user: string) => harness.token(user, ['home.read', 'orders.read', 'orders.write']);
  const tokens = await Promise.all(Array.from({ length: Math.min(clients, usersMost) }, (_, i) => tokenOf(`user-${i}`)));
  const parts: LoadParts = { port: replica.port, ca: harness.ca, tokens, scale: clients / 2_000, counts, signal };
  const chatting = Math.max(2, Math.round(clients * chattingShare));
  const topics = Array.from({ length: Math.ceil(clients / listenersOfTopic) }, (_, i) => `${namespace}:${i}`);
  const listeners = Array.from({ length: clients - chatting }, (_, i) => openListener(i, topics, parts));
  const chatters = await Promise.all(Array.from({ length: chatting }, async (_, i) => openChatter(i, await tokenOf(chatUser(i)), parts)));
  const publisher = openPublisher(replica.internalPort, harness.ca, await replica.serviceToken());
  await Promise.all([openAll('live streams', listeners, parts), openAll('chat streams', chatters, parts)]);
  onAllOpen();
  let published = 0;
  await Promise.all([
    churn('live streams', listeners, { ...parts, perSecond: returnedPerSecond }),
    churn('chat streams', chatters, { ...parts, perSecond: returnedPerSecond / 2 }),
    sendSteadily(chatters, parts),
    callSteadily(parts),
    signInSteadily({ ...parts, issuer }),
    steadily('publications', publishedPerSecond * parts.scale, parts, () => {
      const topic = topics[published % topics.length] as string;
      const events = [{ topic, payload: Buffer.alloc(200), requestId: `publication-${published++}`, key: '' }];
      // once, with the same request id, as the owner of a service does
      return tryAgain('publications', [0], counts, () => publisher.publish(events));
    }),
  ]);
  publisher.close();
}
