import { subscriberOf } from '../kit/address-network.ts';
import type { Clock } from '../kit/clock.ts';
import { Fault } from '../kit/fault.ts';
import { openPlaces } from '../kit/taken-places.ts';
import { openRate } from './rate-limit.ts';
import { beginBurstS, type StreamLimits } from './stream-limits.ts';

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

export function openStreamPlaces(
  { perUser, perAddress, beginsPerSecond }: Pick<StreamLimits, 'perUser' | 'perAddress' | 'beginsPerSecond'>,
  clock: Clock,
): StreamPlaces {
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
  return new Fault('STREAMS_TOO_MANY', `There are ${most} streams already: close one of them.`, {
    metadata: { most: String(most) },
    retryAfterMs: 60_000,
  });
}
