import type { ConnectFailure, Session } from './http2-session.ts';
import type { Subchannel } from './subchannel.ts';

/**
 * Picks connections in turn: the next one that is connected and has room for a stream, past addresses that fail. Those
 * that are not connected begin to connect.
 * @returns picks one of `all`, or says why each has failed; undefined: a connection or look-up is still pending
 */
export function roundRobin() {
  let next = 0;
  return (all: readonly Subchannel[], unresolved: ConnectFailure | undefined): Session | ConnectFailure | undefined => {
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
    return best ?? (failing === all.length ? failure : undefined);
  };
}

function hasRoom({ http2, streams }: Session): boolean {
  return streams < (http2.remoteSettings.maxConcurrentStreams ?? Number.POSITIVE_INFINITY);
}
