import { lookup } from 'node:dns/promises';
import type { Clock } from '../../kit/clock.ts';

/** Looks a name up: all addresses, in any order. */
export type Lookup = (host: string) => Promise<readonly string[]>;

/** How often names are looked up again: new pods get traffic within this, without waiting for a connection to drop. */
const pollMs = 15_000;
/** Between two look-ups that were asked for, because a connection failed or there is no address. */
const againMs = 1_000;

/** All addresses that the system's resolver knows, /etc/hosts included. */
export const systemLookup: Lookup = async (host) => (await lookup(host, { all: true })).map(({ address }) => address);

export type NamePolling = {
  /** Looks up before its time: a connection failed. Not more often than once a second. */
  again(): void;
  close(): void;
};

/**
 * Looks a name up now, and again every 15 s for as long as it is open. A look-up that fails changes nothing for addresses that are known.
 * @param found gets the addresses, sorted, each time
 * @param failed gets why there are none
 */
export function pollNames(
  host: string,
  found: (hosts: readonly string[]) => void,
  failed: (detail: string) => void,
  { clock, look }: { readonly clock: Clock; readonly look: Lookup },
): NamePolling {
  // States: looking (a look-up under way), waiting (a timer), closed.
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
