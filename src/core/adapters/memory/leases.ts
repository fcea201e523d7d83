import type { Clock } from '../../kit/clock.ts';
import type { Lease, Leases } from '../../ports/leases.ts';

export type MemoryLeases = Leases & {
  /** For the store, which sets entries with a lease. */
  readonly holds: (lease: Lease) => boolean;
};

/** Leases of one process. There are never more of them than computations within one lease's time. */
export function memoryLeases(clock: Clock): MemoryLeases {
  const held = new Map<string, { readonly token: string; readonly untilMs: number }>();
  let tokens = 0;
  const placeOf = (entry: string, name: string) => `${entry.length} ${entry} ${name}`;
  const current = (entry: string, name: string) => {
    const found = held.get(placeOf(entry, name));
    return found !== undefined && clock.nowMs() < found.untilMs ? found : undefined;
  };
  const forget = () => {
    for (const [place, { untilMs }] of held) {
      if (clock.nowMs() < untilMs) return; // in the order of their start, so nearly in that of their ends: a later call removes the rest
      held.delete(place);
    }
  };
  const holds = ({ entry, name, token }: Lease) => current(entry, name)?.token === token;
  return {
    take: (entry, name, ttlMs) => {
      forget();
      if (current(entry, name) !== undefined) return undefined;
      const token = String(++tokens);
      held.delete(placeOf(entry, name));
      held.set(placeOf(entry, name), { token, untilMs: clock.nowMs() + ttlMs });
      return { entry, name, token };
    },
    held: (entry, name) => current(entry, name) !== undefined,
    release: (lease) => {
      if (holds(lease)) held.delete(placeOf(lease.entry, lease.name));
    },
    holds,
  };
}
