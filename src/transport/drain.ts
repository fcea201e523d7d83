import type { ServerHttp2Session } from 'node:http2';
import type { Server as NetServer, Socket } from 'node:net';
import type { Clock } from '../core/kit/clock.ts';
import { Fault } from '../core/kit/fault.ts';
import type { Connection } from './http/http-connection.ts';
import type { Http1 } from './http/http1-server.ts';
import { announceGoaway, goawayMs } from './http/http2-goaway.ts';
import type { ConnectionLifetimes } from './http/http2-keepalive-and-age.ts';

export type DrainSummary = {
  /** Connections that ended within the time. */
  readonly finished: number;
  /** Connections that did not. */
  readonly cut: number;
  /** Calls that were ended with them. */
  readonly calls: number;
};

export type Draining = {
  readonly listener: NetServer;
  readonly sockets: ReadonlySet<Socket>;
  readonly connections: Iterable<Pick<Connection, 'open'>>;
  readonly sessions: Pick<ConnectionLifetimes, 'all'>;
  readonly http1: Http1;
  readonly graceMs: number;
  readonly clock: Clock;
};

/** How many connections a turn of the event loop serves: calls go on meanwhile. */
const perTurn = 16;
/** The time for the statuses of the calls that are ended to leave. */
const farewellMs = 500;

/**
 * Refuses new connections and streams, and lets calls in flight finish for `graceMs`. The rest is ended with DRAINING,
 * so that clients receive a status and may call again, then cut.
 */
export async function drain({ listener, sockets, connections, sessions, http1, graceMs, clock }: Draining): Promise<DrainSummary> {
  const wait = (ms: number) => new Promise<void>((resolve) => clock.after(ms, resolve));
  listener.close();
  http1.leave();
  const all = sockets.size;
  const each = async (work: (session: ServerHttp2Session) => void) => {
    for (const [i, session] of [...sessions.all()].entries()) {
      if (i % perTurn === perTurn - 1) await new Promise<void>((resolve) => setImmediate(resolve));
      if (!session.closed && !session.destroyed) work(session);
    }
  };
  await each(announceGoaway);
  await wait(Math.min(goawayMs.drain, graceMs));
  await each((session) => session.close());
  const untilClosed = async (mostMs: number) => {
    const endMs = clock.monotonicMs() + mostMs;
    while (sockets.size > 0 && clock.monotonicMs() < endMs) {
      http1.server.closeIdleConnections();
      await wait(25);
    }
  };
  await untilClosed(graceMs);
  const cut = sockets.size;
  let calls = 0;
  for (const { open } of connections)
    for (const { running } of [...open]) {
      if (running === undefined) continue;
      calls++;
      running.failed(new Fault('DRAINING', 'The server has stopped: call again, on a new connection.', { retryAfterMs: 100 }));
    }
  await untilClosed(farewellMs);
  for (const session of [...sessions.all()]) session.destroy();
  for (const socket of sockets) socket.destroy();
  return { finished: all - cut, cut, calls };
}
