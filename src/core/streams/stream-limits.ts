import { subscriberOf } from '../kit/address-network.ts';
import type { Clock } from '../kit/clock.ts';
import { openPlaces } from '../kit/concurrency-by-key.ts';
import { Fault } from '../kit/fault.ts';
import { openRate } from '../kit/rate-limit.ts';

/** The bounds of streams. */
export type StreamLimits = {
  /** The interval of heartbeats, and the bounds of what a client may ask for. Milliseconds. */
  readonly heartbeatMs: number;
  /** Time for the first message. Milliseconds. */
  readonly helloMs: number;
  /** Bytes that may wait for one client. */
  readonly bytesMax: number;
  /** Events and snapshots that a client may leave unacknowledged before it is sent no more. */
  readonly unacknowledgedMax: number;
  /** How long a client may take nothing that waits for it. Milliseconds. */
  readonly stalledMs: number;
  /** Messages of one client in a second, on average; it may send ten times as many at once. */
  readonly messagesPerSecond: number;
  /** Streams of one user at this replica, and of one IPv4 address or IPv6 /64 network. */
  readonly perUser: number;
  readonly perAddress: number | undefined;
  /**
   * Streams, subscriptions and watches that one user begins in a second at this replica, on average; a hundred times
   * as many at once.
   */
  readonly beginsPerSecond: number;
};

/** How many seconds' messages, and begins, may come at once. */
export const messageBurstS = 10;
export const beginBurstS = 100;
/** The settings of streams. Times in milliseconds. */
export type StreamSettings = Pick<StreamLimits, 'bytesMax' | 'unacknowledgedMax' | 'messagesPerSecond' | 'beginsPerSecond'> & {
  /** Bytes that may wait for all clients together. */
  readonly queuedBytes: number;
  readonly heartbeat: number;
  readonly hello: number;
  readonly stalled: number;
  readonly streamsPerUser: number;
  readonly streamsPerAddress?: number | undefined;
};

export function streamLimits({ heartbeat, hello, stalled, streamsPerUser, streamsPerAddress, ...same }: StreamSettings): StreamLimits {
  const { bytesMax, unacknowledgedMax, messagesPerSecond, beginsPerSecond } = same;
  const times = { heartbeatMs: heartbeat, helloMs: hello, stalledMs: stalled };
  return { ...times, bytesMax, unacknowledgedMax, messagesPerSecond, beginsPerSecond, perUser: streamsPerUser, perAddress: streamsPerAddress };
}

/** How many streams a user and an address may have, and how fast a user may begin them. */
export type StreamPlaces = {
  /**
   * Takes a place for a stream of this user from this address.
   * @returns gives it back
   * @throws Fault STREAMS_TOO_MANY, or MESSAGES_TOO_MANY for a user who has begun too much
   */
  takePlace(userId: string, address: string): () => void;
  /** Counts what a user begins. @returns false when it is too much: it is not begun */
  mayBegin(userId: string): boolean;
};

export function openStreamPlaces(limits: Pick<StreamLimits, 'perUser' | 'perAddress' | 'beginsPerSecond'>, clock: Clock): StreamPlaces {
  const { perUser, perAddress, beginsPerSecond } = limits;
  const begins = openRate({ perSecond: beginsPerSecond, burst: beginBurstS * beginsPerSecond }, clock.monotonicMs);
  const [ofUsers, ofAddresses] = [openPlaces(), openPlaces()];
  return {
    takePlace: (userId, address) => {
      const subscriber = subscriberOf(address);
      if (ofUsers.taken(userId) >= perUser) throw tooMany(perUser);
      if (perAddress !== undefined && ofAddresses.taken(subscriber) >= perAddress) throw tooMany(perAddress);
      if (!begins.take(userId))
        throw new Fault('MESSAGES_TOO_MANY', 'The user has opened too many streams in a short time.', { retryAfterMs: 10_000 });
      const [leaveUser, leaveAddress] = [ofUsers.take(userId), ofAddresses.take(subscriber)];
      return () => {
        leaveUser();
        leaveAddress();
      };
    },
    mayBegin: begins.take,
  };
}

function tooMany(most: number): Fault {
  const metadata = { most: String(most) };
  return new Fault('STREAMS_TOO_MANY', `There are ${most} streams already: close one of them.`, { metadata, retryAfterMs: 60_000 });
}
