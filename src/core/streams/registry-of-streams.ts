import type { Clock } from '../kit/clock.ts';
import { Fault } from '../kit/fault.ts';
import { subscriberOf } from '../kit/network.ts';
import { openPlaces } from '../kit/places.ts';
import { StoreDown } from '../kit/store-down.ts';
import type { Bus } from '../ports/bus.ts';
import type { UserCaller } from '../ports/call.ts';
import type { Log } from '../ports/log.ts';
import { closeFor, stayAway } from './close-advice.ts';
import { openRate } from './rate-limit.ts';
import type { Stream } from './stream.ts';
import { beginBurstS, type StreamLimits } from './stream-limits.ts';

/** A stream in the registry. */
export type Registered = {
  readonly stream: Stream;
  readonly userId: string;
  readonly sessionId: string | undefined;
};

/** The streams of this replica, and what concerns streams at all replicas. */
export type Registry = {
  /**
   * Takes a place for a stream of this user from this address.
   * @returns gives it back
   * @throws Fault STREAMS_TOO_MANY, or MESSAGES_TOO_MANY for a user who has begun too much
   */
  takePlace(userId: string, address: string): () => void;
  /** Counts what a user begins. @returns false when it is too much: it is not begun */
  mayBegin(userId: string): boolean;
  /**
   * Adds a stream until it is closed. It displaces older streams of the device, at whatever replica.
   * @param device of the user; undefined: the stream displaces none
   */
  add(registered: Registered, device: string | undefined): void;
  find(id: string): Registered | undefined;
  count(): number;
  /** Closes the streams of a user, or of one of the user's sessions, at every replica. @throws Fault STORE_DOWN */
  disconnect(userId: string, sessionId: string | undefined, resume: boolean): Promise<void>;
  /** Announces the end of all streams, each with a delay of its own; a quarter of the grace time later it is closed. */
  drain(spreadMs: number, graceMs: number): number;
  close(): void;
};

type Notice =
  | { readonly kind: 'opened'; readonly device: string; readonly id: string }
  | { readonly kind: 'disconnect'; readonly userId: string; readonly sessionId?: string | undefined; readonly resume: boolean };

export type RegistryParts = {
  readonly bus: Bus;
  readonly limits: Pick<StreamLimits, 'perUser' | 'perAddress' | 'beginsPerSecond'>;
  readonly clock: Clock;
  /** From 0 up to 1. */
  readonly random: () => number;
  readonly log: Log;
  /** Of the service: its streams know nothing of those of others. */
  readonly topic: string;
};

export function openRegistry({ bus, limits, clock, random, log, topic }: RegistryParts): Registry {
  const perSecond = limits.beginsPerSecond;
  const begins = openRate({ perSecond, burst: beginBurstS * perSecond }, clock.monotonicMs);
  const streams = new Map<string, Registered>();
  const [ofUsers, ofAddresses] = [openPlaces(), openPlaces()];
  /** By device: its streams with those that were announced to all. */
  const byDevice = new Map<string, Map<string, { announced: boolean }>>();
  const leaving = new AbortController();

  /**
   * All replicas receive notices in one order. A stream whose own notice has come before is the older one; a stream
   * whose own is still to come is newer, and will displace the other.
   */
  const opened = (device: string, id: string) => {
    for (const [other, state] of [...(byDevice.get(device) ?? [])]) {
      if (other === id) state.announced = true;
      else if (state.announced) streams.get(other)?.stream.close(closeFor('STREAM_DISPLACED', 'The device has opened another stream.'));
    }
  };
  const onNotice = (notice: Notice) => {
    if (notice.kind === 'opened') return opened(notice.device, notice.id);
    const close = closeFor('DISCONNECTED', 'An internal service has closed the streams of this user.');
    for (const { stream, userId, sessionId } of [...streams.values()])
      if (userId === notice.userId && (notice.sessionId === undefined || notice.sessionId === sessionId))
        stream.close(notice.resume ? close : stayAway(close));
  };
  bus
    .subscribe(topic, { onMessage: (bytes) => onNotice(JSON.parse(Buffer.from(bytes).toString()) as Notice), onGap: () => {} }, leaving.signal)
    .catch(() => {}); // ended only by closing
  const publish = (notice: Notice) => bus.publish(topic, Buffer.from(JSON.stringify(notice)));

  return {
    takePlace: (userId, address) => {
      const subscriber = subscriberOf(address);
      if (ofUsers.taken(userId) >= limits.perUser) throw tooMany(limits.perUser);
      if (limits.perAddress !== undefined && ofAddresses.taken(subscriber) >= limits.perAddress) throw tooMany(limits.perAddress);
      if (!begins.take(userId))
        throw new Fault('MESSAGES_TOO_MANY', 'The user has opened too many streams in a short time.', { retryAfterMs: 10_000 });
      const [leaveUser, leaveAddress] = [ofUsers.take(userId), ofAddresses.take(subscriber)];
      return () => {
        leaveUser();
        leaveAddress();
      };
    },
    mayBegin: begins.take,
    add: (registered, device) => {
      const { stream } = registered;
      if (stream.signal.aborted) return;
      streams.set(stream.id, registered);
      const devices = device === undefined ? undefined : (byDevice.get(device) ?? new Map<string, { announced: boolean }>());
      if (device !== undefined && devices !== undefined) {
        byDevice.set(device, devices.set(stream.id, { announced: false }));
        publish({ kind: 'opened', device, id: stream.id }).catch((error: unknown) => {
          if (!(error instanceof StoreDown)) log.error('A stream could not be announced.', { error });
          opened(device, stream.id); // at least to this replica
        });
      }
      stream.signal.addEventListener(
        'abort',
        () => {
          streams.delete(stream.id);
          devices?.delete(stream.id);
          if (device !== undefined && devices?.size === 0) byDevice.delete(device);
        },
        { once: true },
      );
    },
    find: (id) => streams.get(id),
    count: () => streams.size,
    disconnect: async (userId, sessionId, resume) => {
      try {
        await publish({ kind: 'disconnect', userId, sessionId, resume });
      } catch (cause) {
        if (!(cause instanceof StoreDown)) throw cause;
        throw new Fault('STORE_DOWN', 'The store that all replicas share did not take the message. Try again.', { retryAfterMs: 1_000, cause });
      }
    },
    drain: (spreadMs, graceMs) => {
      const all = [...streams.values()];
      for (const { stream } of all) {
        const delayMs = Math.floor(random() * spreadMs);
        stream.goAway(delayMs, delayMs + Math.floor(graceMs / 4));
      }
      return all.length;
    },
    close: () => {
      leaving.abort();
      for (const { stream } of [...streams.values()]) stream.close(closeFor('DRAINING', 'The server is stopping.'));
    },
  };
}

/** The device of a stream: named by its client, or that of its session. */
export function deviceOf({ userId, sessionId }: UserCaller, named: string): string | undefined {
  const device = named === '' ? sessionId : named;
  return device === undefined ? undefined : JSON.stringify([userId, device]);
}

function tooMany(most: number): Fault {
  return new Fault('STREAMS_TOO_MANY', `There are ${most} streams already: close one of them.`, {
    metadata: { most: String(most) },
    retryAfterMs: 60_000,
  });
}
