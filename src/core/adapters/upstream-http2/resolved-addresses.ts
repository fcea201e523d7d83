import type { Clock } from '../../kit/clock.ts';
import type { UpstreamTarget } from '../../ports/upstream-transport.ts';
import { type Lookup, type NamePolling, pollNames } from './dns-polling.ts';
import type { ConnectFailure, Session } from './http2-session.ts';
import { roundRobin } from './round-robin.ts';
import { openSubchannel, type Subchannel } from './subchannel.ts';
import { parseUpstreamAddress, type SocketAddress, textOf } from './upstream-address.ts';

/**
 * The connections of one upstream, one for each address of its name: those of new addresses are added, those of removed
 * ones leave, and the name is looked up early when one fails.
 */
export type Balancer = {
  /** The `:authority` of calls. */
  readonly authority: string;
  /**
   * Calls `take` with a connection, or with the cause when every address has failed; synchronously if that is known.
   * @returns cancels the request
   */
  pick(take: (picked: Session | ConnectFailure) => void): () => void;
  close(): void;
};

export type BalancerParts = { readonly clock: Clock; readonly random: () => number; readonly look: Lookup };

export function openBalancer({ address, tls }: UpstreamTarget, { clock, random, look }: BalancerParts): Balancer {
  const place = parseUpstreamAddress(address);
  const authority = tls?.serverName ?? place.authority;
  const subchannels = new Map<string, Subchannel>();
  let all: readonly Subchannel[] = [];
  const waiting = new Set<(picked: Session | ConnectFailure) => void>();
  let unresolved: ConnectFailure | undefined;
  const pick = roundRobin();
  const choose = () => {
    if (all.length === 0) names?.again();
    return pick(all, unresolved);
  };
  const changed = () => {
    if (waiting.size === 0) return;
    const takers = [...waiting];
    for (const take of takers) {
      const picked = choose();
      if (picked === undefined) return;
      if (waiting.delete(take)) take(picked);
    }
  };
  const use = (addresses: readonly SocketAddress[]) => {
    unresolved = undefined;
    const wanted = new Map(addresses.map((one) => [textOf(one), one]));
    for (const [key, subchannel] of subchannels) {
      if (wanted.has(key)) continue;
      subchannels.delete(key);
      subchannel.leave();
    }
    for (const [key, one] of wanted) {
      if (subchannels.has(key)) continue;
      const subchannel: Subchannel = openSubchannel(one, {
        tls,
        authority: place.authority,
        clock,
        random,
        changed: () => {
          if (subchannel.failure() !== undefined) names?.again(); // the name may have another address by now
          changed();
        },
      });
      subchannels.set(key, subchannel);
    }
    all = [...subchannels.values()];
    changed();
  };
  let names: NamePolling | undefined;
  const lookUp = ({ name, port }: { readonly name: string; readonly port: number }) =>
    pollNames(
      name,
      (hosts) => use(hosts.map((host) => ({ host, port }))),
      (detail) => {
        unresolved = { cause: 'dns', detail };
        changed();
      },
      { clock, look },
    );
  if ('addresses' in place) use(place.addresses);
  return {
    authority,
    pick: (take) => {
      if ('name' in place) names ??= lookUp(place);
      const picked = choose();
      if (picked !== undefined) {
        take(picked);
        return () => {};
      }
      waiting.add(take);
      return () => waiting.delete(take);
    },
    close: () => {
      names?.close();
      for (const subchannel of subchannels.values()) subchannel.close();
    },
  };
}
