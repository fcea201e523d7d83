import type { ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { Clock } from '../../core/kit/clock.ts';
import type { FrontTimers } from '../front-options.ts';
import type { Connection } from './http-connection.ts';
import { announceGoaway, goawayMs } from './http2-goaway.ts';

/** One HTTP/2 connection. */
export type LimitedConnection = {
  readonly session: ServerHttp2Session;
  readonly socket: Socket;
  readonly connection: Connection;
  /** How long it has been without streams at the last check. */
  idleForMs: number;
  /** Streams that a reset has ended lately: half of them count no more after each check. */
  resets: number;
};

type Kept = LimitedConnection & { readonly endsAtMs: number; pingAtMs: number; leavingSinceMs: number | undefined; destroyedForMs: number };

/** HTTP/2 connections with their timers. */
export type ConnectionLifetimes = {
  add(session: Pick<LimitedConnection, 'session' | 'socket' | 'connection'>): LimitedConnection;
  all(): Iterable<ServerHttp2Session>;
  close(): void;
};

/** Times for clients: docs/reference/protocols.md. Balancers of AWS silently cut idle connections after 350 s. */
const pingMs = 60_000;
const pongMs = 20_000;
const ageMs = 1_800_000;
const ageGraceMs = 60_000;
/** Ages differ by up to a tenth, so that the clients of a restarted replica do not all reconnect at once (gRFC A9). */
const ageSpread = 0.1;
const recheckMs = 5_000;
/** The time for the last frames of a connection to leave, after which its socket is closed. */
const farewellMs = 1_000;

/**
 * Limits the life of connections: one without calls ends after `idleMs`, whatever other frames it carries; one that
 * does not answer a ping is lost; an old one is replaced, so that clients spread over new replicas. A client without a
 * call yet is pinged early: one that is inside half a header block cannot answer (RFC 9113, section 4.3). One timer for
 * all, which runs while there are connections.
 */
export function openConnectionLifetimes({ idleMs, prefaceMs }: FrontTimers, clock: Clock, goaway: () => void): ConnectionLifetimes {
  const kept = new Map<ServerHttp2Session, Kept>();
  const everyMs = Math.max(20, Math.min(recheckMs, idleMs / 4));
  let cancel: (() => void) | undefined;
  let checkedMs = 0;
  /** The time in which clients could call, without pauses of the whole machine. */
  let nowMs = 0;
  const recheck = () => {
    cancel = undefined;
    const passedMs = Math.min(clock.monotonicMs() - checkedMs, 2 * everyMs);
    checkedMs = clock.monotonicMs();
    nowMs += passedMs;
    for (const one of kept.values()) {
      one.idleForMs = one.connection.open.length === 0 ? one.idleForMs + passedMs : 0;
      one.resets >>= 1;
      one.connection.controlFrames >>= 1;
      check(one, passedMs);
    }
    if (kept.size > 0) cancel = clock.after(everyMs, recheck);
  };
  const check = (one: Kept, passedMs: number) => {
    const { session, socket } = one;
    if (session.destroyed) {
      // Its "close" comes only when the client has read everything; until then goaway and ping would throw.
      one.destroyedForMs += passedMs;
      if (one.destroyedForMs > farewellMs) socket.destroy();
      return;
    }
    if (one.leavingSinceMs !== undefined) {
      if (nowMs - one.leavingSinceMs > ageGraceMs) session.destroy();
      else if (nowMs - one.leavingSinceMs > goawayMs.age && !session.closed) session.close();
      return;
    }
    if (one.idleForMs >= idleMs || nowMs >= one.endsAtMs) {
      one.leavingSinceMs = nowMs;
      goaway();
      announceGoaway(session);
    } else if (nowMs >= one.pingAtMs) ping(one);
  };
  const ping = (one: Kept) => {
    one.pingAtMs = nowMs + pingMs;
    const lost = clock.after(pongMs, () => one.session.destroy());
    const answered = () => {
      one.session.off('close', lost);
      lost();
    };
    if (one.session.ping(answered)) one.session.once('close', lost);
    else lost(); // the number of pending pings is at Node's limit
  };
  return {
    add: ({ session, socket, connection }) => {
      const spread = ((kept.size * 0.618) % 1) * ageSpread;
      const endsAtMs = nowMs + ageMs * (1 + spread);
      const one: Kept = {
        session,
        socket,
        connection,
        idleForMs: 0,
        resets: 0,
        endsAtMs,
        pingAtMs: nowMs + Math.min(prefaceMs, pingMs),
        leavingSinceMs: undefined,
        destroyedForMs: 0,
      };
      kept.set(session, one);
      session.on('close', () => kept.delete(session));
      if (cancel === undefined) {
        checkedMs = clock.monotonicMs();
        cancel = clock.after(everyMs, recheck);
      }
      return one;
    },
    all: () => kept.keys(),
    close: () => cancel?.(),
  };
}
