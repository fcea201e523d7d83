import type { Server as NetServer, Socket } from 'node:net';
import type { Clock } from '../core/kit/clock.ts';
import type { ConnectionLifetimes } from './http/connection-lifetimes.ts';
import type { Http1 } from './http/http1-server.ts';

export type DrainSummary = {
  /** Connections that ended by themselves. */ readonly finished: number /** Connections that had to be cut. */;
  readonly cut: number;
};

export type Draining = {
  readonly listener: NetServer;
  readonly sockets: ReadonlySet<Socket>;
  readonly sessions: Pick<ConnectionLifetimes, 'all'>;
  readonly http1: Http1;
  readonly graceMs: number;
  readonly clock: Clock;
};

/** The time for clients to receive "no new streams" before the last stream id is final (grpc-go waits a round trip). */
const goawayMs = 100;

/** Refuses new connections and streams, lets calls in flight finish for `graceMs`, then cuts the rest. */
export async function drain({ listener, sockets, sessions, http1, graceMs, clock }: Draining): Promise<DrainSummary> {
  const wait = (ms: number) => new Promise<void>((resolve) => clock.after(ms, resolve));
  listener.close();
  http1.leave();
  const all = sockets.size;
  // Two steps (RFC 9113, section 6.8): first a GOAWAY that accepts all sent streams, then one with the last stream id.
  for (const session of [...sessions.all()]) if (!session.closed && !session.destroyed) session.goaway(0, 2 ** 31 - 1);
  await wait(Math.min(goawayMs, graceMs));
  for (const session of [...sessions.all()]) if (!session.closed) session.close();
  const endMs = clock.monotonicMs() + graceMs;
  while (sockets.size > 0 && clock.monotonicMs() < endMs) {
    http1.server.closeIdleConnections();
    await wait(25);
  }
  const cut = sockets.size;
  for (const session of [...sessions.all()]) session.destroy();
  for (const socket of sockets) socket.destroy();
  return { finished: all - cut, cut };
}
