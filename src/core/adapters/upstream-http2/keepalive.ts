import type { ClientHttp2Session } from 'node:http2';
import type { Clock } from '../../kit/clock.ts';

/** grpc-go answers pings that come more often than every five minutes with GOAWAY too_many_pings. */
const keepaliveMs = 300_000;
const keepaliveTimeoutMs = 20_000;

/** Sends pings while streams are open, and detects a connection that does not answer. @returns stops it */
export function keepAlive(session: { readonly http2: ClientHttp2Session; readonly streams: number }, clock: Clock, dead: () => void): () => void {
  let cancel = () => {};
  const wait = () => {
    cancel = clock.after(keepaliveMs, () => {
      if (session.streams === 0 || session.http2.destroyed) return wait();
      cancel = clock.after(keepaliveTimeoutMs, dead);
      session.http2.ping((error) => {
        if (error !== null) return;
        cancel();
        wait();
      });
    });
  };
  wait();
  return () => cancel();
}
