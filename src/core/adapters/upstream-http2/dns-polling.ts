import { lookup } from 'node:dns/promises';
import type { Clock } from '../../kit/clock.ts';

/** Resolves a name to all its addresses, in any order. */
export type Lookup = (host: string) => Promise<readonly string[]>;

/** The interval of look-ups: new pods receive traffic within this time, without waiting for a connection to end. */
const pollMs = 15_000;
/** The least time between two requested look-ups, after a failed connection or without an address. */
const againMs = 1_000;

/** All addresses that the system's resolver knows, /etc/hosts included. */
export const systemLookup: Lookup = async (host) => (await lookup(host, { all: true })).map(({ address }) => address);

export type NamePolling = {
  /** Requests an early look-up after a failed connection, at most once a second. */
  again(): void;
  close(): void;
};

/**
 * Resolves a name now, and again every 15 s while it is open. A failed look-up keeps the known addresses.
 * @param found receives the sorted addresses of each look-up
 * @param failed receives the cause when there are none
 */
export function pollNames(
  host: string,
  found: (hosts: readonly string[]) => void,
  failed: (detail: string) => void,
  { clock, look }: { readonly clock: Clock; readonly look: Lookup },
): NamePolling {
  // States: looking (a look-up is pending), waiting (a timer), closed.
  let looking = false;
  let closed = false;
  let begunAtMs = Number.NEGATIVE_INFINITY;
  let cancel = () => {};
  const lookUp = async () => {
    looking = true;
    begunAtMs = clock.monotonicMs();
    cancel();
    try {
      const hosts = await look(host);
      if (closed) return;
      if (hosts.length === 0) throw new Error('no address');
      found([...hosts].sort());
    } catch (error) {
      if (!closed) failed(`The name ${host} cannot be resolved: ${error instanceof Error ? error.message : error}`);
    } finally {
      looking = false;
      if (!closed) cancel = clock.after(pollMs, () => void lookUp());
    }
  };
  void lookUp();
  return {
    again: () => {
      if (!looking && !closed && clock.monotonicMs() - begunAtMs >= againMs) void lookUp();
    },
    close: () => {
      closed = true;
      cancel();
    },
  };
}
