import { openPlaces } from '../../kit/concurrency-by-key.ts';
import { Fault } from '../../kit/fault.ts';

/** How many calls upload at once, in this process. */
export type PlacesMax = { readonly callsMax: number; readonly callsPerUserMax: number };

/** Runs a call that uploads, while its user and the process have a place for it. @throws Fault UPLOADS_TOO_MANY */
export function openUploadPlaces({ callsMax, callsPerUserMax }: PlacesMax): <T>(userId: string, call: () => Promise<T>) => Promise<T> {
  const places = openPlaces();
  let taken = 0;
  return async (userId, call) => {
    if (taken >= callsMax) throw tooMany(callsMax, 'The server');
    if (places.taken(userId) >= callsPerUserMax) throw tooMany(callsPerUserMax, 'A user');
    const leave = places.take(userId);
    taken++;
    try {
      return await call();
    } finally {
      taken--;
      leave();
    }
  };
}

function tooMany(most: number, whose: string): Fault {
  return new Fault('UPLOADS_TOO_MANY', `${whose} takes ${most} uploads at once.`, { metadata: { most: String(most) }, retryAfterMs: 5_000 });
}
