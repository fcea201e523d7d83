import type { Clock } from '../../kit/clock.ts';
import type { UpstreamTarget } from '../../ports/upstream-transport.ts';
import { type Lookup, type NamePolling, pollNames } from './dns-polling.ts';
import type { ConnectFailure, Session } from './http2-session.ts';
import { openSubchannel, type Subchannel } from './subchannel.ts';
import { parseUpstreamAddress, type SocketAddress, textOf } from './upstream-address.ts';

/** Chooses the connection of a call: round robin over the connected addresses. */
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
  let next = 0;

  /** undefined: a connection or look-up is still pending. */
  const choose = (): Session | ConnectFailure | undefined => {
    let failure = unresolved;
    let failing = 0;
    let best: Session | undefined;
    for (let i = 0; i < all.length; i++) {
      const subchannel = all[(next + i) % all.length] as Subchannel;
      subchannel.want();
      const ready = subchannel.ready();
      if (ready !== undefined && best === undefined && hasRoom(ready)) {
        best = ready;
        next = (next + i + 1) % all.length;
      }
      const failed = subchannel.failure();
      if (failed !== undefined) {
        failing += 1;
        failure = failed;
      }
    }
    // all are full: calls wait in node:http2 until a stream is free
    best ??= all.map((subchannel) => subchannel.ready()).find((ready) => ready !== undefined);
    if (best !== undefined) return best;
    if (all.length === 0) names?.again();
    return failing === all.length ? failure : undefined;
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

function hasRoom({ http2, streams }: Session): boolean {
  return streams < (http2.remoteSettings.maxConcurrentStreams ?? Number.POSITIVE_INFINITY);
}
