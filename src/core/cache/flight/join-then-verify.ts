import { type Soon, soonThen } from '../../kit/soon.ts';
import { type Reasons, statusOf } from '../../kit/status-error.ts';
import type { TagVersions } from '../../ports/tag-versions.ts';
import type { Computed } from '../computed-answer.ts';
import type { Pending } from '../invalidation/pending-invalidations.ts';
import type { TagSnapshot, Verdict, Verify } from '../invalidation/verify-tags.ts';
import type { WaitBudget } from '../wait-budget.ts';
import type { Flight, Flights, Outcome } from './flight.ts';
import { copyOf, neverShared } from './shared-errors.ts';

/** How one call gets the answer of a flight. */
export type Joining = {
  readonly key: string;
  /** On the flights' count of events: when the call came. */
  readonly arrivedAt: number;
  readonly budget: WaitBudget;
  /** Of the call: a call that has ended begins nothing. */
  readonly signal: AbortSignal;
  /** Begins a flight that others may join. */
  begin(): Flight<Computed>;
  /**
   * @param verified whether all that the flight comes to is as new as the call may expect.
   * @throws what ends the waiting of this call alone
   */
  wait(flight: Flight<Computed>, verified: boolean): Promise<Outcome<Computed>>;
};

/** `own`: computed for this call. `verified`: false for an older computation's answer that cannot be verified. */
export type Joined = { readonly computed: Computed; readonly own: boolean; readonly verified: boolean };

export type JoinParts = {
  readonly flights: Flights<Computed>;
  readonly verify: Verify;
  /** Whether nothing at all was raised from a flight's start until now, and nothing is still to be raised. */
  readonly isQuietNow: (start: Flight<Computed>['start'], budget: WaitBudget) => Promise<boolean>;
  /** The same for a flight that is over: asked once for all who had joined it. */
  readonly wasQuiet: (start: Flight<Computed>['start'], budget: WaitBudget) => Promise<boolean>;
  /** Whether an answer that was not stored still holds. */
  readonly isCurrent: (computed: Computed, budget: WaitBudget) => Soon<boolean>;
  /** Whether a failure may be what one caller alone has met, and says nothing to others. */
  readonly isOneCallers: (error: unknown) => boolean;
};

export function joinPartsOf({
  flights,
  verify,
  versions,
  generation,
  pending,
  reasons,
}: {
  readonly flights: Flights<Computed>;
  readonly verify: Verify;
  readonly versions: TagVersions;
  readonly generation: () => string | undefined;
  readonly pending: Pick<Pending, 'hasAny'>;
  readonly reasons: Reasons;
}): JoinParts {
  const asked = new WeakMap<NonNullable<Flight<Computed>['start']>, Soon<boolean>>();
  const isQuiet = async ({ snapshot }: NonNullable<Flight<Computed>['start']>, raised: Soon<boolean>, budget: WaitBudget) =>
    (await budget.wait(raised)) === false && generation() === snapshot.generation;
  return {
    flights,
    verify,
    isQuietNow: async (start, budget) => start !== undefined && !pending.hasAny() && isQuiet(start, versions.raisedSince(start.at), budget),
    wasQuiet: async (start, budget) => {
      if (start === undefined || pending.hasAny()) return false;
      const raised = asked.get(start) ?? versions.raisedSince(start.at);
      asked.set(start, raised);
      return isQuiet(start, raised, budget);
    },
    isCurrent: ({ snapshot }, budget) => typeof snapshot === 'object' && soonThen(verify(snapshot, budget), (verdict) => verdict === 'current'),
    isOneCallers: (error) => neverShared.has(statusOf(error, reasons)),
  };
}

/**
 * Join, then verify. A flight that began after the call arrived needs no check. One that began before may be older than
 * an invalidation that had returned when the call arrived, at any replica. The call joins it only if the versions that
 * it began with are current, and compares all tags with their versions again when the answer is there. The tags of an
 * error are unknown, and so are those of answers with too many or malformed ones: such a result is taken only if
 * nothing at all was raised since. Everything else is computed again, once for all calls that found it so.
 */
export async function joinThenVerify({ flights, verify, wasQuiet, isOneCallers }: JoinParts, joining: Joining): Promise<Joined> {
  const { key, arrivedAt, budget, signal, begin, wait } = joining;

  /** From a flight that began after the call came. @param firstTry whether nothing was waited for yet */
  const takeNewer = async (firstTry: boolean): Promise<Joined> => {
    signal.throwIfAborted();
    const found = flights.find(key);
    const other = found !== undefined && found.begunAt > arrivedAt ? found : undefined;
    const outcome = await wait(other ?? begin(), true);
    if ('value' in outcome) return { computed: outcome.value, own: other === undefined && firstTry, verified: true };
    if (other !== undefined && firstTry && isOneCallers(outcome.error)) return takeNewer(false);
    throw other === undefined ? outcome.error : copyOf(outcome.error);
  };

  const older = flights.find(key);
  if (older === undefined || older.begunAt > arrivedAt) return takeNewer(true);
  if (older.start !== undefined && isOver(await verify(older.start.snapshot, budget))) return takeNewer(true);
  const outcome = await wait(older, false);
  if ('error' in outcome) {
    if (isOneCallers(outcome.error)) return takeNewer(false);
    if (await wasQuiet(older.start, budget)) throw copyOf(outcome.error);
    return takeNewer(true);
  }
  const computed = outcome.value;
  if (computed.snapshot === 'invalidated') return takeNewer(true);
  if (computed.snapshot === 'incomplete') return (await wasQuiet(older.start, budget)) ? { computed, own: false, verified: true } : takeNewer(true);
  const verdict = await verdictOn(computed.snapshot, (snapshot) => verify(snapshot, budget));
  return isOver(verdict) ? takeNewer(true) : { computed, own: false, verified: verdict === 'current' };
}

const isOver = (verdict: Verdict) => verdict === 'invalidated' || verdict === 'soft';

function verdictOn(snapshot: TagSnapshot | undefined, verify: (snapshot: TagSnapshot) => ReturnType<Verify>): ReturnType<Verify> {
  return snapshot === undefined ? 'unknown' : verify(snapshot);
}
