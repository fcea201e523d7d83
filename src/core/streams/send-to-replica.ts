import type { Clock } from '../kit/clock.ts';
import { Fault, ruleBroken } from '../kit/fault.ts';
import type { CoreReason } from '../kit/reasons.ts';
import { StoreDown } from '../kit/store-down.ts';
import { pause } from '../kit/until-called.ts';
import type { Bus } from '../ports/bus.ts';
import type { Presence } from '../ports/presence.ts';
import { listMaxMax, refreshMs } from '../ports/presence-limits.ts';

/** A message to a stream, by whom and which one. */
export type Sent = {
  readonly streamId: string;
  readonly userId: string;
  readonly sessionId: string | undefined;
  /** From 1, without gaps. */
  readonly n: number;
  readonly message: Uint8Array;
};

/** Messages to streams of any replica, for clients that have no stream of requests. */
export type Sends = {
  /** Resolved when the message was handled. @throws Fault STREAM_UNKNOWN, or what the handling threw */
  send(sent: Sent): Promise<void>;
  /** Resolved when the other replicas can know that this one has ended. */
  close(): Promise<void>;
};

/** A replica that does not answer within this time is lost with its streams. Milliseconds. */
const answerMs = 3_000;
/** The delay before a message is sent again that reached nobody. Milliseconds. */
const againMs = 500;
/** All messages of so long share a look at the list: a replica is on it before clients know of it. Milliseconds. */
const lookMs = 250;

/** What a replica sends another: a line of JSON, and after it the message's bytes. */
type Head =
  | (Omit<Sent, 'message'> & { readonly kind: 'send'; readonly from: string; readonly ref: number })
  | { readonly kind: 'handled'; readonly ref: number; readonly reason?: string; readonly text?: string };

export type SendsParts = {
  readonly bus: Bus;
  /** Has the replicas, as users of a topic: a replica that ends or is lost leaves it. */
  readonly presence: Pick<Presence, 'join' | 'state'>;
  readonly clock: Clock;
  readonly topic: string;
  /** The ids of its streams begin with it and a dot. */
  readonly replica: string;
  /** Handles a message to a stream of this replica. */
  readonly handle: (sent: Sent) => Promise<void>;
};

export function openSends({ bus, presence, clock, topic, replica, handle }: SendsParts): Sends {
  const waiting = new Map<number, { resolve(): void; reject(error: unknown): void }>();
  const leaving = new AbortController();
  let refs = 0;
  const publish = (to: string, head: Head, message: Uint8Array = new Uint8Array()) =>
    bus.publish(`${topic}.${to}`, Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), message]));

  const receive = async ({ from, ref, ...sent }: Extract<Head, { kind: 'send' }>, message: Uint8Array) => {
    const ended = await handle({ ...sent, message }).then(
      () => ({}),
      (error: unknown) =>
        error instanceof Fault ? { reason: error.reason, text: error.message } : { reason: 'INTERNAL', text: 'The message was not handled.' },
    );
    const untilMs = clock.monotonicMs() + answerMs;
    while ((await publish(from, { kind: 'handled', ref, ...ended })) === 0 && clock.monotonicMs() < untilMs && !leaving.signal.aborted)
      await pause(clock, againMs, leaving.signal);
  };
  const onMessage = (bytes: Uint8Array) => {
    const all = Buffer.from(bytes); // a copy: `bytes` is valid only now
    const end = all.indexOf(10);
    const head = JSON.parse(all.subarray(0, end).toString()) as Head;
    if (head.kind === 'send') return void receive(head, all.subarray(end + 1)).catch(() => {}); // its sender gives up after a time
    const waiter = waiting.get(head.ref);
    waiting.delete(head.ref);
    if (head.reason === undefined) waiter?.resolve();
    else waiter?.reject(new Fault(head.reason as CoreReason, head.text ?? ''));
  };

  const joined = presence.join(`~${topic}`, replica, { listMax: listMaxMax, leaveAfterMs: 0 });
  let look: { readonly list: ReturnType<Presence['state']>; readonly untilMs: number } | undefined;
  const listed = () => {
    if (look === undefined || clock.monotonicMs() >= look.untilMs)
      look = { list: presence.state(`~${topic}`), untilMs: clock.monotonicMs() + lookMs };
    return look.list;
  };
  let known: { readonly epoch: string; readonly sinceMs: number } | undefined;
  /**
   * Whether a replica may live that received nothing: its subscription may be interrupted. After a loss of the list all
   * replicas are on it again within `refreshMs`; until then, and while it cannot be read, any may live.
   */
  const mayLive = async (other: string): Promise<boolean> => {
    try {
      const { position, users } = await listed();
      if (position.epoch !== known?.epoch) known = { epoch: position.epoch, sinceMs: clock.monotonicMs() };
      return users === undefined || users.includes(other) || clock.monotonicMs() - known.sinceMs < refreshMs;
    } catch (error) {
      if (error instanceof StoreDown) return true;
      throw error;
    }
  };
  bus
    .subscribe(`${topic}.${replica}`, { onMessage, onGap: () => {} }, leaving.signal)
    .then(() => mayLive(replica)) // so that a later loss of the list is noticed
    .catch(() => {}); // ended only by closing

  return {
    send: async ({ message, ...sent }) => {
      const to = sent.streamId.split('.')[0] ?? '';
      if (to === replica) return handle({ ...sent, message });
      if (!/^[0-9a-f]{1,40}$/.test(to)) throw unknownStream();
      const ref = ++refs;
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      waiting.set(ref, { resolve, reject });
      promise.catch(() => {}); // it may end while the message is being published
      const cancel = clock.after(answerMs, () => reject(unknownStream()));
      try {
        while (waiting.has(ref) && (await publish(to, { kind: 'send', from: replica, ref, ...sent }, message)) === 0) {
          if (!(await mayLive(to))) throw unknownStream();
          await Promise.race([promise, pause(clock, againMs, leaving.signal)]);
        }
        await promise;
      } catch (error) {
        if (error instanceof StoreDown)
          throw new Fault('STORE_DOWN', 'The store that all replicas share is unavailable.', { retryAfterMs: 1_000, cause: error });
        throw error;
      } finally {
        cancel();
        waiting.delete(ref);
      }
    },
    close: async () => {
      leaving.abort();
      waiting.clear();
      await (await joined).leave();
    },
  };
}

export function unknownStream(): Fault {
  return new Fault('STREAM_UNKNOWN', 'The stream has ended: open another one, with positions and etags.');
}

/** The messages of one stream by `Send`: each is handled once, in the order of its number. */
export function inOrder(handle: (message: Uint8Array) => Promise<void>): (n: number, message: Uint8Array) => Promise<void> {
  let last: Promise<void> = Promise.resolve();
  let lastN = 0;
  return (n, message) => {
    if (n <= lastN) return n === lastN ? last : Promise.resolve();
    if (n !== lastN + 1) throw ruleBroken('n', `must be ${lastN + 1}, the next number of the stream`);
    lastN = n;
    last = last.catch(() => {}).then(() => handle(message));
    return last;
  };
}
