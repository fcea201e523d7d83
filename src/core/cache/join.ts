import type { Computed } from './computation.ts';
import type { Flight } from './flight.ts';
import type { Flights } from './flights.ts';
import type { Judge, Judgement } from './judge.ts';
import type { Patience } from './patience.ts';

/** How one call gets the answer of a flight. */
export type Joining = {
  readonly key: string;
  /** On the flights' count of events: when the call came. */
  readonly arrivedAt: number;
  readonly patience: Patience;
  /** Begins a flight that others may join. */
  begin(): Flight<Computed>;
  wait(flight: Flight<Computed>): Promise<Computed>;
};

/** `own`: computed for this call. `verified`: false for an older computation's answer of which nobody can tell whether it still holds. */
export type Joined = { readonly computed: Computed; readonly own: boolean; readonly verified: boolean };

/**
 * Join, then verify. A flight that began after the call came is good for it as it is. One that began before may be older than an invalidation that had returned when the call
 * came, on whatever replica: it is joined only if the versions that it began with still hold, and when its answer is there all its tags are held against their versions once more.
 * What has moved is computed anew, once for all who found it so.
 */
export async function joinThenVerify(flights: Flights<Computed>, judge: Judge, joining: Joining): Promise<Joined> {
  const { key, arrivedAt, patience, begin, wait } = joining;
  const newer = () => {
    const flight = flights.find(key);
    return flight !== undefined && flight.begunAt > arrivedAt ? flight : undefined;
  };
  const take = async (): Promise<Joined> => {
    const other = newer();
    return { computed: await wait(other ?? begin()), own: other === undefined, verified: true };
  };
  const older = flights.find(key);
  if (older === undefined || older.begunAt > arrivedAt) return take();
  const moved = (judgement: Judgement) => judgement === 'moved' || judgement === 'soft';
  if (older.stamp !== undefined && moved(await judge(older.stamp, patience))) return take();
  const computed = await wait(older);
  if (computed.stamp === 'moved') return take();
  const judgement = computed.stamp === undefined ? 'unknown' : await judge(computed.stamp, patience);
  return moved(judgement) ? take() : { computed, own: false, verified: judgement === 'unmoved' };
}
